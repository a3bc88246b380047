"""What an order is, given all that was said about it.

Each kind of fact has one rule for which of several counts, and every rule picks by (time, event id), never by arrival:

- *placed*: the earliest `order_completed`. Nothing else makes an order count.
- *revised*: the latest `order_updated`; it is the content from then on.
- *cancelled*: the earliest `order_cancelled`, for good.
- *refunds*: for each `refund_id` the earliest `order_refunded`; refunds with different ids add up.

Times are compared in whole milliseconds, which is what events carry and MongoDB keeps, so that state which was stored and loaded
orders facts like state which was not. An event id stands for one content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from shared.commerce.facts import LineItem, OrderCancelled, OrderContent, OrderRefunded


class Stamped(Protocol):
    """A fact with its place in the total order: when it happened, and its event id where two happened at once."""

    @property
    def at(self) -> datetime: ...

    @property
    def event_id(self) -> str: ...


S = TypeVar("S", bound=Stamped)


class OrderStatus(StrEnum):
    UNKNOWN = "unknown"  # its order_completed was not heard yet
    PLACED = "placed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"


@dataclass(frozen=True, slots=True)
class Statement:
    """An `order_completed` or `order_updated` that was heard."""

    at: datetime
    event_id: str
    content: OrderContent
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Cancellation:
    """An `order_cancelled` that was heard."""

    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Refund:
    """An `order_refunded` that was heard."""

    at: datetime
    event_id: str
    currency: str
    amount: int | None = None
    products: tuple[LineItem, ...] = ()

    @property
    def is_whole(self) -> bool:
        """It names neither an amount nor products: all of the order goes back."""
        return self.amount is None and not self.products


@dataclass(frozen=True, slots=True)
class Order:
    """All facts about one `order_id`, and what they come to. Amounts are minor units of `currency`."""

    order_id: str
    placed: Statement | None = None
    revised: Statement | None = None
    cancelled: Cancellation | None = None
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """It was placed and not cancelled. Refunds do not undo an order: it counts with what is left of it."""
        return self.placed is not None and self.cancelled is None

    @property
    def placed_at(self) -> datetime | None:
        return self.placed.at if self.placed else None

    @property
    def backfill(self) -> bool:
        """It was placed in imported history, hence nothing is sent because of it."""
        return self.placed is not None and self.placed.backfill

    @property
    def source(self) -> str | None:
        """Name of the shop source through which it was placed; a back office that updates it later does not take it over."""
        return self.placed.content.shop_source if self.placed else None

    @property
    def channel(self) -> str | None:
        """The sales channel in which it was placed; None where that is not known."""
        return self.placed.content.channel if self.placed else None

    @property
    def content(self) -> OrderContent | None:
        """The order as it is now: its latest revision; what that leaves out of lines and ids is as placed. None until placed."""
        if self.placed is None:
            return None
        placed = self.placed.content
        if self.revised is None:
            return placed
        now = self.revised.content
        return replace(
            now,
            products=now.products or placed.products,
            cart_id=now.cart_id or placed.cart_id,
            checkout_id=now.checkout_id or placed.checkout_id,
        )

    @property
    def products(self) -> tuple[LineItem, ...]:
        return self.content.products if self.content else ()

    @property
    def currency(self) -> str | None:
        return self.content.currency if self.content else None

    @property
    def amount(self) -> int:
        """What the customer was to pay, refunds and cancellation left aside; 0 until placed."""
        return self.content.amount if self.content else 0

    @property
    def refunded(self) -> int:
        """What went back, never more than `amount`."""
        back = sum(self._worth(refund) for refund in self.refunds.values())
        return max(0, min(back, self.amount))

    @property
    def net(self) -> int:
        """What the order brought: amount less refunds, and 0 if it does not count."""
        return self.amount - self.refunded if self.counts else 0

    @property
    def status(self) -> OrderStatus:
        if self.placed is None:
            return OrderStatus.UNKNOWN
        if self.cancelled:
            return OrderStatus.CANCELLED
        if self.refunds and self.refunded >= self.amount:
            return OrderStatus.REFUNDED
        return OrderStatus.PARTLY_REFUNDED if self.refunded else OrderStatus.PLACED

    def _worth(self, refund: Refund) -> int:
        """What a refund takes off. One in another currency than the order's cannot be taken off it, unless it is whole.

        A refunded line without a price has that of the order's line.
        """
        if refund.is_whole:
            return self.amount
        if refund.currency != self.currency:
            return 0
        if refund.amount is not None:
            return max(0, refund.amount)
        bought = {line.product_id: line for line in self.products}
        lines = [line.completed_by(bought.get(line.product_id, line)) for line in refund.products]
        return sum(line.amount or 0 for line in lines)


Orders = dict[str, Order]


def place(orders: Orders, fact: OrderContent, at: datetime, event_id: str, backfill: bool = False) -> Orders:
    """Hear an `order_completed`. Like the others below it returns new orders, or the same object if the fact says nothing new."""
    return _heard(orders, Order(fact.order_id, placed=Statement(in_milliseconds(at), event_id, fact, backfill)))


def revise(orders: Orders, fact: OrderContent, at: datetime, event_id: str) -> Orders:
    """Hear an `order_updated`."""
    return _heard(orders, Order(fact.order_id, revised=Statement(in_milliseconds(at), event_id, fact)))


def cancel(orders: Orders, fact: OrderCancelled, at: datetime, event_id: str) -> Orders:
    """Hear an `order_cancelled`."""
    return _heard(orders, Order(fact.order_id, cancelled=Cancellation(in_milliseconds(at), event_id)))


def refund(orders: Orders, fact: OrderRefunded, at: datetime, event_id: str) -> Orders:
    """Hear an `order_refunded`."""
    heard = Refund(in_milliseconds(at), event_id, fact.currency, fact.amount, fact.products)
    return _heard(orders, Order(fact.order_id, refunds={fact.refund_id: heard}))


def merge_orders(left: Orders, right: Orders) -> Orders:
    """All orders of both; of an order that both know, the facts of both. Commutative, associative, idempotent."""
    return {
        order_id: _joined(left[order_id], right[order_id]) if order_id in left and order_id in right else order
        for order_id, order in {**left, **right}.items()
    }


def counted(orders: Mapping[str, Order]) -> list[Order]:
    """The orders that count, in the order in which they were placed."""
    return [order for order in in_time(orders) if order.counts]


def in_time(orders: Mapping[str, Order]) -> list[Order]:
    """The orders whose placing is known, cancelled ones included, by (placed at, order id)."""
    placed = [(order.placed.at, order.order_id, order) for order in orders.values() if order.placed]
    if len(placed) < 2:
        return [order for _, _, order in placed]
    return [order for _, _, order in sorted(placed, key=lambda entry: entry[:2])]


def spend_by_currency(orders: Mapping[str, Order]) -> dict[str, int]:
    """What the orders that count brought, in minor units, by ISO 4217 code."""
    spend: dict[str, int] = {}
    for order in counted(orders):
        if order.currency:
            spend[order.currency] = spend.get(order.currency, 0) + order.net
    return spend


def earliest(left: S | None, right: S | None) -> S | None:
    """The one that happened first; of one and none, the one."""
    if left is None or right is None:
        return left or right
    return min(left, right, key=stamp)


def latest(left: S | None, right: S | None) -> S | None:
    """The one that happened last; of one and none, the one."""
    if left is None or right is None:
        return left or right
    return max(left, right, key=stamp)


def stamp(fact: Stamped) -> tuple[datetime, str]:
    """Where a fact stands in the total order of facts."""
    return fact.at, fact.event_id


def in_milliseconds(at: datetime) -> datetime:
    """The time without what is finer than a millisecond."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _heard(orders: Orders, fact: Order) -> Orders:
    known = orders.get(fact.order_id)
    order = _joined(known, fact) if known else fact
    return orders if order == known else {**orders, fact.order_id: order}


def _joined(left: Order, right: Order) -> Order:
    refunds = dict(left.refunds)
    for refund_id, other in right.refunds.items():
        refunds[refund_id] = min(refunds.get(refund_id, other), other, key=stamp)
    return Order(
        left.order_id,
        placed=earliest(left.placed, right.placed),
        revised=latest(left.revised, right.revised),
        cancelled=earliest(left.cancelled, right.cancelled),
        refunds=refunds,
    )
