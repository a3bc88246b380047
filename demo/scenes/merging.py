"""Two customers become one and two again: everywhere all is as it was before."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare, compare_each, dollars
from demo.groups import span_of
from demo.outcomes import spent
from demo.reader import identity
from demo.scenes import Played, Stage

_MERGE = "merge"
_WHY = "`make demo`: to be taken back in a moment"
_OF_PROFILE = (
    "customer_id",
    "identity_keys",
    "orders",
    "spend",
    "first_order",
    "last_order",
    "days_between_orders",
    "journey",
    "products",
)


class Merging:
    """Merges two customers, waits until every service follows, and takes it back."""

    title = "Merge and unmerge: nothing is rewritten, so all of it can be taken back"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def tidy(self) -> None:
        """Take back what an interrupted run left merged."""
        twins = self._stage.cast.twins
        if twins and self._stage.reader.find(f"profiles/customers/{identity(twins[0].user_id)}"):
            for one in self._stage.customer(twins[0].user_id, "/decisions")["items"]:
                if one["decision"] == _MERGE and one["reason"] == _WHY:
                    self._take_back(one["decision_id"])

    def play(self, console: Console) -> Played:
        twins = self._stage.cast.twins
        if twins is None:
            return Played()
        left, right = (self._stage.buyer(person.user_id) for person in twins)
        both = _many(left.orders + right.orders, left.spend + right.spend)
        before = self._figures()
        path = f"profiles/customers/{identity(left.user_id)}/merge"
        foreseen = self._stage.reader.post(f"{path}/preview", {"other": f"user:{right.user_id}"})["customers"][0]
        done = self._stage.reader.post(path, {"other": f"user:{right.user_id}", "reason": _WHY})
        merged = self._stage.until(self._as_one, lambda found: set(found.values()) == {both})
        self._take_back(done["decision_ids"][0])
        after = self._stage.until(self._figures, lambda found: found == before)
        console.print(_table([(f"user:{one.user_id}", _many(one.orders, one.spend)) for one in (left, right)], merged))
        checks = [
            compare("what the preview said would come of it", both, _said(foreseen["orders"], foreseen["spend"])),
            compare_each("the two as one in each service", dict.fromkeys(merged, both), merged, str),
            _unchanged(before, after),
        ]
        return Played(checks, [f"profiles/customers/user:{left.user_id}/decisions"])

    def _take_back(self, decision_id: str) -> None:
        twins = self._stage.cast.twins
        if twins:
            path = f"profiles/customers/{identity(twins[0].user_id)}/unmerge"
            self._stage.reader.post(path, {"decision_id": decision_id, "reason": _WHY})

    def _as_one(self) -> dict[str, str]:
        """What each service says of the first of them, who has to be both."""
        twins = self._stage.cast.twins
        who = identity(twins[0].user_id) if twins else ""
        profile = self._stage.reader.get(f"profiles/customers/{who}")
        context = self._stage.reader.get(f"support/customers/{who}/context", limit=1)
        return {
            "profiles": _said(profile["orders"], profile["spend"]),
            "support": _said(context["orders_count"], context["spend"]),
        }

    def _figures(self) -> dict[str, Any]:
        """All that is compared: both customers in every service, and the shop as a whole."""
        found: dict[str, Any] = {}
        for person in self._stage.cast.twins or ():
            who = identity(person.user_id)
            profile = self._stage.customer(person.user_id)
            audiences = self._stage.reader.get(f"campaigns/customers/{who}/audiences")["items"]
            context = self._stage.reader.get(f"support/customers/{who}/context", limit=500)
            timers = self._stage.reader.get(f"reengagement/customers/{who}/timers")
            found |= {
                f"profile of {person.user_id}": {name: profile[name] for name in _OF_PROFILE},
                f"segments of {person.user_id}": _ids(self._stage.customer(person.user_id, "/segments"), "segment_id"),
                f"audiences of {person.user_id}": sorted(one["audience_id"] for one in audiences),
                f"orders of {person.user_id} beside a ticket": [one["order_id"] for one in context["orders"]],
                f"timers of {person.user_id}": sorted(f"{one['kind']} {one.get('order_id')}" for one in timers["not_armed"]),
            }
        return {**found, **self._of_the_shop()}

    def _of_the_shop(self) -> dict[str, Any]:
        """Figures of all customers for the time of the log, as far as they are the demo's."""
        first, last = (at.date() for at in span_of(self._stage.figures))
        asked = {"from": first, "to": last, "bucket": "month", "by": "source"}
        series = self._stage.reader.get("analytics/revenue", **asked)["series"]
        sizes = self._stage.reader.get("profiles/segments")["items"]
        return {
            "journey of all": self._stage.reader.get("profiles/journey", **{"from": first, "to": last})["periods"],
            "sizes of segments": {
                one["id"]: one["members"] for one in sizes if one["id"].startswith(self._stage.replay.namespace)
            },
            "revenue, new and returning customers": [one for one in series if one["key"] == self._stage.replay.source],
        }


def _unchanged(before: Mapping[str, Any], after: Mapping[str, Any]) -> Check:
    """Every figure as it was; of one that is not, its name is enough."""
    wrong = {name: "as it was" if after.get(name) == value else "not as it was" for name, value in before.items()}
    return compare_each("figures after taking it back, as before", dict.fromkeys(before, "as it was"), wrong, str)


def _ids(page: Any, name: str) -> list[str]:
    return sorted(one[name] for one in page["items"])


def _said(orders: int, spend: list[dict[str, int | str]]) -> str:
    return _many(orders, spent(spend))


def _many(orders: int, cents: int) -> str:
    return f"{orders} order{'s' if orders > 1 else ''}, {dollars(cents)}"


def _table(before: list[tuple[str, str]], merged: Mapping[str, str]) -> Table:
    table = Table("customer", "orders and spend")
    for who, what in before:
        table.add_row(who, what)
    for service, what in merged.items():
        table.add_row(f"both as one, in {service}", what)
    return table
