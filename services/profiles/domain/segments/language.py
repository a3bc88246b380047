"""The language of rules: JSON that people can read, made into conditions.

    {"all": [
        {"trait": "address.country", "in": ["DE", "AT"]},
        {"event": "product_viewed", "gte": 3, "within": {"days": 7}, "where": [{"property": "category", "equals": "Shoes"}]},
        {"orders": "last", "more_than_ago": {"days": 30}},
        {"none": [{"segment": "vip"}]}
    ]}

`docs/segments.md` is the reference. Equal parts of rules become one condition, which is judged once for all segments that have it.
"""

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from services.profiles.domain.affinities import DIMENSIONS
from services.profiles.domain.consent.rules import MARKETING
from services.profiles.domain.consent.words import Scope, Status
from services.profiles.domain.lifecycle import Stage
from services.profiles.domain.segments import comparisons, leaves, tallies
from services.profiles.domain.segments.clock import ALWAYS, FOREVER, Calendar, Window
from services.profiles.domain.segments.leaves import Intervals
from services.profiles.domain.segments.nodes import Group, Node
from services.profiles.domain.segments.problems import Problems, listed
from services.profiles.domain.segments.reading import Test

T = TypeVar("T")
Refer = Callable[[str], Node | None]
MOST_DEPTH = 8
MOST_CONDITIONS = 100
GROUPS = ("all", "any", "none")
KINDS = (*GROUPS, "trait", "event", "orders", "segment", "stage", "affinity", "consent", "sample")
CONSENTED: Mapping[str, frozenset[str | None]] = {
    "granted": frozenset({Status.GRANTED.value}),
    "denied": frozenset({Status.DENIED.value, Status.WITHDRAWN.value}),
    "unknown": frozenset({None}),
}
_DATED = ("before", "after", "within_last", "within_next", "more_than_ago", "anniversary_within")
_VALUES = (
    "equals", "not_equals", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "gt", "gte", "lt", "lte", "between", "exists", "has_any", "has_all",
)  # fmt: skip


