"""Conditions as they are judged. Each says whether it holds at an instant, and until when that stays so if nothing happens.

`span` is (holds, until): it holds, or does not, at least from the instant up to `until`. `start` is an instant since when it has been so,
at least. Neither has to be the very last or first: `turning` and `since` go on from there until it is otherwise, so they are exact, but
for rules whose parts turn again and again while they as a whole never do.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.profiles.domain.segments.clock import ALWAYS, FOREVER, Window
from services.profiles.domain.segments.reading import Moment, Reading, Series, Source

Span = tuple[bool, int]
MOST_STEPS = 50  # of going on; who looks again where that ended goes on from there


class Node(ABC):
    """A condition. `said` is what of the rule it was made of."""

    __slots__ = ("said",)
    said: Mapping[str, Any]
    effort = 0  # what is judged with little goes first, as it may settle a group

    @abstractmethod
    def span(self, moment: Moment) -> Span: ...

    @abstractmethod
    def start(self, moment: Moment) -> int: ...

    @property
    def parts(self) -> Sequence["Node"]:
        return ()

    @property
    def topics(self) -> frozenset[str]:
        """What of a customer it reads (`topics.py`): while none of that changes, and until it turns by itself, it stays as it is."""
        return frozenset().union(*(part.topics for part in self.parts))

    def is_exact(self, holds: bool) -> bool:
        """Whether `span` and `start` tell the very moments at which this turns, where it holds, or does not."""
        return True


def turning(node: Node, reading: Reading, moments: dict[int, Moment]) -> int:
    """When time alone changes whether a condition holds; FOREVER if it never does. `moments` are shared by conditions."""
    holds, until = node.span(_moment(reading, reading.now, moments))
    if node.is_exact(holds):
        return until
    for _ in range(MOST_STEPS):
        if until >= FOREVER:
            return FOREVER
        later, further = node.span(_moment(reading, until, moments))
        if later != holds:
            return until
        until = further
    return until


def since(node: Node, reading: Reading, moments: dict[int, Moment]) -> int:
    """Since when a condition has been holding, or not holding, without a break; ALWAYS if it never was otherwise."""
    moment = _moment(reading, reading.now, moments)
    holds, _ = node.span(moment)
    exact = node.is_exact(holds)
    for _ in range(MOST_STEPS):
        began = node.start(moment)
        if exact or began <= ALWAYS:
            return began
        moment = _moment(reading, min(began, reading.now) - 1, moments)
        if node.span(moment)[0] != holds:
            return began
    return began


def _moment(reading: Reading, t: int, moments: dict[int, Moment]) -> Moment:
    found = moments.get(t)
    if found is None:
        found = moments[t] = Moment(t, reading)
    return found


class Group(Node):
    """Conditions of which all, any or none have to hold. `any` and `none` are told by `all` of the contrary."""

    __slots__ = ("_decisive", "_exact", "_ordered", "_told", "effort", "nodes")

    def __init__(self, kind: str, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)
        self._ordered = sorted(nodes, key=lambda node: node.effort)
        self.effort = 3 + self._ordered[-1].effort
        self._decisive = kind != "all"  # one condition that is so settles it
        self._told = kind == "any"  # what it is settled to
        settled = len(nodes) == 1 and nodes[0].is_exact(self._decisive)
        self._exact = {self._told: settled, not self._told: all(node.is_exact(not self._decisive) for node in nodes)}

    def is_exact(self, holds: bool) -> bool:
        return self._exact[holds]

    @property
    def parts(self) -> Sequence[Node]:
        return self.nodes

    def span(self, moment: Moment) -> Span:
        soonest = FOREVER
        for node in self._ordered:
            holds, until = node.span(moment)
            if holds is self._decisive:
                return self._told, until
            soonest = min(soonest, until)
        return not self._told, soonest

    def start(self, moment: Moment) -> int:
        latest = ALWAYS
        for node in self._ordered:
            if node.span(moment)[0] is self._decisive:
                return node.start(moment)
            latest = max(latest, node.start(moment))
        return latest


class Reference(Node):
    """Being in another segment, whose rule is judged once for all that refer to it. Without `visitors` it has nobody nameless in it."""

    __slots__ = ("node", "visitors")

    def __init__(self, node: Node, visitors: bool) -> None:
        self.node, self.visitors = node, visitors

    @property
    def topics(self) -> frozenset[str]:
        return self.node.topics

    def span(self, moment: Moment) -> Span:
        found = moment.spans.get(self)
        if found is None:
            found = moment.spans[self] = self.node.span(moment) if self._may_hold(moment) else (False, FOREVER)
        return found

    def start(self, moment: Moment) -> int:
        return self.node.start(moment) if self._may_hold(moment) else ALWAYS

    def is_exact(self, holds: bool) -> bool:
        return self.node.is_exact(holds)

    def _may_hold(self, moment: Moment) -> bool:
        return self.visitors or moment.reading.customer.is_known


@dataclass(slots=True, eq=False)
class Range:
    """From `low` to `high`, both included."""

    low: float = ALWAYS
    high: float = FOREVER


class Tally(Node):
    """How many there are of something, within a window that moves with time, or in all."""

    __slots__ = ("range", "source", "window")
    adds = True  # what is compared is a sum
    effort = 1

    def __init__(self, source: Source, window: Window | None, range_: Range) -> None:
        self.source, self.window, self.range = source, window, range_

    @property
    def topics(self) -> frozenset[str]:
        return self.source.topics

    def span(self, moment: Moment) -> Span:
        found = moment.spans.get(self)
        if found is None:
            found = moment.spans[self] = self._span(moment)
        return found

    def _span(self, moment: Moment) -> Span:
        reading = moment.reading
        series = reading.series(self.source)
        if not series.at:
            return self._holds(series, 0, 0), FOREVER
        if moment.t < reading.now or not (self.adds and series.grows):
            return self._walked(series, moment)
        ends, after = series.ends(self.window, reading.calendar)
        if not ends:
            return self.range.low <= series.sums[-1] <= self.range.high, FOREVER
        return self._falling(series.sums, ends, after, bisect_right(ends, moment.t - after))

    def _falling(self, sums: Sequence[float], ends: Sequence[int], after: int, past: int) -> Span:
        """From now on things only go, one after another as their windows end: the sum falls, through the range and out of it."""
        low, high, total = self.range.low, self.range.high, sums[-1]
        if total - sums[past] > high:
            left = bisect_left(range(len(sums)), True, past, key=lambda gone: total - sums[gone] <= high)
            if left >= len(sums) or total - sums[bisect_right(ends, ends[left - 1])] < low:
                return False, FOREVER
            return False, _plus(ends[left - 1], after)
        if total - sums[past] < low or low <= 0:
            return total - sums[past] >= low, FOREVER
        # compared as it is above, by what is left: `gt 0` is at least the least number, and taking that off changes no sum
        left = bisect_left(range(len(sums)), True, past, key=lambda gone: total - sums[gone] < low)
        return True, _plus(ends[left - 1], after)

    def _walked(self, series: Series, moment: Moment) -> Span:
        now, (ends, after) = moment.reading.now, series.ends(self.window, moment.reading.calendar)
        past, known = bisect_right(ends, moment.t - after) if ends else 0, moment.upto(series)
        holds = self._holds(series, past, known)
        while True:
            happens = min(series.at[known], now) if known < len(series.at) else FOREVER
            until = min(happens, _plus(ends[past], after)) if ends and past < known else happens
            if until >= FOREVER:
                return holds, FOREVER
            past = bisect_right(ends, until - after) if ends else 0
            known = len(series.at) if until >= now else bisect_right(series.at, until)
            if self._holds(series, past, known) != holds:
                return holds, until

    def start(self, moment: Moment) -> int:
        series, now = moment.reading.series(self.source), moment.reading.now
        ends, after = series.ends(self.window, moment.reading.calendar)
        past, known = bisect_right(ends, moment.t - after) if ends else 0, moment.upto(series)
        if ends is None and self.adds and series.grows:
            return self._risen(series, known)
        if ends and series.counts and self.adds and moment.t >= now >= series.at[-1]:
            began = self._run(series.at, ends, after, past)
            if began is not None:
                return began
        holds = self._holds(series, past, known)
        while True:
            began = max(series.at[known - 1] if known else ALWAYS, ends[past - 1] + after if ends and past else ALWAYS)
            if began <= ALWAYS:
                return ALWAYS
            before = min(began, now) - 1
            known = bisect_right(series.at, before)
            past = bisect_right(ends, before - after) if ends else 0
            if self._holds(series, past, known) != holds:
                return began

    def _run(self, at: Sequence[int], ends: Sequence[int], after: int, past: int) -> int | None:
        """Since when there have been enough, or none at all, in a window that moves; None for other ranges, which take more steps."""
        low, high, last = self.range.low, self.range.high, len(at) - 1
        if past > last:
            return ends[last] + after if low <= 0 and high < 1 and ends[last] + after > at[last] else None
        if high < FOREVER or not 0 < low <= len(at) - past:
            return None
        enough = math.ceil(low)
        while last >= enough and ends[last - enough] + after >= at[last]:  # so many were there before this one as well
            last -= 1
        return at[last]

    def _risen(self, series: Series, known: int) -> int:
        """When a sum that only grows came where it is: into the range, or out of it."""
        sums, low, high = series.sums, self.range.low, self.range.high
        if sums[known] <= high:
            return series.at[bisect_left(sums, low) - 1] if 0 < low <= sums[known] else ALWAYS
        began = series.at[bisect_right(sums, high) - 1] if high >= 0 else ALWAYS
        return began if sums[bisect_left(series.at, began)] >= low else ALWAYS  # else it was never in the range

    def _holds(self, series: Series, past: int, known: int) -> bool:
        return self.range.low <= series.sums[known] - series.sums[past] <= self.range.high


def _plus(end: int, after: int) -> int:
    return end + after if end < FOREVER else FOREVER


class Extreme(Tally):
    """The average, smallest or largest of something; where there is nothing, no range holds."""

    __slots__ = ("kind",)
    adds = False

    def __init__(self, source: Source, window: Window | None, range_: Range, kind: str) -> None:
        super().__init__(source, window, range_)
        self.kind = kind

    def _holds(self, series: Series, past: int, known: int) -> bool:
        if past >= known:
            return False
        if self.kind == "average":
            value = (series.sums[known] - series.sums[past]) / (known - past)
        else:
            value = (min if self.kind == "min" else max)(series.values[past:known])
        return self.range.low <= value <= self.range.high
