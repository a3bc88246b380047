"""What of a customer the conditions of segments read, and what of it some events changed.

An event changes little: who looked at a page did not buy, and whether somebody bought has not to be asked again. Changes are found by
identity, since folds leave alone what they do not change.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.profiles.domain.customer import Customer
from services.profiles.domain.identity.kinds import is_device

ORDERS, CONSENT, INTERESTS = "orders", "consent", "interests"


def of_event(name: str) -> str:
    return f"event/{name}"


def of_trait(name: str) -> str:
    return f"trait/{name}"


def changed(keys: Iterable[tuple[Customer, Customer]]) -> frozenset[str] | None:
    """What changed of a customer, whose identity keys are still the same: the facts of some of them as they were, and as they are.

    None where it is something that everything depends on: when they were seen first, or that they are a nameless visitor no longer.
    """
    found: set[str] = set()
    for before, now in keys:
        if (before.identity_keys, before.known, before.activity.first) != (now.identity_keys, now.known, now.activity.first):
            return None
        if before.orders is not now.orders:
            if all(map(is_device, now.identity_keys)):
                return None
            found.add(ORDERS)
        found |= _of_one_key(before, now)
    return frozenset(found)


def _of_one_key(before: Customer, now: Customer) -> set[str]:
    found = {of_trait(name) for name in _different(before.traits, now.traits)}
    found |= {of_event(name) for name in _different(before.activity.counts, now.activity.counts)}
    if before.consent is not now.consent:
        found.add(CONSENT)
    if before.signals is not now.signals:
        found.add(INTERESTS)
    return found


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    if before is now:
        return set()
    return {name for name in before.keys() | now.keys() if before.get(name) is not now.get(name)}
