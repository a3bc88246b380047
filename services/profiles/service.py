"""The events that profiles listens to, what they change in the facts of a customer, and what follows from these."""

from dataclasses import replace
from datetime import datetime

from services.profiles import feed, news
from services.profiles.catalogue import ABOUT_ORDERS, ABOUT_PEOPLE, BY_THE_CUSTOMER, BY_THE_SHOP, INTERESTS
from services.profiles.clerk import Clerk
from services.profiles.consent_news import consent_news
from services.profiles.data_requests import RequestHandlers, retention
from services.profiles.domain import allowing
from services.profiles.domain.activity import Sighting, see
from services.profiles.domain.consent.facts import Complained, Confirmed, Preferred, Stated, Unsubscribed
from services.profiles.domain.customer import Customer, Source, decided, identify, known_by, named
from services.profiles.domain.facts import (
    Aliased,
    Answered,
    Decided,
    Happening,
    Identified,
    Matched,
    Named,
    Reported,
    Reviewed,
)
from services.profiles.domain.history import remember
from services.profiles.domain.identity.decisions import Verdict, decide, pair_of
from services.profiles.domain.identity.evidence import Stamp, declare, match, meet
from services.profiles.domain.identity.orders import Holders, hold, match_stamp
from services.profiles.domain.lifecycle import lifecycle_of
from services.profiles.domain.rules import Rules
from services.profiles.domain.showing import answered, interested, reviewed
from services.profiles.segmenting import segmented
from services.profiles.stages import Look, stage_news, stage_timers
from services.profiles.storage import (
    CUSTOMERS,
    DECISIONS,
    HOLDINGS,
    ORDERS,
    REFUSED,
    decision_rows,
    directory_rows,
    ledger,
    refusal_rows,
)
from services.profiles.storage.data_requests import MODEL as REQUESTS
from services.profiles.storage.stages import journey_figures, stage_rows
from services.profiles.storage.timeline import timeline_row
from services.profiles.timeline_handlers import TimelineHandlers
from shared import commerce, events
from shared.commerce import OrderCancelled, OrderContent, OrderRefunded, Orders
from shared.commerce.orders import in_milliseconds
from shared.consume import Inbox
from shared.envelope import Event
from shared.handlers import Consequences, Folded, follows, handles, handles_each
from shared.model import Before
from shared.outbox import Relay
from shared.timers import Timers

NO_MORE = Happening(shop_source="")  # than that it happened


