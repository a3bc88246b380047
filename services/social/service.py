"""The social worker: who is behind a handle, and whether they are a buyer."""

from services.social.domain import authors as rules
from services.social.domain.authors import Customer, Identified
from services.social.storage import CUSTOMERS, HOLDINGS
from shared import events
from shared.commerce import OrderCancelled, OrderContent, OrderRefunded, cancel, place, refund, revise
from shared.consume import Inbox
from shared.envelope import Event
from shared.handlers import handles
from shared.outbox import Relay


class Social:
    """Keeps what is known of the people behind handles. Nothing follows from it by itself, so it has no timers."""

    name = "social"
    inbox = Inbox(CUSTOMERS)
    holdings = HOLDINGS
    relay = Relay()

    @handles(events.CUSTOMER_IDENTIFIED, CUSTOMERS)
    def on_customer_identified(self, customer: Customer, identified: Identified, event: Event) -> Customer:
        """The customer's name stands beside their mentions."""
        return rules.know_names(customer, identified, event.time, event.id)

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """Whoever mentions the shop is known as a buyer, with what they spent."""
        return rules.know_orders(customer, place(customer.orders, order, event.time, event.id, event.backfill))

    @handles(events.ORDER_UPDATED, CUSTOMERS)
    def on_order_updated(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """The order counts with its new amount."""
        return rules.know_orders(customer, revise(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_CANCELLED, CUSTOMERS)
    def on_order_cancelled(self, customer: Customer, order: OrderCancelled, event: Event) -> Customer:
        """The order makes nobody a buyer any more."""
        return rules.know_orders(customer, cancel(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_REFUNDED, CUSTOMERS)
    def on_order_refunded(self, customer: Customer, order: OrderRefunded, event: Event) -> Customer:
        """The refund is taken off what the author spent."""
        return rules.know_orders(customer, refund(customer.orders, order, event.time, event.id))
