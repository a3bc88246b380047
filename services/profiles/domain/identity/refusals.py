"""Links between keys that a guard rail refused, for a person to look at."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MOST_REFUSALS = 20  # remembered of one key, those that happened first


class Rule(StrEnum):
    KEPT_APART = "kept_apart"  # somebody decided that they are two
    TOO_MANY_OF_KIND = "too_many_of_kind"  # a customer would have more keys of a kind than the rules allow
    TOO_MANY_KEYS = "too_many_keys"  # a customer would have more keys in all than the rules allow


@dataclass(frozen=True, slots=True)
class Broken:
    """The rule that a link would break, and for which kind of keys."""

    rule: Rule
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The key that was dropped, the one that it would have joined, and the event in which both were named."""

    rule: Rule
    kind: str | None
    key: str
    kept_key: str
    at: datetime
    event_id: str


def bounded(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """The first refusal of each key that was kept, in the order of happening, as many as are remembered."""
    ordered = sorted(refusals, key=lambda one: (one.at, one.event_id, one.kept_key, one.rule))
    first: dict[str, Refusal] = {}
    for refusal in ordered:
        first.setdefault(refusal.kept_key, refusal)
    return tuple(first.values())[:MOST_REFUSALS]
