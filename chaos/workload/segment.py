"""Facts as messages of the Segment protocol. Every other customer is known by a device too, so that profiles merges them."""

from collections.abc import Mapping, Sequence
from typing import Any

from chaos.ledger import Fact, Kind

CURRENCY = "EUR"
CONSUMABLE = "Consumables"  # the category whose policy of replenishment a run sets
_EVENTS = {
    Kind.ORDER: "Order Completed",
    Kind.REFUND: "Order Refunded",
    Kind.CANCELLATION: "Order Cancelled",
    Kind.CART: "Product Added",
}


def batch(facts: Sequence[Fact]) -> dict[str, Any]:
    """The body of one request. It says no `sentAt`: clocks are right here, and times are to arrive as they were sent."""
    return {"batch": [message(fact) for fact in facts]}


def message(fact: Fact) -> dict[str, Any]:
    """One message; the weight of the fact is its id and that of what it tells of."""
    who = {"userId": fact.customer}
    if int(fact.customer.rpartition("-")[2]) % 2:
        who["anonymousId"] = f"device-{fact.customer}"
    timestamp = fact.at.isoformat(timespec="milliseconds")
    head = {"type": "track", "event": _EVENTS[fact.kind], "messageId": fact.id, "timestamp": timestamp}
    return {**head, **who, "properties": dict(_properties(fact))}


def product_of(customer: str) -> str:
    """The product that a customer always buys, and nobody else: counters by product are counters by customer."""
    return f"product-of-{customer}"


def _properties(fact: Fact) -> Mapping[str, Any]:
    money = {"currency": CURRENCY, "total": fact.amount / 100}
    if fact.kind is Kind.ORDER:
        about = {"cart_id": fact.about} if fact.about else {}
        return {"order_id": fact.id, **money, **about, "products": _lines(fact)}
    if fact.kind is Kind.REFUND:
        return {"order_id": fact.about, "refund_id": fact.id, **money}
    if fact.kind is Kind.CANCELLATION:
        return {"order_id": fact.about, "currency": CURRENCY}
    return {"cart_id": fact.id, "product_id": f"item-{fact.id}", "quantity": 1, "price": fact.amount / 100, "currency": CURRENCY}


def _lines(fact: Fact) -> list[dict[str, Any]]:
    price = fact.amount / fact.lines / 100
    if fact.lines == 1:
        return [{"product_id": product_of(fact.customer), "quantity": 1, "price": price}]
    return [
        {"product_id": f"refill-{fact.id}-{number}", "category": CONSUMABLE, "quantity": 1, "price": price}
        for number in range(fact.lines)
    ]
