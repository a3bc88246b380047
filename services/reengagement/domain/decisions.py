"""What is armed for a customer, and where nothing is, why not. Decided anew from all facts at every change."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.reengagement.domain.customer import CartLeft, Customer, LastOrder, LastPurchase
from services.reengagement.domain.moments import is_reminded
from services.reengagement.domain.policies import Kind, Policies, ReplenishmentPolicy
from services.reengagement.domain.purchases import Purchase, interval, purchases_by_product
from shared.commerce import Cart, amount_of, counted, open_carts

TIMERS = {Kind.CART: "cart_idle", Kind.LAPSE: "lapse", Kind.REPLENISHMENT: "replenishment"}


class Reason(StrEnum):
    """Why no timer is armed."""

    OFF = "off"
    NEVER_BOUGHT = "never_bought"
    NOT_REGULAR = "not_regular"
    NO_CART = "no_cart"
    IMPORTED = "imported"
    REMINDED = "reminded"
    BELOW_MINIMUM = "below_minimum"
    TOO_LATE = "too_late"


_BECAUSE = {
    Reason.OFF: "the policy is off",
    Reason.NEVER_BOUGHT: "no order counts: none was placed, or all were cancelled",
    Reason.NOT_REGULAR: "no product was bought often enough to know how long it lasts",
    Reason.NO_CART: "no cart is open with something in it",
    Reason.IMPORTED: "it follows from imported history, because of which nothing is sent",
    Reason.REMINDED: "its timer has fired already",
    Reason.BELOW_MINIMUM: "the cart is worth less than the policy asks",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A timer to be armed at `due` for the identity key `subject`, if there is no `reason` against it.

    `about` is None where there is nothing to time at all.
    """

    kind: Kind
    about: CartLeft | LastOrder | LastPurchase | None = None
    due: datetime | None = None
    reason: Reason | None = None
    subject: str = ""

    @property
    def is_armed(self) -> bool:
        return self.due is not None and self.reason is None

    @property
    def timer(self) -> str:
        """The kind of timer."""
        return TIMERS[self.kind]

    @property
    def data(self) -> dict[str, Any]:
        """What the timer carries, as JSON values."""
        return _plain(self.about)

    @property
    def detail(self) -> str:
        """The reason as a sentence for people; empty where the timer is armed."""
        if self.reason is Reason.TOO_LATE and self.due and self.about:
            return (
                f"{self.timer}: due {self.due.date()} is too far in the past; it would have been of use until "
                f"{self.about.expires_at.date()}"
            )
        return f"{self.timer}: {_BECAUSE[self.reason]}" if self.reason else ""


def decide(customer: Customer, policies: Policies, now: datetime) -> list[Decision]:
    """Everything that a customer could be reminded of, each with its due time or the reason why not."""
    return [
        *_carts(customer, policies, now),
        _lapse(customer, policies, now),
        *_replenishments(customer, policies, now),
    ]


def _carts(customer: Customer, policies: Policies, now: datetime) -> Iterator[Decision]:
    standing = open_carts(customer.carts, customer.orders)
    if not standing:
        yield Decision(Kind.CART, reason=Reason.NO_CART)
    for cart in standing.values():
        left_at = cart.last_activity
        if left_at is None:
            continue
        due = left_at + policies.cart.delay
        about = _left(cart, left_at, due + policies.cart.expires_after)
        reason = _against_cart(customer, about, policies) or (Reason.TOO_LATE if about.expires_at < now else None)
        yield Decision(Kind.CART, about, due, reason, _toucher(customer, cart.cart_id))


def _against_cart(customer: Customer, left: CartLeft, policies: Policies) -> Reason | None:
    if not policies.cart.enabled:
        return Reason.OFF
    touch = customer.touched.get(left.cart_id)
    if touch is None or touch.at != left.abandoned_at:
        return Reason.IMPORTED
    if is_reminded(customer, left, policies.cart):
        return Reason.REMINDED
    return None if policies.cart.is_worthwhile(left.amount, left.currency) else Reason.BELOW_MINIMUM


def _toucher(customer: Customer, cart_id: str) -> str:
    return customer.touched[cart_id].by if cart_id in customer.touched else ""


def _left(cart: Cart, left_at: datetime, expires_at: datetime) -> CartLeft:
    checkout, lines = cart.checkout, cart.lines()
    return CartLeft(
        cart_id=cart.cart_id,
        abandoned_at=left_at,
        expires_at=expires_at,
        products=lines,
        amount=amount_of(lines),
        currency=cart.currency,
        checkout_id=checkout.checkout_id if checkout else None,
        order_id=checkout.order_id if checkout else None,
    )


def _lapse(customer: Customer, policies: Policies, now: datetime) -> Decision:
    orders = counted(customer.orders)
    last = orders[-1] if orders else None
    if last is None or last.placed_at is None:
        return Decision(Kind.LAPSE, reason=Reason.NEVER_BOUGHT)
    due = last.placed_at + policies.lapse.delay
    about = LastOrder(order_id=last.order_id, last_order_at=last.placed_at, expires_at=due + policies.lapse.expires_after)
    against = {
        Reason.OFF: not policies.lapse.enabled,
        Reason.IMPORTED: last.backfill,
        Reason.REMINDED: about.key in customer.lapse_reminders,
        Reason.TOO_LATE: about.expires_at < now,
    }
    return Decision(Kind.LAPSE, about, due, _first(against), customer.placed_by[last.order_id])


def _replenishments(customer: Customer, policies: Policies, now: datetime) -> Iterator[Decision]:
    policy, regular = policies.replenishment, False
    for purchases in purchases_by_product(customer.orders).values():
        lasts = interval(purchases, policy)
        if lasts is None:
            continue
        regular = True
        about = _purchase(purchases[-1], lasts, policy)
        against = {
            Reason.OFF: not policy.enabled,
            Reason.IMPORTED: purchases[-1].order.backfill,
            Reason.REMINDED: about.key in customer.replenishment_reminders,
            Reason.TOO_LATE: about.expires_at < now,
        }
        subject = customer.placed_by[about.order_id]
        yield Decision(Kind.REPLENISHMENT, about, purchases[-1].at + lasts, _first(against), subject)
    if not regular:
        yield Decision(Kind.REPLENISHMENT, reason=Reason.NOT_REGULAR)


def _purchase(last: Purchase, lasts: timedelta, policy: ReplenishmentPolicy) -> LastPurchase:
    return LastPurchase(
        product_id=last.line.product_id,
        order_id=last.order.order_id,
        last_bought_at=last.at,
        interval_days=max(1, round(lasts / timedelta(days=1))),
        expires_at=last.at + lasts + policy.expires_after,
        name=last.line.name,
    )


def _first(against: dict[Reason, bool]) -> Reason | None:
    return next((reason for reason, holds in against.items() if holds), None)


def _plain(about: Any) -> dict[str, Any]:
    """A dataclass as JSON values; what is not known is left out."""
    values = {field.name: getattr(about, field.name) for field in fields(about)} if about else {}
    return {name: _json(value) for name, value in values.items() if value is not None}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value
