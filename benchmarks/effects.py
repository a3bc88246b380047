"""The four effects of a purchase as four updates: what every side but ours does with an order, so that all do the same.

An order is the data of `order_completed`: `identity_keys` (the first says whose it is), `order_id`, `amount` in minor units of
`currency`, `products`, and where the shop names it `cart_id`. An update is (filter, change) for `update_one(..., upsert=True)`. Each
counts the orders it was applied for in the field `orders` of its documents.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Order = Mapping[str, Any]
Update = tuple[dict[str, Any], dict[str, Any]]
ORDERS_SHOWN = 20


@dataclass(frozen=True)
class Effect:
    """The collection that an effect shows in, and the update that makes it."""

    collection: str
    update: Callable[[Order], Update]


def customer_of(order: Order) -> str:
    """The identity key that an order came with."""
    return str(order["identity_keys"][0])


def add_to_totals(order: Order) -> Update:
    """The purchase counts in what the customer spent."""
    totals = {"orders": 1, f"spend.{order['currency']}": order["amount"]}
    return {"_id": customer_of(order)}, {"$inc": totals}


def disarm_reminder(order: Order) -> Update:
    """The purchase disarms the reminder of the customer's cart."""
    disarmed = {"state": "disarmed", "cart_id": order.get("cart_id"), "by_order": order["order_id"]}
    return {"_id": customer_of(order)}, {"$set": disarmed, "$inc": {"orders": 1}}


def show_to_support(order: Order) -> Update:
    """The order is the first among the customer's latest ones."""
    shown = {name: order[name] for name in ("order_id", "amount", "currency", "products")}
    latest = {"$each": [shown], "$position": 0, "$slice": ORDERS_SHOWN}
    return {"_id": customer_of(order)}, {"$push": {"latest": latest}, "$inc": {"orders": 1}}


def move_figures(order: Order) -> Update:
    """The purchase moves the revenue of the day on which it was heard of: the data do not say when it happened."""
    figures = {"orders": 1, f"revenue.{order['currency']}": order["amount"]}
    return {"_id": datetime.now(UTC).date().isoformat()}, {"$inc": figures}


EFFECTS = {
    "profiles": Effect("customers", add_to_totals),
    "reengagement": Effect("timers", disarm_reminder),
    "support": Effect("contexts", show_to_support),
    "analytics": Effect("days", move_figures),
}