class Language:
    """Makes conditions out of rules of one shop, about events of some names.

    `refer` gives the condition of another segment by its id, None where there is none.
    """

    def __init__(self, calendar: Calendar, events: Collection[str], refer: Refer) -> None:
        self.calendar, self.events, self.problems = calendar, events, Problems()
        self._refer = refer
        self._made: dict[str, Any] = {}
        self._conditions = 0

    def rule(self, said: Any, path: str = "/rule") -> Node | None:
        """The condition of a whole rule; None where something is wrong, which `problems` tells."""
        self._conditions = 0
        before = len(self.problems.found)
        node = self._condition(said, path, 1)
        if self._conditions > MOST_CONDITIONS:
            self.problems.note(path, f"A rule has at most {MOST_CONDITIONS} conditions; make parts of it segments of their own.")
        return node if len(self.problems.found) == before else None

    def once(self, said: Any, make: Callable[[], T]) -> T:
        """One object for all that say the same. What could not be made is made again, to be told of everywhere."""
        key = json.dumps(said, sort_keys=True, ensure_ascii=False)
        found: T = self._made[key] if key in self._made else make()
        if found is not None:
            self._made[key] = found
        return found

    def window(self, said: Any, path: str) -> Window | None:
        """A span of time, one object for all that are as long."""
        found = self.problems.window(said, path)
        return self.once(("window", found.length, found.days), lambda: found) if found else None

    def test(self, said: Mapping[str, Any], known: tuple[str, ...], path: str) -> Test | None:
        """What is said of one value, beside other names."""
        self.problems.names(said, (*known, *_VALUES), path)
        operator = self.only(said, _VALUES, path)
        return self._value_test(operator, said[operator], f"{path}/{operator}") if operator else None

    def only(self, said: Mapping[str, Any], known: tuple[str, ...], path: str) -> str | None:
        given = [name for name in known if name in said]
        if len(given) == 1:
            return given[0]
        shown = ", ".join(f"`{name}`" for name in known)
        self.problems.note(path, f"Compare it by {'only ' if given else ''}one of {shown}.")
        return None

    def _condition(self, said: Any, path: str, depth: int) -> Node | None:
        self._conditions += 1
        kinds = [kind for kind in KINDS if kind in said] if isinstance(said, dict) else []
        if len(kinds) != 1:
            self.problems.note(path, f"A condition has one of {', '.join(f'`{kind}`' for kind in KINDS)}.")
            return None
        if depth > MOST_DEPTH:
            self.problems.note(path, f"Rules are at most {MOST_DEPTH} levels deep.")
            return None
        if self._conditions > MOST_CONDITIONS:
            return None
        if kinds[0] in GROUPS:
            return self._group(kinds[0], said, path, depth)
        return self.once(("condition", said), lambda: self._simple(kinds[0], said, path))

    def _simple(self, kind: str, said: Mapping[str, Any], path: str) -> Node | None:
        makers: Mapping[str, Callable[[Mapping[str, Any], str], Node | None]] = {
            "trait": self._trait,
            "event": partial(tallies.event, self),
            "orders": partial(tallies.orders, self),
            "segment": self._segment,
            "stage": self._stage,
            "affinity": self._affinity,
            "consent": self._consent,
            "sample": self._sample,
        }
        node = makers[kind](said, path)
        if node is not None:
            node.said = said
        return node

    def _group(self, kind: str, said: Mapping[str, Any], path: str, depth: int) -> Node | None:
        self.problems.names(said, (kind,), path)
        parts = listed(said[kind], MOST_CONDITIONS, f"{path}/{kind}", self.problems)
        nodes = [self._condition(part, f"{path}/{kind}/{number}", depth + 1) for number, part in enumerate(parts)]
        found = [node for node in nodes if node is not None]
        if len(found) < len(nodes) or not found:
            return None
        group = Group(kind, found)
        group.said = {kind: []}
        return group

    def _segment(self, said: Mapping[str, Any], path: str) -> Node | None:
        self.problems.names(said, ("segment",), path)
        name = self.problems.text(said["segment"], f"{path}/segment")
        node = self._refer(name) if name else None
        if name and node is None:
            self.problems.note(f"{path}/segment", "There is no segment of this id.")
        return node

    def _consent(self, said: Mapping[str, Any], path: str) -> Node | None:
        self.problems.names(said, ("consent", "purpose", "is"), path)
        channel = self.problems.text(said["consent"], f"{path}/consent")
        purpose = self.problems.text(said.get("purpose", MARKETING), f"{path}/purpose")
        status = self.problems.one_of(said.get("is", "granted"), CONSENTED, f"{path}/is")
        return leaves.Permission(Scope(purpose, channel), CONSENTED[status]) if channel and purpose and status else None

    def _stage(self, said: Mapping[str, Any], path: str) -> Node | None:
        self.problems.names(said, ("stage",), path)
        wanted = said["stage"] if isinstance(said["stage"], list) else [said["stage"]]
        stages = [self.problems.one_of(one, [stage.value for stage in Stage], f"{path}/stage") for one in wanted[: len(Stage)]]
        return leaves.InStage(frozenset(stage for stage in stages if stage)) if stages and None not in stages else None

    def _affinity(self, said: Mapping[str, Any], path: str) -> Node | None:
        self.problems.names(said, ("affinity", "to", "top", "share"), path)
        dimension = self.problems.one_of(said["affinity"], DIMENSIONS, f"{path}/affinity")
        wanted = self.problems.values(said["to"] if isinstance(said.get("to"), list) else [said.get("to")], f"{path}/to")
        top = self.problems.whole(said["top"], 1, 100, f"{path}/top") if "top" in said else None
        share = self.problems.number(said.get("share", 0), f"{path}/share")
        if share is not None and not 0 <= share <= 100:
            self.problems.note(f"{path}/share", "Give the least share in per cent, from 0 to 100.")
        if dimension is None or wanted is None or share is None:
            return None
        return leaves.Fond(dimension, frozenset(comparisons.folded(str(one)) for one in wanted), top, share / 100)

    def _sample(self, said: Mapping[str, Any], path: str) -> Node | None:
        self.problems.names(said, ("sample", "seed"), path)
        share = self.problems.number(said["sample"], f"{path}/sample")
        seed = self.problems.text(said.get("seed", "sample"), f"{path}/seed")
        if share is not None and not 0 < share <= 100:
            self.problems.note(f"{path}/sample", "Give the share in per cent, more than 0 and up to 100.")
        return leaves.Sample((share or 0) / 100, seed) if seed else None

    def _trait(self, said: Mapping[str, Any], path: str) -> Node | None:
        name = self.problems.text(said["trait"], f"{path}/trait")
        inside = tuple((name or "").split("."))
        if any(operator in said for operator in _DATED):
            self.problems.names(said, ("trait", *_VALUES, *_DATED), path)
            operator = self.only(said, (*_VALUES, *_DATED), path)
            intervals = self._intervals(operator, said[operator], f"{path}/{operator}") if operator else None
            return leaves.Dated(inside, intervals) if name and intervals else None
        test = self.test(said, ("trait", *_DATED), path)
        return leaves.Trait(inside, test) if name and test else None

    def _intervals(self, operator: str, value: Any, path: str) -> Intervals | None:
        if operator == "anniversary_within":
            days = self.problems.whole(value.get("days") if isinstance(value, dict) else value, 1, 366, f"{path}/days")
            return leaves.anniversary(days) if days else None
        if operator in ("before", "after"):
            at = self.problems.time(value, path)
            if at is None:
                return None
            bound = self.calendar.instant(at)
            return leaves.between(ALWAYS, bound) if operator == "before" else leaves.between(bound, FOREVER)
        window = self.window(value, path)
        kinds = {"within_last": leaves.within_last, "within_next": leaves.within_next, "more_than_ago": leaves.longer_ago}
        return kinds[operator](window) if window else None

    def _value_test(self, operator: str, value: Any, path: str) -> Test | None:
        texts = {"contains": comparisons.contains, "starts_with": comparisons.begins, "ends_with": comparisons.ends}
        if operator.startswith("not_"):
            test = self._value_test({"not_equals": "equals"}.get(operator, operator.removeprefix("not_")), value, path)
            return comparisons.negated(test) if test else None
        if operator == "exists":
            wanted = self.problems.truth(value, path)
            return None if wanted is None else comparisons.is_known(wanted)
        if operator == "equals":
            same = self.problems.plain(value, path)
            return None if same is None else comparisons.equals(same)
        if operator in texts:
            part = self.problems.text(value, path)
            return texts[operator](part) if part else None
        if operator in ("in", "has_any", "has_all"):
            values = self.problems.values(value, path)
            if values is None:
                return None
            return comparisons.one_of(values) if operator == "in" else comparisons.has(values, operator == "has_all")
        bounds = self.bounds(operator, value, path)
        return comparisons.within(*bounds) if bounds else None

    def bounds(self, operator: str, value: Any, path: str) -> tuple[float, float] | None:
        """The lowest and highest number that a comparison allows."""
        if operator == "between":
            return self.problems.pair(value, path)
        bound = self.problems.number(value, path)
        if bound is None:
            return None
        return {
            "equals": (bound, bound),
            "gte": (bound, FOREVER),
            "gt": (comparisons.above(bound), FOREVER),
            "lte": (ALWAYS, bound),
            "lt": (ALWAYS, comparisons.below(bound)),
        }[operator]
