"""Traits: what was stated about a customer, each with the values that it had, when they were stated last, and by whom.

What a trait is follows from its statements by a strategy, the latest statement unless a rule says otherwise. So that any strategy can be
chosen for the past as well, a trait remembers its latest different values, the one stated first, and, once it has forgotten some, the
largest and the smallest of all. Each is a minimum or maximum over a total order, hence the same in any order of hearing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_TRAITS = 500  # names per customer; beyond that the ones stated longest ago are forgotten
MOST_VALUES = 10  # different values of a trait; beyond that the ones stated longest ago are forgotten
LONGEST_KEPT = 200  # characters of a value as JSON; a longer one is known while it is the latest


class Strategy(StrEnum):
    """Which of the values of a trait holds."""

    LATEST = "latest"  # by the time of stating; also that it was cleared
    NON_EMPTY = "non_empty"  # the latest that says something: not null, no blank text, no empty list or object
    FIRST = "first"  # the one that was stated first
    LARGEST = "largest"  # numbers by size, before texts, which go by the alphabet
    SMALLEST = "smallest"
    UNION = "union"  # all values of the history, elements of lists one by one


@dataclass(frozen=True, slots=True)
class Stated:
    """A value, and the event that stated it last; `source` is the shop's source."""

    value: Any
    at: datetime
    event_id: str
    source: str | None = None

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


@dataclass(frozen=True, slots=True)
class First:
    """The value that was stated first. Of two of one moment the lesser by its JSON."""

    at: datetime
    value: Any


@dataclass(frozen=True, slots=True)
class Past:
    """What a trait was before: other values, stated last first; the first statement of all, None where that is the latest as well;
    and, once values were forgotten, the `largest` and the `smallest` of all.
    """

    values: tuple[Stated, ...] = ()
    first: First | None = None
    ends: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trait:
    """The value that was stated last, any JSON; None where the trait was cleared, which an older value must not undo."""

    value: Any
    at: datetime
    event_id: str
    source: str | None = None
    past: Past | None = None

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id

    @property
    def before(self) -> tuple[Stated, ...]:
        """Other values that it had, the one that was stated last first."""
        return self.past.values if self.past else ()

    @property
    def history(self) -> tuple[Stated, ...]:
        """The different values that are remembered, the one that was stated last first."""
        return (Stated(self.value, self.at, self.event_id, self.source), *self.before)

    @property
    def first(self) -> First | None:
        """The first statement of a value, None where none is worth keeping."""
        if self.past and self.past.first:
            return self.past.first
        return None if self.value is None or not _is_short(self.value) else First(self.at, self.value)

    @property
    def ends(self) -> dict[str, Any]:
        return self.past.ends if self.past else {}


Traits = dict[str, Trait]
Strategies = Mapping[str, Strategy]


def state_traits(traits: Traits, stated: Mapping[str, Any], at: datetime, event_id: str, source: str | None = None) -> Traits:
    """Hear what was stated about traits. Returns the same object where nothing of it is to be remembered."""
    heard = merge_traits(traits, {name: Trait(value, at, event_id, source) for name, value in stated.items()})
    return traits if heard == traits else heard


def merge_traits(left: Traits, right: Traits) -> Traits:
    """What both know of each trait. Commutative, associative, idempotent; also in what it forgets, since it cuts from below."""
    merged = dict(left)
    for name, trait in right.items():
        merged[name] = _joined(merged[name], trait) if name in merged else trait
    if len(merged) <= MAX_TRAITS:
        return merged
    newest = sorted(merged.items(), key=lambda entry: (*entry[1].stamp, entry[0]), reverse=True)
    return dict(newest[:MAX_TRAITS])


def chosen(traits: Traits, strategies: Strategies) -> Traits:
    """The traits, each with the value that its strategy chooses; the latest where none is named."""
    wanted = [(name, strategy) for name, strategy in strategies.items() if strategy is not Strategy.LATEST and name in traits]
    return {**traits, **{name: replace(traits[name], value=value_by(traits[name], strategy)) for name, strategy in wanted}}


