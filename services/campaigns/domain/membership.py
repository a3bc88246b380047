"""Who belongs to an audience: a function of the customer's facts, the rule and the time, and of nothing else.

Every rule counts something over orders or carts, and each of these contributes a number that changes at certain moments: an order
counts from its placing, with less from a refund, not at all from its cancellation or from the end of a window. Walking through those
moments tells since when the rule is met, and through those still to come when that will next change.

A fact that is known holds at once, also where a client's clock puts it some minutes ahead: only the ends of windows wait for the
clock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from services.campaigns.domain.audiences import Audiences, Rule, RuleKind
from services.campaigns.domain.customer import Abandonment, Customer
from shared.commerce import Order, OrderStatus
from shared.permissions import Permission, permission

_AT = attrgetter("at")


class Step(NamedTuple):
    """From `at` on the order or cart `source` contributes `value`. `timed`: because a window ends, which waits for the clock."""

    at: datetime
    source: str
    value: int
    timed: bool = False
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a customer stands to a rule: a member `since`, or None for no member; `until` when time alone will next change that.

    `imported`: it became one by nothing but imported history. `worth`: what each order or cart contributes now.
    """

    since: datetime | None
    until: datetime | None
    imported: bool
    worth: Mapping[str, int]


class Life(NamedTuple):
    """An order as it was from `at` on, by what had happened until then."""

    at: datetime
    order: Order


def standings(all_: Audiences, customer: Customer, now: datetime) -> dict[str, Standing]:
    """How a customer stands to each audience, by its id."""
    lives = lives_of(customer)
    return {audience.id: standing(audience.rule, customer, lives, now) for audience in all_.audiences}


def next_change(found: Iterable[Standing]) -> datetime | None:
    """The earliest moment at which time alone changes a membership; None if it never does."""
    return min((one.until for one in found if one.until), default=None)


def standing(rule: Rule, customer: Customer, lives: Sequence[Life], now: datetime) -> Standing:
    """How a customer stands to one rule; `lives` are those of the customer."""
    steps = _cart_steps(customer, _days(rule)) if rule.kind is RuleKind.CART_ABANDONERS else _order_steps(lives, rule)
    met = _walk(steps, rule, now)
    return met if rule.contactable is None else _allowed(met, permission(customer.permissions, rule.contactable))


def _allowed(met: Standing, allowed: Permission | None) -> Standing:
    """Only while it is allowed as well. Time alone brings no permission, so one who has none does not change by time either."""
    if allowed is None:
        return Standing(None, None, False, met.worth)
    if met.since is None or met.since >= allowed.at:
        return met
    return replace(met, since=allowed.at, imported=allowed.backfill)


def lives_of(customer: Customer) -> list[Life]:
    """Each placed order at each moment at which a fact changed it. What was stated before the placing holds from the placing."""
    return [life for order in customer.orders.values() for life in _lives(order)]


def _lives(order: Order) -> Iterator[Life]:
    if order.placed is None:
        return
    later = [fact for fact in (order.revised, order.cancelled, *order.refunds.values()) if fact and fact.at > order.placed.at]
    if not later:
        yield Life(order.placed.at, order)
        return
    for at in sorted({order.placed.at, *(fact.at for fact in later)}):
        revised = order.revised if order.revised and order.revised.at <= at else None
        cancelled = order.cancelled if order.cancelled and order.cancelled.at <= at else None
        refunds = {key: refund for key, refund in order.refunds.items() if refund.at <= at}
        yield Life(at, Order(order.order_id, order.placed, revised, cancelled, refunds))


def _order_steps(lives: Sequence[Life], rule: Rule) -> Iterator[Step]:
    """What the orders contribute. After the end of the window nothing that happens to an order matters any more."""
    window = _days(rule)
    for life in lives:
        order = life.order
        placed_at = order.placed_at or life.at
        ends = placed_at + window if window else None
        if ends is None or life.at < ends:
            yield Step(life.at, order.order_id, _worth(order, rule), imported=order.backfill)
        if ends is not None and life.at == placed_at:
            yield Step(ends, order.order_id, 0, timed=True)


