"""Facts about one customer's orders, cut down to what figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from shared.commerce import LineItem, OrderContent, OrderRefunded, Orders, merge_orders

_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Sales:
    """Orders by order id."""

    orders: Orders = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """The shop's settings. `timezone` is the IANA zone in which a customer counts once an hour, day, week and month."""

    timezone: str = "UTC"


def rules_of(document: Mapping[str, Any] | None) -> Rules:
    """The rules of a settings document; the defaults where none was stored."""
    return Rules(document["timezone"]) if document else Rules()


def combine(states: Sequence[Sales]) -> Sales:
    """The orders of all identity keys of a customer; an order that came under two of them is one order."""
    return Sales(reduce(merge_orders, (state.orders for state in states), {}))


def with_orders(sales: Sales, orders: Orders) -> Sales:
    """The facts with these orders; the same object if they are the ones that were known."""
    return sales if orders is sales.orders else Sales(orders)


def slim_content(content: OrderContent) -> OrderContent:
    """An order without what no figure is made of."""
    return OrderContent(
        order_id=content.order_id,
        amount=content.amount,
        currency=content.currency,
        shop_source=content.shop_source,
        products=_slim(content.products),
        channel=content.channel,
    )


def slim_refund(refund: OrderRefunded) -> OrderRefunded:
    """A refund without what no figure is made of."""
    return OrderRefunded(
        order_id=refund.order_id,
        refund_id=refund.refund_id,
        currency=refund.currency,
        amount=refund.amount,
        products=_slim(refund.products),
    )


def _slim(lines: Sequence[LineItem]) -> tuple[LineItem, ...]:
    return tuple(
        LineItem(
            product_id=line.product_id,
            quantity=line.quantity,
            price=line.price,
            name=line.name[:_LONGEST_NAME] if line.name else None,
            category=line.category,
        )
        for line in lines
    )
