"""Analytics: orders, revenue and customers of each day."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from demo.checks import Check, compare, compare_each, count, dollars
from demo.errors import DemoError
from demo.figures import Day
from demo.outcomes import Reached, Replay
from demo.purchases import CURRENCY
from demo.reader import Reader

_DAYS_AT_ONCE = 90  # times a hundred sources: within what analytics answers at once
_MOST_SOURCES = 100
_BAR = 40
_BAR_PARTS = 8


class Analytics:
    """Reads the figures of the demo's own source."""

    name = "analytics"

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        days = list(replay.figures.days)
        self._span = days[0], days[-1]

    def reached(self) -> Reached:
        """Orders counted, out of the months; none while the shop's time zone is being changed, for customers are counted anew then."""
        found = _series(self._replay.reader, self._replay.source, self._span, "month", 30 * _DAYS_AT_ONCE)
        return Reached(sum(bucket["orders"] for bucket in found), self._replay.figures.orders, "orders")

    def show(self, console: Console) -> list[Check]:
        """Revenue by month, and every day compared."""
        expected, found = self._replay.figures.days, by_day(self._replay.reader, self._replay.source, self._span)
        console.print(_chart(found))
        total = sum(day.revenue for day in found.values())
        new = sum(day.new_customers for day in found.values())
        return [
            compare("orders", self._replay.figures.orders, sum(day.orders for day in found.values()), count),
            compare("revenue", self._replay.figures.revenue, total, dollars),
            compare("pieces", self._replay.figures.units, sum(day.units for day in found.values()), count),
            compare("new customers", len(self._replay.figures.buyers), new, count),
            *(_each_day(what, field, expected, found) for what, field in _FIELDS.items()),
        ]


_FIELDS = {
    "orders of each day": "orders",
    "revenue of each day": "revenue",
    "new customers of each day": "new_customers",
    "returning customers of each day": "returning_customers",
}


def by_day(reader: Reader, source: str, span: tuple[date, date]) -> dict[date, Day]:
    """The days of a source on which anything was bought."""
    return {
        date.fromisoformat(bucket["start"][:10]): Day(
            bucket["orders"],
            bucket["units"],
            sum(each["gross"] for each in bucket["revenue"]),
            bucket["new_customers"],
            bucket["returning_customers"],
        )
        for bucket in _series(reader, source, span, "day", _DAYS_AT_ONCE)
        if bucket["orders"]
    }


def _series(reader: Reader, source: str, span: tuple[date, date], bucket: str, days: int) -> Iterator[Any]:
    """The buckets of a source, each once: stretches are asked for one by one, and may meet within a month."""
    told = set()
    for first, last in _stretches(span, days):
        asked = {"from": first, "to": last, "bucket": bucket, "by": "source", "currency": CURRENCY, "limit": _MOST_SOURCES}
        answer = reader.get("analytics/revenue", **asked)
        found = [series["buckets"] for series in answer["series"] if series["key"] == source]
        if not found and answer["more_series"]:
            raise DemoError(f"{source!r} is not among the {_MOST_SOURCES} sources with most orders, and analytics shows no more")
        for each in found[0] if found else ():
            if each["start"] not in told:
                told.add(each["start"])
                yield each


def _stretches(span: tuple[date, date], days: int) -> Iterator[tuple[date, date]]:
    first, last = span
    while first <= last:
        yield first, min(last, first + timedelta(days - 1))
        first += timedelta(days)


def _each_day(what: str, field: str, expected: dict[date, Day], found: dict[date, Day]) -> Check:
    shown = dollars if field == "revenue" else count
    wanted, told = ({day: getattr(figures, field) for day, figures in days.items()} for days in (expected, found))
    return compare_each(what, wanted, told, shown)


def _chart(days: dict[date, Day]) -> Text:
    revenue, orders = Counter[str](), Counter[str]()
    for day, figures in days.items():
        revenue[f"{day:%Y-%m}"] += figures.revenue
        orders[f"{day:%Y-%m}"] += figures.orders
    most = max(revenue.values(), default=0) or 1
    chart = Text("Analytics: revenue by month\n", style="italic")
    for month in sorted(revenue):
        chart.append(f"  {month} {_bar(revenue[month] / most):<{_BAR}} ", style="not italic green")
        chart.append(f"{dollars(revenue[month]):>12} {count(orders[month]):>7} orders\n", style="not italic")
    return chart


def _bar(share: float) -> str:
    """A bar in eighths of a character."""
    parts = round(share * _BAR * _BAR_PARTS)
    return "█" * (parts // _BAR_PARTS) + " ▏▎▍▌▋▊▉"[parts % _BAR_PARTS]
