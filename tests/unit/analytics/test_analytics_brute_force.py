"""The figures that are read are those of a plain computation over all orders, in any zone, with any history."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.domain.booking import recount
from services.analytics.domain.rows import By
from services.analytics.domain.sales import Rules
from services.analytics.domain.series import Slot
from services.analytics.service import Analytics
from services.analytics.storage import CUSTOMERS
from shared.envelope import Event
from tests.order_free import History
from tests.unit.analytics.purchases import Figures, cancelled, grouped, line, placed, refunded

ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")
# Each of these weekends has clocks that change: Berlin and Lord Howe, New York, Lord Howe and Berlin.
WEEKENDS = (date(2026, 3, 28), date(2026, 11, 1), date(2026, 4, 4), date(2026, 10, 25))
PRODUCTS = {"p": 500, "q": 300, "r": 70}


@dataclass
class Sale:
    """An order as the test knows it, without a word of the service's own."""

    order_id: str
    customer: int
    at: datetime
    source: str
    currency: str
    pieces: dict[str, int]
    cancelled: bool
    refunds: list[tuple[datetime, int]] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return sum(PRODUCTS[product] * pieces for product, pieces in self.pieces.items()) + 99

    def taken(self) -> list[tuple[datetime, int]]:
        """What each refund took off, in time, never more than there was."""
        left, found = self.amount, []
        for when, amount in sorted(self.refunds):
            found.append((when, min(left, amount)))
            left -= found[-1][1]
        return found


@st.composite
def sales(draw: st.DrawFn) -> list[Sale]:
    weekend = datetime.combine(draw(st.sampled_from(WEEKENDS)), datetime.min.time(), UTC)
    minutes = st.integers(-600, 3 * 1440).map(lambda minute: weekend + timedelta(minutes=minute))
    found = []
    for number in range(draw(st.integers(1, 9))):
        refunds = [(moment, draw(st.integers(1, 900))) for moment in draw(st.lists(minutes, max_size=2, unique=True))]
        found.append(
            Sale(
                order_id=f"o{number}",
                customer=draw(st.integers(0, 2)),
                at=draw(minutes) + timedelta(milliseconds=number),
                source=draw(st.sampled_from(["Web shop", "Till"])),
                currency=draw(st.sampled_from(["USD", "USD", "EUR"])),
                pieces=draw(st.dictionaries(st.sampled_from(sorted(PRODUCTS)), st.integers(1, 3), max_size=3)),
                cancelled=draw(st.integers(0, 5)) == 0,
                refunds=refunds,
            )
        )
    return found


def happened(sold: list[Sale], chance: Any) -> list[Event]:
    """The events of all this, each customer under two keys that a merge joins, in any order, some of them twice."""
    found = [grouped([f"user:{customer}", f"anon:{customer}"], 1) for customer in range(3)]
    for sale in sold:
        subject = chance.choice([f"user:{sale.customer}", f"anon:{sale.customer}"])
        lines = [line(product, PRODUCTS[product], pieces, "Games") for product, pieces in sale.pieces.items()]
        more = {"shop_source": sale.source, "currency": sale.currency}
        found.append(placed(subject, sale.order_id, sale.amount, sale.at, *lines, **more))
        if chance.random() < 0.2:
            found.append(placed(f"user:{sale.customer}", sale.order_id, sale.amount, sale.at, *lines, name="again", **more))
        if sale.cancelled:
            found.append(cancelled(f"user:{sale.customer}", sale.order_id, sale.at + timedelta(hours=3)))
        for number, (when, amount) in enumerate(sale.refunds):
            one = refunded(subject, sale.order_id, f"r{number}", when, amount=amount, currency=sale.currency)
            found.append(one)
    found += chance.choices(found, k=3)
    chance.shuffle(found)
    return found


def told_of(found: list[Event], timezone: str, chance: Any) -> History:
    told = History(Analytics, [CUSTOMERS], Rules(timezone))
    while found:
        size = chance.randint(1, len(found))
        told.apply(*found[:size])
        found = found[size:]
    return told


def wall(moment: datetime, bucket: str, timezone: str) -> Any:
    """What tells buckets apart for someone who looks at the wall."""
    shown = moment.astimezone(ZoneInfo(timezone))
    if bucket == "hour":
        return shown.date(), shown.hour, shown.utcoffset()
    if bucket == "day":
        return shown.date()
    return shown.isocalendar()[:2] if bucket == "week" else (shown.year, shown.month)


