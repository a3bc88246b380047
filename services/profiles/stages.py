"""What follows from the stage of its journey that a customer is in: a timer for when time changes it, figures, and the news of changes.

What counts as news is how a customer stood when last looked at, as the row tells that says so. So whatever leads to another stage, an
event, the clock, a merge or a late correction, is announced, and once; imported history and changed rules are not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from services.profiles.domain.customer import Customer
from services.profiles.domain.lifecycle import Change, Lifecycle, Reason, Stage
from services.profiles.domain.rules import Rules
from services.profiles.storage import INDEX
from services.profiles.storage.stages import STAGES, Standing, moment, standing_of, standings_in
from shared.events import LIFECYCLE_STAGE_CHANGED
from shared.handlers import Announcement, Timer
from shared.model import Before
from shared.timers import look_again

NEWS_FOR = timedelta(days=1)  # how long a stage that is over may be so and still be told of


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a customer and the stages of its journey, at a time."""

    customer_id: str
    customer: Customer
    life: Lifecycle
    now: datetime


def stage_timers(look: Look) -> tuple[Timer, ...]:
    """One timer, at the moment at which time alone changes the stage."""
    if look.life.until is None:
        return ()
    return (look_again(f"stage:{look.customer_id}", look.customer_id, look.customer.identity_keys, look.life.until),)


def stage_news(look: Look, rules: Rules, before: Before) -> tuple[Announcement, ...]:
    """The changes of stage since the last look."""
    now = standing_of(look.customer_id, look.life, rules.profile_changed.version)
    if before.backfill or f"{STAGES}/{now.id}" in before.rows:
        return ()
    formers = standings_in(before.rows)
    own = [former for former in formers if former.customer_id == look.customer_id]
    if own:
        return tuple(_announcements(look, _since(look.life, own[0], rules)))
    if formers:
        return tuple(_announcements(look, _after_merge(look.life, formers)))
    if any(row.startswith(f"{INDEX}/") for row in before.rows):  # known from before stages were kept
        return ()
    return tuple(_announcements(look, [one for one in _with_previous(look.life.changes) if not one[1].backfill]))


News = tuple[Stage | None, Change]  # the stage before, and the change


def _with_previous(changes: Iterable[Change]) -> list[News]:
    previous: Stage | None = None
    found: list[News] = []
    for change in changes:
        found.append((previous, change))
        previous = change.stage
    return found


def _since(life: Lifecycle, former: Standing, rules: Rules) -> list[News]:
    """What changed since a customer stood so. Where that was corrected, it is one change, to how it stands now."""
    changed = rules.profile_changed
    if former.version != changed.version:
        return [news for news in _with_previous(life.changes) if changed.at and news[1].at > changed.at]
    places = [place for place, change in enumerate(life.changes) if _stands(former, change)]
    if places:
        return [news for news in _with_previous(life.changes)[places[0] + 1 :] if _is_news(news[1])]
    if life.stage is former.stage:
        return []
    return [(former.stage, life.changes[-1])] if life.changes else []


def _after_merge(life: Lifecycle, formers: Iterable[Standing]) -> list[News]:
    """What changed for customers who are one under another id now: nothing where one of them stood so, which the merge itself tells."""
    if not life.changes or any(_stands(former, life.changes[-1]) for former in formers):
        return []
    latest = max(formers, key=lambda former: int(former.since))
    return [] if latest.stage is life.stage else [(latest.stage, life.changes[-1])]


def _stands(former: Standing, change: Change) -> bool:
    return former.stage is change.stage and former.since == moment(change.at)


def _is_news(change: Change) -> bool:
    """Imported history is none; that time has passed since it is."""
    return change.reason is Reason.TIME_PASSED or not change.backfill


def _announcements(look: Look, news: Sequence[News]) -> Iterator[Announcement]:
    """Nobody is told of visitors, unless somebody turns out to be one after all, nor of what was over long before it was heard of."""
    for (previous, change), after in zip_longest(news, news[1:]):
        if after is not None and after[1].at < look.now - NEWS_FOR:
            continue
        if change.stage is Stage.VISITOR and previous is None:
            continue
        data = {
            "customer_id": look.customer_id,
            "identity_keys": list(look.customer.identity_keys),
            "stage": change.stage.value,
            "previous": previous.value if previous else None,
            "changed_at": change.at.isoformat(),
            "reason": change.reason.value,
            "order_id": change.order_id,
        }
        key = f"{look.customer_id}/{change.stage}/{moment(change.at)}/{moment(look.now)}"
        yield Announcement(LIFECYCLE_STAGE_CHANGED, key, look.customer.identity_keys[0], look.now, data)
