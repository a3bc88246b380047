"""Rows put together for reading: one slot a bucket, empty ones with zeros, money for each currency by itself."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from services.analytics.domain.periods import Periods


@dataclass(frozen=True, slots=True)
class Row:
    """The sum of what all partitions counted in one row, or in several of the same start, currency and key."""

    start: datetime
    currency: str
    key: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Revenue:
    """Money in one currency, in minor units."""

    currency: str
    gross: int = 0
    net: int = 0
    refunded: int = 0
    cancelled_amount: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """The figures of one bucket. `returning_customers` is None where the bucket is none in the shop's time zone."""

    start: datetime
    end: datetime
    orders: int
    units: int
    refunds: int
    cancelled: int
    new_customers: int
    returning_customers: int | None
    revenue: tuple[Revenue, ...]


class Sums:
    """Values by currency, and what is counted over all currencies."""

    def __init__(self) -> None:
        self.by_currency: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, row: Row) -> None:
        self.by_currency[row.currency].update(row.values)

    def count(self, measure: str, currency: str | None = None) -> int:
        """How many, in one currency or in all. Only for what is no money."""
        if currency is not None:
            return self.by_currency[currency][measure] if currency in self.by_currency else 0
        return sum(values[measure] for values in self.by_currency.values())

    def revenue(self, currencies: Iterable[str]) -> tuple[Revenue, ...]:
        return tuple(revenue_of(currency, self.by_currency.get(currency, {})) for currency in currencies)


def revenue_of(currency: str, values: Mapping[str, int]) -> Revenue:
    """The money in the values of one currency."""
    gross = values.get("gross", 0)
    net = gross - values.get("returned", 0)
    return Revenue(currency, gross, net, values.get("refunded", 0), values.get("cancelled_amount", 0))


def currencies_of(rows: Iterable[Row], wanted: str | None) -> list[str]:
    """The currencies that an answer shows in every bucket: the wanted one, else all that occur."""
    return [wanted] if wanted else sorted({row.currency for row in rows})


def slots(periods: Periods, rows: Iterable[Row], currencies: Sequence[str], wanted: str | None, shop_timezone: str) -> list[Slot]:
    """One slot a bucket. With a `wanted` currency orders and money are of that one; customers are counted over all."""
    sums = _by_bucket(periods, rows)
    aligned = periods.aligned(shop_timezone)
    return [
        _slot(bounds, sums[number], currencies, wanted, f"in_{periods.bucket}" if aligned[number] else None)
        for number, bounds in enumerate(pairwise(periods.boundaries))
    ]


def counts(periods: Periods, rows: Iterable[Row]) -> list[tuple[datetime, datetime, int]]:
    """(start, end, number of events) for each bucket."""
    sums = _by_bucket(periods, rows)
    return [(start, end, sums[number].count("events")) for number, (start, end) in enumerate(pairwise(periods.boundaries))]


def _by_bucket(periods: Periods, rows: Iterable[Row]) -> list[Sums]:
    sums = [Sums() for _ in periods.boundaries[1:]]
    for row in rows:
        sums[bisect_right(periods.boundaries, row.start) - 1].add(row)
    return sums


def _slot(
    bounds: tuple[datetime, datetime], sums: Sums, currencies: Sequence[str], wanted: str | None, customers: str | None
) -> Slot:
    new = sums.count("new")
    return Slot(
        *bounds,
        orders=sums.count("orders", wanted),
        units=sums.count("units", wanted),
        refunds=sums.count("refunds", wanted),
        cancelled=sums.count("cancelled", wanted),
        new_customers=new,
        returning_customers=sums.count(customers) - new if customers else None,
        revenue=sums.revenue(currencies),
    )
