"""What is known of a customer for timing. Every fold is a join: order and repetition of the facts do not matter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial, reduce
from typing import Generic, Protocol, TypeVar

from shared.commerce import (
    UNNAMED_CART,
    Cart,
    Carts,
    Checkout,
    LineItem,
    OrderContent,
    Orders,
    Snapshot,
    merge_carts,
    merge_orders,
    place,
)
from shared.commerce.orders import in_milliseconds
from shared.permissions import PermissionChanged, Permissions, hear_permission, merge_permissions


@dataclass(frozen=True, slots=True)
class Heard:
    """The circumstances of a fact: the identity key that it came with, when it happened, and whether it is imported history."""

    subject: str
    at: datetime
    event_id: str
    backfill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLeft:
    """A cart as the customer left it, which its timer carries. `checkout_id` and `order_id` are those of the checkout."""

    cart_id: str
    abandoned_at: datetime
    expires_at: datetime
    products: tuple[LineItem, ...]
    amount: int | None = None
    currency: str | None = None
    checkout_id: str | None = None
    order_id: str | None = None

    @property
    def key(self) -> str:
        return f"{self.cart_id}@{self.abandoned_at.isoformat()}"

    def as_cart(self) -> Cart:
        """The cart again, to hold orders against it."""
        seen = Snapshot(self.abandoned_at, "", self.products, self.currency)
        return Cart(self.cart_id, seen=seen, checkout=Checkout(self.abandoned_at, "", self.checkout_id, self.order_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class LastOrder:
    """The order after which a customer has been silent."""

    order_id: str
    last_order_at: datetime
    expires_at: datetime

    @property
    def key(self) -> str:
        return self.order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPurchase:
    """The last purchase of a product that is bought again and again."""

    product_id: str
    order_id: str
    last_bought_at: datetime
    interval_days: int
    expires_at: datetime
    name: str | None = None

    @property
    def key(self) -> str:
        return f"{self.order_id}/{self.product_id}"


class About(Protocol):
    """What a timer is about. `key` tells one reminder of a kind from another: the same is never given twice."""

    @property
    def key(self) -> str: ...

    @property
    def expires_at(self) -> datetime: ...


A = TypeVar("A", bound=About)
F = TypeVar("F")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Reminder(Generic[A]):
    """A timer that fired: the fact that the moment came. `subject` is the identity key that it was armed for."""

    about: A
    subject: str
    due: datetime
    fired_at: datetime

    @property
    def in_time(self) -> bool:
        return self.fired_at <= self.about.expires_at


Reminders = dict[str, Reminder[A]]


class OfCart(Protocol):
    """A fact about a cart."""

    @property
    def cart_id(self) -> str | None: ...


C = TypeVar("C", bound=OfCart)


@dataclass(frozen=True, slots=True)
class Touch:
    """When a cart was last touched, and by which identity key."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Facts about a customer. `touched` says of each cart when it was last touched live, imported history left aside.

    `placed_by` is the identity key that placed each order. Timers are armed for the key that their cart or order came with, so that
    reminders lie beside them and stay with them when a merge of customers is undone. Reminders are keyed by what they are about.
    """

    identity_keys: tuple[str, ...] = ()
    orders: Orders = field(default_factory=dict)
    carts: Carts = field(default_factory=dict)
    touched: dict[str, Touch] = field(default_factory=dict)
    placed_by: dict[str, str] = field(default_factory=dict)
    cart_reminders: dict[str, Reminder[CartLeft]] = field(default_factory=dict)
    lapse_reminders: dict[str, Reminder[LastOrder]] = field(default_factory=dict)
    replenishment_reminders: dict[str, Reminder[LastPurchase]] = field(default_factory=dict)
    permissions: Permissions = field(default_factory=dict)


def combine(customers: Sequence[Customer]) -> Customer:
    """One customer out of the facts of several identity keys."""
    return reduce(_joined, customers, Customer())


def place_order(customer: Customer, order: OrderContent, heard: Heard) -> Customer:
    """Take in that an order was placed, and by whom."""
    customer = hear_of_order(customer, partial(place, backfill=heard.backfill), order, heard)
    if order.order_id in customer.placed_by:
        return customer
    return replace(customer, placed_by={**customer.placed_by, order.order_id: heard.subject})


def hear_of_order(customer: Customer, fold: Callable[[Orders, F, datetime, str], Orders], fact: F, heard: Heard) -> Customer:
    """Take in a fact about an order with the fold of `shared.commerce` that is made for it."""
    orders = fold(customer.orders, fact, heard.at, heard.event_id)
    return _known(customer if orders is customer.orders else replace(customer, orders=orders), heard.subject)


def hear_of_cart(customer: Customer, fold: Callable[[Carts, C, datetime, str], Carts], fact: C, heard: Heard) -> Customer:
    """Take in a fact about a cart, and whether the customer touched the cart now or history says so."""
    carts = fold(customer.carts, fact, heard.at, heard.event_id)
    touched = customer.touched if heard.backfill else _latest(customer.touched, fact.cart_id or UNNAMED_CART, heard)
    if carts is not customer.carts or touched is not customer.touched:
        customer = replace(customer, carts=carts, touched=touched)
    return _known(customer, heard.subject)


def hear_of_permission(customer: Customer, changed: PermissionChanged, heard: Heard) -> Customer:
    """Take in what an identity key of the customer allows."""
    permissions = hear_permission(customer.permissions, changed, heard.at, heard.backfill)
    return _known(customer if permissions is customer.permissions else replace(customer, permissions=permissions), heard.subject)


def remember_cart(customer: Customer, reminder: Reminder[CartLeft]) -> Customer:
    """A cart was idle for as long as the policy says."""
    return replace(customer, cart_reminders=_with(customer.cart_reminders, reminder))


def remember_lapse(customer: Customer, reminder: Reminder[LastOrder]) -> Customer:
    """A customer was silent for as long as the policy says."""
    return replace(customer, lapse_reminders=_with(customer.lapse_reminders, reminder))


def remember_replenishment(customer: Customer, reminder: Reminder[LastPurchase]) -> Customer:
    """A product should be used up."""
    return replace(customer, replenishment_reminders=_with(customer.replenishment_reminders, reminder))


def _known(customer: Customer, subject: str) -> Customer:
    if subject in customer.identity_keys:
        return customer
    return replace(customer, identity_keys=tuple(sorted({*customer.identity_keys, subject})))


def _latest(touched: dict[str, Touch], cart_id: str, heard: Heard) -> dict[str, Touch]:
    touch = Touch(in_milliseconds(heard.at), heard.subject)
    return touched if cart_id in touched and touched[cart_id].at >= touch.at else {**touched, cart_id: touch}


def _with(reminders: Reminders[A], reminder: Reminder[A]) -> Reminders[A]:
    """The reminders with one more; of two about the same the one that fired first."""
    known = reminders.get(reminder.about.key, reminder)
    return {**reminders, reminder.about.key: min(known, reminder, key=lambda each: (each.fired_at, each.subject))}


def _joined(left: Customer, right: Customer) -> Customer:
    return Customer(
        tuple(sorted({*left.identity_keys, *right.identity_keys})),
        merge_orders(left.orders, right.orders),
        merge_carts(left.carts, right.carts),
        _joined_by(lambda *touches: max(touches, key=lambda touch: (touch.at, touch.by)), left.touched, right.touched),
        _joined_by(min, left.placed_by, right.placed_by),
        reduce(_with, right.cart_reminders.values(), left.cart_reminders),
        reduce(_with, right.lapse_reminders.values(), left.lapse_reminders),
        reduce(_with, right.replenishment_reminders.values(), left.replenishment_reminders),
        merge_permissions(left.permissions, right.permissions),
    )


def _joined_by(choose: Callable[[V, V], V], left: dict[str, V], right: dict[str, V]) -> dict[str, V]:
    return {**left, **{name: choose(left[name], value) if name in left else value for name, value in right.items()}}
