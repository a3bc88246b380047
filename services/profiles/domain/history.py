"""What a customer did lately, event by event: what conditions over events are judged by.

Of each event name the newest 50 occurrences of an identity key are kept, with a few properties, and when the first one was; how many
there were in all is in `activity`. The oldest are forgotten by their time, then content, whatever the order of hearing. An occurrence
takes 30 to 150 bytes of JSON, so a very active key has some 50 KB.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from services.profiles.domain.facts import Happening

MOST_KEPT = 50  # occurrences of one event name, for each identity key
MOST_VALUES = 5  # of one property, of an event about several products
MOST_PROPERTIES = 8  # of an event of the shop's own, the first by name
LONGEST_TEXT = 80

Value = str | int | float | bool | list[str]


class Occurrence(NamedTuple):
    """An event at `at`, in milliseconds since 1970, with its main properties by name; only those that it has."""

    at: int
    said: dict[str, Value]


class Story(NamedTuple):
    """The occurrences of one event name: when the first was, and the newest, oldest first."""

    first: int
    newest: tuple[Occurrence, ...]


History = dict[str, Story]  # by event name; of a customer there is one for each key, since most looks at a customer need none


PROPERTIES = (
    "channel", "product_id", "name", "category", "brand", "variant", "price", "quantity", "amount", "currency", "query", "coupon_id",
    "promotion_id", "list_id", "path", "rating", "share_via", "group_id",
)  # fmt: skip


def remember(histories: tuple[History, ...], name: str, happening: Happening, at: datetime) -> tuple[History]:
    """Hear of one more event. The runtime applies each once, so this is a function of the set of events."""
    history = histories[0] if histories else {}
    occurrence = Occurrence(milliseconds(at), _said(happening))
    known = history.get(name)
    if known is None:
        return ({**history, name: Story(occurrence.at, (occurrence,))},)
    newest = _inserted(known.newest, occurrence)
    return ({**history, name: Story(min(known.first, occurrence.at), newest[-MOST_KEPT:])},)


def story_of(histories: Iterable[History], name: str) -> Story | None:
    """What all identity keys of a customer, which share no event, tell of an event; None if it never happened."""
    told = [history[name] for history in histories if name in history]
    if len(told) < 2:
        return told[0] if told else None
    return Story(min(story.first for story in told), _in_order(one for story in told for one in story.newest))


def milliseconds(at: datetime) -> int:
    """A time as whole milliseconds since 1970, exactly."""
    return int(at.timestamp() // 1) * 1000 + at.microsecond // 1000


def _inserted(newest: tuple[Occurrence, ...], occurrence: Occurrence) -> tuple[Occurrence, ...]:
    place = bisect_right(newest, occurrence.at, key=lambda one: one.at)
    while place and newest[place - 1].at == occurrence.at and _order(newest[place - 1]) > _order(occurrence):
        place -= 1
    return (*newest[:place], occurrence, *newest[place:])


def _in_order(occurrences: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """By time; content, which takes long to compare, decides only where two happened at once."""
    ordered = sorted(occurrences, key=lambda one: one.at)
    at_once = any(one.at == other.at for one, other in pairwise(ordered))
    return tuple(sorted(ordered, key=_order) if at_once else ordered)


def _order(occurrence: Occurrence) -> tuple[int, str]:
    return occurrence.at, str(sorted(occurrence.said.items()))


def _said(happening: Happening) -> dict[str, Value]:
    said: dict[str, Value] = {}
    for name in PROPERTIES:
        value = getattr(happening, name)
        if value is not None:
            said[name] = value[:LONGEST_TEXT] if isinstance(value, str) else value
    for name in ("product_id", "category", "brand") if happening.products else ():
        values = _several(getattr(item, name) for item in happening.products)
        if values and name not in said:
            said[name] = values
    return {**_own(happening.properties), **said} if happening.properties else said


def _several(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value[:LONGEST_TEXT] for value in values if value))[:MOST_VALUES]


def _own(properties: Mapping[str, Any]) -> dict[str, Value]:
    """Properties of an event of the shop's own, those that are one value."""
    plain = sorted((name, value) for name, value in properties.items() if isinstance(value, (str, int, float)))[:MOST_PROPERTIES]
    return {name[:LONGEST_TEXT]: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in plain}
