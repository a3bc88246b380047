"""Purchases out of a file in CDNOW's format: customer, date, number of CDs, dollars; one order a line."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from demo.errors import DemoError

CURRENCY = "USD"
_CENTS = 100
_NOON = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order. `amount` is in cents; `placed_at` is noon UTC of its date, a minute later for each earlier order of its customer that day.

    The file knows days only. Noon is the same day in all but the outermost time zones, and stays it when the collector corrects the
    client's clock by the milliseconds that a request takes.
    """

    order_id: str
    user_id: str
    placed_at: datetime
    pieces: int
    amount: int

    @property
    def price(self) -> int | None:
        """Cents for one piece; None where the amount is no whole multiple, for then no price is exact."""
        return None if self.amount % self.pieces else self.amount // self.pieces


def read(text: str, namespace: str) -> list[Purchase]:
    """All purchases of a file, by date and then by line. Ids begin with `namespace`. Raises DemoError for a line that is none."""
    found = list(_purchases(text.splitlines(), namespace))
    if not found:
        raise DemoError("the file has no purchases: each line must be `customer date(YYYYMMDD) number_of_cds dollar_value`")
    return sorted(found, key=lambda purchase: purchase.placed_at.date())


def _purchases(lines: Iterable[str], namespace: str) -> Iterator[Purchase]:
    of_the_day: Counter[tuple[str, str]] = Counter()
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts or parts[0] == "customer_id":
            continue
        try:
            customer, date, pieces, dollars = parts
            at = datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) + _NOON
            count, amount = int(pieces), _cents(dollars)
        except (ValueError, InvalidOperation):
            raise DemoError(f"line {number} is not `customer date(YYYYMMDD) number_of_cds dollar_value`: {line!r}") from None
        if count < 1:
            raise DemoError(f"line {number} is an order of {count} CDs; it must be one at least")
        earlier = of_the_day[customer, date]
        of_the_day[customer, date] += 1
        order_id = f"{namespace}-{customer}-{date}-{earlier + 1}"
        yield Purchase(order_id, f"{namespace}-{customer}", at + timedelta(minutes=earlier), count, amount)


def _cents(dollars: str) -> int:
    cents = Decimal(dollars) * _CENTS
    if cents != cents.to_integral_value() or cents < 0:
        raise ValueError("an amount is a whole number of cents")
    return int(cents)