def _cart_steps(customer: Customer, window: timedelta | None) -> Iterator[Step]:
    """A cart counts from the report that it was left, to the next order or the end of the window.

    An order that was cancelled later ends it too: what was ordered was not forgotten in the cart.
    """
    for key, left in customer.abandoned.items():
        begins = max(left.reported_at, left.abandoned_at)
        bought = _bought(customer, left)
        ends = left.abandoned_at + window if window else None
        if (bought and bought <= begins) or (ends and ends <= begins):
            continue
        yield Step(begins, key, 1)
        if bought:
            yield Step(bought, key, 0)
        if ends:
            yield Step(ends, key, 0, timed=True)


def _bought(customer: Customer, left: Abandonment) -> datetime | None:
    """When the customer first bought after having left this cart."""
    orders = [order.placed_at for order in customer.orders.values() if order.placed_at]
    recoveries = [recovery.at for recovery in customer.recovered.values() if recovery.cart_id == left.cart_id]
    return min((at for at in [*orders, *recoveries] if at >= left.abandoned_at), default=None)


def _walk(steps: Iterable[Step], rule: Rule, now: datetime) -> Standing:
    ordered = sorted(steps, key=_AT)
    worth: dict[str, int] = {}
    total, since, imported = 0, None, False
    for at, together in groupby((step for step in ordered if not step.timed or step.at <= now), _AT):
        moved = list(together)
        total += _contribute(worth, moved)
        if not _meets(rule, total):
            since = None
        elif since is None:
            since, imported = at, all(step.imported for step in moved)
    standing_now = {source: value for source, value in worth.items() if value}
    to_come = [step for step in ordered if step.timed and step.at > now]
    return Standing(since, _turning(to_come, worth, rule), since is not None and imported, standing_now)


def _turning(to_come: Sequence[Step], worth: dict[str, int], rule: Rule) -> datetime | None:
    """The first moment to come at which the rule begins or ceases to be met."""
    total = sum(worth.values())
    met = _meets(rule, total)
    for at, together in groupby(to_come, _AT):
        total += _contribute(worth, list(together))
        if _meets(rule, total) != met:
            return at  # type: ignore[no-any-return]  # attrgetter knows no types
    return None


def _contribute(worth: dict[str, int], moved: Sequence[Step]) -> int:
    """Put new contributions in the place of former ones; the difference they make to the sum."""
    difference = 0
    for step in moved:
        difference += step.value - worth.get(step.source, 0)
        worth[step.source] = step.value
    return difference


def _meets(rule: Rule, total: int) -> bool:
    if rule.kind is RuleKind.FIRST_TIME_BUYERS:
        return total == 1
    return total >= (rule.orders or rule.amount or 1)


def _worth(order: Order, rule: Rule) -> int:
    if rule.kind is RuleKind.HIGH_SPENDERS:
        return order.net if order.currency == rule.currency else 0
    if rule.kind is RuleKind.BOUGHT_RECENTLY:
        return int(order.counts and order.status is not OrderStatus.REFUNDED and _kept_something(order, rule))
    return int(order.counts)


def _kept_something(order: Order, rule: Rule) -> bool:
    """Whether more pieces that the rule asks for were bought than were given back; true if the rule asks for nothing in particular."""
    if rule.product_id is None and rule.category is None:
        return True
    bought = [line for line in order.products if rule.product_id in line.codes or _same(line.category, rule.category)]
    codes = frozenset[str]().union(*(line.codes for line in bought))
    returned = [line for refund in order.refunds.values() for line in refund.products if line.codes & codes]
    return sum(line.quantity for line in bought) > sum(line.quantity for line in returned)


def _same(category: str | None, wanted: str | None) -> bool:
    """Categories are what a shop wrote, once in capitals and once not."""
    return category is not None and wanted is not None and category.strip().casefold() == wanted.strip().casefold()


def _days(rule: Rule) -> timedelta | None:
    return timedelta(days=rule.days) if rule.days else None
