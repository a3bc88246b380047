"""One order that was reported under several identity keys: whoever they are, they bought the same thing.

Each pair of keys is stated once, as of the moment when both had reported the order. Ids that very many keys report, such as the numbers of
receipts that start again every day, tell nothing: of those the earliest keys are remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations

from services.profiles.domain.identity.evidence import Stamp

MOST_HOLDERS = 20


@dataclass(frozen=True, slots=True)
class Holders:
    """The keys under which an order was reported, each with the first event that did so."""

    order_id: str = ""
    first: dict[str, Stamp] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """Two keys that reported the same order, the earlier one first; `at` and `event_id` of the later one's first report."""

    identity_keys: tuple[str, str]
    stamp: Stamp


def hold(holders: Holders, order_id: str, key: str, stamp: Stamp) -> Holders:
    """Hear that an order was reported under a key. Returns the same object where that is known."""
    if key in holders.first and holders.first[key] <= stamp:
        return holders
    first = {**holders.first, key: stamp}
    kept = sorted(first, key=lambda one: (first[one], one))[:MOST_HOLDERS]
    if len(kept) < len(first) and key not in kept:
        return holders
    return replace(holders, order_id=order_id, first={one: first[one] for one in kept})


def merge_holders(left: Holders, right: Holders) -> Holders:
    """What both heard of one order."""
    merged = left
    for key, stamp in right.first.items():
        merged = hold(merged, right.order_id, key, stamp)
    return merged


def match_stamp(order_id: str, at: datetime) -> Stamp:
    """Where a match stands among events. It is that of the order, since what is heard late may make another event the later report."""
    return Stamp(at, f"order:{order_id}")


def matches(holders: Holders) -> Iterator[Match]:
    """All pairs of keys that reported the order."""
    ordered = sorted(holders.first.items(), key=lambda entry: (entry[1], entry[0]))
    for (earlier, _), (later, stamp) in combinations(ordered, 2):
        yield Match((earlier, later), stamp)
