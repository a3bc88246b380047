"""The demo in order: plan, send, wait, show, check."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from rich.console import Console

from demo import till
from demo.cast import cast
from demo.checks import count, dollars
from demo.display import Watching, show_checks, show_look
from demo.download import NAMESPACE, Log
from demo.errors import DemoError
from demo.figures import Day, Figures, enough
from demo.outcomes import Outcome, Replay
from demo.outcomes.analytics import Analytics, by_day
from demo.outcomes.campaigns import Campaigns
from demo.outcomes.profiles import Profiles
from demo.outcomes.reengagement import Reengagement
from demo.outcomes.social import Social
from demo.outcomes.support import Support
from demo.purchases import Purchase, read
from demo.reader import Reader
from demo.scenes import Scene, Stage
from demo.scenes.consent import Consent
from demo.scenes.journey import Journey
from demo.scenes.merging import Merging
from demo.scenes.people import OneCustomer, Search
from demo.scenes.segments import Segments
from demo.shop import Shop, opened
from demo.system import System
from demo.watch import Timing, wait


@dataclass(frozen=True, slots=True)
class Wishes:
    """How many orders, None for all; how many seconds without any progress until what is missing counts as missing; whether to go on
    with what is done with customers.
    """

    orders: int | None
    patience: float
    scenes: bool = True


def run(system: System, log: Log, wishes: Wishes, console: Console) -> bool:
    """Replay a log, and do with its customers what a shop does; whether all is what the file says. Raises DemoError."""
    source = "CDNOW demo" if log.namespace == NAMESPACE else f"CDNOW demo {log.namespace.removeprefix(NAMESPACE + '-')}"
    keys = system.write_key(source, log.namespace), system.write_key(f"{source} till", f"{log.namespace}-till", "pos")
    replay, before = _planned(system.reader, log, source, wishes, console)
    stage = Stage(replay, system.url, wishes.patience)
    Merging(stage).tidy()
    _announce(replay, before, system.url, console)
    outcomes = _witnesses(replay)
    till.bring(system.url, keys[1], replay.cast)
    with opened(system.url, keys[0], _messages(replay)) as shop, Watching(console) as watching:
        timing = _send(replay, shop, outcomes, watching, wishes.patience)
    good = _show(outcomes, timing, console)
    _sum_up(replay, before, timing, console)
    good = _play(_scenes(stage, system) if wishes.scenes else [], system.url, console) and good
    _close(good, console)
    return good


def _planned(reader: Reader, log: Log, source: str, wishes: Wishes, console: Console) -> tuple[Replay, int]:
    """What to replay, and how many orders of it earlier runs brought."""
    purchases = read(log.text, log.namespace)
    zone = ZoneInfo(reader.get("analytics/settings")["timezone"])
    known = _known(reader, source, purchases, zone)
    planned = _plan(purchases, wishes.orders or len(purchases), known, zone, console)
    people = cast(planned, log.namespace)
    figures = Figures(planned, zone, [receipt for _, receipt in people.at_the_till()])
    return Replay(reader, figures, people, source), sum(day.orders for day in known.values())


def _witnesses(replay: Replay) -> list[Outcome]:
    """One for each service; all of them look around before anything is sent."""
    social = Social(replay)
    others: list[Outcome] = [Profiles(replay), Analytics(replay), Campaigns(replay), Reengagement(replay), Support(replay)]
    social.mention()
    return [*others, social]


def _scenes(stage: Stage, system: System) -> list[Scene]:
    """What is done with the customers, in order."""
    return [
        Segments(stage),
        Journey(stage),
        OneCustomer(stage),
        Search(stage),
        Merging(stage),
        Consent(stage, system.letters),
    ]


def _known(reader: Reader, source: str, purchases: Sequence[Purchase], zone: ZoneInfo) -> dict[date, Day]:
    """What earlier runs brought."""
    days = sorted({purchase.placed_at.astimezone(zone).date() for purchase in (purchases[0], purchases[-1])})
    return by_day(reader, source, (days[0], days[-1]))


def _plan(
    purchases: Sequence[Purchase], limit: int, known: dict[date, Day], zone: ZoneInfo, console: Console
) -> Sequence[Purchase]:
    needed = enough(purchases, limit, known, zone)
    if needed > min(limit, len(purchases)):
        console.print(
            f"An earlier run brought more than the first {limit:,} orders: the first {needed:,} are replayed, up to the last day that it "
            "reached, so that all of what the system has is compared.",
            highlight=False,
            soft_wrap=True,
        )
    return purchases[:needed]


def _announce(replay: Replay, before: int, url: str, console: Console) -> None:
    figures, days = replay.figures, list(replay.figures.days)
    repeated = f"{count(before)} of them are there from an earlier run: they must not count again." if before else ""
    lines = [
        f"{count(figures.orders)} orders of {count(len(figures.buyers))} customers, {days[0]} to {days[-1]}, {dollars(figures.revenue)},",
        f"through the published Segment client to {url}, as source {replay.source!r}. {repeated}".rstrip(),
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _send(replay: Replay, shop: Shop, outcomes: Sequence[Outcome], watching: Watching, patience: float) -> Timing:
    """Have the client deliver everything, and wait for the services."""
    total, timing = _messages(replay), Timing(time.monotonic())
    shop.track(replay.figures.purchases, replay.namespace, lambda: watching.tell("sending", shop.delivered, total, "messages"))
    shop.name(replay.cast.people)
    shop.introduce(replay.sample)
    wait(shop, outcomes, timing, watching, patience)
    if not timing.sent:
        raise DemoError(
            "the client delivers nothing any more: see the collector's log, and run the demo again (nothing counts twice)"
        )
    return timing


def _messages(replay: Replay) -> int:
    """How many messages the client is given."""
    return replay.figures.orders + len(replay.cast.people) + len(replay.sample)


def _show(outcomes: Sequence[Outcome], timing: Timing, console: Console) -> bool:
    """What came of it, service by service; whether all of it is right."""
    good = not timing.missing
    for outcome in outcomes:
        console.print()
        checks = outcome.show(console)
        if outcome.name in timing.missing:
            console.print(
                f"  {outcome.name} does not have everything and gets nothing more: see its log and `make status`.", style="red"
            )
        show_checks(console, checks)
        good = good and all(check.holds for check in checks)
    return good


def _play(scenes: Sequence[Scene], url: str, console: Console) -> bool:
    """What the shop can do with its customers; whether all of it is right."""
    good = True
    for scene in scenes:
        console.print()
        console.rule(scene.title, align="left")
        played = scene.play(console)
        show_checks(console, played.checks)
        show_look(console, url, played.look_at)
        good = good and all(check.holds for check in played.checks)
    return good


def _close(good: bool, console: Console) -> None:
    lines = [
        "",
        'Look at any of these addresses: . .run/env; curl -sS -H "Authorization: Bearer $SAMBANDH_ADMIN_TOKEN" ADDRESS',
        "Every total is what the file says." if good else "Not every total is what the file says: see the crosses above.",
    ]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _sum_up(replay: Replay, before: int, timing: Timing, console: Console) -> None:
    orders, seconds = replay.figures.orders, timing.end_to_end
    services = ", ".join(f"{name} {taken:.1f} s" for name, taken in timing.services.items())
    lines = [
        f"{count(orders - before)} orders were new; {count(before)} were duplicates of an earlier run's and counted nothing again.",
        f"The client had delivered all after {timing.sent:.1f} s ({orders / timing.sent:,.0f} orders/s); services had everything after: "
        f"{services or 'never'}.",
        f"End to end: {count(orders)} orders, {count(orders - before)} of them new, in {seconds:.1f} s: {orders / seconds:,.0f} orders/s.",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
