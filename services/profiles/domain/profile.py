"""What is shown of a customer: counts, sums and favourites, worked out of the facts whenever somebody asks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.profiles.domain.consent.rules import MARKETING, ConsentRules
from services.profiles.domain.consent.standing import standing
from services.profiles.domain.consent.words import Consent, Status
from services.profiles.domain.customer import Customer
from services.profiles.domain.names import Writing
from services.profiles.domain.tongues import writing_of_customer
from services.profiles.domain.traits import Traits, text_of, values_of
from shared.commerce import LineItem, Order, counted, spend_by_currency

AS_DELIVERED = ConsentRules()
MOST_LISTED = 100  # products and categories shown, those bought last


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Refunds:
    """How often money went back, and how much."""

    count: int
    amounts: Sequence[Money]


@dataclass(frozen=True, slots=True)
class Bought:
    """A product or a category: in how many orders it was, how many pieces in all, and when last. `name` of a product if known."""

    id: str
    orders: int
    pieces: int
    last_bought_at: datetime
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """What holds for marketing on a channel, and since when."""

    channel: str
    status: str
    changed_at: datetime
    identity_key: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A customer as shown. `orders` are those that count; `spend` is what they brought, `gross_spend` before refunds."""

    name: str | None
    writing: Writing
    traits: Mapping[str, Any]
    orders: int
    cancelled_orders: int
    spend: Sequence[Money]
    gross_spend: Sequence[Money]
    refunds: Refunds
    first_order: Order | None
    last_order: Order | None
    products: Sequence[Bought]
    products_count: int
    categories: Sequence[Bought]
    categories_count: int
    first_seen: datetime | None
    last_seen: datetime | None
    activity: Mapping[str, int]
    consent: Sequence[Permission]


def profile_of(customer: Customer, consent_rules: ConsentRules = AS_DELIVERED) -> Profile:
    """The profile that follows from the facts."""
    orders = counted(customer.orders)
    first = customer.activity.first
    names = product_names(orders)
    products = [replace(one, name=names.get(one.id)) for one in bought(orders, lambda line: line.product_id)]
    categories = bought(orders, lambda line: line.category)
    return Profile(
        name=name_of(customer.traits),
        writing=writing_of_customer(customer.traits, name_of(customer.traits)),
        traits=values_of(customer.traits),
        orders=len(orders),
        cancelled_orders=sum(1 for order in customer.orders.values() if order.placed and order.cancelled),
        spend=net_spend(customer),
        gross_spend=_money((order.currency, order.amount) for order in orders),
        refunds=Refunds(
            sum(len(order.refunds) for order in orders),
            _money((order.currency, order.refunded) for order in orders if order.refunded),
        ),
        first_order=orders[0] if orders else None,
        last_order=orders[-1] if orders else None,
        products=products[:MOST_LISTED],
        products_count=len(products),
        categories=categories[:MOST_LISTED],
        categories_count=len(categories),
        first_seen=first.at if first else None,
        last_seen=customer.activity.last,
        activity=dict(sorted(customer.activity.counts.items())),
        consent=permissions(customer.consent, consent_rules),
    )


def name_of(traits: Traits) -> str | None:
    """What to call the customer: the full name, else given and family name as far as they are known."""
    parts = [text_of(traits, "first_name"), text_of(traits, "last_name")]
    return text_of(traits, "name") or " ".join(part for part in parts if part) or None


def net_spend(customer: Customer) -> list[Money]:
    """What the orders that count brought, refunds taken off, by currency."""
    return [Money(currency, amount) for currency, amount in sorted(spend_by_currency(customer.orders).items())]


def permissions(consent: Consent, rules: ConsentRules) -> list[Permission]:
    """What holds for marketing on each channel, by its name: granted or denied, whether it was withdrawn or never given."""
    found = sorted(standing(consent, rules).overall.items()) if consent else []
    held = [(scope.channel, held) for scope, held in found if scope.purpose == MARKETING]
    said = {True: Status.GRANTED.value, False: Status.DENIED.value}
    return [Permission(channel, said[one.allows], one.at, one.identity_key) for channel, one in held]


def bought(orders: Sequence[Order], called: Callable[[LineItem], str | None]) -> list[Bought]:
    """What these orders hold, by what `called` calls a line, bought last first. Lines that it has no word for are left out.

    `orders` are placed ones, in the order of their placing.
    """
    found: dict[str, Bought] = {}
    for order in orders:
        if order.placed_at is None:
            continue
        for called_id, lines in _lines_by(order, called).items():
            known = found.get(called_id)
            found[called_id] = Bought(
                id=called_id,
                orders=(known.orders if known else 0) + 1,
                pieces=(known.pieces if known else 0) + sum(line.quantity for line in lines),
                last_bought_at=order.placed_at,
            )
    return sorted(sorted(found.values(), key=lambda one: one.id), key=lambda one: one.last_bought_at, reverse=True)


def product_names(orders: Sequence[Order]) -> dict[str, str]:
    """What products are called, by id: as the last order that gives a name calls them."""
    return {line.product_id: line.name for order in orders for line in order.products if line.name}


def _lines_by(order: Order, called: Callable[[LineItem], str | None]) -> dict[str, list[LineItem]]:
    lines: dict[str, list[LineItem]] = {}
    for line in order.products:
        called_id = called(line)
        if called_id:
            lines.setdefault(called_id, []).append(line)
    return lines


def _money(amounts: Iterable[tuple[str | None, int]]) -> list[Money]:
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        if currency:
            sums[currency] = sums.get(currency, 0) + amount
    return [Money(currency, amount) for currency, amount in sorted(sums.items())]
