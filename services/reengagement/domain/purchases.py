"""Which product was bought when, and how long a purchase lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from services.reengagement.domain.policies import ReplenishmentPolicy
from shared.commerce import LineItem, Order, OrderStatus, counted


@dataclass(frozen=True, slots=True)
class Purchase:
    """A product in an order that counts, of which something was kept."""

    order: Order
    line: LineItem
    at: datetime


def purchases_by_product(orders: Mapping[str, Order]) -> dict[str, list[Purchase]]:
    """The purchases of each product, the earliest first."""
    found: dict[str, list[Purchase]] = {}
    for order in counted(orders):
        if order.placed_at is None:
            continue
        for product_id, line in _kept(order).items():
            found.setdefault(product_id, []).append(Purchase(order, line, order.placed_at))
    return found


def as_of(orders: Mapping[str, Order], time: datetime) -> dict[str, Order]:
    """The orders as they stood at a moment: those placed by then, without what was cancelled or given back later."""
    return {
        order_id: replace(
            order,
            cancelled=order.cancelled if order.cancelled and order.cancelled.at <= time else None,
            refunds={refund_id: refund for refund_id, refund in order.refunds.items() if refund.at <= time},
        )
        for order_id, order in orders.items()
        if order.placed_at is not None and order.placed_at <= time
    }


def interval(purchases: list[Purchase], policy: ReplenishmentPolicy) -> timedelta | None:
    """How long one purchase of the product lasts, in whole seconds; None where there is no telling, or the shop says never."""
    override = policy.override_for(purchases[-1].line)
    if override is not None:
        return timedelta(days=override.days) if override.days is not None else None
    if len(purchases) < policy.min_purchases:
        return None
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(purchases)]
    rhythm = timedelta(seconds=round(median(gaps)))
    return min(max(rhythm, policy.shortest_interval), policy.longest_interval)


def _kept(order: Order) -> dict[str, LineItem]:
    """The lines of which pieces are left after refunds, by product."""
    if order.status is OrderStatus.REFUNDED:
        return {}
    returned: dict[str, int] = {}
    for refund in order.refunds.values():
        for line in refund.products:
            returned[line.product_id] = returned.get(line.product_id, 0) + line.quantity
    bought: dict[str, int] = {}
    for line in order.products:
        bought[line.product_id] = bought.get(line.product_id, 0) + line.quantity
    lines = {line.product_id: line for line in order.products}
    return {product_id: line for product_id, line in lines.items() if bought[product_id] > returned.get(product_id, 0)}
