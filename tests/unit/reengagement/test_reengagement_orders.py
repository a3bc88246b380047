"""Lapse and replenishment: when they are due, what moves them, and that each is announced once."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reengagement.domain.policies import LapsePolicy, Override, Policies, ReplenishmentPolicy
from services.reengagement.domain.purchases import interval, purchases_by_product
from shared import events
from shared.commerce import LineItem, OrderContent, place
from tests.order_free import NOW
from tests.unit.reengagement.shop import DAY, HOUR, JANE, add, armed, cancel, fire, firing, line, order, refund, shop, update

LAPSE, REPLENISHMENT = "lapse", "replenishment"
DAYS_30 = [order(NOW - 60 * DAY, "A1"), order(NOW - 30 * DAY, "A2")]


def dues(history: Any, kind: str) -> list[Any]:
    return [each.due for each in armed(history, kind)]


def replenishing(*overrides: Override, **more: Any) -> Policies:
    return Policies(replenishment=ReplenishmentPolicy(overrides=overrides, **more))


def test_a_customer_lapses_ninety_days_after_the_last_order_and_each_purchase_starts_anew():
    history = shop(order(NOW - 20 * DAY, "A1"))
    assert dues(history, LAPSE) == [NOW + 70 * DAY]
    history.apply(order(NOW - DAY, "A2"))
    assert dues(history, LAPSE) == [NOW + 89 * DAY]


def test_a_customer_who_never_bought_does_not_lapse():
    assert not armed(shop(add(NOW - HOUR)), LAPSE)


def test_a_cancelled_order_is_not_the_last_one_whichever_is_heard_first():
    placed = [order(NOW - 20 * DAY, "A1"), order(NOW - DAY, "A2")]
    for history in (shop(*placed, cancel(NOW, "A2")), shop(cancel(NOW, "A2"), *placed)):
        assert dues(history, LAPSE) == [NOW + 70 * DAY]
    assert not armed(shop(placed[0], cancel(NOW, "A1")), LAPSE)


def test_a_refunded_order_still_was_one():
    assert dues(shop(order(NOW - DAY), refund(NOW)), LAPSE) == [NOW + 89 * DAY]


def test_the_same_order_under_two_messages_counts_from_the_first():
    assert dues(shop(order(NOW - DAY), order(NOW, coupon="X")), LAPSE) == [NOW + 89 * DAY]


def test_nothing_is_armed_because_of_imported_history():
    history = shop(*(order(NOW - days * DAY, f"A{days}", backfill=True) for days in (31, 61)))
    assert history.timers == {}


def test_history_counts_for_the_rhythm_of_a_live_purchase():
    history = shop(order(NOW - 30 * DAY, "A1", backfill=True), order(NOW, "A2"))
    assert dues(history, REPLENISHMENT) == [NOW + 30 * DAY]


@pytest.mark.parametrize(("days", "is_armed"), [(97, True), (98, False)])
def test_a_lapse_that_is_heard_of_more_than_a_week_too_late_is_not_armed(days: int, is_armed: bool):
    assert bool(armed(shop(order(NOW - days * DAY)), LAPSE)) is is_armed


def test_a_lapse_is_announced_once_for_the_last_order():
    history = shop(order(NOW - 90 * DAY))
    fire(history, LAPSE)
    history.apply(refund(NOW + HOUR))
    assert history.announcements(events.CUSTOMER_LAPSED) == [
        {"customer_id": history.customer_id(JANE), "contactable": [], "last_order_at": (NOW - 90 * DAY).isoformat(), "days": 90}
    ]
    assert not armed(history, LAPSE)


def test_a_customer_who_came_back_may_lapse_again():
    history = shop(order(NOW - 90 * DAY))
    fire(history, LAPSE)
    history.apply(order(NOW + DAY, "A2"))
    assert dues(history, LAPSE) == [NOW + 91 * DAY]
    history.now = NOW + 91 * DAY
    fire(history, LAPSE)
    assert [each["last_order_at"] for each in history.announcements(events.CUSTOMER_LAPSED)] == [
        (NOW - 90 * DAY).isoformat(),
        (NOW + DAY).isoformat(),
    ]


def test_a_longer_delay_moves_the_lapse():
    rules = Policies(lapse=LapsePolicy(delay=200 * DAY))
    assert dues(shop(order(NOW), rules=rules), LAPSE) == [NOW + 200 * DAY]


def test_a_product_bought_twice_is_due_one_interval_after_the_last_purchase():
    assert dues(shop(*DAYS_30), REPLENISHMENT) == [NOW]
    assert not armed(shop(DAYS_30[1]), REPLENISHMENT)


def test_the_next_purchase_of_the_product_starts_its_interval_anew_and_that_of_no_other():
    history = shop(
        order(NOW - 60 * DAY, "A1", line("coffee"), line("tea")),
        order(NOW - 30 * DAY, "A2", line("coffee"), line("tea")),
        order(NOW - HOUR, "A3", line("tea")),
    )
    assert {each.data["product_id"]: each.due for each in armed(history, REPLENISHMENT)} == {
        "coffee": NOW,
        "tea": NOW - HOUR + (30 * DAY + 30 * DAY - HOUR) / 2,
    }


def test_a_due_product_is_announced_once_for_its_last_purchase():
    history = shop(*DAYS_30)
    fire(history, REPLENISHMENT)
    fire(history, REPLENISHMENT)
    assert history.announcements(events.REPLENISHMENT_DUE) == [
        {
            "customer_id": history.customer_id(JANE),
            "contactable": [],
            "product_id": "coffee",
            "name": None,
            "order_id": "A2",
            "last_bought_at": (NOW - 30 * DAY).isoformat(),
            "interval_days": 30,
        }
    ]
    history.apply(order(NOW + DAY, "A3"))
    assert dues(history, REPLENISHMENT) == [NOW + DAY + (31 * DAY + 30 * DAY) / 2]


@pytest.mark.parametrize(
    "undone",
    [
        pytest.param(cancel(NOW, "A2"), id="cancelled"),
        pytest.param(refund(NOW, "A2"), id="refunded as a whole"),
        pytest.param(refund(NOW, "A2", line("coffee")), id="line given back"),
        pytest.param(update(NOW, "A2", line("mug")), id="exchanged for another product"),
    ],
)
def test_a_purchase_that_was_undone_does_not_count_whichever_is_heard_first(undone: Any):
    assert not armed(shop(*DAYS_30, undone), REPLENISHMENT)
    assert not armed(shop(undone, *DAYS_30), REPLENISHMENT)


def test_a_product_of_which_pieces_were_kept_still_runs_out():
    history = shop(DAYS_30[0], order(NOW - 30 * DAY, "A2", line("coffee", 3), amount=2700), refund(NOW, "A2", line("coffee", 2)))
    assert armed(history, REPLENISHMENT)


@pytest.mark.parametrize(
    ("rules", "bought", "due"),
    [
        (replenishing(Override(product_id="coffee", days=10)), DAYS_30, None),
        (replenishing(Override(product_id="coffee", days=10), expires_after=30 * DAY), DAYS_30, NOW - 20 * DAY),
        (replenishing(Override(product_id="coffee", days=45)), DAYS_30[1:], NOW + 15 * DAY),
        (replenishing(Override(product_id="coffee")), DAYS_30, None),
        (replenishing(Override(category="drinks", days=45)), [order(NOW, "A1", line(category="Drinks"))], NOW + 45 * DAY),
        (
            replenishing(Override(category="Drinks", days=45), Override(product_id="SKU-1", days=5)),
            [order(NOW, "A1", line(category="Drinks", sku="SKU-1"))],
            NOW + 5 * DAY,
        ),
        (replenishing(min_purchases=3), DAYS_30, None),
        (replenishing(shortest_interval=40 * DAY), DAYS_30, NOW + 10 * DAY),
        (replenishing(longest_interval=29 * DAY), DAYS_30, NOW - DAY),
        (replenishing(enabled=False), DAYS_30, None),
    ],
)
def test_policies_say_how_long_a_product_lasts(rules: Policies, bought: Any, due: Any):
    assert dues(shop(*bought, rules=rules), REPLENISHMENT) == ([due] if due else [])


def test_a_lapse_is_not_announced_where_an_order_before_it_was_heard_of_later():
    history = shop(order(NOW - 90 * DAY))
    due = armed(history, LAPSE)
    history.apply(order(NOW - DAY, "A2"))
    history.apply(*(firing(each) for each in due))
    assert history.announcements(events.CUSTOMER_LAPSED) == []
    history.apply(cancel(NOW + DAY, "A2"))
    assert history.announcements(events.CUSTOMER_LAPSED) == []


moments = st.lists(st.integers(0, 400), min_size=2, max_size=8, unique=True)


@given(moments, st.integers(1, 50), st.integers(51, 400))
def test_the_interval_lies_within_the_bounds_and_depends_on_the_purchases_alone(days: list[int], least: int, most: int):
    policy = ReplenishmentPolicy(shortest_interval=least * DAY, longest_interval=most * DAY)

    def lasts(sequence: list[int]) -> timedelta | None:
        orders: Any = {}
        for day in sequence:
            content = OrderContent(
                order_id=f"A{day}", amount=1, currency="EUR", shop_source="Web", products=(LineItem(product_id="p"),)
            )
            orders = place(orders, content, NOW + day * DAY, f"e{day}")
        return interval(purchases_by_product(orders)["p"], policy)

    found = lasts(days)
    assert found is not None
    assert least * DAY <= found <= most * DAY
    assert found == lasts(list(reversed(days)))
    if len(days) == 2:
        assert found == min(max(abs(days[0] - days[1]) * DAY, least * DAY), most * DAY)
