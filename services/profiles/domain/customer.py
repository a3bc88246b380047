"""What is known of a customer: the facts of one identity key, and the facts of several as those of one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from services.profiles.domain.activity import Activity, Sighting, earliest, merge_activity
from services.profiles.domain.consent.preferences import Preferences, merge_preferences
from services.profiles.domain.consent.rules import ALL, MARKETING
from services.profiles.domain.consent.words import Consent, Said, Scope, Status, merge_consent, report_words
from services.profiles.domain.facts import Identified
from services.profiles.domain.history import History
from services.profiles.domain.identity.decisions import Verdicts, merge_verdicts
from services.profiles.domain.identity.evidence import Links
from services.profiles.domain.identity.kinds import by_strength, is_device
from services.profiles.domain.identity.refusals import Refusal
from services.profiles.domain.signals import Signals
from services.profiles.domain.traits import Traits, merge_traits, state_traits
from shared.commerce import Orders, merge_orders
from shared.commerce.orders import in_milliseconds


@dataclass(frozen=True, slots=True)
class Customer:
    """Facts. `links` say with whom one key was named and mean nothing for several together.

    `refused` is what the guard rails refused to these keys; it follows from what they and their neighbours know. `known` is the first
    event that named a key which is more than a device's.
    """

    identity_keys: tuple[str, ...] = ()
    links: Links = field(default_factory=Links)
    verdicts: Verdicts = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    traits: Traits = field(default_factory=dict)
    consent: Consent = field(default_factory=dict)
    preferences: Preferences = field(default_factory=dict)
    orders: Orders = field(default_factory=dict)
    activity: Activity = field(default_factory=Activity)
    known: Sighting | None = None
    signals: tuple[Signals, ...] = ()
    history: tuple[History, ...] = ()

    @property
    def has_facts(self) -> bool:
        """Whether anything came with the key itself, and not only with others that name it."""
        told = self.activity.counts or self.traits or self.consent or self.preferences or self.orders or self.signals
        return bool(told)

    @property
    def is_known(self) -> bool:
        """Whether this is more than a visitor passing by: somebody who left a name of any kind, or who bought.

        Nameless visitors have a profile too, but they are not announced and not listed: there are millions of them.
        """
        return not all(is_device(key) for key in self.identity_keys) or any(order.placed for order in self.orders.values())


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from: the event's time and id, the identity key that it came with, and whether it is imported history.

    `name` is that of the shop's source, where one said it.
    """

    at: datetime
    event_id: str
    identity_key: str
    backfill: bool = False
    name: str | None = None


def combine(customers: Sequence[Customer]) -> Customer:
    """The facts of several identity keys as one customer's, in whatever order they are given."""
    keys = by_strength({key for one in customers for key in one.identity_keys})
    telling = [one for one in customers if one.has_facts]  # most keys only link a device or an address to an account
    whole = reduce(_joined, telling) if telling else Customer()
    verdicts = reduce(merge_verdicts, (one.verdicts for one in customers), Customer().verdicts)
    refused = tuple(refusal for key in keys for one in customers if key in one.identity_keys for refusal in one.refused)
    known = reduce(earliest, (one.known for one in customers), None)
    return replace(whole, identity_keys=keys, links=Links(), verdicts=verdicts, refused=refused, known=known)


def _joined(left: Customer, right: Customer) -> Customer:
    return Customer(
        traits=merge_traits(left.traits, right.traits),
        consent=merge_consent(left.consent, right.consent),
        preferences=merge_preferences(left.preferences, right.preferences),
        orders=merge_orders(left.orders, right.orders),
        activity=merge_activity(left.activity, right.activity),
        signals=(*left.signals, *right.signals),
        history=(*left.history, *right.history),
    )


def named(customer: Customer, key: str, links: Links) -> Customer:
    """The facts of the key `key`, which was heard of and is linked like this."""
    if links is customer.links and customer.identity_keys:
        return customer
    return replace(customer, identity_keys=(key,), links=links)


def known_by(customer: Customer, key: str, at: datetime, event_id: str, backfill: bool) -> Customer:
    """The facts of the key `key`, which something that happened to the customer at that time named."""
    if is_device(key) or (customer.known is not None and customer.known.at < at.replace(microsecond=0)):
        return customer
    known = earliest(customer.known, Sighting(in_milliseconds(at), event_id, backfill))
    return customer if known is customer.known else replace(customer, known=known)


def decided(customer: Customer, verdicts: Verdicts) -> Customer:
    """The facts with what people decided about one of their keys."""
    return customer if verdicts is customer.verdicts else replace(customer, verdicts=verdicts)


def identify(customer: Customer, fact: Identified, source: Source) -> Customer:
    """A shop said who somebody is, and what its account of them says about marketing."""
    traits = state_traits(customer.traits, fact.traits, source.at, source.event_id, source.name)
    consent = _reported(customer.consent, fact.consent, source) if fact.consent else customer.consent
    if traits is customer.traits and consent is customer.consent:
        return customer
    return replace(customer, traits=traits, consent=consent)


def _reported(consent: Consent, stated: Mapping[str, str], source: Source) -> Consent:
    words = {Scope(MARKETING, channel): Status(status) for channel, status in stated.items() if channel != ALL}
    return report_words(consent, source.identity_key, words, Said(source.at, source.event_id, source.backfill))
