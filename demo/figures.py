"""What the services must say: computed from the purchases alone, without anything of the services."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

from demo.purchases import Purchase


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the shop. `revenue` is in cents; a customer is new on the day of the first order and returning on every later one."""

    orders: int = 0
    units: int = 0
    revenue: int = 0
    new_customers: int = 0
    returning_customers: int = 0


@dataclass(slots=True)
class Buyer:
    """A customer's purchases, in their order."""

    user_id: str
    purchases: list[Purchase] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return len(self.purchases)

    @property
    def spend(self) -> int:
        return sum(purchase.amount for purchase in self.purchases)

    @property
    def last(self) -> Purchase:
        return self.purchases[-1]


@dataclass(frozen=True)
class Figures:
    """Everything that is compared. `zone` is the shop's time zone: it says which day an order belongs to.

    `receipts` were bought at a till by customers of the log: they are theirs like any purchase, but no part of the days of the log, whose
    source they do not come from.
    """

    purchases: Sequence[Purchase]
    zone: ZoneInfo
    receipts: Sequence[Purchase] = ()

    @cached_property
    def buyers(self) -> dict[str, Buyer]:
        """Customers by user id, in the order in which they first bought."""
        found: dict[str, Buyer] = {}
        for purchase in sorted([*self.purchases, *self.receipts], key=lambda one: one.placed_at):
            found.setdefault(purchase.user_id, Buyer(purchase.user_id)).purchases.append(purchase)
        return found

    @cached_property
    def days(self) -> dict[date, Day]:
        """Days on which something was bought, in order."""
        by_day: dict[date, list[Purchase]] = {}
        for purchase in self.purchases:
            by_day.setdefault(self.day_of(purchase), []).append(purchase)
        first = Counter(self.day_of(buyer.purchases[0]) for buyer in self.buyers.values())
        return {day: _day(by_day[day], first[day]) for day in sorted(by_day)}

    @property
    def orders(self) -> int:
        return len(self.purchases)

    @property
    def units(self) -> int:
        return sum(purchase.pieces for purchase in self.purchases)

    @property
    def revenue(self) -> int:
        return sum(purchase.amount for purchase in self.purchases)

    def top(self, count: int) -> list[Buyer]:
        """Those who spent most."""
        return sorted(self.buyers.values(), key=lambda buyer: (-buyer.spend, buyer.user_id))[:count]

    def latest(self, count: int) -> list[Buyer]:
        """Those who bought last of all, the last one first: a service that knows their last order is at the end of the file."""
        return sorted(self.buyers.values(), key=lambda buyer: buyer.last.placed_at, reverse=True)[:count]

    def day_of(self, purchase: Purchase) -> date:
        return purchase.placed_at.astimezone(self.zone).date()


def _day(purchases: Iterable[Purchase], new: int) -> Day:
    bought = list(purchases)
    customers = len({purchase.user_id for purchase in bought})
    return Day(len(bought), sum(one.pieces for one in bought), sum(one.amount for one in bought), new, customers - new)


def enough(purchases: Sequence[Purchase], limit: int, known: Mapping[date, Day], zone: ZoneInfo) -> int:
    """How many of all purchases to replay so that the outcome is known exactly: `limit`, or more where earlier runs brought more.

    `known` is what the system has of each day. An earlier run that got beyond the first `limit` purchases, or that brought others of the
    day on which they end, may have been interrupted anywhere: then whole days are replayed up to the last one that it reached, and
    whatever it had sent is among them. The same orders, pieces and cents of the last day are taken for the same purchases.
    """
    planned = Figures(purchases[:limit], zone)
    last, days = max(planned.days), planned.days
    reached = max((day for day, told in known.items() if told.orders), default=date.min)
    if reached < last or (reached == last and _sums(known[last]) == _sums(days[last])):
        return planned.orders
    return max(limit, sum(planned.day_of(purchase) <= reached for purchase in purchases))


def _sums(day: Day) -> tuple[int, int, int]:
    return day.orders, day.units, day.revenue
