"""The parser of the log."""

from datetime import UTC, datetime

import pytest

from demo.errors import DemoError
from demo.purchases import read

LOG = """ customer_id  date number_of_cds  dollar_value\r
 00001 19970101  1   11.77\r
 00002 19970112  1   12.00\r
 00002 19970112  5   77.00\r
 00003 19970102  3   20.00\r
 00003 19980630  2    0.00\r
"""


def test_every_line_is_an_order_with_cents_and_pieces() -> None:
    found = {purchase.order_id: (purchase.user_id, purchase.pieces, purchase.amount) for purchase in read(LOG, "cdnow")}
    assert found == {
        "cdnow-00001-19970101-1": ("cdnow-00001", 1, 1177),
        "cdnow-00002-19970112-1": ("cdnow-00002", 1, 1200),
        "cdnow-00002-19970112-2": ("cdnow-00002", 5, 7700),
        "cdnow-00003-19970102-1": ("cdnow-00003", 3, 2000),
        "cdnow-00003-19980630-1": ("cdnow-00003", 2, 0),
    }


def test_orders_come_by_date_and_then_by_line() -> None:
    late_first = "1 19970103 1 3.00\n9 19970101 1 1.00\n2 19970101 1 2.00\n"
    assert [purchase.amount for purchase in read(late_first, "x")] == [100, 200, 300]


def test_orders_of_one_customer_on_one_day_are_a_minute_apart_from_noon() -> None:
    times = [purchase.placed_at for purchase in read(LOG, "x") if purchase.user_id == "x-00002"]
    assert times == [datetime(1997, 1, 12, 12, 0, tzinfo=UTC), datetime(1997, 1, 12, 12, 1, tzinfo=UTC)]


def test_a_price_is_given_only_where_it_is_exact() -> None:
    assert [purchase.price for purchase in read(LOG, "x")] == [1177, None, 1200, 1540, 0]


def test_reading_the_same_log_again_gives_the_same_ids() -> None:
    assert read(LOG, "cdnow") == read(LOG, "cdnow")


@pytest.mark.parametrize(
    "line",
    [
        "1 19970101 1",
        "1 19970101 1 2.00 3",
        "1 19971301 1 2.00",
        "1 19970101 one 2.00",
        "1 19970101 1 2.005",
        "1 19970101 1 -2.00",
    ],
)
def test_a_line_that_is_no_purchase_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(DemoError, match="line 2 is not"):
        read(f"7 19970101 1 2.00\n{line}\n", "x")


def test_an_order_of_nothing_is_refused() -> None:
    with pytest.raises(DemoError, match="line 1 is an order of 0 CDs"):
        read("7 19970101 0 2.00\n", "x")


def test_a_file_without_purchases_is_refused() -> None:
    with pytest.raises(DemoError, match="no purchases"):
        read("customer_id date number_of_cds dollar_value\n", "x")