def expected(sold: list[Sale], bucket: str, timezone: str) -> dict[Any, dict[str, Any]]:
    """Every figure of every bucket by looking at every order."""
    found: dict[Any, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    counting = sorted((sale for sale in sold if not sale.cancelled), key=lambda sale: (sale.at, sale.order_id))
    for sale in sold:
        slot = found[wall(sale.at, bucket, timezone)]
        if sale.cancelled:
            slot["cancelled"] += 1
            slot["cancelled_amount", sale.currency] += sale.amount
            continue
        slot["orders"] += 1
        slot["units"] += sum(sale.pieces.values())
        slot["gross", sale.currency] += sale.amount
        slot["net", sale.currency] += sale.amount - sum(amount for _, amount in sale.taken())
        for when, amount in sale.taken():
            found[wall(when, bucket, timezone)]["refunds"] += amount > 0
            found[wall(when, bucket, timezone)]["refunded", sale.currency] += amount
    buyers = defaultdict(set)
    for sale in counting:
        buyers[wall(sale.at, bucket, timezone)].add(sale.customer)
    firsts = [wall(next(s.at for s in counting if s.customer == c), bucket, timezone) for c in {s.customer for s in counting}]
    for mark, people in buyers.items():
        found[mark]["new_customers"] = firsts.count(mark)
        found[mark]["returning_customers"] = len(people) - firsts.count(mark)
    return {mark: {name: value for name, value in slot.items() if value} for mark, slot in found.items()}


def plain(slot: Slot) -> dict[Any, int | None]:
    counted = {
        name: getattr(slot, name) for name in ("orders", "units", "refunds", "cancelled", "new_customers", "returning_customers")
    }
    amounts = {
        (name, one.currency): getattr(one, name)
        for one in slot.revenue
        for name in ("gross", "net", "refunded", "cancelled_amount")
    }
    return {name: value for name, value in {**counted, **amounts}.items() if value}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sales(), st.sampled_from(ZONES), st.sampled_from(["hour", "day", "week", "month"]), st.randoms(use_true_random=False))
def test_figures_are_those_of_a_plain_computation(sold, timezone, bucket, chance):
    figures = Figures(told_of(happened(sold, chance), timezone, chance), timezone)
    days = [sale.at.date() for sale in sold] + [when.date() for sale in sold for when, _ in sale.refunds]
    span = (min(days) - timedelta(days=2)).isoformat(), (max(days) + timedelta(days=2)).isoformat()
    shown = figures.all(*span, bucket)
    found: dict[Any, dict[Any, int | None]] = {}
    for slot in shown:
        mark = wall(slot.start, bucket, timezone)
        assert mark not in found
        found[mark] = plain(slot)
    wanted = expected(sold, bucket, timezone)
    assert {mark: values for mark, values in found.items() if values} == {mark: v for mark, v in wanted.items() if v}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sales(), st.sampled_from(ZONES), st.randoms(use_true_random=False))
def test_products_are_those_of_a_plain_computation(sold, timezone, chance):
    figures = Figures(told_of(happened(sold, chance), timezone, chance), timezone)
    for product, price in PRODUCTS.items():
        counting = [sale for sale in sold if product in sale.pieces and not sale.cancelled]
        shown = figures.read("2026-03-01", "2026-11-30", "month", by=By.PRODUCT, currency="USD").get(product, [])
        assert sum(slot.revenue[0].gross for slot in shown) == sum(
            s.pieces[product] * price for s in counting if s.currency == "USD"
        )
        assert sum(slot.units for slot in shown) == sum(sale.pieces[product] for sale in counting if sale.currency == "USD")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sales(), st.sampled_from(ZONES), st.randoms(use_true_random=False))
def test_the_running_counters_are_what_a_recount_of_the_facts_gives(sold, timezone, chance):
    told = told_of(happened(sold, chance), timezone, chance)
    facts = [told.customer(f"user:{customer}") for customer in range(3)]
    counted = {
        key.partition("/")[2]: {name: value for name, value in values.items() if value}
        for key, values in told.figures.items()
        if key.startswith("figures/") and not key.startswith("figures/event|")
    }
    assert {row: values for row, values in counted.items() if values} == recount(facts, timezone)
