"""What customers do, as signals: each fact into the signals of the identity key that it came with."""

from dataclasses import replace
from datetime import datetime

from services.profiles.domain.customer import Customer, Source
from services.profiles.domain.facts import Answered, Happening, Reviewed
from services.profiles.domain.interests import BRANDS, CATEGORIES, PRODUCTS, VARIANTS, Interest, show_interest
from services.profiles.domain.opinions import Answer, Review, answer, review
from services.profiles.domain.signals import Signals


def interested(customer: Customer, happening: Happening, interest: Interest, at: datetime) -> Customer:
    """The customer showed an interest in a product, or in what is listed."""
    signals = _signals(customer)
    shown = (
        (PRODUCTS, happening.product_id),
        (CATEGORIES, happening.category),
        (BRANDS, happening.brand),
        (VARIANTS, happening.variant),
    )
    interests = show_interest(signals.interests, shown, interest, at)
    return _with(customer, Signals(interests, signals.reviews, signals.answers))


def reviewed(customer: Customer, fact: Reviewed, source: Source) -> Customer:
    """The customer reviewed a product."""
    signals, given = _signals(customer), Review(source.at, source.event_id, fact.product_id, fact.rating)
    return _with(customer, replace(signals, reviews=review(signals.reviews, fact.review_id, given)))


def answered(customer: Customer, fact: Answered, source: Source) -> Customer:
    """The customer answered a survey."""
    signals, given = _signals(customer), Answer(source.at, source.event_id, fact.survey_id, fact.kind, fact.score)
    return _with(customer, replace(signals, answers=answer(signals.answers, fact.response_id, given)))


def _signals(customer: Customer) -> Signals:
    return customer.signals[0] if customer.signals else Signals()


def _with(customer: Customer, signals: Signals) -> Customer:
    return replace(customer, signals=(signals,))
