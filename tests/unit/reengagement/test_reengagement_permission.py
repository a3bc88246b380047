"""On which channels a customer may be contacted is part of every moment that is announced."""

from datetime import timedelta

import pytest

from services.reengagement.service import Reengagement
from services.reengagement.storage import CUSTOMERS
from shared import events
from tests.order_free import NOW, assert_order_free
from tests.unit.permitted import permitted
from tests.unit.reengagement.shop import DAY, HOUR, JANE, add, fire, group, order, shop


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param([], [], id="nothing is known"),
        pytest.param([permitted(JANE, NOW - DAY)], ["email"], id="granted"),
        pytest.param([permitted(JANE, NOW - DAY), permitted(JANE, NOW, allowed=False)], [], id="and withdrawn since"),
        pytest.param([permitted(JANE, NOW - DAY, scope="transactional/email")], [], id="granted for another purpose"),
        pytest.param([permitted(JANE, NOW - DAY, backfill=True)], ["email"], id="granted in imported history"),
    ],
)
def test_an_abandoned_cart_is_a_fact_and_says_whom_one_may_write_to(said, found):
    history = shop(add(NOW - HOUR), *said)
    fire(history, "cart_idle")
    assert [one["contactable"] for one in history.announcements(events.CART_ABANDONED)] == [found]
    (row,) = [row for key, row in history.rows.items() if key.startswith("abandoned_carts/")]
    assert row["contactable"] == found


def test_the_list_of_abandoned_carts_follows_a_withdrawal_and_announces_nothing_again():
    history = shop(add(NOW - HOUR), permitted(JANE, NOW - DAY))
    fire(history, "cart_idle").apply(permitted(JANE, NOW, allowed=False))
    assert [row["contactable"] for key, row in history.rows.items() if key.startswith("abandoned_carts/")] == [[]]
    assert len(history.announcements(events.CART_ABANDONED)) == 1


def test_the_other_moments_say_so_as_well():
    history = shop(order(NOW - 120 * DAY), order(NOW - 90 * DAY, "A2"), permitted(JANE, NOW - DAY, scope="marketing/sms"))
    fire(history, "lapse")
    fire(history, "replenishment", late=timedelta(0))
    kinds = (events.CUSTOMER_LAPSED, events.REPLENISHMENT_DUE)
    said = [one["contactable"] for kind in kinds for one in history.announcements(kind)]
    assert said
    assert set(map(tuple, said)) == {("sms",)}


def test_permissions_of_several_keys_end_the_same_in_every_order():
    heard = [
        add(NOW - HOUR),
        permitted(JANE, NOW - DAY),
        permitted("anon:1", NOW - 2 * DAY, allowed=False),
        permitted("anon:1", NOW - 3 * DAY, scope="marketing/sms"),
        group([JANE, "anon:1"], 1),
    ]
    history = assert_order_free(Reengagement, [CUSTOMERS], heard, rounds=15)
    assert sorted(name for name, one in history.customer(JANE).permissions.items() if one.allowed) == [
        "marketing/email",
        "marketing/sms",
    ]