class Profiles(RequestHandlers, TimelineHandlers):
    """Groups identity keys into customers and keeps what is known of each."""

    name = "profiles"
    inbox = Inbox(CUSTOMERS, ORDERS, REQUESTS)
    holdings = HOLDINGS
    untold = (REFUSED, DECISIONS)
    timers = Timers()
    relay = Relay()
    clerk = Clerk()

    @handles_each(ABOUT_PEOPLE, CUSTOMERS, every_key=True)
    def on_keys_named(self, customer: Customer, fact: Named, event: Event, key: str) -> Customer:
        """Keys that are named together belong to one customer, as far as the guard rails allow."""
        met = named(customer, key, meet(customer.links, key, fact.identity_keys, _stamp(event)))
        return known_by(met, key, event.time, event.id, event.backfill)

    @handles(events.ORDER_MATCHED, CUSTOMERS, every_key=True)
    def on_order_matched(self, customer: Customer, fact: Matched, event: Event, key: str) -> Customer:
        """Who reported one order is one customer, as if named together, so that the order does not count twice."""
        stamp = match_stamp(fact.order_id, in_milliseconds(event.time))
        return named(customer, key, match(customer.links, key, fact.identity_keys, stamp))

    @handles(events.IDENTITY_ALIASED, CUSTOMERS, every_key=True)
    def on_identity_aliased(self, customer: Customer, fact: Aliased, event: Event, key: str) -> Customer:
        """Two accounts that the shop says are one person become one customer."""
        return named(customer, key, declare(customer.links, key, (fact.previous, fact.current), _stamp(event)))

    @handles(events.IDENTITY_DECIDED, CUSTOMERS, every_key=True)
    def on_identity_decided(self, customer: Customer, fact: Decided, event: Event, key: str) -> Customer:
        """What a person decided about two keys goes before all evidence, until another decision."""
        at, said = in_milliseconds(event.time), (fact.decided_by, fact.reason)
        heard = [Verdict(pair_of(key, other), fact.decision, at, event.id, *said) for other in fact.others(key)]
        return decided(named(customer, key, customer.links), decide(customer.verdicts, heard))

    @handles_each(ABOUT_ORDERS, ORDERS)
    def on_order_reported(self, holders: Holders, fact: Reported, event: Event) -> Holders:
        """An order that is reported under two keys shows that they are one customer."""
        return hold(holders, fact.order_id, event.subject, _stamp(event))

    @handles_each(BY_THE_CUSTOMER, CUSTOMERS)
    def on_seen(self, customer: Customer, happening: Happening, event: Event) -> Folded:
        """Whatever a customer does is on the timeline, and shows when they were here and what they are interested in."""
        interest = INTERESTS.get(event.name)
        fond = interested(customer, happening, interest, event.time) if interest else customer
        return Folded(_seen(fond, event, happening), journal=(timeline_row(happening, event),))

    @handles_each(BY_THE_SHOP, CUSTOMERS)
    def on_reported(self, customer: Customer, happening: Happening, event: Event) -> Folded:
        """What the shop says of a customer is on the timeline, too."""
        return Folded(customer, journal=(timeline_row(happening, event),))

    @handles(events.PRODUCT_REVIEWED, CUSTOMERS)
    def on_product_reviewed(self, customer: Customer, fact: Reviewed, event: Event) -> Customer:
        """A review counts once for each review id, as it was said last."""
        return reviewed(customer, fact, _source(event))

    @handles(events.SURVEY_ANSWERED, CUSTOMERS)
    def on_survey_answered(self, customer: Customer, fact: Answered, event: Event) -> Customer:
        """An answer counts once for each response id, as it was said last."""
        return answered(_known(customer, event), fact, _source(event))

    @handles(events.CUSTOMER_IDENTIFIED, CUSTOMERS)
    def on_customer_identified(self, customer: Customer, fact: Identified, event: Event) -> Folded:
        """Traits are what was said last, by the time of saying; consent is what the shop's account says."""
        source = replace(_source(event), name=fact.shop_source or None)
        return Folded(identify(customer, fact, source), journal=ledger.reported_rows(fact, event))

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
    def on_unsubscribed(self, customer: Customer, fact: Unsubscribed, event: Event) -> Folded:
        """Who unsubscribes from a channel withdraws it, who leaves a list wants its topic no more."""
        heard = allowing.unsubscribe(_acting(customer, event), fact, _source(event))
        return Folded(heard, journal=ledger.unsubscribed_rows(fact, event))

    @handles(events.MESSAGE_COMPLAINED, CUSTOMERS)
    def on_message_complained(self, customer: Customer, fact: Complained, event: Event) -> Folded:
        """Who marks a message as spam withdraws its channel."""
        heard = allowing.complain(_acting(customer, event), fact, _source(event))
        return Folded(heard, journal=ledger.complained_rows(fact, event))

    @handles(events.CONSENT_STATED, CUSTOMERS)
    def on_consent_stated(self, customer: Customer, fact: Stated, event: Event) -> Folded:
        """What was said at a door counts from its own time, and is on record with what shows it."""
        heard = allowing.state_consent(_known(customer, event), fact, _source(event))
        return Folded(heard, journal=ledger.stated_rows(fact, event))

    @handles(events.CONSENT_CONFIRMED, CUSTOMERS)
    def on_consent_confirmed(self, customer: Customer, fact: Confirmed, event: Event) -> Folded:
        """A grant that is confirmed counts."""
        heard = allowing.confirm_consent(_acting(customer, event), fact, _source(event))
        return Folded(heard, journal=ledger.confirmed_rows(fact, event))

    @handles(events.PREFERENCES_STATED, CUSTOMERS)
    def on_preferences_stated(self, customer: Customer, fact: Preferred, event: Event) -> Customer:
        """Topics, frequency, channel and language are what was said last."""
        return allowing.prefer(_known(customer, event), fact, _source(event))

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Customer, rules: Rules, now: datetime, before: Before) -> Consequences:
        """A customer is listed in the directory and in segments, with what was refused to it; what is new is announced."""
        consent = consent_news(customer_id, customer, rules, now)
        look = Look(customer_id, customer, lifecycle_of(customer, rules.profile.lifecycle, now), now)
        said = (
            *news.creation(customer_id, customer, before),
            *consent.announcements,
            *news.refusals(customer_id, customer, before),
            *stage_news(look, rules, before),
        )
        rows = (*directory_rows(customer_id, customer), *refusal_rows(customer), *decision_rows(customer))
        standing = stage_rows(customer_id, look.life, rules.profile_changed.version)
        segments = segmented(look, rules, before)
        left = feed.marks(look, rules)
        terms, ends = retention(customer_id, customer, rules.retention, now)
        return Consequences(
            (*consent.timers, *stage_timers(look), *terms, *segments.timers),
            (*rows, *standing, *segments.rows),
            (*journey_figures(look.life, rules.profile.timezone), *segments.figures),
            (*said, *ends, *segments.announcements, *feed.changes(look, left, rules, before)),
            {**segments.marks, **left},
            segments.same_rows,
        )

    @follows(ORDERS)
    def report_matches(self, order: str, holders: Holders, rules: None, now: datetime, before: Before) -> Consequences:
        """All keys that reported one order are told of each other."""
        return Consequences(announcements=news.matches(holders, before))


def _stamp(event: Event) -> Stamp:
    return Stamp(in_milliseconds(event.time), event.id)


def _source(event: Event) -> Source:
    return Source(in_milliseconds(event.time), event.id, event.subject, event.backfill)


def _known(customer: Customer, event: Event) -> Customer:
    """The facts of the event's key, which may not have been heard of before."""
    heard = named(customer, event.subject, customer.links)
    return known_by(heard, event.subject, event.time, event.id, event.backfill)


def _acting(customer: Customer, event: Event) -> Customer:
    """The same, by an act of the customer, who was here."""
    return _seen(_known(customer, event), event, NO_MORE)


def _seen(customer: Customer, event: Event, told: Happening) -> Customer:
    sighting = Sighting(in_milliseconds(event.time), event.id, event.backfill)
    history = remember(customer.history, event.name, told, event.time)
    return replace(customer, activity=see(customer.activity, event.name, sighting), history=history)


def _ordered(customer: Customer, orders: Orders) -> Customer:
    return customer if orders is customer.orders else replace(customer, orders=orders)
