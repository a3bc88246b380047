"""What stands beside a ticket: the customer as an agent should see them, made of the facts at the moment of asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.support.domain.customer import Customer, Mention, MessageStep, Step
from shared.commerce.carts import Cart, open_carts
from shared.commerce.facts import LineItem
from shared.commerce.orders import Order, counted, in_time, spend_by_currency

_DIRECTLY_REACHABLE = ("email", "phone")


@dataclass(frozen=True, slots=True)
class Spend:
    """Money in minor units of an ISO 4217 currency."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund of an order. `amount` None is worth the products that it names, or with `is_whole` all of the order."""

    refund_id: str
    at: datetime
    currency: str
    amount: int | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order as it is now. `amount` is what was to be paid, `refunded` what of it went back, `net` what the order brought."""

    order_id: str
    status: str
    placed_at: datetime | None
    updated_at: datetime | None
    cancelled_at: datetime | None
    source: str | None
    coupon: str | None
    currency: str | None
    amount: int
    refunded: int
    net: int
    products: tuple[LineItem, ...]
    refunds: tuple[SeenRefund, ...]


@dataclass(frozen=True, slots=True)
class OpenCart:
    """A cart that stands open. `abandoned_at` is set while nobody has touched it since it was found abandoned."""

    cart_id: str
    last_activity: datetime | None
    currency: str | None
    amount: int | None
    products: tuple[LineItem, ...]
    abandoned_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketWords:
    """The last words written in a ticket for the other side to read."""

    at: datetime
    ticket_id: str
    number: int
    channel: str
    author: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said between the shop and the customer.

    `kind` is campaign, mention or ticket, `direction` in (by the customer) or out, `id` that of the message, mention or ticket. `status`
    is the most telling step of a campaign's message, `reason` why it was skipped or bounced.
    """

    at: datetime
    kind: str
    direction: str
    channel: str
    id: str
    subject: str | None = None
    text: str | None = None
    status: str | None = None
    reason: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A customer at a glance. `orders` are the newest of `orders_placed`; `orders_count` leaves out the cancelled ones."""

    name: str | None
    contact: dict[str, Any]
    orders_count: int
    orders_placed: int
    first_order_at: datetime | None
    last_order_at: datetime | None
    spend: tuple[Spend, ...]
    orders: tuple[SeenOrder, ...]
    open_cart: OpenCart | None
    other_carts: tuple[OpenCart, ...]
    messages: tuple[Message, ...]
    mentions: tuple[Mention, ...]


def context_of(customer: Customer, identity_keys: Sequence[str], words: Sequence[TicketWords], most: int) -> Context:
    """The customer with up to `most` orders, messages and mentions, newest first."""
    counting = counted(customer.orders)
    placed = in_time(customer.orders)
    carts = _carts(customer)
    spend = sorted(spend_by_currency(customer.orders).items())
    return Context(
        name=name_of(customer),
        contact=_contact(customer, identity_keys),
        orders_count=len(counting),
        orders_placed=len(placed),
        first_order_at=counting[0].placed_at if counting else None,
        last_order_at=counting[-1].placed_at if counting else None,
        spend=tuple(Spend(currency, amount) for currency, amount in spend),
        orders=tuple(map(_order, reversed(placed[-most:]))),
        open_cart=carts[0] if carts else None,
        other_carts=tuple(carts[1:]),
        messages=_messages(customer, words)[:most],
        mentions=tuple(sorted(customer.mentions.values(), key=lambda m: (m.at, m.event_id), reverse=True)[:most]),
    )


def name_of(customer: Customer) -> str | None:
    """How to address the customer: the full name as the shop gave it, else given and family name."""
    whole = _text(customer, "name")
    if whole:
        return whole
    parts = [part for part in (_text(customer, "first_name"), _text(customer, "last_name")) if part]
    return " ".join(parts) or None


def _order(order: Order) -> SeenOrder:
    refunds = sorted(order.refunds.items(), key=lambda item: (item[1].at, item[0]))
    return SeenOrder(
        order.order_id,
        order.status.value,
        placed_at=order.placed_at,
        updated_at=order.revised.at if order.revised else None,
        cancelled_at=order.cancelled.at if order.cancelled else None,
        source=order.source,
        coupon=order.content.coupon if order.content else None,
        currency=order.currency,
        amount=order.amount,
        refunded=order.refunded,
        net=order.net,
        products=order.products,
        refunds=tuple(SeenRefund(refund_id, r.at, r.currency, r.amount, r.is_whole) for refund_id, r in refunds),
    )


def _text(customer: Customer, trait: str) -> str | None:
    value = customer.traits[trait].value if trait in customer.traits else None
    return value if isinstance(value, str) and value else None


def _contact(customer: Customer, identity_keys: Sequence[str]) -> dict[str, Any]:
    """The traits that are set. Who never said an e-mail address or phone number may have written from one."""
    contact = {name: trait.value for name, trait in sorted(customer.traits.items()) if trait.value is not None}
    for kind in _DIRECTLY_REACHABLE:
        known = sorted(key.partition(":")[2] for key in identity_keys if key.startswith(f"{kind}:"))
        if known:
            contact.setdefault(kind, known[0])
    return contact


def _carts(customer: Customer) -> list[OpenCart]:
    """The carts that stand open, the one touched last before the others."""
    standing = open_carts(customer.carts, customer.orders).values()
    newest = sorted(standing, key=lambda cart: (str(cart.last_activity), cart.cart_id), reverse=True)
    return [_cart(customer, cart) for cart in newest]


def _cart(customer: Customer, cart: Cart) -> OpenCart:
    left = customer.left_carts.get(cart.cart_id)
    touched = cart.last_activity
    still_left = left.abandoned_at if left and touched and left.abandoned_at >= touched else None
    return OpenCart(cart.cart_id, touched, cart.currency, cart.amount, cart.lines(), still_left)


def _messages(customer: Customer, words: Sequence[TicketWords]) -> tuple[Message, ...]:
    said = [*_campaign_messages(customer), *map(_mentioned, customer.mentions.values()), *map(_written, words)]
    return tuple(sorted(said, key=lambda message: (message.at, message.id), reverse=True))


def _campaign_messages(customer: Customer) -> list[Message]:
    """One entry for each message, dated when it was sent or, while that was not heard, when it was first heard of."""
    steps: dict[str, dict[Step, MessageStep]] = {}
    for step in Step:
        for message_id, moved in customer.messages.get(step, {}).items():
            steps.setdefault(message_id, {})[step] = moved
    return [_campaign_message(taken) for taken in steps.values()]


def _campaign_message(taken: dict[Step, MessageStep]) -> Message:
    status = list(taken)[-1]  # steps are gathered from least to most telling
    first = taken.get(Step.SENT) or min(taken.values(), key=lambda moved: (moved.at, moved.event_id))
    reason = taken[status].reason
    return Message(first.at, "campaign", "out", first.channel, first.message_id, first.subject, status=status, reason=reason)


def _mentioned(mention: Mention) -> Message:
    return Message(mention.at, "mention", "in", mention.network, mention.mention_id, text=mention.text, url=mention.url)


def _written(words: TicketWords) -> Message:
    direction = "in" if words.author == "customer" else "out"
    return Message(words.at, "ticket", direction, words.channel, words.ticket_id, words.subject, words.text)
