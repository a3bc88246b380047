"""What happens in a shop, as the events that campaigns hears."""

from datetime import datetime, timedelta
from typing import Any

from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import NOW, event


def ago(days: float = 0, **parts: float) -> datetime:
    return NOW - timedelta(days=days, **parts)


def line(product_id: str = "shirt", quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"product_id": product_id, "quantity": quantity, **more}


def bought(subject: str, order_id: str, at: datetime, amount: int = 10_00, **more: Any) -> Event:
    """An order; `backfill`, `currency`, `products` and `name` (another message about the same) may be given."""
    return _order(events.ORDER_COMPLETED, subject, order_id, at, amount, more)


def updated(subject: str, order_id: str, at: datetime, amount: int, **more: Any) -> Event:
    return _order(events.ORDER_UPDATED, subject, order_id, at, amount, more)


def _order(kind: events.EventKind, subject: str, order_id: str, at: datetime, amount: int, more: dict[str, Any]) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": more.get("currency", "USD"), "products": more.get("products", [])}
    return event(kind, subject, data, at, name=more.get("name", ""), backfill=more.get("backfill", False))


def cancelled(subject: str, order_id: str, at: datetime) -> Event:
    return event(events.ORDER_CANCELLED, subject, {"order_id": order_id, "products": []}, at)


def refunded(subject: str, order_id: str, at: datetime, amount: int | None = None, **more: Any) -> Event:
    """All of the order, `amount` of it, or `products`; `refund_id` tells several apart."""
    data = {"order_id": order_id, "refund_id": more.get("refund_id", f"{order_id}-back"), "currency": more.get("currency", "USD")}
    return event(events.ORDER_REFUNDED, subject, {**data, "amount": amount, "products": more.get("products", [])}, at)


def left_cart(subject: str, cart_id: str, abandoned_at: datetime, reported_at: datetime | None = None) -> Event:
    """A cart that was reported an hour after it was left, unless told otherwise."""
    data = {
        "customer_id": id_of(subject),
        "cart_id": cart_id,
        "products": [{"product_id": "shirt", "quantity": 1}],
        "amount": 19_00,
        "currency": "USD",
        "abandoned_at": abandoned_at.isoformat(),
    }
    return event(events.CART_ABANDONED, subject, data, reported_at or abandoned_at + timedelta(hours=1))


def recovered_cart(subject: str, cart_id: str, at: datetime) -> Event:
    data = {"customer_id": id_of(subject), "cart_id": cart_id, "order_id": f"of {cart_id}", "amount": 1, "currency": "USD"}
    return event(events.CART_RECOVERED, subject, data, at)


def grouped(kind: events.EventKind, keys: list[str], revision: int) -> Event:
    """A statement of profiles: as of `revision` these keys are the customer named after the first."""
    return event(kind, keys[0], {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}, name=str(revision))
