"""The facts of a customer as conditions read them: in rows by time, made when first asked for and shared by all conditions.

A condition is judged at an instant by what had happened by then, in the knowledge of today: a cancelled order never was one. What a
client's clock puts ahead of ours has happened.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.profiles.domain.affinities import Affinity, favourites_of
from services.profiles.domain.consent.standing import Holding, standing
from services.profiles.domain.consent.words import Scope
from services.profiles.domain.customer import Customer
from services.profiles.domain.history import Story, milliseconds, story_of
from services.profiles.domain.lifecycle import Lifecycle, lifecycle_of
from services.profiles.domain.segments.clock import ALWAYS, FOREVER, Calendar, Window, to_datetime
from services.profiles.domain.segments.topics import ORDERS, of_event
from services.profiles.domain.traits import Traits, chosen
from shared.commerce import Order, counted

if TYPE_CHECKING:
    from services.profiles.domain.rules import Rules

Test = Callable[[Any], bool]
Ends = tuple[Sequence[int] | None, int]  # instants, and so many milliseconds later things are no longer within


class Series:
    """Things that happened, oldest first: when, what each adds to a sum, and until when each is within a window."""

    def __init__(self, items: Sequence[tuple[int, int | float]], until: Sequence[int] | None = None) -> None:
        self.at = [at for at, _ in items]
        self.values = [value for _, value in items]
        self.sums: list[int | float] = [0]
        for value in self.values:
            self.sums.append(self.sums[-1] + value)
        self.grows = all(value >= 0 for value in self.values)
        self.counts = all(value == 1 for value in self.values)
        self._until = until  # from then on none of them counts any more, whatever the window
        self._ends: dict[Window, Sequence[int]] = {}

    def ends(self, window: Window | None, calendar: Calendar) -> Ends:
        """When each is no longer within; None where all stay."""
        if window is None:
            return self._until, 0
        if self._until is None and not window.days:
            return self.at, window.length
        found = self._ends.get(window)
        if found is None:
            found = [window.end(at, calendar) for at in self.at]
            if self._until is not None:
                found = list(map(min, found, self._until))
            self._ends[window] = found
        return found, 0


class Source(ABC):
    """What a condition counts. One object stands for all conditions that count the same."""

    @property
    @abstractmethod
    def topics(self) -> frozenset[str]:
        """What of a customer is read for it."""

    @abstractmethod
    def series(self, reading: "Reading") -> Series: ...


@dataclass(eq=False, slots=True)
class Selection(Source):
    """What both kinds of sources choose by. `begin` and `end` are instants; `of` names the property that is summed, None to count."""

    begin: int | None = None
    end: int | None = None
    only_first: bool = False
    of: str | None = None

    def chosen(self, items: list[tuple[int, int | float]]) -> list[tuple[int, int | float]]:
        begin, end = self.begin, self.end
        if begin is not None or end is not None:
            items = [item for item in items if (begin is None or item[0] >= begin) and (end is None or item[0] < end)]
        return items[:1] if self.only_first else items


@dataclass(eq=False, slots=True)
class EventSource(Selection):
    """Occurrences of an event, newest 50 of each identity key; counted without any choice, all that there ever were."""

    name: str = ""
    where: tuple[tuple[str, Test], ...] = ()
    since_last_order: bool = False

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({of_event(self.name), *([ORDERS] if self.since_last_order else [])})

    def series(self, reading: "Reading") -> Series:
        story = reading.story(self.name)
        items = [(one.at, self._worth(one.said)) for one in story.newest if self._meets(one.said)] if story else []
        if not self.where and self.of is None and not self.since_last_order:
            items = [*reading.forgotten(self.name), *items]
        chosen = self.chosen([item for item in items if item[1] is not None])  # type: ignore[misc]
        return Series(chosen, [reading.next_order(at) for at, _ in chosen] if self.since_last_order else None)

    def _meets(self, said: dict[str, Any]) -> bool:
        return all(test(said.get(name)) for name, test in self.where)

    def _worth(self, said: dict[str, Any]) -> int | float | None:
        if self.of is None:
            return 1
        value = said.get(self.of)
        return value if isinstance(value, (int, float)) else None


@dataclass(eq=False, slots=True)
class OrderSource(Selection):
    """Orders that count, at the time of their placing. Where lines are chosen, money and pieces are theirs."""

    currency: str | None = None
    where: tuple[tuple[str, Test], ...] = ()
    lines: tuple[tuple[str, Test], ...] = ()

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({ORDERS})

    def series(self, reading: "Reading") -> Series:
        items = [(at, worth) for at, order in reading.orders if (worth := self._worth(order)) is not None]
        return Series(self.chosen(items))

    def _worth(self, order: Order) -> int | float | None:
        if self.currency is not None and order.currency != self.currency:
            return None
        if not all(test(_said_of(order, name)) for name, test in self.where):
            return None
        chosen = [line for line in order.products if all(test(getattr(line, name)) for name, test in self.lines)]
        if self.lines and not chosen:
            return None
        if self.of == "spend":
            return sum(line.amount or 0 for line in chosen) if self.lines else order.net
        return sum(line.quantity for line in chosen) if self.of == "pieces" else 1


def _said_of(order: Order, name: str) -> Any:
    if name in ("amount", "currency", "source", "channel"):
        return getattr(order, name)
    return getattr(order.content, name)


@dataclass(slots=True)
class Reading:
    """A customer at `now`, an instant, and the settings that say what is made of the facts."""

    customer_id: str
    customer: Customer
    now: int
    rules: "Rules"
    _found: dict[Any, Any] = field(default_factory=dict)
    _orders: list[tuple[int, Order]] | None = None
    _series: dict[Source, Series] = field(default_factory=dict)

    @property
    def calendar(self) -> Calendar:
        return self.rules.segments.calendar

    @property
    def orders(self) -> list[tuple[int, Order]]:
        """The orders that count, by the instant of their placing."""
        if self._orders is None:
            placed = counted(self.customer.orders) if self.customer.orders else []
            self._orders = [(milliseconds(order.placed_at), order) for order in placed if order.placed_at]
        return self._orders

    @property
    def permissions(self) -> Mapping[Scope, Holding]:
        """What the customer allows, by purpose and channel."""
        found: Mapping[Scope, Holding] = self._once(
            "consent", lambda: standing(self.customer.consent, self.rules.consent).overall
        )
        return found

    @property
    def traits(self) -> Traits:
        """The traits, each with the value that the shop's strategy chooses."""
        strategies = self.rules.profile.traits
        found: Traits = self._once("traits", lambda: chosen(self.customer.traits, strategies))
        return found

    def journey(self, t: int) -> Lifecycle:
        """The stages of the customer's journey up to `t`, which is now or later, with all that is known now."""
        rules = self.rules.profile.lifecycle
        found: Lifecycle = self._once(("stage", t), lambda: lifecycle_of(self.customer, rules, to_datetime(t)))
        return found

    def favourites(self, dimension: str) -> Sequence[Affinity]:
        """What the customer is fond of, the greatest first."""
        rules, now = self.rules.profile.affinities, to_datetime(self.now)
        found: Sequence[Affinity] = self._once(dimension, lambda: favourites_of(self.customer, dimension, rules, now))
        return found

    def story(self, name: str) -> Story | None:
        """What is remembered of an event."""
        return story_of(self.customer.history, name)

    def trait(self, path: tuple[str, ...]) -> tuple[Any, int]:
        """A trait and since when it is known; None since ever where it is not.

        That is the first statement of it, or the latest, where it had other values before: when it came to the present one is not kept.
        """
        found: tuple[Any, int] | None = self._found.get(path)
        if found is None:
            found = self._found[path] = self._find_trait(path)
        return found

    def _find_trait(self, path: tuple[str, ...]) -> tuple[Any, int]:
        trait = self.traits.get(path[0])
        if trait is None:
            return None, ALWAYS
        value = trait.value
        for name in path[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
        first = None if trait.before or trait.ends else trait.first
        return value, milliseconds(first.at if first else trait.at)

    def _once(self, name: Any, find: Callable[[], Any]) -> Any:
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]

    @property
    def first_seen(self) -> int:
        """When the customer was heard of first; nothing held of them before."""
        first = self.customer.activity.first
        seen: int = self._once("seen", lambda: milliseconds(first.at) if first else self.now)
        return seen

    def series(self, source: Source) -> Series:
        found = self._series.get(source)
        if found is None:
            found = self._series[source] = source.series(self)
        return found

    def forgotten(self, name: str) -> list[tuple[int, int]]:
        """The occurrences of an event that are not kept any more, as one item: they are put where the first one was."""
        story = self.story(name)
        missing = self.customer.activity.counts.get(name, 0) - (len(story.newest) if story else 0)
        return [(story.first if story else self.first_seen, missing)] if missing > 0 else []

    def next_order(self, at: int) -> int:
        """The first order that was not placed before `at`."""
        place = bisect_left(self.orders, at, key=lambda placed: placed[0])
        return self.orders[place][0] if place < len(self.orders) else FOREVER


@dataclass(slots=True)
class Moment:
    """An instant at which a customer is judged, with what was found out about it. From `now` on all that is known has happened."""

    t: int
    reading: Reading
    spans: dict[Any, tuple[bool, int]] = field(default_factory=dict)

    def upto(self, series: Series) -> int:
        """How many of a series have happened."""
        return len(series.at) if self.t >= self.reading.now else bisect_right(series.at, self.t)
