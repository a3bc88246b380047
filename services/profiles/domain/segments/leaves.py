"""Conditions on what is known of a customer: traits, dates in them, consent, and chance."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.profiles.domain.consent.words import Scope
from services.profiles.domain.history import milliseconds
from services.profiles.domain.lifecycle import Stage
from services.profiles.domain.segments.clock import ALWAYS, FOREVER, Calendar, Window, next_anniversaries, parsed
from services.profiles.domain.segments.comparisons import folded
from services.profiles.domain.segments.nodes import Node, Span
from services.profiles.domain.segments.reading import Moment, Reading, Test
from services.profiles.domain.segments.topics import CONSENT, INTERESTS, ORDERS, of_trait

Intervals = Callable[[Any, Reading, int], Iterable[tuple[int, int]]]


class Known(Node):
    """A value that is known since some time, and what holds of it; before, nothing was known."""

    __slots__ = ()

    @abstractmethod
    def known(self, reading: Reading) -> tuple[Any, int]:
        """The value, and since when it is known."""

    @abstractmethod
    def holds(self, value: Any) -> bool: ...

    def span(self, moment: Moment) -> Span:
        value, at = self.known(moment.reading)
        if moment.t >= moment.reading.now or moment.t >= at:
            return self.holds(value), FOREVER
        return self.holds(None), min(at, moment.reading.now)

    def start(self, moment: Moment) -> int:
        value, at = self.known(moment.reading)
        known = moment.t >= min(at, moment.reading.now)
        return at if known and self.holds(value) != self.holds(None) else ALWAYS


class Trait(Known):
    """A trait, of which a test holds. `path` leads into it: `("address", "city")`."""

    __slots__ = ("path", "test")

    def __init__(self, path: tuple[str, ...], test: Test) -> None:
        self.path, self.test = path, test

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({of_trait(self.path[0])})

    def known(self, reading: Reading) -> tuple[Any, int]:
        return reading.trait(self.path)

    def holds(self, value: Any) -> bool:
        return self.test(value)


class Permission(Known):
    """What a customer allows on a channel for a purpose, None where nothing was said."""

    __slots__ = ("scope", "wanted")

    def __init__(self, scope: Scope, wanted: frozenset[str | None]) -> None:
        self.scope, self.wanted = scope, wanted

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({CONSENT})

    def known(self, reading: Reading) -> tuple[Any, int]:
        held = reading.permissions.get(self.scope)
        return (held.status.value, milliseconds(held.at)) if held else (None, ALWAYS)

    def holds(self, value: Any) -> bool:
        return value in self.wanted


class InStage(Node):
    """The stage of the journey that a customer is in is one of some."""

    __slots__ = ("stages",)

    def is_exact(self, holds: bool) -> bool:
        return False

    def __init__(self, stages: frozenset[str]) -> None:
        self.stages = stages

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({ORDERS})

    def span(self, moment: Moment) -> Span:
        reading, t = moment.reading, moment.t
        if t >= reading.now:
            life = reading.journey(t)
            return life.stage.value in self.stages, milliseconds(life.until) if life.until else FOREVER
        stage, _ = self._then(moment)
        later = (milliseconds(change.at) for change in reading.journey(reading.now).changes)
        return stage in self.stages, min((at for at in later if at > t), default=reading.now)

    def start(self, moment: Moment) -> int:
        return self._then(moment)[1]

    def _then(self, moment: Moment) -> tuple[str, int]:
        """The stage at a moment, and since when."""
        changes = moment.reading.journey(max(moment.t, moment.reading.now)).changes
        past = [one for one in changes if moment.t >= moment.reading.now or milliseconds(one.at) <= moment.t]
        return (past[-1].stage.value, milliseconds(past[-1].at)) if past else (Stage.VISITOR.value, ALWAYS)


class Fond(Node):
    """Something is among the favourites of a customer. It changes by facts alone; since when is not known."""

    __slots__ = ("dimension", "share", "top", "wanted")

    def __init__(self, dimension: str, wanted: frozenset[str], top: int | None, share: float) -> None:
        self.dimension, self.wanted, self.top, self.share = dimension, wanted, top, share

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({ORDERS, INTERESTS})

    def span(self, moment: Moment) -> Span:
        favourites = moment.reading.favourites(self.dimension)[: self.top]
        return any(folded(one.id) in self.wanted and one.share >= self.share for one in favourites), FOREVER

    def start(self, moment: Moment) -> int:
        return ALWAYS


class Sample(Node):
    """A share of all customers, by chance, but the same ones always: chance is a hash of the seed and the customer's id."""

    __slots__ = ("seed", "share")

    def __init__(self, share: float, seed: str) -> None:
        self.share, self.seed = share, seed

    def span(self, moment: Moment) -> Span:
        drawn = hashlib.blake2b(f"{self.seed}/{moment.reading.customer_id}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn) < self.share * 2**64, FOREVER

    def start(self, moment: Moment) -> int:
        return ALWAYS


class Dated(Node):
    """A date or time in a trait, and how it lies to the present. `intervals` gives the times at which the condition holds."""

    __slots__ = ("intervals", "path")

    def is_exact(self, holds: bool) -> bool:
        return False

    def __init__(self, path: tuple[str, ...], intervals: Intervals) -> None:
        self.path, self.intervals = path, intervals

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({of_trait(self.path[0])})

    def span(self, moment: Moment) -> Span:
        edges, inside = self._edges(moment)
        return inside, min((edge for edge in edges if edge > moment.t), default=FOREVER)

    def start(self, moment: Moment) -> int:
        return max((edge for edge in self._edges(moment)[0] if edge <= moment.t), default=ALWAYS)

    def _edges(self, moment: Moment) -> tuple[list[int], bool]:
        reading = moment.reading
        text, at = reading.trait(self.path)
        value, known = moment_of(text), min(at, reading.now)
        found = self.intervals(value, reading, moment.t) if value is not None else ()
        held = [(max(begin, known), end) for begin, end in found if end > known]
        edges = [known, *(edge for interval in held for edge in interval if ALWAYS < edge < FOREVER)]
        return edges, any(begin <= moment.t < end for begin, end in held)


def within_last(window: Window) -> Intervals:
    def intervals(value: date | datetime, reading: Reading, t: int) -> Iterable[tuple[int, int]]:
        at = reading.calendar.instant(value)
        return ((at, window.end(at, reading.calendar)),)

    return intervals


def within_next(window: Window) -> Intervals:
    def intervals(value: date | datetime, reading: Reading, t: int) -> Iterable[tuple[int, int]]:
        at = reading.calendar.instant(value)
        return ((window.begin(at, reading.calendar), _whole_day(at, window, reading.calendar)),)

    return intervals


def longer_ago(window: Window) -> Intervals:
    def intervals(value: date | datetime, reading: Reading, t: int) -> Iterable[tuple[int, int]]:
        return ((window.end(reading.calendar.instant(value), reading.calendar), FOREVER),)

    return intervals


def anniversary(days: int) -> Intervals:
    """The anniversary of the date is one of so many days, today the first."""

    def intervals(value: date | datetime, reading: Reading, t: int) -> Iterable[tuple[int, int]]:
        calendar = reading.calendar
        born = value.date() if isinstance(value, datetime) else value
        for day in next_anniversaries(born, calendar.day(t)):
            yield calendar.midnight(day - days + 1), calendar.midnight(day + 1)

    return intervals


def between(begin: int, end: int) -> Intervals:
    """From the one instant and before the other, whatever time it is."""

    def intervals(value: date | datetime, reading: Reading, t: int) -> Iterable[tuple[int, int]]:
        return ((ALWAYS, FOREVER),) if begin <= reading.calendar.instant(value) < end else ()

    return intervals


def moment_of(value: Any) -> date | datetime | None:
    """A date or time as traits state it: text, or seconds since 1970; None where it is neither."""
    try:
        if isinstance(value, str):
            return parsed(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def _whole_day(at: int, window: Window, calendar: Calendar) -> int:
    """A window of calendar days ends with the day on which it happens."""
    return calendar.midnight(calendar.day(at) + 1) if window.days else at
