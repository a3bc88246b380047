"""What is known of a customer as the HTTP side shows it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.reengagement.consequences import Whom, abandoned_row
from services.reengagement.domain.customer import Reminder
from services.reengagement.domain.decisions import TIMERS, Decision, decide
from services.reengagement.domain.moments import (
    Outcome,
    abandoned_carts,
    cart_outcome,
    lapse_outcome,
    replenishment_outcome,
)
from services.reengagement.domain.policies import Kind, Policies
from services.reengagement.storage import Found
from shared.mongo import Document
from shared.permissions import contactable

_SHOWN = 50


def timers_answer(found: Found, policies: Policies, pending: Sequence[Document], now: datetime) -> dict[str, Any]:
    """Armed and fired timers, and why others are not armed."""
    decisions = decide(found.customer, policies, now)
    return {
        "customer_id": found.customer_id,
        "identity_keys": found.identity_keys,
        "contactable": contactable(found.customer.permissions),
        "pending": [_pending(row) for row in pending],
        "fired": sorted(_fired(found, policies), key=lambda each: each["fired_at"], reverse=True)[:_SHOWN],
        "not_armed": [_not_armed(decision) for decision in decisions if not decision.is_armed],
    }


def carts_answer(found: Found, policies: Policies, now: datetime) -> dict[str, Any]:
    """Open carts with their reminders, and those that were announced as abandoned."""
    decisions = [each for each in decide(found.customer, policies, now) if each.kind is Kind.CART and each.about]
    open_ = [_open_cart(decision) for decision in decisions]
    whom = Whom(found.customer_id, found.identity_keys[0], contactable(found.customer.permissions))
    rows = [abandoned_row(whom, cart) for cart in abandoned_carts(found.customer, policies)]
    abandoned = [{"_id": row.id, **row.document} for row in rows]
    return {
        "customer_id": found.customer_id,
        "identity_keys": found.identity_keys,
        "contactable": whom.contactable,
        "open": sorted(open_, key=lambda each: each["last_activity"], reverse=True),
        "abandoned": sorted(abandoned, key=lambda each: each["abandoned_at"], reverse=True),
    }


def _pending(row: Document) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(value) for name, value in row["data"].items() if name.endswith("_at")}
    return {**row["data"], **times, "kind": row["kind"], "due": row["due"]}


def _fired(found: Found, policies: Policies) -> Iterable[dict[str, Any]]:
    customer = found.customer
    for left in customer.cart_reminders.values():
        yield _firing(Kind.CART, left, cart_outcome(customer, left, policies))
    for silence in customer.lapse_reminders.values():
        yield _firing(Kind.LAPSE, silence, lapse_outcome(customer, silence, policies))
    for purchase in customer.replenishment_reminders.values():
        yield _firing(Kind.REPLENISHMENT, purchase, replenishment_outcome(customer, purchase, policies))


def _firing(kind: Kind, reminder: Reminder[Any], outcome: Outcome) -> dict[str, Any]:
    times = {"due": reminder.due, "fired_at": reminder.fired_at}
    return {**asdict(reminder.about), **times, "kind": TIMERS[kind], "outcome": outcome}


def _not_armed(decision: Decision) -> dict[str, Any]:
    about = asdict(decision.about) if decision.about else {}
    return {**about, "kind": decision.timer, "due": decision.due, "reason": decision.reason, "detail": decision.detail}


def _open_cart(decision: Decision) -> dict[str, Any]:
    cart = asdict(decision.about) if decision.about else {}
    due = decision.due if decision.is_armed else None
    return {**cart, "last_activity": cart.get("abandoned_at"), "reminder_due": due, "detail": decision.detail}
