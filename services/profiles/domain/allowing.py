"""What customers say of being contacted, taken into their facts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.profiles.domain.consent.facts import Complained, Confirmed, Preferred, Stated, Unsubscribed
from services.profiles.domain.consent.preferences import TOPIC, state_preferences
from services.profiles.domain.consent.rules import ALL
from services.profiles.domain.consent.words import Said, Scope, Status, state_words
from services.profiles.domain.customer import Customer, Source


def state_consent(customer: Customer, fact: Stated, source: Source) -> Customer:
    """A customer said what they allow."""
    return _told(customer, {Scope(word.purpose, word.channel): word.status for word in fact.words}, source)


def confirm_consent(customer: Customer, fact: Confirmed, source: Source) -> Customer:
    """A customer confirmed a grant: it counts from now on."""
    return _told(customer, {Scope(fact.purpose, fact.channel): Status.GRANTED}, source)


def complain(customer: Customer, fact: Complained, source: Source) -> Customer:
    """Who marks a message as spam wants nothing more on its channel that needs consent."""
    return _told(customer, {Scope(ALL, fact.channel): Status.WITHDRAWN}, source)


def unsubscribe(customer: Customer, fact: Unsubscribed, source: Source) -> Customer:
    """Leaving everything on a channel withdraws it; leaving one list of it is a topic that is not wanted any more."""
    if fact.list_id is None:
        return _told(customer, {Scope(ALL, fact.channel): Status.WITHDRAWN}, source)
    return _prefers(customer, {f"{TOPIC}{fact.list_id}": False}, source)


def prefer(customer: Customer, fact: Preferred, source: Source) -> Customer:
    """A customer said how they wish to be contacted."""
    return _prefers(customer, fact.stated, source)


def _told(customer: Customer, words: Mapping[Scope, Status], source: Source) -> Customer:
    said = Said(source.at, source.event_id, source.backfill)
    consent = state_words(customer.consent, source.identity_key, words, said)
    return customer if consent is customer.consent else replace(customer, consent=consent)


def _prefers(customer: Customer, stated: Mapping[str, Any], source: Source) -> Customer:
    preferences = state_preferences(customer.preferences, stated, source.at, source.event_id)
    return customer if preferences is customer.preferences else replace(customer, preferences=preferences)
