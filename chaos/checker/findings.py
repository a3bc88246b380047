"""How what is wrong is put into words: a rule, how much of it, and a few examples."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from chaos.checker.evidence import Finding

_SHOWN = 3
K = TypeVar("K")
V = TypeVar("V")


def named(rule: str, culprits: Iterable[str]) -> Iterator[Finding]:
    """One finding that names some of the culprits; none where there are none."""
    found = sorted(culprits)
    if found:
        yield Finding(rule, f"{len(found)}: {', '.join(found[:_SHOWN])}{', …' if len(found) > _SHOWN else ''}")


def compared(rule: str, expected: Mapping[K, V], found: Mapping[K, V]) -> Iterator[Finding]:
    """One finding for all keys whose values differ, where missing and nothing are the same."""
    keys = sorted((key for key in expected.keys() | found.keys() if (expected.get(key) or 0) != (found.get(key) or 0)), key=str)
    yield from named(rule, (f"{key}: {expected.get(key)} expected, {found.get(key)} found" for key in keys))
