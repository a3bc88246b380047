"""What is computed from the file: written out for a small log, and against a slow count for any."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from demo.figures import Day, Figures, enough
from demo.purchases import Purchase, read

UTC_ZONE = ZoneInfo("UTC")
LOG = """
1 19970101 1 10.00
2 19970101 2 20.00
2 19970101 1 5.50
1 19970102 1 0.00
3 19970102 4 40.00
2 19970105 1 1.00
"""


def figures(purchases: Sequence[Purchase] | None = None, zone: ZoneInfo = UTC_ZONE) -> Figures:
    return Figures(read(LOG, "x") if purchases is None else purchases, zone)


def test_days_have_orders_pieces_cents_and_customers() -> None:
    assert figures().days == {
        date(1997, 1, 1): Day(orders=3, units=4, revenue=3550, new_customers=2, returning_customers=0),
        date(1997, 1, 2): Day(orders=2, units=5, revenue=4000, new_customers=1, returning_customers=1),
        date(1997, 1, 5): Day(orders=1, units=1, revenue=100, new_customers=0, returning_customers=1),
    }


def test_totals_are_those_of_the_file() -> None:
    assert (figures().orders, figures().units, figures().revenue, len(figures().buyers)) == (6, 10, 7650, 3)


def test_who_spent_most_and_who_bought_last() -> None:
    assert [buyer.user_id for buyer in figures().top(2)] == ["x-3", "x-2"]
    assert [buyer.last.order_id for buyer in figures().latest(1)] == ["x-2-19970105-1"]


def test_a_day_is_one_of_the_shop() -> None:
    assert min(figures(zone=ZoneInfo("Pacific/Kiritimati")).days) == date(1997, 1, 2)


def on(days: Sequence[tuple[int, int]]) -> list[Purchase]:
    """Purchases of (day, customer) pairs, in the order of the file; a sum of their amounts says which they are."""
    noon = datetime(1997, 1, 1, 12, tzinfo=UTC)
    made = [Purchase(f"o{n}", f"c{who}", noon + timedelta(day, minutes=n), 1, 1 << n) for n, (day, who) in enumerate(days)]
    return sorted(made, key=lambda purchase: purchase.placed_at.date())


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=30)


@given(pairs)
def test_customers_of_a_day_are_new_or_returning_as_a_slow_count_says(days: list[tuple[int, int]]) -> None:
    for day, told in figures(on(days)).days.items():
        number = (day - date(1997, 1, 1)).days
        customers = {who for other, who in days if other == number}
        known = {who for other, who in days if other < number}
        assert (told.new_customers, told.returning_customers) == (len(customers - known), len(customers & known))


@given(pairs, st.integers(1, 30), st.integers(1, 30), st.sets(st.integers(0, 29)))
def test_what_is_replayed_holds_all_that_an_interrupted_run_had_sent(
    days: list[tuple[int, int]], limit: int, earlier: int, lost: set[int]
) -> None:
    purchases = on(days)
    sent = [purchase for number, purchase in enumerate(purchases[:earlier]) if number not in lost]
    known = figures(sent).days if sent else {}
    planned = purchases[: enough(purchases, limit, known, UTC_ZONE)]
    arrived = {purchase.order_id for purchase in [*sent, *planned]}
    assert arrived == {purchase.order_id for purchase in planned}
    assert len(planned) >= min(limit, len(purchases))


@given(pairs, st.integers(1, 30))
def test_the_same_run_again_replays_no_more(days: list[tuple[int, int]], limit: int) -> None:
    purchases = on(days)
    known = figures(purchases[:limit]).days
    assert enough(purchases, limit, known, UTC_ZONE) == min(limit, len(purchases))
