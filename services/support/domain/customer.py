"""What support keeps of a customer, and how two keys' facts become one customer's.

Every fold here is a join over facts that carry their time and event id, so that any order, any repetition and any grouping of identity
keys gives the same. Where only the latest facts are kept, the rule is: of each key the latest, and of these the latest `KEPT`. A fact
that was cut off stays off whatever is heard later, since what is heard later only adds later ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from shared.commerce.carts import Carts, merge_carts
from shared.commerce.orders import Orders, Stamped, in_milliseconds, merge_orders, stamp

KEPT = 50  # messages of each step, mentions and left carts kept for each identity key

S = TypeVar("S", bound=Stamped)

# What an agent needs to address and reach a customer; other traits are the profile's affair.
CARD = frozenset(
    {
        *("name", "first_name", "last_name", "title", "username", "email", "phone"),
        *("address", "company", "language", "locale", "timezone", "avatar"),
    }
)


class Step(StrEnum):
    """What became of a campaign's message, from least to most telling."""

    SKIPPED = "skipped"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Identified:
    """Data of `customer_identified`."""

    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Data of `mention_received`."""

    mention_id: str
    network: str
    handle: str
    text: str
    author_name: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class MessageMoved:
    """Data of `message_sent`, `message_opened` and the like. `reason` says why it was skipped or bounced."""

    message_id: str
    campaign_id: str
    channel: str
    subject: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CartLeft:
    """Data of `cart_abandoned`: the cart was last touched at `abandoned_at`."""

    cart_id: str
    abandoned_at: datetime


@dataclass(frozen=True, slots=True)
class Trait:
    at: datetime
    event_id: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Mention:
    at: datetime
    event_id: str
    mention_id: str
    network: str
    handle: str
    text: str
    author_name: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class MessageStep:
    at: datetime
    event_id: str
    message_id: str
    campaign_id: str
    channel: str
    subject: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LeftCart:
    at: datetime
    event_id: str
    cart_id: str
    abandoned_at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """Facts about a customer. `messages` maps a step to the messages that took it, by message id; the others are keyed by id."""

    orders: Orders = field(default_factory=dict)
    carts: Carts = field(default_factory=dict)
    traits: dict[str, Trait] = field(default_factory=dict)
    mentions: dict[str, Mention] = field(default_factory=dict)
    messages: dict[str, dict[str, MessageStep]] = field(default_factory=dict)
    left_carts: dict[str, LeftCart] = field(default_factory=dict)


def know_orders(customer: Customer, orders: Orders) -> Customer:
    """The customer with these orders; the same object if they are the known ones."""
    return customer if orders is customer.orders else replace(customer, orders=orders)


def know_carts(customer: Customer, carts: Carts) -> Customer:
    """The customer with these carts; the same object if they are the known ones."""
    return customer if carts is customer.carts else replace(customer, carts=carts)


def know_traits(customer: Customer, fact: Identified, at: datetime, event_id: str) -> Customer:
    """Hear what a shop says of the customer. A trait that is null was taken back; one that is not named stays as it is."""
    stated = {name: Trait(in_milliseconds(at), event_id, value) for name, value in fact.traits.items() if name in CARD}
    traits = latest_of_each(customer.traits, stated)
    return customer if traits == customer.traits else replace(customer, traits=traits)


def hear_mention(customer: Customer, fact: Mentioned, at: datetime, event_id: str) -> Customer:
    """Hear what somebody wrote about the shop."""
    mention = Mention(
        in_milliseconds(at), event_id, fact.mention_id, fact.network, fact.handle, fact.text, fact.author_name, fact.url
    )
    mentions = latest_of_each(customer.mentions, {fact.mention_id: mention}, KEPT)
    return customer if mentions == customer.mentions else replace(customer, mentions=mentions)


def follow_message(customer: Customer, step: Step, fact: MessageMoved, at: datetime, event_id: str) -> Customer:
    """Hear what became of a campaign's message, in whatever order its steps are heard."""
    moved = MessageStep(in_milliseconds(at), event_id, fact.message_id, fact.campaign_id, fact.channel, fact.subject, fact.reason)
    known = customer.messages.get(step, {})
    heard = latest_of_each(known, {fact.message_id: moved}, KEPT)
    return customer if heard == known else replace(customer, messages={**customer.messages, str(step): heard})


def leave_cart(customer: Customer, fact: CartLeft, at: datetime, event_id: str) -> Customer:
    """Hear that a cart was left. Whether it still is shows only beside the cart itself."""
    left = LeftCart(in_milliseconds(at), event_id, fact.cart_id, in_milliseconds(fact.abandoned_at))
    carts = latest_of_each(customer.left_carts, {fact.cart_id: left}, KEPT)
    return customer if carts == customer.left_carts else replace(customer, left_carts=carts)


def combine(customers: Sequence[Customer]) -> Customer:
    """One customer out of the facts of several identity keys. Commutative, associative, idempotent."""
    joined = Customer()
    for each in customers:
        joined = Customer(
            merge_orders(joined.orders, each.orders),
            merge_carts(joined.carts, each.carts),
            latest_of_each(joined.traits, each.traits),
            latest_of_each(joined.mentions, each.mentions, KEPT),
            {
                step: latest_of_each(joined.messages.get(step, {}), each.messages.get(step, {}), KEPT)
                for step in joined.messages.keys() | each.messages.keys()
            },
            latest_of_each(joined.left_carts, each.left_carts, KEPT),
        )
    return joined


def latest_of_each(left: Mapping[str, S], right: Mapping[str, S], most: int | None = None) -> dict[str, S]:
    """Of each key the latest fact, and of these the latest `most`; all of them for None."""
    joined = dict(left)
    for key, fact in right.items():
        joined[key] = max(joined.get(key, fact), fact, key=stamp)
    if most is None or len(joined) <= most:
        return joined
    kept = sorted(joined, key=lambda key: stamp(joined[key]))[-most:]
    return {key: joined[key] for key in kept}
