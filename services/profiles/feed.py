"""What profiles tells those who keep copies of customers: that one changed, and in which sections; whoever wants the values reads them.

For each section the last look leaves a number that stands for its content. Where it is another now, the section changed. So a customer
is told of once for each batch of events that changed it, however many these are.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.lifecycle import lifecycle_of
from services.profiles.domain.rules import Rules
from services.profiles.stages import Look
from shared.events import PROFILE_CHANGED
from shared.handlers import Announcement
from shared.model import Before

_PREFIX = "section/"
_BYTES = 6  # of a number: MongoDB keeps 64 bits with a sign
_content = msgspec.json.Encoder(order="sorted")


def sections(look: Look) -> dict[str, Any]:
    """The facts behind each section of a profile."""
    customer = look.customer
    return {
        "identity": customer.identity_keys,
        "traits": customer.traits,
        "consent": (customer.consent, customer.preferences),
        "orders": customer.orders,
        "activity": (customer.activity, customer.signals),
        "stage": look.life.stage,
    }


def marks(look: Look, rules: Rules) -> Mapping[str, int]:
    """What is left for the next look; nothing where nobody wants the feed."""
    if not rules.feed.enabled:
        return {}
    return {f"{_PREFIX}{name}": _number(content) for name, content in sections(look).items()}


def changes(look: Look, left: Mapping[str, int], rules: Rules, before: Before) -> tuple[Announcement, ...]:
    """That the customer changed since the last look. Imported history is told as such."""
    keys = list(look.customer.identity_keys)
    if not keys or not left:
        return ()
    known = before.marks if left.keys() <= before.marks.keys() else _formerly(look, rules, before)
    changed = [name.removeprefix(_PREFIX) for name, number in left.items() if known.get(name) != number]
    if not changed:
        return ()
    data = {"customer_id": look.customer_id, "identity_keys": keys, "sections": changed}
    key = f"{look.customer_id}/{look.now.isoformat()}"
    return (Announcement(PROFILE_CHANGED, key, keys[0], look.now, data, before.backfill),)


def _formerly(look: Look, rules: Rules, before: Before) -> Mapping[str, int]:
    """The numbers of a customer of whom no look left them all: one of its keys is new, or the feed is."""
    former = Customer() if before.backfill else combine(list(before.formerly().values()))
    return marks(replace(look, customer=former, life=lifecycle_of(former, rules.profile.lifecycle, look.now)), rules)


def _number(content: Any) -> int:
    return int.from_bytes(hashlib.blake2b(_content.encode(content), digest_size=_BYTES).digest())
