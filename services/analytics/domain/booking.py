"""What a customer's orders add to the figures.

An order is booked in the quarter of an hour in which it was placed, whatever becomes of it later; only its refunds are also shown when
they were made. The measures of a row, each of which may be added up over any stretch of time:

- `orders`: placed here and not cancelled; for a product or category, those that had it.
- `units`: pieces in them. `gross`: what they came to, in minor units. For a source or a channel (and in all) that is the amount of the
  order; for a product or category it is price times pieces of its lines, without shipping, tax and discounts of the order.
- `returned`: what of `gross` was refunded by now, whenever that was. `gross - returned` is the net revenue.
- `refunds`, `refunded`: refunds that were made here, and what they took off orders that count, whenever those were placed. A refund
  of an order as a sum cannot be told apart by product, so it shows in no product and no category.
- `cancelled`, `cancelled_amount`: placed here and cancelled by now, and what they had come to.
- `new`: customers whose first order that counts was placed here. `latest`: customers whose last one was (in all only).
- `in_hour`, `in_day`, `in_week`, `in_month`: customers who ordered here for the first time in that hour, day, week or month of the
  shop's time zone. So the sum over a whole such bucket is the number of different customers who ordered in it; those of them who are
  not `new` have returned. They are counted over all currencies, in the row of the order that made them count.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.analytics.domain.periods import Bucket, Starts, starts_of
from services.analytics.domain.rows import EARLIEST, By, coarser, quarter_of, quoted, row_id
from services.analytics.domain.sales import Sales
from shared.commerce import LineItem, Order, Refund, counted
from shared.commerce.orders import in_time

IN_BUCKETS = tuple(f"in_{bucket}" for bucket in Bucket)
MEASURES = (
    "orders",
    "units",
    "gross",
    "returned",
    "refunds",
    "refunded",
    "cancelled",
    "cancelled_amount",
    "new",
    "latest",
    *IN_BUCKETS,
)
Ledger = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Return:
    """What one refund took off."""

    refund_id: str
    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Share:
    """The part of an order that belongs to one source, channel, product or category."""

    by: By
    key: str
    amount: int
    units: int
    returned: Sequence[Return] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """An order with the quarter of an hour in which it was placed, and its shares with the row that each is booked in."""

    order: Order
    quarter: datetime
    shares: Sequence[tuple[Share, str]]


def book(sales: Sales, timezone: str) -> Ledger:
    """What a customer adds to each row of a quarter, by row id; measures that are 0 are left out."""
    ledger: Ledger = defaultdict(lambda: defaultdict(int))
    orders = [_with_rows(order) for order in in_time(sales.orders)]
    for placed in orders:
        for share, row in placed.shares:
            _book_order(ledger, placed.order, share, ledger[row])
    _book_customer(ledger, [placed for placed in orders if placed.order.counts], timezone)
    return _without_zeros(ledger)


def titles(sales: Sales) -> Ledger:
    """Under which names products were sold, by `product|name`: names change, and the one sold most often is shown."""
    found: Ledger = defaultdict(lambda: defaultdict(int))
    for order in counted(sales.orders):
        for product, name in {(line.product_id, line.name) for line in order.products if line.name}:
            found[title_id(product, name or "")]["orders"] += 1
    return {row: dict(values) for row, values in found.items()}


def title_id(product_id: str, name: str) -> str:
    return f"{quoted(product_id)}|{quoted(name)}"


def recount(customers: Iterable[Sales], timezone: str) -> Ledger:
    """All rows, computed from nothing but the facts: what the running counters must be."""
    total: Ledger = defaultdict(lambda: defaultdict(int))
    for sales in customers:
        for row, values in book(sales, timezone).items():
            for target in (row, *coarser(row)):
                for name, value in values.items():
                    total[target][name] += value
    return _without_zeros(total)


def shares(order: Order) -> list[Share]:
    """An order as a whole, by source, by channel, by product and by category."""
    lines = _by_product(order.products)
    goods = _goods(order, lines)
    amount, units, returned = order.amount, sum(line.quantity for line in order.products), _returned(order)
    whole = Share(By.ALL, "", amount, units, returned)
    by_source = Share(By.SOURCE, order.source or "", amount, units, returned)
    by_channel = Share(By.CHANNEL, order.channel or "", amount, units, returned)
    return [whole, by_source, by_channel, *goods.values(), *_by_category(goods, lines)]


def _with_rows(order: Order) -> Placed:
    quarter, currency = quarter_of(order.placed_at or EARLIEST), order.currency or ""
    return Placed(order, quarter, [(share, row_id(share.by, quarter, currency, share.key)) for share in shares(order)])


def _book_order(ledger: Ledger, order: Order, share: Share, booked: dict[str, int]) -> None:
    if not order.counts:
        booked["cancelled"] += 1
        booked["cancelled_amount"] += share.amount
        return
    booked["orders"] += 1
    booked["units"] += share.units
    booked["gross"] += share.amount
    for back in share.returned:
        booked["returned"] += back.amount
        made = ledger[row_id(share.by, quarter_of(back.at), order.currency or "", share.key)]
        made["refunds"] += 1
        made["refunded"] += back.amount


def _book_customer(ledger: Ledger, orders: Sequence[Placed], timezone: str) -> None:
    """Count the customer once in each bucket, where the first order in it was placed. `orders` are in time, so buckets are too."""
    latest: dict[tuple[By, str], Starts] = {}
    for placed in orders:
        starts = starts_of(placed.quarter, timezone)
        for share, row in placed.shares:
            values, place = ledger[row], (share.by, share.key)
            if placed is orders[0]:
                values["new"] += 1
            if placed is orders[-1] and share.by is By.ALL:
                values["latest"] += 1
            before = latest.get(place)
            for number, measure in enumerate(IN_BUCKETS):
                if before is None or before[number] != starts[number]:
                    values[measure] += 1
            latest[place] = starts


def _returned(order: Order) -> list[Return]:
    """What each refund took off the order, in time: together never more than its amount, so the last ones may take less."""
    taken: list[Return] = []
    heard: dict[str, Refund] = {}
    before = 0
    for refund_id, refund in _in_time(order):
        heard[refund_id] = refund
        now = replace(order, refunds=heard).refunded
        if now != before:
            taken.append(Return(refund_id, refund.at, now - before))
        before = now
    return taken


def _goods(order: Order, products: Mapping[str, Sequence[LineItem]]) -> dict[str, Share]:
    """The lines by product. Refunds of lines, or of the whole order, take off their products, never more than they came to."""
    goods: dict[str, Share] = {}
    refunds = _in_time(order)
    for product, lines in products.items():
        amount = sum(line.amount or 0 for line in lines)
        left, returned = max(0, amount), []
        for refund_id, refund in refunds:
            taken = left if refund.is_whole else min(left, _worth(refund, order, lines[-1]))
            if taken > 0:
                left -= taken
                returned.append(Return(refund_id, refund.at, taken))
        goods[product] = Share(By.PRODUCT, product, amount, sum(line.quantity for line in lines), returned)
    return goods


def _by_category(goods: Mapping[str, Share], products: Mapping[str, Sequence[LineItem]]) -> list[Share]:
    """By the category of each product; the empty text where no line says one."""
    parts: dict[str, list[Share]] = defaultdict(list)
    for product, share in goods.items():
        parts[next((line.category for line in products[product] if line.category), "")].append(share)
    return [
        Share(
            By.CATEGORY,
            category,
            sum(share.amount for share in found),
            sum(share.units for share in found),
            _one_a_refund([back for share in found for back in share.returned]),
        )
        for category, found in parts.items()
    ]


def _one_a_refund(returned: Sequence[Return]) -> list[Return]:
    """A refund of several products of a category is one refund of it."""
    found: dict[str, Return] = {}
    for back in returned:
        known = found.get(back.refund_id)
        found[back.refund_id] = replace(back, amount=back.amount + known.amount) if known else back
    return list(found.values())


def _worth(refund: Refund, order: Order, bought: LineItem) -> int:
    """What a refund by lines gives back for one product, before it is held against what is left of it."""
    if refund.currency != order.currency:
        return 0
    lines = [line.completed_by(bought) for line in refund.products if line.product_id == bought.product_id]
    return sum(line.amount or 0 for line in lines)


def _in_time(order: Order) -> list[tuple[str, Refund]]:
    return sorted(order.refunds.items(), key=lambda entry: (entry[1].at, entry[1].event_id))


def _by_product(lines: Sequence[LineItem]) -> dict[str, list[LineItem]]:
    found: dict[str, list[LineItem]] = defaultdict(list)
    for line in lines:
        found[line.product_id].append(line)
    return found


def _without_zeros(ledger: Ledger) -> Ledger:
    kept = ((row, {name: value for name, value in values.items() if value}) for row, values in ledger.items())
    return {row: values for row, values in kept if values}
