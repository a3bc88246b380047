"""Campaigns: who belongs to which audience."""

from collections.abc import Set
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare_each, count
from demo.figures import Buyer
from demo.outcomes import Reached, Replay
from demo.purchases import CURRENCY

_AUDIENCES = "campaigns/audiences"


class Campaigns:
    """Compares the members of each audience whose rule the file can decide; those that go by the present time are only shown."""

    name = "campaigns"

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._prefix = f"user:{replay.namespace}-"
        self._expected = {one["id"]: self._buyers_in(one["rule"]) for one in self._audiences() if _is_decided(one["rule"])}
        # Sizes are of all customers: those that are not the demo's are counted before anything is sent.
        self._others = {audience_id: self._others_in(audience_id) for audience_id in self._expected}

    def reached(self) -> Reached:
        """Members in place. Buyers leave an audience for another, so one that is too large counts no more than its proper size."""
        sizes = {one["id"]: one["members"] for one in self._audiences()}
        done = sum(max(0, min(sizes[one] - self._others[one], len(members))) for one, members in self._expected.items())
        return Reached(done, sum(map(len, self._expected.values())), "members")

    def show(self, console: Console) -> list[Check]:
        """The audiences with their sizes, and every member compared."""
        table = Table("audience", "members", "of the demo", title="Campaigns: audiences", title_justify="left")
        checks = []
        for one in self._audiences():
            members = self._members_of(one["id"])
            table.add_row(one["name"], count(one["members"]), count(len(members)))
            if one["id"] in self._expected:
                wanted, found = (dict.fromkeys(users, "a member") for users in (self._expected[one["id"]], members))
                checks.append(compare_each(f"members of {one['name']!r}", wanted, found, lambda said: said or "no member"))
        console.print(table)
        return checks

    def _audiences(self) -> list[Any]:
        return list(self._replay.reader.pages(_AUDIENCES))

    def _buyers_in(self, rule: dict[str, Any]) -> Set[str]:
        return {f"user:{user_id}" for user_id, buyer in self._replay.figures.buyers.items() if _belongs(buyer, rule)}

    def _members_of(self, audience_id: str) -> Set[str]:
        rows = self._replay.reader.pages(f"{_AUDIENCES}/{audience_id}/members")
        return {row["identity_key"] for row in rows if row["identity_key"].startswith(self._prefix)}

    def _others_in(self, audience_id: str) -> int:
        rows = self._replay.reader.pages(f"{_AUDIENCES}/{audience_id}/members")
        return sum(not row["identity_key"].startswith(self._prefix) for row in rows)


def _is_decided(rule: dict[str, Any]) -> bool:
    """Whether the purchases alone decide who belongs."""
    return rule["kind"] in {"first_time_buyers", "repeat_buyers", "high_spenders"} and "days" not in rule


def _belongs(buyer: Buyer, rule: dict[str, Any]) -> bool:
    if rule["kind"] == "first_time_buyers":
        return buyer.orders == 1
    if rule["kind"] == "repeat_buyers":
        return buyer.orders >= int(rule["orders"])
    return rule["currency"] == CURRENCY and buyer.spend >= int(rule["amount"])
