"""Who the author of a mention is to the shop: the customer behind the handle, and what they bought."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.commerce.orders import Orders, counted, in_milliseconds, merge_orders, spend_by_currency, stamp

NAMES = ("name", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class Identified:
    """Data of `customer_identified`: the names of a customer. What a shop sends that is not text is no name."""

    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """One of `NAMES` as it was stated; None took it back."""

    at: datetime
    event_id: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Customer:
    """Facts about a customer: orders by id, and the latest statement of each kind of name."""

    orders: Orders = field(default_factory=dict)
    names: dict[str, Named] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spend:
    """Money in minor units of an ISO 4217 currency."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Author:
    """The customer behind a handle. Cancelled orders do not count, and refunds are taken off `spend`."""

    customer_id: str
    name: str | None
    is_buyer: bool
    orders_count: int
    spend: tuple[Spend, ...]
    first_order_at: datetime | None
    last_order_at: datetime | None


def know_orders(customer: Customer, orders: Orders) -> Customer:
    """The customer with these orders; the same object if they are the known ones."""
    return customer if orders is customer.orders else replace(customer, orders=orders)


def know_names(customer: Customer, fact: Identified, at: datetime, event_id: str) -> Customer:
    """Hear how a shop calls the customer."""
    stated = {
        kind: Named(in_milliseconds(at), event_id, value if isinstance(value, str) else None)
        for kind, value in fact.traits.items()
        if kind in NAMES
    }
    names = _latest(customer.names, stated)
    return customer if names == customer.names else replace(customer, names=names)


def combine(customers: Sequence[Customer]) -> Customer:
    """One customer out of the facts of several identity keys. Commutative, associative, idempotent."""
    joined = Customer()
    for each in customers:
        joined = Customer(merge_orders(joined.orders, each.orders), _latest(joined.names, each.names))
    return joined


def author_of(customer_id: str, customer: Customer) -> Author:
    """What stands beside the mentions of a customer."""
    orders = counted(customer.orders)
    spend = sorted(spend_by_currency(customer.orders).items())
    return Author(
        customer_id,
        name_of(customer),
        is_buyer=bool(orders),
        orders_count=len(orders),
        spend=tuple(Spend(currency, amount) for currency, amount in spend),
        first_order_at=orders[0].placed_at if orders else None,
        last_order_at=orders[-1].placed_at if orders else None,
    )


def name_of(customer: Customer) -> str | None:
    """The full name as the shop gave it, else given and family name."""
    given = {kind: named.value for kind, named in customer.names.items() if named.value}
    parts = [given[kind] for kind in ("first_name", "last_name") if kind in given]
    return given.get("name") or " ".join(parts) or None


def _latest(left: dict[str, Named], right: dict[str, Named]) -> dict[str, Named]:
    both = {kind: max(left[kind], right[kind], key=stamp) for kind in left.keys() & right.keys()}
    return {**left, **right, **both}
