"""The support worker: what happens to a customer anywhere stands beside their tickets."""

from services.support.domain import customer as rules
from services.support.domain.customer import CartLeft, Customer, Identified, Mentioned, MessageMoved, Step
from services.support.storage import CUSTOMERS, HOLDINGS
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
    place,
    refund,
    remove_from_cart,
    revise,
    start_checkout,
    view_cart,
)
from shared.consume import Inbox
from shared.envelope import Event
from shared.handlers import handles
from shared.outbox import Relay


class Support:
    """Keeps the context that agents answer with. Nothing follows from it by itself, so it has no timers."""

    name = "support"
    inbox = Inbox(CUSTOMERS)
    holdings = HOLDINGS
    relay = Relay()

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """The order stands beside the customer's tickets and counts in what they spent; the cart it came from is open no more."""
        return rules.know_orders(customer, place(customer.orders, order, event.time, event.id, event.backfill))

    @handles(events.ORDER_UPDATED, CUSTOMERS)
    def on_order_updated(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """Agents see the order as it is now."""
        return rules.know_orders(customer, revise(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_CANCELLED, CUSTOMERS)
    def on_order_cancelled(self, customer: Customer, order: OrderCancelled, event: Event) -> Customer:
        """The order shows as cancelled and is no longer spent money."""
        return rules.know_orders(customer, cancel(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_REFUNDED, CUSTOMERS)
    def on_order_refunded(self, customer: Customer, order: OrderRefunded, event: Event) -> Customer:
        """The refund shows in the order and is taken off what was spent."""
        return rules.know_orders(customer, refund(customer.orders, order, event.time, event.id))

    @handles(events.PRODUCT_ADDED, CUSTOMERS)
    @handles(events.WISHLIST_PRODUCT_ADDED_TO_CART, CUSTOMERS)
    def on_product_added(self, customer: Customer, moved: CartMoved, event: Event) -> Customer:
        """Agents see what the customer is about to buy."""
        return rules.know_carts(customer, add_to_cart(customer.carts, moved, event.time, event.id))

    @handles(events.PRODUCT_REMOVED, CUSTOMERS)
    def on_product_removed(self, customer: Customer, moved: CartMoved, event: Event) -> Customer:
        """The product leaves the open cart."""
        return rules.know_carts(customer, remove_from_cart(customer.carts, moved, event.time, event.id))

    @handles(events.CART_VIEWED, CUSTOMERS)
    def on_cart_viewed(self, customer: Customer, cart: CartViewed, event: Event) -> Customer:
        """The open cart is what the customer saw in it."""
        return rules.know_carts(customer, view_cart(customer.carts, cart, event.time, event.id))

    @handles(events.CHECKOUT_STARTED, CUSTOMERS)
    def on_checkout_started(self, customer: Customer, checkout: CheckoutStarted, event: Event) -> Customer:
        """The open cart is at the checkout, and the order will be known by the checkout's ids."""
        return rules.know_carts(customer, start_checkout(customer.carts, checkout, event.time, event.id))

    @handles(events.CART_ABANDONED, CUSTOMERS)
    def on_cart_abandoned(self, customer: Customer, left: CartLeft, event: Event) -> Customer:
        """The open cart is marked as abandoned until the customer touches it again."""
        return rules.leave_cart(customer, left, event.time, event.id)

    @handles(events.CUSTOMER_IDENTIFIED, CUSTOMERS)
    def on_customer_identified(self, customer: Customer, identified: Identified, event: Event) -> Customer:
        """Agents know the customer's name and how to reach them."""
        return rules.know_traits(customer, identified, event.time, event.id)

    @handles(events.MENTION_RECEIVED, CUSTOMERS)
    def on_mention_received(self, customer: Customer, mention: Mentioned, event: Event) -> Customer:
        """What the customer says in public stands beside what they say in tickets."""
        return rules.hear_mention(customer, mention, event.time, event.id)

    @handles(events.MESSAGE_SENT, CUSTOMERS)
    def on_message_sent(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """Agents see what the customer was sent."""
        return rules.follow_message(customer, Step.SENT, message, event.time, event.id)

    @handles(events.MESSAGE_DELIVERED, CUSTOMERS)
    def on_message_delivered(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """The message shows as delivered."""
        return rules.follow_message(customer, Step.DELIVERED, message, event.time, event.id)

    @handles(events.MESSAGE_OPENED, CUSTOMERS)
    def on_message_opened(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """The message shows as opened."""
        return rules.follow_message(customer, Step.OPENED, message, event.time, event.id)

    @handles(events.MESSAGE_CLICKED, CUSTOMERS)
    def on_message_clicked(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """The message shows as clicked."""
        return rules.follow_message(customer, Step.CLICKED, message, event.time, event.id)

    @handles(events.MESSAGE_BOUNCED, CUSTOMERS)
    def on_message_bounced(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """The message shows as bounced: the customer does not know what it said."""
        return rules.follow_message(customer, Step.BOUNCED, message, event.time, event.id)

    @handles(events.MESSAGE_COMPLAINED, CUSTOMERS)
    def on_message_complained(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """The message shows as marked as spam, so that the agent treads softly."""
        return rules.follow_message(customer, Step.COMPLAINED, message, event.time, event.id)

    @handles(events.MESSAGE_SKIPPED, CUSTOMERS)
    def on_message_skipped(self, customer: Customer, message: MessageMoved, event: Event) -> Customer:
        """The message shows as not sent, with the reason: "why did I not get the coupon?" has an answer."""
        return rules.follow_message(customer, Step.SKIPPED, message, event.time, event.id)