def value_by(trait: Trait, strategy: Strategy) -> Any:
    """The value that a strategy chooses; None for none."""
    said = [one.value for one in trait.history]
    if strategy is Strategy.NON_EMPTY:
        return next((value for value in said if not _is_empty(value)), None)
    if strategy is Strategy.FIRST:
        return trait.first.value if trait.first else trait.value
    if strategy is Strategy.UNION:
        return _union(said)
    if strategy in (Strategy.LARGEST, Strategy.SMALLEST):
        return _extremes([*said, *trait.ends.values()]).get(strategy.value)
    return trait.value


def values_of(traits: Mapping[str, Trait]) -> dict[str, Any]:
    """What is known, by name; cleared traits are left out."""
    return {name: trait.value for name, trait in sorted(traits.items()) if trait.value is not None}


def text_of(traits: Mapping[str, Trait], name: str) -> str | None:
    """A trait as text without blanks around it, None where it is not known or no text."""
    trait = traits.get(name)
    text = trait.value.strip() if trait and isinstance(trait.value, str) else ""
    return text or None


def _joined(left: Trait, right: Trait) -> Trait:
    older, newer = (left, right) if left.stamp < right.stamp else (right, left)
    if _same(older.value, newer.value) and (older.past is None or newer.past is None):
        return _repeated(newer, older)
    others = _distinct([*newer.before, *older.history], newer.value)
    kept = tuple(others[: MOST_VALUES - 1])
    forgot = len(others) > len(kept) or left.ends or right.ends
    everything = [*newer.ends.values(), *older.ends.values(), newer.value, *(one.value for one in others)]
    return _with_past(newer, kept, _first_of(older, newer), _extremes(everything) if forgot else {})


def _repeated(newer: Trait, older: Trait) -> Trait:
    """A trait that is stated once more, as with every login."""
    past = newer.past or older.past or Past()
    return _with_past(newer, past.values, _first_of(older, newer), past.ends)


def _with_past(latest: Trait, values: tuple[Stated, ...], first: First | None, ends: dict[str, Any]) -> Trait:
    past = Past(values, first, ends) if values or first or ends else None
    return Trait(latest.value, latest.at, latest.event_id, latest.source, past)


def _first_of(older: Trait, newer: Trait) -> First | None:
    """The first statement of a value of both; None where that is the latest as well."""
    found = [first for first in (older.first, newer.first) if first]
    first = min(found, key=_order, default=None)
    return None if first is None or (first.at == newer.at and _same(first.value, newer.value)) else first


def _order(first: First) -> tuple[datetime, str]:
    return first.at, json.dumps(first.value, sort_keys=True, default=str)


def _distinct(stated: Iterable[Stated], latest: Any) -> list[Stated]:
    """Different values that are short enough to be kept, stated last first, without that which is the latest of all."""
    found: list[Stated] = []
    for one in sorted(stated, key=lambda said: said.stamp, reverse=True):
        if not _same(one.value, latest) and _is_short(one.value) and not any(_same(one.value, known.value) for known in found):
            found.append(one)
    return found


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and left == right


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_KEPT
    return not isinstance(value, list | dict) or len(json.dumps(value, default=str)) <= LONGEST_KEPT


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _extremes(values: Iterable[Any]) -> dict[str, Any]:
    """The largest and the smallest of the values that have a size."""
    sized = sorted((value for value in values if _has_size(value)), key=_size)
    return {"largest": sized[-1], "smallest": sized[0]} if sized else {}


def _has_size(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and _is_short(value)


def _size(value: Any) -> tuple[bool, Any, str]:
    return isinstance(value, str), value, type(value).__name__


def _union(values: Iterable[Any]) -> list[Any] | None:
    found: list[Any] = []
    for value in values:
        for element in value if isinstance(value, list) else [value]:
            if element is not None and not any(_same(element, known) for known in found):
                found.append(element)
    return found or None
