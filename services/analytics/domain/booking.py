"""What a customer's orders add to the figures.

An order is booked in the quarter of an hour in which it was placed, whatever becomes of it later; only its refunds are also shown when
they were made. The measures of a row, each of which may be added up over any stretch of time:

- `orders`: placed here and not cancelled; for a product or category, those that had it.
- `units`: pieces in them. `gross`: what they came to, in minor units. For a source (and in all) that is the amount of the order; for a
  product or category it is price times pieces of its lines, without shipping, tax and discounts of the order.
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
    """The part of an order that belongs to one source, product or category."""

    by: By
    key: str
    amount: int
    units: int
    returned: Sequence[Return] = ()


Parts = Sequence[tuple[Share, str]]  # with the row that each is booked in


def book(sales: Sales, timezone: str) -> Ledger:
    """What a customer adds to each row of a quarter, by row id; measures that are 0 are left out."""
    ledger: Ledger = defaultdict(lambda: defaultdict(int))
    parts = {order.order_id: _with_rows(order) for order in sales.orders.values() if order.placed}
    for order_id, found in parts.items():
        for share, row in found:
            _book_order(ledger, sales.orders[order_id], share, ledger[row])
    _book_customer(ledger, counted(sales.orders), parts, timezone)
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
    """An order as a whole, by source, by product and by category."""
    goods = _goods(order)
    whole = Share(By.ALL, "", order.amount, sum(line.quantity for line in order.products), _returned(order))
    by_source = replace(whole, by=By.SOURCE, key=order.source or "")
    return [whole, by_source, *goods.values(), *_by_category(goods, _categories(order.products))]


def _with_rows(order: Order) -> Parts:
    return [(share, _row(order, order.placed_at, share)) for share in shares(order)]


def _row(order: Order, at: datetime | None, share: Share) -> str:
    return row_id(share.by, quarter_of(at or EARLIEST), order.currency or "", share.key)


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
        made = ledger[_row(order, back.at, share)]
        made["refunds"] += 1
        made["refunded"] += back.amount


def _book_customer(ledger: Ledger, orders: Sequence[Order], parts: Mapping[str, Parts], timezone: str) -> None:
    """Count the customer once in each bucket, where the first order in it was placed. `orders` are in time, so buckets are too."""
    latest: dict[str, Starts] = {}
    for order in orders:
        starts = starts_of(quarter_of(order.placed_at or EARLIEST), timezone)
        for share, row in parts[order.order_id]:
            values, place = ledger[row], f"{share.by}|{share.key}"
            values["new"] += order is orders[0]
            values["latest"] += order is orders[-1] and share.by is By.ALL
            before = latest.get(place)
            for number, measure in enumerate(IN_BUCKETS):
                values[measure] += before is None or before[number] != starts[number]
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


def _goods(order: Order) -> dict[str, Share]:
    """The lines by product. Refunds of lines, or of the whole order, take off their products, never more than they came to."""
    goods: dict[str, Share] = {}
    for product, lines in _by_product(order.products).items():
        amount = sum(line.amount or 0 for line in lines)
        left, returned = max(0, amount), []
        for refund_id, refund in _in_time(order):
            taken = left if refund.is_whole else min(left, _worth(refund, order, lines[-1]))
            if taken > 0:
                left -= taken
                returned.append(Return(refund_id, refund.at, taken))
        goods[product] = Share(By.PRODUCT, product, amount, sum(line.quantity for line in lines), returned)
    return goods


def _by_category(goods: Mapping[str, Share], categories: Mapping[str, str]) -> list[Share]:
    parts: dict[str, list[Share]] = defaultdict(list)
    for product, share in goods.items():
        parts[categories[product]].append(share)
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


def _categories(lines: Sequence[LineItem]) -> dict[str, str]:
    """The category of each product; the empty text where no line says one."""
    return {product: next((line.category for line in same if line.category), "") for product, same in _by_product(lines).items()}


def _without_zeros(ledger: Ledger) -> Ledger:
    kept = ((row, {name: value for name, value in values.items() if value}) for row, values in ledger.items())
    return {row: values for row, values in kept if values}
