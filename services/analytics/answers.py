"""Answers of the reading side: which rows a question needs, read from storage and put together by the domain."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.analytics import storage
from services.analytics.domain.periods import Bucket, PeriodError, Periods, divide, midnight, moment_of, range_of
from services.analytics.domain.rows import LATEST, QUARTER, By, cover, quarter_of
from services.analytics.domain.series import Slot, counts, currencies_of, revenue_of, slots
from shared.errors import BadRequest
from shared.timers import progress

MOST_SLOTS = 10_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reader:
    """Answers from one database at one moment."""

    database: Any
    now: datetime

    def revenue(self, query: dict[str, Any]) -> dict[str, Any]:
        """Orders, revenue and customers over time: see schemas.RevenueAnswer. Raises BadRequest."""
        shop = storage.read_rules(self.database).timezone
        periods = self._periods(query, shop)
        by = By(query["by"]) if query["by"] else By.ALL
        keys, more = self._keys(by, periods, query)
        _bounded(periods, len(keys))
        found = storage.read_rows(self.database, by, cover(periods.boundaries), keys)
        currencies = currencies_of(found, query["currency"])
        series = []
        for key in keys:
            filled = slots(periods, [row for row in found if row.key == key], currencies, query["currency"], shop)
            shown = [_slot(periods, slot) for slot in filled]
            series.append({"key": key if query["by"] else None, "buckets": shown})
        asked = {name: query[name] for name in ("bucket", "by", "currency")}
        return {**_range(periods), **asked, "recount": self.recount(), "series": series, "more_series": more}

    def products(self, query: dict[str, Any]) -> dict[str, Any]:
        """Top products for each currency: see schemas.ProductsAnswer. Raises BadRequest."""
        timezone = query["timezone"] or storage.read_rules(self.database).timezone
        start, end = self._asked(query, timezone)
        periods = Periods(Bucket.HOUR, timezone, (quarter_of(start), quarter_of(end - timedelta.resolution) + QUARTER))
        reaches = cover(periods.boundaries)
        sold = storage.read_totals(self.database, By.PRODUCT, reaches)
        wanted = (
            [query["currency"]] if query["currency"] else sorted(name for name, values in sold.items() if values.get("orders"))
        )
        ranking = ({"revenue": "net", "units": "units"}[query["sort"]], query["limit"])
        found = {one: storage.read_leaders(self.database, By.PRODUCT, reaches, one, ranking) for one in wanted}
        names = storage.read_titles(self.database, {key for leaders in found.values() for key, _ in leaders})
        currencies = [
            {
                "currency": currency,
                "items": [_product(key, names.get(key), values) for key, values in leaders if values.get("orders")],
            }
            for currency, leaders in found.items()
        ]
        return {**_range(periods), "sort": query["sort"], "currencies": currencies}

    def summary(self, query: dict[str, Any]) -> dict[str, Any]:
        """Today, yesterday, the last 7 and 30 days, and all time: see schemas.SummaryAnswer."""
        shop = storage.read_rules(self.database).timezone
        timezone = query["timezone"] or shop
        today = divide(Bucket.DAY, quarter_of(self.now), quarter_of(self.now) + QUARTER, timezone)
        date = today.in_zone(today.start).date()
        yesterday = divide(Bucket.DAY, midnight(date - _DAY, timezone), today.start, timezone)
        back = {"last_7_days": 6, "last_30_days": 29}
        starts = {name: midnight(date - days * _DAY, timezone) for name, days in back.items()}
        return {
            "timezone": timezone,
            "as_of": today.in_zone(self.now),
            "recount": self.recount(),
            "today": self._up_to_now(today.start, today),
            "yesterday": self._day(yesterday, shop),
            **{name: self._up_to_now(start, today) for name, start in starts.items()},
            "ever": {**self._up_to_now(moment_of(datetime(1970, 1, 1), "UTC"), today), "from_": None},
        }

    def events(self, query: dict[str, Any]) -> dict[str, Any]:
        """Volumes of events over time: see schemas.EventsAnswer. Raises BadRequest."""
        periods = self._periods(query, storage.read_rules(self.database).timezone)
        found = storage.read_rows(self.database, By.EVENT, cover(periods.boundaries))
        series = []
        for key in sorted({row.key for row in found}):
            source, _, event = key.partition(".")
            if query["event"] in (None, event):
                filled = counts(periods, [row for row in found if row.key == key])
                shown = [{"start": periods.in_zone(a), "end": periods.in_zone(b), "count": count} for a, b, count in filled]
                total = sum(count for _, _, count in filled)
                series.append({"event": event, "source": source, "total": total, "buckets": shown})
        _bounded(periods, len(series))
        return {**_range(periods), "bucket": periods.bucket, "series": sorted(series, key=_most_first)}

    def recount(self) -> dict[str, int] | None:
        """How far the recount after a change of the settings is; None when there is none."""
        return progress(self.database, storage.CUSTOMERS.name)

    def _periods(self, query: dict[str, Any], shop: str) -> Periods:
        timezone = query["timezone"] or shop
        start, end = self._asked(query, timezone)
        try:
            return divide(query["bucket"], start, end, timezone)
        except PeriodError as error:
            raise BadRequest(error.text, fields={error.field: [error.text]}) from None

    def _asked(self, query: dict[str, Any], timezone: str) -> tuple[datetime, datetime]:
        try:
            return range_of(query["from_"], query["to"], timezone, self.now)
        except PeriodError as error:
            raise BadRequest(error.text, fields={error.field: [error.text]}) from None

    def _keys(self, by: By, periods: Periods, query: dict[str, Any]) -> tuple[list[str], bool]:
        """The series of an answer, and whether there are more than asked for."""
        if by is By.ALL:
            return [""], False
        limit = query["limit"]
        reaches = cover((periods.start, periods.end))
        leaders = storage.read_leaders(self.database, by, reaches, query["currency"], ("orders", limit + 1))
        return [key for key, _ in leaders[:limit]], len(leaders) > limit

    def _up_to_now(self, start: datetime, today: Periods) -> dict[str, Any]:
        """A customer whose latest order is not before the start ordered in the period: so they are counted without looking."""
        sums = storage.read_totals(self.database, By.ALL, cover((start, LATEST)))
        return _period(today, (start, today.end), sums, "latest")

    def _day(self, day: Periods, shop: str) -> dict[str, Any]:
        sums = storage.read_totals(self.database, By.ALL, cover(day.boundaries))
        return _period(day, (day.start, day.end), sums, "in_day" if all(day.aligned(shop)) else None)


def _period(
    zone: Periods, bounds: tuple[datetime, datetime], sums: dict[str, dict[str, int]], customers: str | None
) -> dict[str, Any]:
    def count(measure: str) -> int:
        return sum(values.get(measure, 0) for values in sums.values())

    return {
        "from_": zone.in_zone(bounds[0]),
        "to": zone.in_zone(bounds[1]),
        "orders": count("orders"),
        "customers": count(customers) if customers else None,
        "new_customers": count("new"),
        "revenue": [revenue_of(currency, values) for currency, values in sorted(sums.items())],
    }


def _range(periods: Periods) -> dict[str, Any]:
    return {
        "from_": periods.in_zone(periods.start),
        "to": periods.in_zone(periods.end),
        "timezone": periods.timezone,
    }


def _slot(periods: Periods, slot: Slot) -> dict[str, Any]:
    shown = {name: getattr(slot, name) for name in Slot.__slots__}
    return {**shown, "start": periods.in_zone(slot.start), "end": periods.in_zone(slot.end)}


def _product(product_id: str, name: str | None, values: dict[str, int]) -> dict[str, Any]:
    gross = values.get("gross", 0)
    return {
        "product_id": product_id,
        "name": name,
        "orders": values.get("orders", 0),
        "units": values.get("units", 0),
        "gross": gross,
        "net": gross - values.get("returned", 0),
    }


def _bounded(periods: Periods, series: int) -> None:
    slots_asked = series * (len(periods.boundaries) - 1)
    if slots_asked > MOST_SLOTS:
        text = f"{series} series of {len(periods.boundaries) - 1} buckets are more than {MOST_SLOTS}: ask for fewer of either."
        raise BadRequest(text, fields={"bucket": [text]})


def _most_first(series: dict[str, Any]) -> tuple[int, str]:
    return -series["total"], series["event"]
