"""The events that profiles listens to, what they change in the facts of a customer, and what follows from these."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from services.profiles import news
from services.profiles.catalogue import ABOUT_PEOPLE, BY_THE_CUSTOMER
from services.profiles.domain import identity
from services.profiles.domain.activity import Sighting, see
from services.profiles.domain.customer import Customer, Source, identify, named, unsubscribe
from services.profiles.domain.facts import Aliased, Happening, Identified, Named, Unsubscribed
from services.profiles.storage import CUSTOMERS, directory_rows, timeline_row
from shared import commerce, events
from shared.commerce import OrderCancelled, OrderContent, OrderRefunded, Orders
from shared.commerce.orders import in_milliseconds
from shared.consume import Inbox
from shared.envelope import Event
from shared.events import EventKind
from shared.fold import Before
from shared.handlers import Consequences, Folded, follows, handles
from shared.outbox import Relay

F = TypeVar("F", bound=Callable[..., Any])


def handles_each(kinds: Iterable[EventKind], *, every_key: bool = False) -> Callable[[F], F]:
    """Mark a method as the fold of several kinds of events."""

    def mark(method: F) -> F:
        for kind in kinds:
            method = handles(kind, CUSTOMERS, every_key=every_key)(method)
        return method

    return mark


class Profiles:
    """Groups identity keys into customers and keeps what is known of each."""

    name = "profiles"
    inbox = Inbox(CUSTOMERS)
    relay = Relay()

    @handles_each(ABOUT_PEOPLE, every_key=True)
    def on_keys_named(self, customer: Customer, fact: Named, event: Event, key: str) -> Customer:
        """Keys in one event claim one another: an account its devices and addresses."""
        at = in_milliseconds(event.time)
        return named(customer, key, identity.claimed(customer.links, key, fact.identity_keys, at, event.id))

    @handles(events.IDENTITY_ALIASED, CUSTOMERS, every_key=True)
    def on_identity_aliased(self, customer: Customer, fact: Aliased, event: Event, key: str) -> Customer:
        """Two accounts that the shop says are one person become one customer."""
        at = in_milliseconds(event.time)
        return named(customer, key, identity.aliased(customer.links, key, (fact.previous, fact.current), at, event.id))

    @handles_each(ABOUT_PEOPLE)
    def on_happening(self, customer: Customer, happening: Happening, event: Event) -> Folded:
        """Everything that happens to a customer is on the timeline."""
        return Folded(customer, journal=(timeline_row(happening, event),))

    @handles_each(BY_THE_CUSTOMER)
    def on_seen(self, customer: Customer, fact: Named, event: Event) -> Customer:
        """Whatever a customer does shows when they were here."""
        return _seen(customer, event)

    @handles(events.CUSTOMER_IDENTIFIED, CUSTOMERS)
    def on_customer_identified(self, customer: Customer, fact: Identified, event: Event) -> Customer:
        """Traits and consent are what was said last, by the time of saying."""
        return identify(customer, fact, _source(event))

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """A purchase counts, once for each order id."""
        return _ordered(customer, commerce.place(customer.orders, order, event.time, event.id, event.backfill))

    @handles(events.ORDER_UPDATED, CUSTOMERS)
    def on_order_updated(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """The latest content of an order is what was bought."""
        return _ordered(customer, commerce.revise(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_CANCELLED, CUSTOMERS)
    def on_order_cancelled(self, customer: Customer, order: OrderCancelled, event: Event) -> Customer:
        """A cancelled order is no purchase."""
        return _ordered(customer, commerce.cancel(customer.orders, order, event.time, event.id))

    @handles(events.ORDER_REFUNDED, CUSTOMERS)
    def on_order_refunded(self, customer: Customer, refund: OrderRefunded, event: Event) -> Customer:
        """Money that went back is not spent."""
        return _ordered(customer, commerce.refund(customer.orders, refund, event.time, event.id))

    @handles(events.UNSUBSCRIBED, CUSTOMERS)
    def on_unsubscribed(self, customer: Customer, fact: Unsubscribed, event: Event) -> Customer:
        """Who unsubscribes from a channel denies it."""
        seen = _seen(named(customer, event.subject, customer.links), event)
        return unsubscribe(seen, fact, _source(event))

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Customer, rules: None, now: datetime, before: Before) -> Consequences:
        """A customer is listed in the directory; a new one is announced, and so is every change of consent."""
        said = (*news.creation(customer_id, customer, before), *news.consent_changes(customer_id, customer))
        return Consequences(rows=directory_rows(customer_id, customer), announcements=said)


def _source(event: Event) -> Source:
    return Source(in_milliseconds(event.time), event.id, event.subject, event.backfill)


def _seen(customer: Customer, event: Event) -> Customer:
    sighting = Sighting(in_milliseconds(event.time), event.id, event.backfill)
    return replace(customer, activity=see(customer.activity, event.name, sighting))


def _ordered(customer: Customer, orders: Orders) -> Customer:
    return customer if orders is customer.orders else replace(customer, orders=orders)
