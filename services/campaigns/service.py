"""Campaigns' worker: facts that decide who belongs to which audience, and what follows from them."""

from datetime import datetime
from typing import Any

from services.campaigns.domain import customer as facts
from services.campaigns.domain.audiences import Audiences
from services.campaigns.domain.customer import CartAbandoned, CartRecovered, Customer, Heard
from services.campaigns.domain.membership import standings
from services.campaigns.domain.opt_ins import CAMPAIGN, EMAIL, FAILED, Confirmed, Messaged, Requested, What
from services.campaigns.effects import consequences
from services.campaigns.look import Look
from services.campaigns.mailer import Mailer
from services.campaigns.storage import CUSTOMERS
from shared import events
from shared.commerce import OrderCancelled, OrderContent, OrderRefunded
from shared.consume import Inbox
from shared.envelope import Event, derived_id
from shared.handlers import Consequences, follows, handles
from shared.model import Before
from shared.outbox import Relay
from shared.permissions import PermissionChanged
from shared.timers import Timers


class Campaigns:
    """Keeps the members of every audience by events and by the clock, and asks for confirmations."""

    name = "campaigns"
    inbox = Inbox(CUSTOMERS)
    timers = Timers()
    relay = Relay()
    mailer = Mailer()

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """An order makes a buyer, adds to the spend, and ends every cart that was left before."""
        return facts.order_placed(customer, order, _heard(event))

    @handles(events.ORDER_UPDATED, CUSTOMERS)
    def on_order_updated(self, customer: Customer, order: OrderContent, event: Event) -> Customer:
        """Lines and amounts are from now on what the shop says now."""
        return facts.order_revised(customer, order, _heard(event))

    @handles(events.ORDER_CANCELLED, CUSTOMERS)
    def on_order_cancelled(self, customer: Customer, cancelled: OrderCancelled, event: Event) -> Customer:
        """A cancelled order makes no buyer and adds nothing to the spend."""
        return facts.order_cancelled(customer, cancelled, _heard(event))

    @handles(events.ORDER_REFUNDED, CUSTOMERS)
    def on_order_refunded(self, customer: Customer, refunded: OrderRefunded, event: Event) -> Customer:
        """Money that went back is no spend, and what went back was not bought."""
        return facts.order_refunded(customer, refunded, _heard(event))

    @handles(events.CART_ABANDONED, CUSTOMERS)
    def on_cart_abandoned(self, customer: Customer, cart: CartAbandoned, event: Event) -> Customer:
        """A cart that was left makes an abandoner, until the next order."""
        return facts.cart_abandoned(customer, cart, _heard(event))

    @handles(events.CART_RECOVERED, CUSTOMERS)
    def on_cart_recovered(self, customer: Customer, cart: CartRecovered, event: Event) -> Customer:
        """The cart was bought after all, also if the order itself has not been heard of yet."""
        return facts.cart_recovered(customer, cart, _heard(event))

    @handles(events.CONTACT_PERMISSION_CHANGED, CUSTOMERS)
    def on_contact_permission_changed(self, customer: Customer, changed: PermissionChanged, event: Event) -> Customer:
        """Who may be contacted no more leaves at once the audiences of those who may, and is shown so in all others."""
        return facts.permission_changed(customer, changed, _heard(event))

    @handles(events.OPT_IN_REQUESTED, CUSTOMERS)
    def on_opt_in_requested(self, customer: Customer, asked: Requested, event: Event) -> Customer:
        """Who granted something by e-mail that has to be confirmed is asked to, by a mail."""
        if asked.channel != EMAIL:
            return customer
        name = f"{asked.request_id}/{asked.purpose}/{asked.address_key or ''}"
        return facts.opt_in_requested(customer, asked, derived_id(self.name, CAMPAIGN, name), _heard(event))

    @handles(events.CONSENT_CONFIRMED, CUSTOMERS)
    def on_consent_confirmed(self, customer: Customer, told: Confirmed, event: Event) -> Customer:
        """Who has confirmed is asked no more."""
        return facts.opt_in_confirmed(customer, told, _heard(event)) if told.channel == EMAIL else customer

    @handles(events.MESSAGE_SENT, CUSTOMERS)
    def on_message_sent(self, customer: Customer, told: Messaged, event: Event) -> Customer:
        """What was sent is not sent again."""
        return _became(customer, told, What.SENT, event)

    @handles(events.MESSAGE_SKIPPED, CUSTOMERS)
    def on_message_skipped(self, customer: Customer, told: Messaged, event: Event) -> Customer:
        """What the mail server refused for good is not tried again. All other reasons follow from the facts as they are."""
        return _became(customer, told, What.SKIPPED, event) if told.reason == FAILED else customer

    @handles(events.MESSAGE_BOUNCED, CUSTOMERS)
    def on_message_bounced(self, customer: Customer, told: Messaged, event: Event) -> Customer:
        """An address at which nobody is, is not written to again."""
        return _became(customer, told, What.BOUNCED, event) if told.kind == "hard" else customer

    @handles(events.PROFILE_MERGED, CUSTOMERS, every_key=True)
    @handles(events.PROFILE_SPLIT, CUSTOMERS, every_key=True)
    def on_who_is_who(self, customer: Customer, stated: dict[str, Any], event: Event, key: str) -> Customer:
        """Each key that a customer is known by is kept, so that announcements name it: an advertising audience goes by e-mail."""
        return facts.know_key(customer, key)

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Customer, rules: Audiences, now: datetime, before: Before) -> Consequences:
        """Rows of members, sizes, announcements, a timer for the moment at which time will change a membership, and mails to be sent."""
        return consequences(Look(customer_id, customer, now), rules, standings(rules, customer, now), before)


def _became(customer: Customer, told: Messaged, what: What, event: Event) -> Customer:
    return facts.message_became(customer, told, what, _heard(event)) if told.campaign_id == CAMPAIGN else customer


def _heard(event: Event) -> Heard:
    return Heard(event.subject, event.time, event.id, event.backfill)
