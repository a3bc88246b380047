"""What happens in a shop, as events, for tests of re-engagement."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.reengagement.service import Reengagement
from services.reengagement.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.handlers import Timer
from shared.identity import id_of
from tests.order_free import NOW, History, event, timer

JANE = "user:42"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def line(product_id: str = "coffee", quantity: int = 1, price: int | None = 900, **more: Any) -> dict[str, Any]:
    return {"product_id": product_id, "quantity": quantity, "price": price, **more}


def add(at: datetime, product_id: str = "coffee", who: str = JANE, cart: str | None = "c1", **more: Any) -> Event:
    backfill = more.pop("backfill", False)
    data = {**line(product_id, **more), "cart_id": cart, "currency": "EUR"}
    return event(events.PRODUCT_ADDED, who, data, at, backfill=backfill)


def remove(at: datetime, product_id: str = "coffee", who: str = JANE, cart: str | None = "c1") -> Event:
    return event(events.PRODUCT_REMOVED, who, {**line(product_id), "cart_id": cart, "currency": "EUR"}, at)


def view(at: datetime, *products: dict[str, Any], who: str = JANE, cart: str | None = "c1") -> Event:
    return event(events.CART_VIEWED, who, {"cart_id": cart, "currency": "EUR", "products": list(products)}, at)


def checkout(at: datetime, who: str = JANE, cart: str | None = "c1", **more: Any) -> Event:
    return event(events.CHECKOUT_STARTED, who, {"cart_id": cart, "currency": "EUR", "products": [], **more}, at)


def order(at: datetime, order_id: str = "A1", *products: dict[str, Any], who: str = JANE, **more: Any) -> Event:
    kind = more.pop("kind", events.ORDER_COMPLETED)
    backfill = more.pop("backfill", False)
    data = {"order_id": order_id, "amount": 900, "currency": "EUR", "products": list(products or [line()]), **more}
    return event(kind, who, data, at, backfill=backfill)


def update(at: datetime, order_id: str, *products: dict[str, Any], who: str = JANE, **more: Any) -> Event:
    return order(at, order_id, *products, who=who, kind=events.ORDER_UPDATED, **more)


def cancel(at: datetime, order_id: str = "A1", who: str = JANE) -> Event:
    return event(events.ORDER_CANCELLED, who, {"order_id": order_id, "products": []}, at)


def refund(at: datetime, order_id: str = "A1", *products: dict[str, Any], who: str = JANE) -> Event:
    data = {"order_id": order_id, "refund_id": f"R-{order_id}", "currency": "EUR", "products": list(products)}
    return event(events.ORDER_REFUNDED, who, data, at)


def group(keys: Sequence[str], revision: int) -> Event:
    """These identity keys are one customer, as of the revision."""
    data = {"customer_id": id_of(keys[0]), "identity_keys": list(keys), "revision": revision}
    return event(events.PROFILE_MERGED, keys[0], data, name=str(revision))


def shop(*happened: Event, rules: Any = None, now: datetime = NOW) -> History:
    """The service after these events, in this order, one at a time."""
    history = History(Reengagement, [CUSTOMERS], rules, now)
    for each in happened:
        history.apply(each)
    return history


def armed(history: History, kind: str) -> list[Timer]:
    return sorted((each for each in history.timers.values() if each.kind == kind), key=lambda each: each.due)


def firing(armed_timer: Timer, late: timedelta = timedelta(0)) -> Event:
    """A timer that falls due, `late` after its time."""
    event_ = timer(armed_timer.kind, armed_timer.subject, armed_timer.data, armed_timer.due)
    return replace(event_, id=f"{event_.id}/{armed_timer.key}", received_at=armed_timer.due + late)


def fire(history: History, kind: str, late: timedelta = timedelta(0)) -> History:
    """Everything of a kind that is due by now, as the runtime fires it."""
    due = [each for each in armed(history, kind) if each.due <= history.now]
    return history.apply(*(firing(each, late) for each in due))
