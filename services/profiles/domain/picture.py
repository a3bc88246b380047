"""What the facts of a customer come to beyond counts and sums: the rhythm of buying, favourites, opinions, and the stage of the journey."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, median

from services.profiles.domain.affinities import DIMENSIONS, Affinity, affinities_of
from services.profiles.domain.customer import Customer
from services.profiles.domain.lifecycle import Reason, Stage, lifecycle_of
from services.profiles.domain.profile import Money
from services.profiles.domain.rules import Rules
from services.profiles.domain.signals import merge_signals
from shared.commerce import Order, counted

MOST_FAVOURITES = 10
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """The stage that a customer is in; `until` when time alone changes it, `since` None where nothing was ever heard of them."""

    stage: Stage
    since: datetime | None
    reason: Reason | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Days between one order and the next."""

    median: float
    mean: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """A review or an answer; `id` of the review or response."""

    id: str
    said: object


@dataclass(frozen=True, slots=True)
class Picture:
    """`average_order` by currency, before refunds; `days_between_orders` None with fewer than two. Opinions are the latest first."""

    journey: Standing
    average_order: Sequence[Money]
    days_between_orders: Gap | None
    favourites: dict[str, Sequence[Affinity]]
    reviews: Sequence[Opinion]
    survey_answers: Sequence[Opinion]


def picture_of(customer: Customer, rules: Rules, now: datetime) -> Picture:
    """The picture that follows from the facts."""
    life = lifecycle_of(customer, rules.profile.lifecycle, now)
    signals = merge_signals(customer.signals)
    orders = counted(customer.orders)
    hour = now.replace(minute=0, second=0, microsecond=0)  # fondness fades all the time: tags of answers last as long as the hour
    found = affinities_of(customer, rules.profile.affinities, hour)
    return Picture(
        journey=Standing(life.stage, life.since, life.changes[-1].reason if life.changes else None, life.until),
        average_order=average_order(orders),
        days_between_orders=gap(orders),
        favourites={dimension: found.get(dimension, [])[:MOST_FAVOURITES] for dimension in DIMENSIONS},
        reviews=[
            Opinion(one, said) for one, said in sorted(signals.reviews.items(), key=lambda entry: entry[1].stamp, reverse=True)
        ],
        survey_answers=[
            Opinion(one, said) for one, said in sorted(signals.answers.items(), key=lambda entry: entry[1].stamp, reverse=True)
        ],
    )


def average_order(orders: Sequence[Order]) -> list[Money]:
    """What orders come to on average, by currency, in whole minor units."""
    amounts: dict[str, list[int]] = {}
    for order in orders:
        if order.currency:
            amounts.setdefault(order.currency, []).append(order.amount)
    return [Money(currency, round(fmean(all_))) for currency, all_ in sorted(amounts.items())]


def gap(orders: Sequence[Order]) -> Gap | None:
    """The days between orders, which are given in the order of their placing."""
    placed = [order.placed_at for order in orders if order.placed_at]
    days = [(later - earlier) / _DAY for earlier, later in pairwise(placed)]
    return Gap(round(median(days), 2), round(fmean(days), 2)) if days else None
