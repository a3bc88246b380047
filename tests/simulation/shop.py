"""A small service with one of everything: facts, figures, rows, a journal, timers, announcements, merged customers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared import events
from shared.envelope import Event
from shared.handlers import Announcement, Consequences, Figure, Folded, Row, Timer, fires, follows, handles
from shared.identity import id_of
from shared.model import Model

IDLE = timedelta(seconds=3)


@dataclass(frozen=True)
class Order:
    amount: int
    cart_id: str
    key: str
    at: datetime


@dataclass(frozen=True)
class Cart:
    key: str
    touched_at: datetime
    abandoned: bool = False


@dataclass(frozen=True)
class Purchases:
    orders: Mapping[str, Order] = field(default_factory=dict)
    carts: Mapping[str, Cart] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    order_id: str
    amount: int
    cart_id: str


@dataclass(frozen=True)
class Touched:
    cart_id: str


@dataclass(frozen=True)
class Viewed:
    product_id: str


def combine(states: Sequence[Purchases]) -> Purchases:
    orders = {name: order for state in states for name, order in state.orders.items()}
    return Purchases(dict(sorted(orders.items())), {name: cart for state in states for name, cart in state.carts.items()})


CUSTOMERS = Model("customers", Purchases, combine)


class Bug:
    """What handlers stumble over: ids of orders that raise, and what happens with those that end the process."""

    poison: Collection[str] = ()

    @staticmethod
    def end_process(order_id: str) -> None:
        """Does nothing, unless a simulation puts something else here."""


class Shop:
    name = "toy"

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Purchases, order: Placed, event: Event) -> Purchases:
        """An order adds its amount, once, and closes its cart."""
        Bug.end_process(order.order_id)
        if order.order_id in Bug.poison:
            raise ZeroDivisionError("a bug in a handler")
        placed = Order(order.amount, order.cart_id, event.subject, event.time)
        return replace(customer, orders=dict(sorted({**customer.orders, order.order_id: placed}.items())))

    @handles(events.PRODUCT_ADDED, CUSTOMERS)
    def on_product_added(self, customer: Purchases, touched: Touched, event: Event) -> Purchases:
        """A cart is idle from when it was last touched."""
        known = customer.carts.get(touched.cart_id, Cart(event.subject, event.time))
        cart = replace(known, touched_at=max(known.touched_at, event.time))
        return replace(customer, carts={**customer.carts, touched.cart_id: cart})

    @handles(events.PRODUCT_VIEWED, CUSTOMERS, counts_only=True)
    def on_product_viewed(self, customer: Purchases, viewed: Viewed, event: Event) -> Folded:
        """A view is counted and noted, and changes no facts."""
        note = Row("views", event.id, {"product_id": viewed.product_id})
        return Folded(customer, journal=(note,), counts=(Figure("figures", viewed.product_id, {"views": 1}),))

    @fires("cart_idle", CUSTOMERS)
    def on_cart_idle(self, customer: Purchases, idle: Touched, event: Event) -> Purchases:
        known = customer.carts.get(idle.cart_id, Cart(event.subject, event.time - IDLE))
        return replace(customer, carts={**customer.carts, idle.cart_id: replace(known, abandoned=True)})

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Purchases, rules: None, now: datetime) -> Consequences:
        bought = {order.cart_id for order in customer.orders.values()}
        idle = {name: cart for name, cart in customer.carts.items() if name not in bought and not cart.abandoned}
        revenue = sum(order.amount for order in customer.orders.values())
        row = Row("customers_view", customer_id, {"orders": len(customer.orders), "revenue": revenue})
        return Consequences(
            timers=tuple(
                Timer("cart_idle", name, cart.key, cart.touched_at + IDLE, {"cart_id": name}) for name, cart in idle.items()
            ),
            rows=(row,) if customer.orders else (),
            figures=(Figure("figures", "all", {"orders": len(customer.orders), "revenue": revenue}),),
            announcements=(*_orders(customer), *_abandoned(customer)),
        )


def _orders(customer: Purchases) -> list[Announcement]:
    """Stands for whatever is said once of each order; the catalogue has no event of a toy."""
    return [
        _announce(events.PROFILE_CREATED, name, order.key, order.at, {"identity_keys": [order.key]})
        for name, order in customer.orders.items()
    ]


def _abandoned(customer: Purchases) -> list[Announcement]:
    """The cart's own last touch may still change, so it is not said."""
    products = [{"product_id": "p", "quantity": 1}]
    said = {"products": products, "amount": None, "currency": None, "abandoned_at": "2026-06-01T12:00:00Z"}
    return [
        _announce(
            events.CART_ABANDONED, name, cart.key, datetime.fromisoformat("2026-06-01T12:00:00+00:00"), {**said, "cart_id": name}
        )
        for name, cart in sorted(customer.carts.items())
        if cart.abandoned
    ]


def _announce(kind: Any, key: str, subject: str, at: datetime, data: Mapping[str, Any]) -> Announcement:
    return Announcement(kind, key, subject, at, {"customer_id": id_of(subject), **data})
