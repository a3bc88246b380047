"""What may be said of one value, as tests. Text is compared without regard to case, width and composition of letters.

A value may be a list, of which one element has to fit; negations hold where none does, and where nothing is known.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from services.profiles.domain.segments.reading import Test

Plain = str | float | bool


@lru_cache(maxsize=20_000)
def folded(text: str) -> str:
    """Text as it is compared."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def plain(value: Any) -> Plain | None:
    """A value as it is compared: text folded, numbers as they are; None for what is neither."""
    if isinstance(value, str):
        return folded(value)
    return value if isinstance(value, (int, float)) else None


def number(value: Any) -> float | None:
    """A value as a number, also where it is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    try:
        found = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def equals(wanted: Any) -> Test:
    same, as_number = plain(wanted), number(wanted)
    if isinstance(wanted, str) and as_number is None:
        return _same_text(folded(wanted))

    def test(value: Any) -> bool:
        if isinstance(value, list):
            return any(map(test, value))
        if isinstance(value, bool) or isinstance(wanted, bool):
            return value is wanted
        return value is not None and (plain(value) == same or (as_number is not None and number(value) == as_number))

    return test


def _same_text(same: str) -> Test:
    def test(value: Any) -> bool:
        return any(map(test, value)) if isinstance(value, list) else isinstance(value, str) and folded(value) == same

    return test


def one_of(wanted: Iterable[Any]) -> Test:
    words = {folded(value) for value in wanted if isinstance(value, str)}
    others = [equals(value) for value in wanted if not isinstance(value, str)]
    every = [equals(value) for value in wanted]

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return folded(value) in words or any(one(value) for one in others)
        return any(one(value) for one in every)

    return test


def text(fits: Callable[[str, str], bool]) -> Callable[[str], Test]:
    """A test of text, given as (value, wanted)."""

    def of(wanted: str) -> Test:
        part = folded(wanted)

        def test(value: Any) -> bool:
            if isinstance(value, list):
                return any(map(test, value))
            return isinstance(value, str) and fits(folded(value), part)

        return test

    return of


def within(low: float, high: float) -> Test:
    """A number from `low` to `high`, both included."""

    def test(value: Any) -> bool:
        if isinstance(value, list):
            return any(map(test, value))
        found = number(value)
        return found is not None and low <= found <= high

    return test


def above(bound: float) -> float:
    """The least number that is more than a bound."""
    return math.nextafter(bound, math.inf)


def below(bound: float) -> float:
    """The greatest number that is less than a bound."""
    return math.nextafter(bound, -math.inf)


def is_known(wanted: bool) -> Test:
    def test(value: Any) -> bool:
        return (value is not None and value != "" and value != []) is wanted

    return test


def has(wanted: Iterable[Any], every: bool) -> Test:
    """A list has one of some values, or all of them."""
    tests = [equals(value) for value in wanted]
    return lambda value: (all if every else any)(test(value) for test in tests)


def negated(test: Test) -> Test:
    return lambda value: not test(value)


begins = text(str.startswith)
ends = text(str.endswith)
contains = text(lambda value, part: part in value)
