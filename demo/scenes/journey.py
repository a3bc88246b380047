"""The journey of all customers: how many came into each stage, went on, and stopped, compared with every life in the log."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare_each, count
from demo.figures import Buyer
from demo.groups import span_of
from demo.lives import Passages, StageRules, passages, stages
from demo.scenes import Played, Stage

_OF_BUYERS = ("first_time", "active", "loyal", "at_risk", "lapsed", "won_back")
_LONGEST = timedelta(days=3_600)
_NEARLY = timedelta(minutes=1)
_MOST_OTHERS = 500


class Journey:
    """Shows the figures of the shop for the time of the log. Customers who are not the log's are taken off where they are few."""

    title = "The journey: who goes on, and where they stop"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._rules = StageRules.of(stage.reader.get("profiles/profile-rules")["lifecycle"])

    def play(self, console: Console) -> Played:
        now = datetime.now(UTC)
        begin, end = self._span(now)
        told = self._stage.reader.get("profiles/journey", **{"from": begin.date(), "to": end.date()})
        flows = [one for period in told["periods"] for one in period["stages"]]
        console.print(_table(flows))
        expected = passages((self._orders(buyer) for buyer in self._stage.figures.buyers.values()), self._rules, min(now, end))
        found = _found(flows)
        others = self._others(begin, end) if found.told() != expected.told() else []
        for life in others or ():
            found.add(life, -1)
        checks = (
            []
            if others is None
            else [compare_each("customers who came into each stage, and went on", expected.told(), found.told(), count)]
        )
        if others is None:
            console.print("  Many others bought in that time as well: the figures are of all, and are not compared.")
        path = f"profiles/journey?from={begin.date()}&to={end.date()}"
        return Played([*checks, self._lives(now)], [path, f"{path}&by=month", "profiles/journey/stages/lapsed?limit=5"])

    def _span(self, now: datetime) -> tuple[datetime, datetime]:
        """All days on which a customer of the log can have come into a stage."""
        first = span_of(self._stage.figures)[0] - timedelta(days=1)
        return first, min(first + _LONGEST, now + timedelta(days=1))

    def _orders(self, buyer: Buyer) -> list[datetime]:
        """When a buyer ordered. A client's clock is corrected by milliseconds, which matters where two orders lie exactly as far apart as
        a limit of the rules: then the service's own times are taken.
        """
        placed = [purchase.placed_at for purchase in buyer.purchases]
        if not is_on_an_edge(placed, self._rules):
            return placed
        rows = self._stage.customer(buyer.user_id, "/journey")["orders"]
        return sorted(datetime.fromisoformat(row["placed_at"]) for row in rows)

    def _others(self, begin: datetime, end: datetime) -> list[list[str]] | None:
        """The stages of others in that time, as told; None where there are too many to ask for."""
        rows = self._stage.reader.pages("profiles/customers", sort="orders", min_orders=1)
        others = [row["customer_id"] for row in rows if row["customer_id"] not in self._stage.replay.user_of]
        if len(others) > _MOST_OTHERS:
            return None
        lives = (self._stage.reader.get(f"profiles/customers/{one}/journey")["stages"] for one in others)
        return [
            [change["stage"] for change in life if begin <= datetime.fromisoformat(change["at"]) < end and _is_of_buyers(change)]
            for life in lives
        ]

    def _lives(self, now: datetime) -> Check:
        """The stages of each customer who is known by name, with their dates."""
        wanted, found = {}, {}
        for person in self._stage.cast.people:
            buyer = self._stage.buyer(person.user_id)
            wanted[person.user_id] = _dated(stages(self._orders(buyer), self._rules, now))
            told = self._stage.customer(person.user_id, "/journey")["stages"]
            found[person.user_id] = _dated(
                (one["stage"], datetime.fromisoformat(one["at"])) for one in told if _is_of_buyers(one)
            )
        return compare_each("stages of those who are known by name, with their dates", wanted, found, lambda said: said or "none")


def is_on_an_edge(orders: Sequence[datetime], rules: StageRules) -> bool:
    """Whether two orders lie as far apart as a limit, all but exactly."""
    limits = [rules.at_risk, rules.lapsed, *([rules.loyal_within] if rules.loyal_within else [])]
    return any(abs(later - earlier - limit) < _NEARLY for earlier, later in combinations(orders, 2) for limit in limits)


def _found(flows: Iterable[Any]) -> Passages:
    """The figures as they are told, of stages in which buyers are."""
    found = Passages()
    for one in flows:
        if _is_of_buyers(one):
            found.entered[one["stage"]] += one["entered"]
            found.passed.update(
                {(one["stage"], step["stage"]): step["customers"] for step in one["passed"] if _is_of_buyers(step)}
            )
    return found


def _is_of_buyers(told: Any) -> bool:
    return told["stage"] in _OF_BUYERS


def _dated(life: Iterable[tuple[str, datetime]]) -> str:
    return ", ".join(f"{stage} {at:%Y-%m-%d}" for stage, at in life)


def _table(flows: Iterable[Any]) -> Table:
    table = Table("stage", "came in", "stopped", "went on to")
    for column in table.columns[1:3]:
        column.justify = "right"
    for one in flows:
        table.add_row(one["stage"], count(one["entered"]), count(one["stopped"]), "; ".join(_steps(one)))
    return table


def _steps(told: Any) -> Iterator[str]:
    for step in told["passed"]:
        yield f"{step['stage']} {count(step['customers'])} (half within {step['median_days']:g} days)"
