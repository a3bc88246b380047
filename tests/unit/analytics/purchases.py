"""Events about orders, for the tests of analytics; and reading figures in memory the way that storage reads them."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.analytics.domain.periods import Bucket, divide, range_of
from services.analytics.domain.rows import By, bounds, cover, key_of, start_from
from services.analytics.domain.sales import Rules
from services.analytics.domain.series import Row, Slot, currencies_of, slots
from services.analytics.service import Analytics
from services.analytics.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import History, assert_order_free, event


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def line(
    product_id: str, price: int | None = None, quantity: int = 1, category: str | None = None, **more: Any
) -> dict[str, Any]:
    return {"product_id": product_id, "quantity": quantity, "price": price, "category": category, **more}


def placed(subject: str, order_id: str, amount: int, when: datetime, *lines: dict[str, Any], **more: Any) -> Event:
    """An `order_completed`; `currency` is USD and `shop_source` Web shop unless said otherwise."""
    options = {name: more.pop(name) for name in ("name", "backfill") if name in more}
    data = {"order_id": order_id, "amount": amount, "currency": "USD", "products": list(lines), **more}
    return event(events.ORDER_COMPLETED, subject, data, when, **options)


def updated(subject: str, order_id: str, amount: int, when: datetime, *lines: dict[str, Any], currency: str = "USD") -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": currency, "products": list(lines)}
    return event(events.ORDER_UPDATED, subject, data, when)


def cancelled(subject: str, order_id: str, when: datetime) -> Event:
    return event(events.ORDER_CANCELLED, subject, {"order_id": order_id, "products": []}, when)


def refunded(subject: str, order_id: str, refund_id: str, when: datetime, *lines: dict[str, Any], **more: Any) -> Event:
    """A refund of some lines, of an `amount`, or with neither of the whole order; `currency` is USD unless said otherwise."""
    data = {"order_id": order_id, "refund_id": refund_id, "currency": "USD", "products": list(lines), **more}
    return event(events.ORDER_REFUNDED, subject, data, when)


def grouped(keys: Sequence[str], revision: int) -> Event:
    """A statement of profiles that these keys are one customer."""
    data = {"customer_id": id_of(keys[0]), "identity_keys": list(keys), "revision": revision, "former_customer_ids": []}
    return event(events.PROFILE_MERGED, keys[0], data, name=str(revision))


def history(*happened: Event, timezone: str = "UTC", rounds: int = 6) -> History:
    """What analytics holds after these events, after it was held against other orders and repetitions of them."""
    return assert_order_free(Analytics, [CUSTOMERS], happened, rules=Rules(timezone), rounds=rounds)


class Figures:
    """Reads the figures of a history."""

    def __init__(self, told: History, timezone: str = "UTC") -> None:
        self.rows = {key.partition("/")[2]: values for key, values in told.figures.items() if key.startswith("figures/")}
        self.titles = {key.partition("/")[2]: dict(values) for key, values in told.figures.items() if key.startswith("titles/")}
        self.timezone = timezone

    def read(
        self, first: str, last: str, bucket: str = "day", by: By = By.ALL, timezone: str = "", currency: str | None = None
    ) -> dict[str, list[Slot]]:
        """Slots by key, from the first date to the last, that one included."""
        zone = timezone or self.timezone
        start, end = range_of(date.fromisoformat(first), date.fromisoformat(last), zone, at("2026-06-01T12:00"))
        periods = divide(Bucket(bucket), start, end, zone)
        within = [bounds(by, reach) for reach in cover(periods.boundaries)]
        found = [_row(key, values) for key, values in self.rows.items() if any(low <= key < high for low, high in within)]
        shown = currencies_of(found, currency)
        keys = {row.key for row in found} or {""}
        return {key: slots(periods, [r for r in found if r.key == key], shown, currency, self.timezone) for key in keys}

    def all(self, first: str, last: str, bucket: str = "day", **more: Any) -> list[Slot]:
        return self.read(first, last, bucket, **more)[""]


def _row(row: str, values: Counter[str]) -> Row:
    _, _, start, currency, key = row.split("|")
    return Row(start_from(start), currency, key_of(key), values)
