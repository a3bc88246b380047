"""What campaigns knows of a customer: orders, and carts that were left. Every fold is a join, so the order of facts is no matter."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from services.campaigns.domain.opt_ins import (
    Asking,
    Confirmed,
    Messaged,
    OptIns,
    Outcomes,
    Requested,
    What,
    became,
    confirmed,
    joined,
    requested,
)
from shared.commerce import (
    OrderCancelled,
    OrderContent,
    OrderRefunded,
    Orders,
    cancel,
    merge_orders,
    place,
    refund,
    revise,
)
from shared.commerce.orders import in_milliseconds
from shared.permissions import PermissionChanged, Permissions, hear_permission, merge_permissions


@dataclass(frozen=True, slots=True)
class CartAbandoned:
    """Data of `cart_abandoned`; `amount` in minor units of `currency`."""

    cart_id: str
    abandoned_at: datetime
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class CartRecovered:
    """Data of `cart_recovered`."""

    cart_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The circumstances in which a fact was heard: the identity key it came with, when it happened, which event said so."""

    key: str
    at: datetime
    event_id: str
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Abandonment:
    """A cart that the customer last touched at `abandoned_at` and that was reported as left at `reported_at`."""

    cart_id: str
    abandoned_at: datetime
    reported_at: datetime
    event_id: str
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """A cart that an order ended after it had been left."""

    cart_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """Facts of one customer. Carts that were left are keyed by moment and cart, recoveries by event id."""

    identity_keys: tuple[str, ...] = ()
    orders: Orders = field(default_factory=dict)
    abandoned: dict[str, Abandonment] = field(default_factory=dict)
    recovered: dict[str, Recovery] = field(default_factory=dict)
    permissions: Permissions = field(default_factory=dict)
    opt_ins: OptIns = field(default_factory=dict)
    outcomes: Outcomes = field(default_factory=dict)

    @property
    def asking(self) -> Asking:
        """What of it waits to be confirmed."""
        return Asking(self.opt_ins, self.outcomes, self.permissions)


def know_key(customer: Customer, key: str) -> Customer:
    """Hear of an identity key. Like the others it returns the same object if that is nothing new."""
    if key in customer.identity_keys:
        return customer
    return replace(customer, identity_keys=tuple(sorted({*customer.identity_keys, key})))


def order_placed(customer: Customer, order: OrderContent, heard: Heard) -> Customer:
    return _with_orders(customer, place(customer.orders, order, heard.at, heard.event_id, heard.backfill), heard)


def order_revised(customer: Customer, order: OrderContent, heard: Heard) -> Customer:
    return _with_orders(customer, revise(customer.orders, order, heard.at, heard.event_id), heard)


def order_cancelled(customer: Customer, cancelled: OrderCancelled, heard: Heard) -> Customer:
    return _with_orders(customer, cancel(customer.orders, cancelled, heard.at, heard.event_id), heard)


def order_refunded(customer: Customer, refunded: OrderRefunded, heard: Heard) -> Customer:
    return _with_orders(customer, refund(customer.orders, refunded, heard.at, heard.event_id), heard)


def cart_abandoned(customer: Customer, cart: CartAbandoned, heard: Heard) -> Customer:
    """Hear that a cart was left. The same cart left at the same moment is one fact; the earliest report of it counts."""
    left_at = in_milliseconds(cart.abandoned_at)
    new = Abandonment(cart.cart_id, left_at, in_milliseconds(heard.at), heard.event_id, cart.amount, cart.currency)
    abandoned = _merge_abandoned(customer.abandoned, {f"{left_at.isoformat()}/{cart.cart_id}": new})
    customer = know_key(customer, heard.key)
    return customer if abandoned == customer.abandoned else replace(customer, abandoned=abandoned)


def cart_recovered(customer: Customer, cart: CartRecovered, heard: Heard) -> Customer:
    """Hear that an order ended a cart which had been left; it counts against every time that cart was left before."""
    customer = know_key(customer, heard.key)
    if heard.event_id in customer.recovered:
        return customer
    recovery = Recovery(cart.cart_id, in_milliseconds(heard.at))
    return replace(customer, recovered={**customer.recovered, heard.event_id: recovery})


def permission_changed(customer: Customer, changed: PermissionChanged, heard: Heard) -> Customer:
    """Hear what an identity key of the customer allows."""
    permissions = hear_permission(customer.permissions, changed, heard.at, heard.backfill)
    customer = know_key(customer, heard.key)
    return customer if permissions is customer.permissions else replace(customer, permissions=permissions)


def opt_in_requested(customer: Customer, asked: Requested, message_id: str, heard: Heard) -> Customer:
    """Hear that a grant has to be confirmed."""
    opt_ins = requested(customer.opt_ins, message_id, asked, heard.key)
    customer = know_key(customer, heard.key)
    return customer if opt_ins is customer.opt_ins else replace(customer, opt_ins=opt_ins)


def opt_in_confirmed(customer: Customer, told: Confirmed, heard: Heard) -> Customer:
    """Hear that a grant was confirmed."""
    outcomes = confirmed(customer.outcomes, told, heard.at)
    customer = know_key(customer, heard.key)
    return customer if outcomes is customer.outcomes else replace(customer, outcomes=outcomes)


def message_became(customer: Customer, told: Messaged, what: What, heard: Heard) -> Customer:
    """Hear what became of a message that asks for a confirmation."""
    outcomes = became(customer.outcomes, told, what, heard.at)
    customer = know_key(customer, heard.key)
    return customer if outcomes is customer.outcomes else replace(customer, outcomes=outcomes)


def combine(states: Sequence[Customer]) -> Customer:
    """The facts of several identity keys as those of one customer."""
    return Customer(
        identity_keys=tuple(sorted({key for state in states for key in state.identity_keys})),
        orders=reduce(merge_orders, [state.orders for state in states]),
        abandoned=reduce(_merge_abandoned, [state.abandoned for state in states]),
        recovered={event_id: recovery for state in states for event_id, recovery in state.recovered.items()},
        permissions=reduce(merge_permissions, [state.permissions for state in states]),
        opt_ins=joined(state.opt_ins for state in states),
        outcomes=joined(state.outcomes for state in states),
    )


def _with_orders(customer: Customer, orders: Orders, heard: Heard) -> Customer:
    customer = know_key(customer, heard.key)
    return customer if orders is customer.orders else replace(customer, orders=orders)


def _merge_abandoned(left: dict[str, Abandonment], right: dict[str, Abandonment]) -> dict[str, Abandonment]:
    merged = {**left, **right}
    for key in left.keys() & right.keys():
        merged[key] = min(left[key], right[key], key=lambda one: (one.reported_at, one.event_id))
    return merged
