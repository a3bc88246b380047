"""What an order, a refund or a review says without saying it: derived where that is exact, refused where it is not."""

from collections.abc import Callable, Mapping
from typing import Any

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.values import LARGEST

Data = dict[str, Any]


def complete(event: str, data: Data, event_id: str) -> None:
    """Add to `data` what follows from it. Raises Refused where a required field cannot be derived."""
    rule = _RULES.get(event)
    if rule:
        rule(data, event_id)


def _amount_if_known(data: Data, event_id: str) -> None:
    """What the customer pays: `total`, else revenue with shipping and tax where given, else the sum of the lines."""
    amount = data.get("total")
    if amount is None and "revenue" in data:
        amount = data["revenue"] + data.get("shipping", 0) + data.get("tax", 0)
    if amount is None:
        amount = _sum_of(data["products"])
    if amount is None:
        return
    if amount > LARGEST:
        raise Refused(Reason.INVALID_MONEY, "properties.total is too large")
    data["amount"] = amount


def _amount(data: Data, event_id: str) -> None:
    _amount_if_known(data, event_id)
    if "amount" not in data:
        raise Refused(
            Reason.MISSING_FIELD, "properties.total, properties.revenue or a price for each of properties.products is required"
        )


def _sum_of(lines: list[Data]) -> int | None:
    """Price times quantity of all lines; None where there are none or a price is missing."""
    if not lines or any("price" not in line for line in lines):
        return None
    return sum(int(line["price"] * line["quantity"]) for line in lines)


def _refund_id(data: Data, event_id: str) -> None:
    data.setdefault("refund_id", event_id)


def _review_id(data: Data, event_id: str) -> None:
    data.setdefault("review_id", event_id)


_RULES: Mapping[str, Callable[[Data, str], None]] = {
    "checkout_started": _amount_if_known,
    "order_completed": _amount,
    "order_updated": _amount,
    "order_cancelled": _amount_if_known,
    "order_refunded": _refund_id,
    "product_reviewed": _review_id,
}

# What the rules above fill in: never read from the client, or read where the client says it.
COMPUTED = frozenset((event, "amount") for event, rule in _RULES.items() if rule in (_amount, _amount_if_known))
FALLS_BACK = frozenset({("order_refunded", "refund_id"), ("product_reviewed", "review_id")})
