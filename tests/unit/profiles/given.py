"""Events of customers, short to write: `at` is hours after an arbitrary morning."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.profiles.domain.customer import Customer
from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.domain.rules import Rules
from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS, ORDERS
from shared import events
from shared.envelope import Event
from shared.events import EventKind
from tests.order_free import NOW, History, assert_order_free, event

MORNING = NOW - timedelta(days=30)


def hour(at: float) -> Any:
    return MORNING + timedelta(hours=at)


def happened(kind: EventKind, keys: Sequence[str], at: float, backfill: bool = False, again: str = "", **data: Any) -> Event:
    """An event that carries `keys`, its subject first; `again` tells apart two that say the same."""
    return event(kind, keys[0], {"identity_keys": list(keys), **data}, hour(at), name=again, backfill=backfill)


def viewed(*keys: str, at: float = 0, **more: Any) -> Event:
    return happened(events.PAGE_VIEWED, keys, at, path="/", **more)


def aliased(previous: str, current: str, *, at: float = 0, keys: Sequence[str] = ()) -> Event:
    named = list(dict.fromkeys([current, *keys, previous]))
    return happened(events.IDENTITY_ALIASED, named, at, previous=previous, current=current)


def decided(decision: str, left: Sequence[str], right: Sequence[str], *, at: float = 0, by: str = "Mia", why: str = "") -> Event:
    keys = list(dict.fromkeys([*left, *right]))
    sides = {"left": list(left), "right": list(right)}
    data = {"identity_keys": keys, **sides, "decision": decision, "decided_by": by, "reason": why}
    return event(events.IDENTITY_DECIDED, keys[0], data, hour(at))


def identified(*keys: str, at: float = 0, consent: Any = None, backfill: bool = False, **traits: Any) -> Event:
    said = {"consent": consent} if consent else {}
    return happened(events.CUSTOMER_IDENTIFIED, keys, at, backfill, traits=traits, **said)


def line(product_id: str, quantity: int = 1, price: int = 100, **more: Any) -> dict[str, Any]:
    return {"product_id": product_id, "quantity": quantity, "price": price, **more}


def bought(
    order_id: str,
    amount: int,
    *keys: str,
    at: float = 0,
    products: Any = (),
    currency: str = "EUR",
    backfill: bool = False,
    again: str = "",
    **more: Any,
) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": currency, "products": list(products), **more}
    return event(events.ORDER_COMPLETED, keys[0], {"identity_keys": list(keys), **data}, hour(at), name=again, backfill=backfill)


def updated(order_id: str, amount: int, *keys: str, at: float = 0, products: Any = ()) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": "EUR", "products": list(products)}
    return happened(events.ORDER_UPDATED, keys, at, **data)


def cancelled(order_id: str, *keys: str, at: float = 0) -> Event:
    return happened(events.ORDER_CANCELLED, keys, at, order_id=order_id, products=[])


def refunded(order_id: str, refund_id: str, amount: int | None, *keys: str, at: float = 0) -> Event:
    data = {"order_id": order_id, "refund_id": refund_id, "amount": amount, "currency": "EUR", "products": []}
    return happened(events.ORDER_REFUNDED, keys, at, **data)


def history(*heard: Event, rules: IdentityRules | Rules | None = None) -> History:
    return History(Profiles, [CUSTOMERS, ORDERS], _all(rules)).apply(*heard)


def order_free(*heard: Event, rounds: int = 20, rules: IdentityRules | Rules | None = None) -> History:
    """The history of these events, which is the same in every order."""
    return assert_order_free(Profiles, [CUSTOMERS, ORDERS], heard, rounds=rounds, rules=_all(rules))


def _all(rules: IdentityRules | Rules | None) -> Rules:
    return rules if isinstance(rules, Rules) else Rules(rules or IdentityRules())


def groups(told: History, model: str = "customers") -> set[frozenset[str]]:
    """The customers of a history, as sets of identity keys."""
    members = told.batches[model].members.values()
    customers = {member.customer_id for member in members}
    return {frozenset(member.key for member in members if member.customer_id == one) for one in customers}


def customer(*heard: Event, key: str = "user:1") -> Customer:
    found: Customer = order_free(*heard, rounds=5).customer(key)
    return found
