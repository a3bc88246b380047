"""What a customer is fond of: products, categories, brands, colours and sizes, by what was looked at, put in carts, wished for and bought.

Whatever counts fades: after each `half_life_days` it weighs half as much. All of it fades alike, so the order of favourites and the
share of each change by facts alone and never by the clock; only scores do.

What is remembered are counts, by week and kind of interest, and not sums that have faded: so any half-life and any weights can be applied
to the past, and what is remembered does not depend on the order of hearing. Purchases are not counted here; orders are facts of their
own, and tell it better. Counts of a week are dated by its Monday, 0:00 UTC.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby

from services.profiles.domain.customer import Customer
from services.profiles.domain.interests import (
    BRANDS,
    CATEGORIES,
    PRODUCTS,
    VARIANTS,
    Interest,
    read_entry,
)
from services.profiles.domain.signals import merge_signals
from shared.commerce import LineItem, counted

COLOURS, SIZES = "colours", "sizes"
_FURTHEST = 100  # half-lives that a client's clock may be ahead: beyond, a score is no number any more
DIMENSIONS = (PRODUCTS, CATEGORIES, BRANDS, COLOURS, SIZES)
_BETWEEN = re.compile(r"\s*[/|,;·•]\s*|\s+[-–—]\s+")
_SIZE = re.compile(
    r"(?:size\s+)?(?:one size|[2-9]?x{0,4}[sl]|m|(?:eu|uk|us)?\s*\d{1,3}(?:[.,]5)?|\d+(?:[.,]\d+)?\s*(?:ml|cl|l|mg|g|kg|mm|cm|m|in|oz))"
)
_DEFAULT_COLOURS = (
    "black white grey gray silver gold red blue green yellow orange purple violet pink brown beige cream ivory navy teal turquoise "
    "khaki olive maroon burgundy lilac coral mint magenta cyan indigo copper bronze charcoal multicolour multicolor"
)


@dataclass(frozen=True)
class AffinityRules:
    """`colours` are the words by which a part of a variant is known to be a colour, in lower case; `sizes` further words for sizes.

    A weight is what one view, cart, wish or order line counts for; 0 leaves the kind out.
    """

    half_life_days: int = 60
    viewed: int = 1
    wished: int = 2
    carted: int = 3
    bought: int = 10
    colours: Sequence[str] = tuple(_DEFAULT_COLOURS.split())
    sizes: Sequence[str] = ()

    def weight(self, interest: Interest) -> int:
        return {Interest.VIEWED: self.viewed, Interest.WISHED: self.wished, Interest.CARTED: self.carted}[interest]


@dataclass(frozen=True, slots=True)
class Affinity:
    """A favourite: its `score`, its `share` of the scores of its dimension, and when it was last of interest.

    That is the time of the last order; of what was not bought since, the Monday of the week.
    """

    id: str
    score: float
    share: float
    last_at: datetime


def affinities_of(customer: Customer, rules: AffinityRules, now: datetime) -> dict[str, list[Affinity]]:
    """All favourites by dimension, the greatest first; dimensions without any are left out."""
    found: dict[str, list[Affinity]] = {}
    for dimension in DIMENSIONS:
        favourites = favourites_of(customer, dimension, rules, now)
        if favourites:
            found[dimension] = favourites
    return found


def favourites_of(customer: Customer, dimension: str, rules: AffinityRules, now: datetime) -> list[Affinity]:
    """The favourites of one dimension, the greatest first. Names that differ in case alone are one, written as last heard."""
    half_life = timedelta(days=rules.half_life_days)
    signals = sorted(_signals(customer, dimension, rules), key=lambda one: (one.id.casefold(), one.at, one.id, one.weight))
    latest = max((one.at for one in signals), default=now)  # shares are worked out as of then: they are the same at any time
    scored = []
    for _, together in groupby(signals, key=lambda one: one.id.casefold()):
        heard = list(together)
        scored.append((sum(one.weight * 0.5 ** ((latest - one.at) / half_life) for one in heard), heard[-1]))
    total, faded = sum(score for score, _ in scored), 0.5 ** max((now - latest) / half_life, -_FURTHEST)
    favourites = [Affinity(last.id, score * faded, score / total, last.at) for score, last in scored if score]
    return sorted(favourites, key=lambda one: (-one.share, one.id))


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that speaks for a favourite."""

    id: str
    at: datetime
    weight: int


def _signals(customer: Customer, dimension: str, rules: AffinityRules) -> Iterator[Signal]:
    """All that speaks for anything in a dimension."""
    source = VARIANTS if dimension in (COLOURS, SIZES) else dimension
    for at, text, weight in (*_remembered(customer, source, rules), *_purchases(customer, source, rules)):
        if weight:
            for called in _parts(text, dimension, rules):
                yield Signal(called, at, weight)


def _remembered(customer: Customer, source: str, rules: AffinityRules) -> Iterator[tuple[datetime, str, int]]:
    for entry, count in merge_signals(customer.signals).interests.get(source, {}).items():
        monday, interest, text = read_entry(entry)
        yield monday, text, rules.weight(interest) * count


def _purchases(customer: Customer, source: str, rules: AffinityRules) -> Iterator[tuple[datetime, str, int]]:
    """Each order once for all that is in it, whatever the number of pieces."""
    for order in counted(customer.orders):
        if order.placed_at:
            for text in sorted({text for line in order.products if (text := _text_of(line, source))}):
                yield order.placed_at.astimezone(UTC), text, rules.bought


def _text_of(line: LineItem, source: str) -> str | None:
    return {PRODUCTS: line.product_id, CATEGORIES: line.category, BRANDS: line.brand, VARIANTS: line.variant}[source]


def _parts(text: str, dimension: str, rules: AffinityRules) -> Iterable[str]:
    """What a text says in a dimension: of a variant only the parts that are of it."""
    if dimension == COLOURS:
        return _split(text, tuple(rules.colours), tuple(rules.sizes))[0]
    if dimension == SIZES:
        return _split(text, tuple(rules.colours), tuple(rules.sizes))[1]
    return (text,)


@lru_cache(maxsize=5_000)
def _split(variant: str, colours: tuple[str, ...], sizes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The colours and the sizes in a variant: `Navy blue / M`. What is neither is left out."""
    parts = [part for part in (part.strip() for part in _BETWEEN.split(variant)) if part]
    folded = {part: part.casefold() for part in parts}
    sized = [part for part in parts if folded[part] in sizes or _SIZE.fullmatch(folded[part])]
    coloured = [part for part in parts if part not in sized and not set(folded[part].split()).isdisjoint(colours)]
    return tuple(dict.fromkeys(coloured)), tuple(dict.fromkeys(sized))
