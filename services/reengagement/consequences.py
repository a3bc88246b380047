"""The decisions and moments of the domain in the runtime's words: timers, rows of the list of abandoned carts, announcements.

Keys hold the identity key that a timer was armed for and never the customer id, which changes when profiles are merged: what was
announced before a merge is not announced again after it. Announcements are filed under the customer's strongest key.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from services.reengagement.domain.customer import About, LastOrder, LastPurchase, Reminder
from services.reengagement.domain.decisions import Decision
from services.reengagement.domain.moments import AbandonedCart, Moments
from services.reengagement.storage import ABANDONED_CARTS
from shared import events
from shared.commerce import LineItem
from shared.envelope import derived_id
from shared.handlers import Announcement, Row, Timer
from shared.identity import id_of

_CART_LINE = ("product_id", "name", "quantity", "price", "url", "image_url")


def timer(decision: Decision) -> Timer:
    """The timer of a decision to remind. Raises ValueError for a decision not to.

    Its key is made of all that it carries, so that it is exchanged also when the cart changes and its due time does not.
    """
    if decision.due is None or decision.reason is not None:
        raise ValueError("a decision against a reminder has no timer")
    data = decision.data
    content = hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=12).hexdigest()
    return Timer(decision.timer, f"{id_of(decision.subject)}/{content}", decision.subject, decision.due, data)


@dataclass(frozen=True, slots=True)
class Whom:
    """Who something is about; `subject` is the identity key that readers file it under, `contactable` the channels on which the
    customer may be contacted for marketing.
    """

    customer_id: str
    subject: str
    contactable: tuple[str, ...] = ()


def abandoned_row(whom: Whom, cart: AbandonedCart) -> Row:
    """The cart as it was left, and what became of it since."""
    left, order = cart.reminder.about, cart.order
    document: dict[str, Any] = {
        "customer_id": whom.customer_id,
        "contactable": list(whom.contactable),
        "cart_id": left.cart_id,
        "abandoned_at": left.abandoned_at,
        "announced_at": cart.reminder.fired_at,
        "products": [_cart_line(line) for line in left.products],
        "amount": left.amount,
        "currency": left.currency,
        "status": cart.status.value,
    }
    if order is not None:
        document |= {
            "order_id": order.order_id,
            "ordered_at": order.placed_at,
            "order_amount": order.net,
            "order_currency": order.currency,
        }
    return Row(ABANDONED_CARTS, derived_id(ABANDONED_CARTS, _key(cart.reminder)), document)


def announcements(whom: Whom, found: Moments) -> Iterator[Announcement]:
    """All that is worth a word about a customer; the runtime says each once."""
    for cart in found.abandoned:
        yield _cart_abandoned(whom, cart)
    for cart in found.recovered:
        yield from _cart_recovered(whom, cart)
    for silence in found.lapsed:
        yield _customer_lapsed(whom, silence)
    for purchase in found.due:
        yield _replenishment_due(whom, purchase)


def _cart_abandoned(whom: Whom, cart: AbandonedCart) -> Announcement:
    reminder, left = cart.reminder, cart.reminder.about
    data = {
        **_addressed(whom),
        "cart_id": left.cart_id,
        "products": [_cart_line(line) for line in left.products],
        "amount": left.amount,
        "currency": left.currency,
        "abandoned_at": left.abandoned_at.isoformat(),
    }
    return Announcement(events.CART_ABANDONED, _key(reminder), whom.subject, reminder.due, data)


def _cart_recovered(whom: Whom, cart: AbandonedCart) -> Iterator[Announcement]:
    reminder, order = cart.reminder, cart.order
    if order is None or order.placed_at is None or order.currency is None:
        return
    data = {
        "customer_id": whom.customer_id,
        "cart_id": reminder.about.cart_id,
        "order_id": order.order_id,
        "amount": order.amount,
        "currency": order.currency,
    }
    key = f"{reminder.subject}/{reminder.about.cart_id}/{order.order_id}"
    yield Announcement(events.CART_RECOVERED, key, whom.subject, order.placed_at, data)


def _customer_lapsed(whom: Whom, reminder: Reminder[LastOrder]) -> Announcement:
    last = reminder.about
    days = (reminder.due - last.last_order_at).days
    data = {**_addressed(whom), "last_order_at": last.last_order_at.isoformat(), "days": days}
    return Announcement(events.CUSTOMER_LAPSED, _key(reminder), whom.subject, reminder.due, data)


def _replenishment_due(whom: Whom, reminder: Reminder[LastPurchase]) -> Announcement:
    last = reminder.about
    data = {name: value for name, value in asdict(last).items() if name != "expires_at"}
    data |= {**_addressed(whom), "last_bought_at": last.last_bought_at.isoformat()}
    return Announcement(events.REPLENISHMENT_DUE, _key(reminder), whom.subject, reminder.due, data)


def _addressed(whom: Whom) -> dict[str, Any]:
    """The moment is announced also where nobody may be told of it: it is a fact. On which channels one may is part of it."""
    return {"customer_id": whom.customer_id, "contactable": list(whom.contactable)}


def _key(reminder: Reminder[Any]) -> str:
    about: About = reminder.about
    return f"{reminder.subject}/{about.key}"


def _cart_line(line: LineItem) -> dict[str, Any]:
    return {name: getattr(line, name) for name in _CART_LINE}
