"""What came of the timers that fired, held against all that is known now."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.reengagement.domain.customer import CartLeft, Customer, LastOrder, LastPurchase, Reminder
from services.reengagement.domain.policies import CartPolicy, Policies, Policy
from services.reengagement.domain.purchases import as_of, purchases_by_product
from shared.commerce import Cart, Order, closes, counted, open_cart
from shared.commerce.orders import in_time


class Outcome(StrEnum):
    """What came of a timer that fired."""

    ANNOUNCED = "announced"
    EXPIRED = "expired"  # it fired so late, after an outage, that the word would have been of no use
    OFF = "off"  # the policy had been switched off
    OVERTAKEN = "overtaken"  # what happened before it fired became known: nothing to remind of


class CartStatus(StrEnum):
    """What became of a cart after it was announced as abandoned."""

    OPEN = "open"
    EMPTIED = "emptied"
    RECOVERED = "recovered"
    CANCELLED = "cancelled"  # bought after the reminder, and the order cancelled
    BOUGHT_BEFORE = "bought_before"  # the order had been placed already and was heard of later


@dataclass(frozen=True, slots=True)
class AbandonedCart:
    """A cart that was announced as abandoned, and the order that closed it since."""

    reminder: Reminder[CartLeft]
    status: CartStatus
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Moments:
    """All that is worth a word about a customer. What was announced once is never announced again.

    `carts` are all that were left, also those that turned out to have been bought before.
    """

    carts: tuple[AbandonedCart, ...]
    abandoned: tuple[AbandonedCart, ...]
    recovered: tuple[AbandonedCart, ...]
    lapsed: tuple[Reminder[LastOrder], ...]
    due: tuple[Reminder[LastPurchase], ...]


def moments(customer: Customer, policies: Policies) -> Moments:
    """What the timers that fired come to."""
    abandoned = abandoned_carts(customer, policies)
    return Moments(
        tuple(abandoned),
        tuple(cart for cart in abandoned if cart.status is not CartStatus.BOUGHT_BEFORE),
        _recovered(abandoned),
        tuple(each for each in customer.lapse_reminders.values() if lapse_outcome(customer, each, policies) is Outcome.ANNOUNCED),
        tuple(
            each
            for each in customer.replenishment_reminders.values()
            if replenishment_outcome(customer, each, policies) is Outcome.ANNOUNCED
        ),
    )


def abandoned_carts(customer: Customer, policies: Policies) -> list[AbandonedCart]:
    """Every cart whose timer fired in time, while the policy was on, with what became of it."""
    spoken = [reminder for reminder in customer.cart_reminders.values() if _silence(reminder, policies.cart) is None]
    return [_status(customer, reminder) for reminder in spoken]


def cart_outcome(customer: Customer, reminder: Reminder[CartLeft], policies: Policies) -> Outcome:
    overtaken = _status(customer, reminder).status is CartStatus.BOUGHT_BEFORE
    return _silence(reminder, policies.cart) or (Outcome.OVERTAKEN if overtaken else Outcome.ANNOUNCED)


def lapse_outcome(customer: Customer, reminder: Reminder[LastOrder], policies: Policies) -> Outcome:
    """Overtaken where the order was not the last one when the timer fired."""
    then = counted(as_of(customer.orders, reminder.fired_at))
    still_last = bool(then) and then[-1].order_id == reminder.about.order_id
    return _silence(reminder, policies.lapse) or (Outcome.ANNOUNCED if still_last else Outcome.OVERTAKEN)


def replenishment_outcome(customer: Customer, reminder: Reminder[LastPurchase], policies: Policies) -> Outcome:
    """Overtaken where the purchase was not the last one of the product when the timer fired."""
    then = as_of(customer.orders, reminder.fired_at)
    purchases = purchases_by_product(then).get(reminder.about.product_id, [])
    still_last = bool(purchases) and purchases[-1].order.order_id == reminder.about.order_id
    return _silence(reminder, policies.replenishment) or (Outcome.ANNOUNCED if still_last else Outcome.OVERTAKEN)


def is_reminded(customer: Customer, left: CartLeft, policy: CartPolicy) -> bool:
    """Whether the customer was reminded of the cart since an order last closed it."""
    return any(
        reminder.about.cart_id == left.cart_id
        and not _is_due_again(reminder, left.abandoned_at, policy)
        and buying_order(customer, reminder.about) is None
        for reminder in customer.cart_reminders.values()
    )


def buying_order(customer: Customer, left: CartLeft) -> Order | None:
    """The first order that closed the cart after it was left, with what was changed in it since."""
    known = customer.carts.get(left.cart_id, Cart(left.cart_id))
    for order in in_time(customer.orders):
        if order.placed_at is not None and order.placed_at >= left.abandoned_at:
            since = known.after(left.abandoned_at).until(order.placed_at)
            if closes(order, _changed(left.as_cart(), since)):
                return order
    return None


def _changed(cart: Cart, since: Cart) -> Cart:
    return Cart(cart.cart_id, since.moves, since.seen or cart.seen, since.checkout or cart.checkout)


def _is_due_again(reminder: Reminder[CartLeft], touched_at: datetime, policy: CartPolicy) -> bool:
    return policy.again_after is not None and touched_at >= reminder.fired_at + policy.again_after


def _silence(reminder: Reminder[CartLeft] | Reminder[LastOrder] | Reminder[LastPurchase], policy: Policy) -> Outcome | None:
    """Why nothing was said when the timer fired; facts and the policy's history alone decide, so it never changes."""
    if not reminder.in_time:
        return Outcome.EXPIRED
    return None if policy.was_on(reminder.fired_at) else Outcome.OFF


def _status(customer: Customer, reminder: Reminder[CartLeft]) -> AbandonedCart:
    order = buying_order(customer, reminder.about)
    if order is None or order.placed_at is None:
        cart = customer.carts.get(reminder.about.cart_id)
        is_open = cart is not None and bool(open_cart(cart, customer.orders).lines())
        return AbandonedCart(reminder, CartStatus.OPEN if is_open else CartStatus.EMPTIED)
    if order.placed_at <= reminder.fired_at:
        return AbandonedCart(reminder, CartStatus.BOUGHT_BEFORE, order)
    return AbandonedCart(reminder, CartStatus.RECOVERED if order.counts else CartStatus.CANCELLED, order)


def _recovered(abandoned: list[AbandonedCart]) -> tuple[AbandonedCart, ...]:
    """One for each cart and order, of an order that was placed now and not in imported history."""
    found: dict[tuple[str, str], AbandonedCart] = {}
    for cart in sorted(abandoned, key=lambda each: (each.reminder.fired_at, each.reminder.subject), reverse=True):
        if cart.status is CartStatus.RECOVERED and cart.order and not cart.order.backfill:
            found[cart.reminder.about.cart_id, cart.order.order_id] = cart
    return tuple(found[key] for key in sorted(found))
