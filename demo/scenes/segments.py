"""Segments: made, filled in the background, and every member of each compared with the log."""

from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare, compare_each, count, gathered
from demo.display import Watching
from demo.errors import DemoError
from demo.groups import Group, by_hand, groups, span_of
from demo.reader import identity
from demo.scenes import Played, Stage

_SEGMENTS = "profiles/segments"
_EXPORTS = "profiles/segment-exports"
_NAMES_SHOWN = 3


class Segments:
    """Makes the segments of `demo.groups`, or changes them where the log now says otherwise."""

    title = "Segments: groups that keep themselves, by events and by the clock"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self, console: Console) -> Played:
        drafted = by_hand(span_of(self._stage.figures)[0])
        console.print(self._previewed(drafted), highlight=False, markup=False, soft_wrap=True)
        wanted = groups(self._stage.figures, datetime.now(UTC))
        for group in wanted:
            self._ensure(group)
        self._wait(console)
        members = {group.name: self._members(group) for group in wanted}
        console.print(self._table(wanted, members))
        compared = [self._compared(group, members[group.name]) for group in wanted]
        explained = self._explain(drafted, members[drafted.name])
        if explained:
            console.print(explained, highlight=False, markup=False, soft_wrap=True)
        path = f"{_SEGMENTS}/{self._id(drafted)}"
        checks = [*gathered("segments with every member as the log says", compared), self._exported(wanted[0])]
        return Played(checks, [f"{path}/members?limit=5", f"{path}/sizes", "profiles/segment-templates"])

    def _id(self, group: Group) -> str:
        words = "-".join("".join(c if c.isalnum() else " " for c in group.name.lower()).split())
        return f"{self._stage.replay.namespace}-{words}"[:63].strip("-")

    def _previewed(self, group: Group) -> str:
        """What a rule would come to, before anything is stored."""
        found = self._stage.reader.post(f"{_SEGMENTS}/preview", group.made_of)
        about = (
            count(found["estimate"]) if found["exact"] else f"about {found['estimate']:,} ({found['low']:,} to {found['high']:,})"
        )
        users = [self._stage.replay.user_of.get(one["customer_id"]) for one in found["sample"]]
        some = ", ".join(f"user:{user_id}" for user_id in users[:_NAMES_SHOWN] if user_id)
        return f"  Preview of {group.name!r}: {about} customers, such as {some or 'nobody'}; nothing is stored yet."

    def _ensure(self, group: Group) -> None:
        known = self._stage.reader.find(f"{_SEGMENTS}/{self._id(group)}")
        if known is None:
            self._stage.reader.post(_SEGMENTS, {"id": self._id(group), "name": group.name, **group.made_of})
        elif not group.is_template and known["rule"] != group.made_of["rule"]:
            self._stage.reader.put(f"{_SEGMENTS}/{self._id(group)}", {**known, "rule": group.made_of["rule"]})

    def _wait(self, console: Console) -> None:
        """Until every customer was looked at by the new rules."""
        with Watching(console) as watching:
            if self._stage.until(lambda: self._progress(watching), lambda found: found is None):
                raise DemoError(
                    "segments are not filled any further: see `make status`, and run the demo again (nothing is made twice)"
                )

    def _progress(self, watching: Watching) -> Any:
        """How far the background is; None when it is done."""
        found = self._stage.reader.get(_SEGMENTS)["items"][0]["backfill"]
        if found:
            watching.tell("segments", found["done"], max(found["done"] + 1, found["total"]), "customers looked at")
            watching.round()
        return found

    def _members(self, group: Group) -> Set[str]:
        """User ids of the log's customers in a segment."""
        rows = self._stage.reader.pages(f"{_SEGMENTS}/{self._id(group)}/members")
        user_of = self._stage.replay.user_of
        return {user_of[row["customer_id"]] for row in rows if row["customer_id"] in user_of}

    def _compared(self, group: Group, members: Set[str]) -> Check:
        belong = (user_id for user_id, buyer in self._stage.figures.buyers.items() if group.belongs(buyer))
        wanted, found = (dict.fromkeys(users, "in it") for users in (belong, members))
        return compare_each(f"members of {group.name!r}", wanted, found, lambda said: said or "not in it")

    def _table(self, wanted: list[Group], members: Mapping[str, Set[str]]) -> Table:
        sizes = {one["id"]: one["members"] for one in self._stage.reader.get(_SEGMENTS)["items"]}
        table = Table("segment", "made of", "members", "of the demo")
        for column in table.columns[2:]:
            column.justify = "right"
        for group in wanted:
            made_of = f"template {group.made_of['template']!r}" if group.is_template else "a rule"
            table.add_row(group.name, made_of, count(sizes[self._id(group)]), count(len(members[group.name])))
        return table

    def _explain(self, group: Group, members: Set[str]) -> str | None:
        """Why a customer is in it, condition by condition."""
        if not members:
            return None
        user_id = min(members)
        told = self._stage.reader.get(f"profiles/customers/{identity(user_id)}/segments", segment=self._id(group))["items"][0]
        lines = [f"  Why user:{user_id} is in {group.name!r}, since {told['since'][:10]}:"]
        return "\n".join([*lines, *_conditions(told["why"], "    ")])

    def _exported(self, group: Group) -> Check:
        """All members as a table, written in the background."""
        export = self._stage.reader.post(f"{_SEGMENTS}/{self._id(group)}/exports", {})
        path = f"{_EXPORTS}/{export['id']}"
        done = self._stage.until(lambda: self._stage.reader.get(path), lambda found: bool(found["status"] == "done"))
        lines = self._stage.reader.text(f"{path}/table.csv").splitlines()
        return compare(f"lines of {group.name!r} as a table", done["done"], len(lines) - 1, count)


def _conditions(why: Mapping[str, Any], indent: str) -> list[str]:
    """A rule as lines, each with whether it holds."""
    mark = "✓" if why["holds"] else "·"
    kind = next((name for name in ("all", "any", "none") if name in why), None)
    if kind is None:
        said = ", ".join(f"{name} {value}" for name, value in why.items() if name != "holds")
        return [f"{indent}{mark} {said}"]
    inner = [line for part in why[kind] for line in _conditions(part, f"{indent}  ")]
    return [f"{indent}{mark} {kind} of", *inner]
