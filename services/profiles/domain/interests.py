"""What a customer showed interest in without buying it: how often, by week and kind of interest.

Each dimension holds up to so many entries, `week, kind, text` with a count; beyond that those of the earliest weeks are forgotten. An
entry that is among the latest at the end was so at every time before, so its count is whole, whatever the order of hearing.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

PRODUCTS, CATEGORIES, BRANDS, VARIANTS = "products", "categories", "brands", "variants"
MOST_ENTRIES: Mapping[str, int] = {PRODUCTS: 24, CATEGORIES: 12, BRANDS: 12, VARIANTS: 12}
LONGEST_TEXT = 100
_DIGITS = 6
_MONDAY = 1  # the first day of all, 1 January of the year 1, was one


class Interest(StrEnum):
    """Kinds of interest, as a letter of an entry."""

    VIEWED = "v"
    WISHED = "w"
    CARTED = "c"


Interests = dict[str, dict[str, int]]  # counts by entry, by dimension


def show_interest(interests: Interests, shown: Iterable[tuple[str, str | None]], interest: Interest, at: datetime) -> Interests:
    """Hear of interest in what is named by `(dimension, text)`. Returns the same object where nothing of it is to be remembered."""
    changed = interests
    prefix = f"{_week(at.date().toordinal()):0{_DIGITS}d}{interest}"
    for dimension, text in shown:
        if text and (stripped := text.strip()):
            known = changed.get(dimension, {})
            counts = _counted(known, prefix + stripped[:LONGEST_TEXT], MOST_ENTRIES[dimension])
            if counts is not known:
                changed = {**changed, dimension: counts}
    return changed


def merge_interests(left: Interests, right: Interests) -> Interests:
    """The interest of both, for facts of different identity keys, which share no event."""
    if not left or not right:
        return left or right
    merged = dict(left)
    for dimension, counts in right.items():
        merged[dimension] = _bounded(_added(merged.get(dimension, {}), counts), MOST_ENTRIES[dimension])
    return merged


@lru_cache(maxsize=10_000)
def read_entry(entry: str) -> tuple[datetime, Interest, str]:
    """The Monday of an entry's week, the kind of interest, and what it was in."""
    day = int(entry[:_DIGITS]) * 7 + _MONDAY
    return datetime.fromordinal(day).replace(tzinfo=UTC), Interest(entry[_DIGITS]), entry[_DIGITS + 1 :]


def _week(ordinal: int) -> int:
    return (ordinal - _MONDAY) // 7


def _counted(known: dict[str, int], entry: str, most: int) -> dict[str, int]:
    counts = {**known, entry: known.get(entry, 0) + 1}
    if len(counts) <= most:
        return counts
    earliest = min(counts)
    if earliest == entry:
        return known
    del counts[earliest]
    return counts


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {**left, **{entry: left.get(entry, 0) + count for entry, count in right.items()}}


def _bounded(counts: dict[str, int], most: int) -> dict[str, int]:
    if len(counts) <= most:
        return counts
    return {entry: counts[entry] for entry in sorted(counts)[-most:]}
