"""The re-engagement worker: facts about carts and orders in, timers and the moments worth a word out."""

from datetime import datetime

from services.reengagement.consequences import Whom, abandoned_row, announcements, timer
from services.reengagement.domain import customer as rules
from services.reengagement.domain.customer import CartLeft, Customer, Heard, LastOrder, LastPurchase, Reminder
from services.reengagement.domain.decisions import decide
from services.reengagement.domain.moments import moments
from services.reengagement.domain.policies import Policies
from services.reengagement.storage import CUSTOMERS
from shared import events
from shared.commerce import (
    CartMoved,
    CartViewed,
    CheckoutStarted,
    OrderCancelled,
    OrderContent,
    OrderRefunded,
    add_to_cart,
    cancel,
    refund,
    remove_from_cart,
    revise,
    start_checkout,
    view_cart,
)
from shared.consume import Inbox
from shared.envelope import Event
from shared.handlers import Consequences, fires, follows, handles
from shared.identity import strongest
from shared.outbox import Relay
from shared.permissions import PermissionChanged, contactable
from shared.timers import Timers


class Reengagement:
    """Arms and disarms timers as carts and orders change, and announces what the fired ones come to."""

    name = "reengagement"
    inbox = Inbox(CUSTOMERS)
    timers = Timers()
    relay = Relay()

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """A purchase disarms the reminder of its cart, whichever is heard first, and starts lapse and replenishment anew."""
        return rules.place_order(customer, order, _heard(event))

    @handles(events.ORDER_UPDATED, CUSTOMERS)
    def on_order_updated(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """What was really bought decides which products will run out."""
        return rules.hear_of_order(customer, revise, order, _heard(event))

    @handles(events.ORDER_CANCELLED, CUSTOMERS)
    def on_order_cancelled(self, customer: Customer, order: OrderCancelled, event: Event) -> Customer:
        """The order is no longer the last one; its cart stays closed, the customer wanted it no longer."""
        return rules.hear_of_order(customer, cancel, order, _heard(event))

    @handles(events.ORDER_REFUNDED, CUSTOMERS)
    def on_order_refunded(self, customer: Customer, order: OrderRefunded, event: Event) -> Customer:
        """What was given back will not run out."""
        return rules.hear_of_order(customer, refund, order, _heard(event))

    @handles(events.PRODUCT_ADDED, CUSTOMERS)
    @handles(events.WISHLIST_PRODUCT_ADDED_TO_CART, CUSTOMERS)
    def on_product_added(self, customer: Customer, move: CartMoved, event: Event) -> Customer:
        """The cart's reminder waits anew."""
        return rules.hear_of_cart(customer, add_to_cart, move, _heard(event))

    @handles(events.PRODUCT_REMOVED, CUSTOMERS)
    def on_product_removed(self, customer: Customer, move: CartMoved, event: Event) -> Customer:
        """The cart's reminder waits anew, or is disarmed where nothing is left."""
        return rules.hear_of_cart(customer, remove_from_cart, move, _heard(event))

    @handles(events.CART_VIEWED, CUSTOMERS)
    def on_cart_viewed(self, customer: Customer, cart: CartViewed, event: Event) -> Customer:
        """The cart's reminder waits anew, with what is in the cart now."""
        return rules.hear_of_cart(customer, view_cart, cart, _heard(event))

    @handles(events.CHECKOUT_STARTED, CUSTOMERS)
    def on_checkout_started(self, customer: Customer, checkout: CheckoutStarted, event: Event) -> Customer:
        """The cart's reminder waits anew, and the order will find the cart by the checkout's ids."""
        return rules.hear_of_cart(customer, start_checkout, checkout, _heard(event))

    @handles(events.CONTACT_PERMISSION_CHANGED, CUSTOMERS)
    def on_contact_permission_changed(self, customer: Customer, changed: PermissionChanged, event: Event) -> Customer:
        """What is announced from now on says on which channels the customer may be contacted."""
        return rules.hear_of_permission(customer, changed, _heard(event))

    @fires("cart_idle", CUSTOMERS)
    def on_cart_idle(self, customer: Customer, left: CartLeft, event: Event) -> Customer:
        """Nobody touched the cart for as long as the policy says: it is abandoned."""
        return rules.remember_cart(customer, Reminder(left, event.subject, event.time, event.received_at))

    @fires("lapse", CUSTOMERS)
    def on_lapse(self, customer: Customer, order: LastOrder, event: Event) -> Customer:
        """No order followed for as long as the policy says: the customer has lapsed."""
        return rules.remember_lapse(customer, Reminder(order, event.subject, event.time, event.received_at))

    @fires("replenishment", CUSTOMERS)
    def on_replenishment(self, customer: Customer, purchase: LastPurchase, event: Event) -> Customer:
        """The product should be used up by now."""
        return rules.remember_replenishment(customer, Reminder(purchase, event.subject, event.time, event.received_at))

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Customer, policies: Policies, now: datetime) -> Consequences:
        """The timers that should be armed, the announcements that are due, and the customer's rows among the abandoned carts."""
        if not customer.identity_keys:
            return Consequences()
        whom = Whom(customer_id, strongest(customer.identity_keys), contactable(customer.permissions))
        found = moments(customer, policies)
        return Consequences(
            timers=tuple(timer(decision) for decision in decide(customer, policies, now) if decision.is_armed),
            rows=tuple(abandoned_row(whom, cart) for cart in found.carts),
            announcements=tuple(announcements(whom, found)),
        )


def _heard(event: Event) -> Heard:
    return Heard(event.subject, event.time, event.id, event.backfill)
