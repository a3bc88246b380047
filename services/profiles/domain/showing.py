"""What customers do, as signals: each fact into the signals of the identity key that it came with."""

from dataclasses import replace

from services.profiles.domain.activity import Sighting
from services.profiles.domain.customer import Customer, Source
from services.profiles.domain.facts import Answered, Happening, Reviewed, Searched
from services.profiles.domain.habits import Circumstances, observe
from services.profiles.domain.interests import BRANDS, CATEGORIES, PRODUCTS, VARIANTS, Interest, show_interest
from services.profiles.domain.opinions import Answer, Review, Search, answer, review, search
from services.profiles.domain.signals import Signals


def show(customer: Customer, happening: Happening, interest: Interest | None, seen: Sighting) -> tuple[Signals]:
    """The signals with how a customer came, and what they showed an interest in."""
    signals, context = _signals(customer), happening.context
    how = Circumstances(happening.channel)
    if context:
        how = Circumstances(happening.channel, context.device_type, context.locale, context.timezone)
    habits = observe(signals.habits, how, seen.at, seen.event_id)
    interests = _interests(signals, happening, interest, seen) if interest else signals.interests
    return (Signals(habits, interests, signals.searches, signals.reviews, signals.answers),)


def searched(customer: Customer, fact: Searched, source: Source) -> Customer:
    """The customer searched the shop."""
    signals = _signals(customer)
    return _with(customer, replace(signals, searches=search(signals.searches, fact.query, Search(source.at, source.event_id))))


def reviewed(customer: Customer, fact: Reviewed, source: Source) -> Customer:
    """The customer reviewed a product."""
    signals, given = _signals(customer), Review(source.at, source.event_id, fact.product_id, fact.rating)
    return _with(customer, replace(signals, reviews=review(signals.reviews, fact.review_id, given)))


def answered(customer: Customer, fact: Answered, source: Source) -> Customer:
    """The customer answered a survey."""
    signals, given = _signals(customer), Answer(source.at, source.event_id, fact.survey_id, fact.kind, fact.score)
    return _with(customer, replace(signals, answers=answer(signals.answers, fact.response_id, given)))


def _interests(signals: Signals, happening: Happening, interest: Interest, seen: Sighting) -> dict[str, dict[str, int]]:
    shown = (
        (PRODUCTS, happening.product_id),
        (CATEGORIES, happening.category),
        (BRANDS, happening.brand),
        (VARIANTS, happening.variant),
    )
    return show_interest(signals.interests, shown, interest, seen.at)


def _signals(customer: Customer) -> Signals:
    return customer.signals[0] if customer.signals else Signals()


def _with(customer: Customer, signals: Signals) -> Customer:
    return replace(customer, signals=(signals,))
