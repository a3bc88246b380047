"""The analytics worker: counts every event, and keeps the figures of orders and customers right after every correction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.analytics.domain import booking, sales
from services.analytics.domain.rows import By, quarter_of, row_id
from services.analytics.domain.sales import Rules, Sales
from services.analytics.storage import CUSTOMERS, FIGURES, TITLES
from shared import commerce, events
from shared.commerce import OrderCancelled, OrderContent, OrderRefunded
from shared.consume import Inbox
from shared.envelope import Event
from shared.handlers import Consequences, Figure, Folded, follows, handles
from shared.outbox import Relay
from shared.timers import Timers

Method = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Anything:
    """Data of an event of which nothing is read."""


def handles_everything(method: Method) -> Method:
    """Mark a method as a handler of every event in the catalogue but the answers that all services give."""
    for kind in events.CATALOGUE.values():
        if not kind.by_every_service:
            method = handles(kind, CUSTOMERS, counts_only=True)(method)
    return method


class Analytics:
    """Keeps the figures up to date as events come in."""

    name = "analytics"
    inbox, timers, relay = Inbox(CUSTOMERS), Timers(), Relay()

    @handles_everything
    def on_any_event(self, customer: Sales, data: Anything, event: Event) -> Folded:
        """Whatever is published moves the volume of its name in the quarter of an hour in which it happened."""
        row = row_id(By.EVENT, quarter_of(event.time), "", f"{event.source}.{event.name}")
        return Folded(customer, counts=(Figure(FIGURES, row, {"events": 1}),))

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Sales, order: OrderContent, event: Event) -> Sales:
        """An order counts where it was placed, and may make its customer a new or a returning one."""
        content = sales.slim_content(order)
        return sales.with_orders(customer, commerce.place(customer.orders, content, event.time, event.id, event.backfill))

    @handles(events.ORDER_UPDATED, CUSTOMERS)
    def on_order_updated(self, customer: Sales, order: OrderContent, event: Event) -> Sales:
        """The figures of the order become those of its latest content, where it was placed."""
        return sales.with_orders(customer, commerce.revise(customer.orders, sales.slim_content(order), event.time, event.id))

    @handles(events.ORDER_CANCELLED, CUSTOMERS)
    def on_order_cancelled(self, customer: Sales, order: OrderCancelled, event: Event) -> Sales:
        """A cancelled order leaves the figures and counts as cancelled where it was placed."""
        return sales.with_orders(customer, commerce.cancel(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_REFUNDED, CUSTOMERS)
    def on_order_refunded(self, customer: Sales, refund: OrderRefunded, event: Event) -> Sales:
        """A refund lowers the net revenue where the order was placed and shows as refunded when it was made."""
        return sales.with_orders(customer, commerce.refund(customer.orders, sales.slim_refund(refund), event.time, event.id))

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Sales, rules: Rules, now: datetime) -> Consequences:
        """What this customer adds to the figures, and under which names products were bought."""
        figures = [Figure(FIGURES, row, values) for row, values in booking.book(customer, rules.timezone).items()]
        titles = [Figure(TITLES, row, values) for row, values in booking.titles(customer).items()]
        return Consequences(figures=(*figures, *titles))
