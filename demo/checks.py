"""Comparisons of what a service says with what the file says."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """Something compared. `found` is said where both agree; `differences` are sentences, none where both agree."""

    what: str
    found: str
    differences: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.differences


def compare(what: str, expected: V, found: V, shown: Callable[[V], str] = str) -> Check:
    """One figure."""
    if expected == found:
        return Check(what, shown(found))
    return Check(what, shown(found), (f"the file says {shown(expected)}, the service says {shown(found)}",))


def compare_each(what: str, expected: Mapping[K, V], found: Mapping[K, V], shown: Callable[[V | None], str] = str) -> Check:
    """A figure for each of many, which must be the same ones; of differences the first few are told."""
    wrong = [key for key in expected if found.get(key) != expected[key]] + [key for key in found if key not in expected]
    if not wrong:
        return Check(what, f"all {len(expected):,}")
    told = [f"{key}: the file says {shown(expected.get(key))}, the service says {shown(found.get(key))}" for key in wrong]
    more = [f"and {len(wrong) - _EXAMPLES:,} more"] if len(wrong) > _EXAMPLES else []
    return Check(what, f"{len(expected) - len(wrong):,} of {len(expected):,}", (*told[:_EXAMPLES], *more))


def gathered(what: str, checks: Sequence[Check]) -> list[Check]:
    """Many comparisons as one line while all of them hold; else those that do not."""
    wrong = [check for check in checks if not check.holds]
    return wrong or [Check(what, f"all {len(checks):,}")]


def dollars(cents: int | None) -> str:
    """Cents as people read them."""
    return "nothing" if cents is None else f"${cents / 100:,.2f}"


def count(number: int | None) -> str:
    """A number as people read it."""
    return "nothing" if number is None else f"{number:,}"
