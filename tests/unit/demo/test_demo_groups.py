"""Who belongs to which segment by the log alone, and who the customers are that the demo knows by name."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from demo.cast import cast
from demo.figures import Figures
from demo.groups import groups, spend_of_best
from demo.purchases import read
from demo.till import table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOG = """
1 19970101 5 60.00
2 19970102 1 10.00
2 19970103 1 20.00
2 19970201 1 20.00
2 19970630 1 20.00
3 19970620 1 30.00
4 19970625 1 15.00
4 19970629 1 15.00
5 19970301 1 10.00
5 19970320 1 10.00
"""


def members() -> dict[str, set[str]]:
    figures = Figures(read(LOG, "x"), ZoneInfo("UTC"))
    buyers = figures.buyers.items()
    return {group.name: {user_id for user_id, buyer in buyers if group.belongs(buyer)} for group in groups(figures, NOW)}


def test_every_segment_has_those_whom_the_log_says() -> None:
    assert members() == {
        "One-time buyers": {"x-1", "x-3"},
        "Repeat buyers": {"x-2", "x-4", "x-5"},
        "Lapsed customers": {"x-1", "x-2", "x-3", "x-4", "x-5"},
        "Top spenders of the last year": {"x-2"},
        "RFM: champions": {"x-2"},
        "RFM: loyal": {"x-2"},
        "RFM: promising": {"x-4"},
        "RFM: new": {"x-3"},
        "RFM: at risk": {"x-5"},
        "RFM: cannot lose them": set(),
        "RFM: hibernating": {"x-1"},
        "Spent $50 in the first month and never came back": {"x-1"},
    }


def test_the_best_so_many_per_cent_spent_at_least() -> None:
    assert spend_of_best(list(range(1, 101)), 5) == 96
    assert spend_of_best([0, 7], 5) == 7
    assert spend_of_best([0], 5) == 1


def test_the_same_customers_are_known_by_name_however_many_orders_are_replayed() -> None:
    purchases = read(LOG, "x")
    some, all_ = cast(purchases[:4], "x"), cast(purchases, "x")
    assert [person.user_id for person in all_.people] == ["x-1", "x-2", "x-5", "x-3", "x-4"]
    assert list(some.people) == list(all_.people)[: len(some.people)]
    assert (some.twins, some.asked) == (None, None)


def test_what_is_bought_at_the_till_is_theirs_and_no_part_of_the_days_of_the_log() -> None:
    purchases = read(LOG, "x")
    receipts = [purchase for _, purchase in cast(purchases, "x").at_the_till()]
    without, with_ = (Figures(purchases, ZoneInfo("UTC"), bought) for bought in ((), receipts))
    assert (with_.days, with_.orders, with_.revenue) == (without.days, without.orders, without.revenue)
    assert with_.buyers["x-1"].orders == without.buyers["x-1"].orders + 1
    assert [one.order_id for one in receipts] == ["x-store/1001", "x-store/1002", "x-store/1003"]


def test_the_till_knows_each_customer_by_something_else() -> None:
    lines = table(cast(read(LOG, "x"), "x").at_the_till(), "x").splitlines()
    assert lines[1] == "1001,1997-01-02T17:00:00+00:00,x-cd,CD,2,14.99,x-1@shop.example,,"
    assert [line.split(",")[6:] for line in lines[2:]] == [["", "LC-x-2", ""], ["", "", "x-5"]]
