"""Why a customer belongs to an audience, and how many would belong to one that is not there yet."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.campaigns.domain.audiences import Audience, Audiences, Rule
from services.campaigns.domain.customer import Customer
from services.campaigns.domain.membership import Standing, lives_of, standing, standings

MOST_REASONS = 50


@dataclass(frozen=True, slots=True)
class Reason:
    """An order (`at` its placing, `amount` net of refunds) or a cart (`at` the moment it was left) that counts towards a rule."""

    kind: str
    id: str
    at: datetime
    amount: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Membership:
    """An audience that a customer belongs to, with the latest of the facts that make it so; `total` is what the rule counts."""

    audience: Audience
    since: datetime
    until: datetime | None
    total: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many of how many customers meet a rule, found by looking at `examined` identity keys."""

    members: int
    customers: int
    examined: int
    exact: bool


def memberships(all_: Audiences, customer: Customer, now: datetime) -> list[Membership]:
    """The audiences of a customer, the latest entered first."""
    found = standings(all_, customer, now)
    joined = [(audience, found[audience.id]) for audience in all_.audiences]
    belongs = [_membership(audience, one, one.since, customer) for audience, one in joined if one.since]
    return sorted(belongs, key=lambda one: (one.since, one.audience.id), reverse=True)


def _membership(audience: Audience, found: Standing, since: datetime, customer: Customer) -> Membership:
    reasons = sorted((_reason(source, customer) for source in found.worth), key=lambda one: (one.at, one.id), reverse=True)
    return Membership(audience, since, found.until, sum(found.worth.values()), tuple(reasons[:MOST_REASONS]))


def _reason(source: str, customer: Customer) -> Reason:
    order = customer.orders.get(source)
    if order is not None and order.placed_at is not None:
        return Reason("order", order.order_id, order.placed_at, order.net, order.currency)
    left = customer.abandoned[source]
    return Reason("cart", left.cart_id, left.abandoned_at, left.amount, left.currency)


def estimate(rule: Rule, sampled: Iterable[tuple[Customer, float]], known: int, now: datetime) -> Estimate:
    """Scale a sample of identity keys, each standing for a share of its customer, up to all `known` keys."""
    customers = members = 0.0
    examined = 0
    for customer, share in sampled:
        examined += 1
        customers += share
        members += share if standing(rule, customer, lives_of(customer), now).since else 0
    exact = not examined or examined >= known
    scale = 1 if exact else known / examined
    return Estimate(round(members * scale), round(customers * scale), examined, exact)
