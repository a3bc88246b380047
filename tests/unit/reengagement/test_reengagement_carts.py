"""The reminder of a cart that is left: armed, moved, disarmed, given once, and what came of it."""

from datetime import timedelta
from typing import Any

import pytest

from services.reengagement.domain.policies import CartPolicy, Pause, Policies
from shared import events
from tests.order_free import NOW, History
from tests.unit.reengagement.shop import (
    DAY,
    HOUR,
    JANE,
    add,
    armed,
    cancel,
    checkout,
    fire,
    group,
    line,
    order,
    remove,
    shop,
    update,
    view,
)

EARLIER = NOW - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
ABANDONED = "abandoned_carts/"


def status(history: History) -> list[str]:
    return sorted(row["status"] for key, row in history.rows.items() if key.startswith(ABANDONED))


def left(*happened: Any, rules: Any = None) -> History:
    """A cart of which the customer was reminded at NOW, and what happened then."""
    history = shop(add(NOW - HOUR), rules=rules)
    fire(history, "cart_idle")
    for each in happened:
        history.apply(each)
    return history


def test_a_cart_is_due_one_hour_after_it_was_last_touched():
    history = shop(add(EARLIER), add(EARLIER + MINUTE, "mug"))
    assert [(each.due, each.subject) for each in armed(history, "cart_idle")] == [(EARLIER + MINUTE + HOUR, JANE)]


@pytest.mark.parametrize(
    "closing",
    [
        pytest.param(order(EARLIER + MINUTE, "A1", line("other"), cart_id="c1"), id="same cart"),
        pytest.param(order(EARLIER + MINUTE, "A1", line("coffee")), id="same product"),
        pytest.param(order(EARLIER + MINUTE, "A1", line("other"), checkout_id="k7"), id="same checkout"),
        pytest.param(order(EARLIER + MINUTE, "A1", line("coffee"), backfill=True), id="imported order"),
    ],
)
def test_a_purchase_disarms_the_reminder_of_its_cart_whichever_is_heard_first(closing: Any):
    cart = [add(EARLIER), checkout(EARLIER, checkout_id="k7")]
    assert armed(shop(*cart), "cart_idle")
    assert not armed(shop(*cart, closing), "cart_idle")
    assert not armed(shop(closing, *cart), "cart_idle")


def test_a_purchase_of_something_else_leaves_the_reminder_armed():
    history = shop(add(EARLIER), order(EARLIER + MINUTE, "A1", line("other"), cart_id="c2"))
    assert armed(history, "cart_idle")


def test_what_is_put_in_after_the_purchase_is_a_new_round_with_its_own_reminder():
    history = shop(add(EARLIER), order(EARLIER + MINUTE), add(EARLIER + 2 * MINUTE, "mug"))
    assert [each.due for each in armed(history, "cart_idle")] == [EARLIER + 2 * MINUTE + HOUR]
    assert [each["product_id"] for each in armed(history, "cart_idle")[0].data["products"]] == ["mug"]


def test_an_emptied_cart_has_no_reminder():
    assert not armed(shop(add(EARLIER), remove(EARLIER + MINUTE)), "cart_idle")
    assert not armed(shop(add(EARLIER), view(EARLIER + MINUTE)), "cart_idle")


def test_a_cancelled_order_does_not_open_its_cart_again():
    assert not armed(shop(add(EARLIER), order(EARLIER + MINUTE), cancel(EARLIER + 2 * MINUTE)), "cart_idle")


def test_a_cart_from_imported_history_has_no_reminder():
    assert not armed(shop(add(EARLIER, backfill=True)), "cart_idle")


def test_a_cart_that_history_touched_last_has_no_reminder():
    assert not armed(shop(add(EARLIER), add(EARLIER + MINUTE, "mug", backfill=True)), "cart_idle")


def test_a_cart_that_was_heard_of_too_late_has_no_reminder():
    assert armed(shop(add(NOW - HOUR - 7 * DAY)), "cart_idle")
    assert not armed(shop(add(NOW - HOUR - 7 * DAY - MINUTE)), "cart_idle")


@pytest.mark.parametrize(
    ("minimum", "price", "wanted"), [({"EUR": 901}, 900, False), ({"EUR": 900}, 900, True), ({"USD": 5000}, 900, True)]
)
def test_carts_below_the_minimum_of_their_currency_are_left_in_peace(minimum: dict[str, int], price: int, wanted: bool):
    rules = Policies(CartPolicy(minimum_amounts=minimum))
    assert bool(armed(shop(add(EARLIER, price=price), rules=rules), "cart_idle")) is wanted


def test_a_cart_of_unknown_worth_is_not_held_to_be_worth_less():
    rules = Policies(CartPolicy(minimum_amounts={"EUR": 5000}))
    assert armed(shop(add(EARLIER, price=None), rules=rules), "cart_idle")


def test_a_late_fact_that_changes_the_cart_but_not_its_time_exchanges_the_timer():
    history = shop(add(EARLIER, "coffee"))
    before = armed(history, "cart_idle")
    history.apply(add(EARLIER - MINUTE, "mug"))
    after = armed(history, "cart_idle")
    assert [each.due for each in before] == [each.due for each in after]
    assert [each["product_id"] for each in after[0].data["products"]] == ["mug", "coffee"]


def test_an_idle_cart_is_announced_once_with_what_was_in_it_last():
    history = shop(add(NOW - HOUR - MINUTE, "coffee", quantity=2), add(NOW - HOUR, "mug", price=1500, name="Mug"))
    fire(history, "cart_idle")
    fire(history, "cart_idle")
    assert history.announcements(events.CART_ABANDONED) == [
        {
            "customer_id": history.customer_id(JANE),
            "contactable": [],
            "cart_id": "c1",
            "products": [
                {"product_id": "coffee", "name": None, "quantity": 2, "price": 900, "url": None, "image_url": None},
                {"product_id": "mug", "name": "Mug", "quantity": 1, "price": 1500, "url": None, "image_url": None},
            ],
            "amount": 3300,
            "currency": "EUR",
            "abandoned_at": (NOW - HOUR).isoformat(),
        }
    ]
    assert status(history) == ["open"]
    assert not armed(history, "cart_idle")


def test_a_cart_that_is_touched_after_the_reminder_is_not_announced_twice():
    history = left(add(NOW + MINUTE, "mug"))
    assert not armed(history, "cart_idle")


def test_a_cart_that_is_filled_after_an_order_closed_the_announced_one_is_announced_again():
    history = left(order(NOW + MINUTE), add(NOW + 2 * MINUTE, "mug"))
    assert [each.due for each in armed(history, "cart_idle")] == [NOW + 2 * MINUTE + HOUR]
    history.now = NOW + 2 * HOUR
    fire(history, "cart_idle")
    assert len(history.announcements(events.CART_ABANDONED)) == 2


def test_a_new_round_is_announced_also_where_a_statement_of_the_whole_cart_replaced_the_old_facts():
    history = left(order(NOW + MINUTE), view(NOW + 2 * MINUTE, line("mug")))
    assert armed(history, "cart_idle")


def test_a_policy_may_ask_for_another_reminder_of_a_cart_that_is_touched_again_much_later():
    rules = Policies(CartPolicy(again_after=10 * DAY))
    assert not armed(left(add(NOW + 9 * DAY, "mug"), rules=rules), "cart_idle")
    assert armed(left(add(NOW + 10 * DAY, "mug"), rules=rules), "cart_idle")


def test_an_announced_cart_that_is_bought_is_recovered():
    history = left(order(NOW + MINUTE))
    assert history.announcements(events.CART_RECOVERED) == [
        {"customer_id": history.customer_id(JANE), "cart_id": "c1", "order_id": "A1", "amount": 900, "currency": "EUR"}
    ]
    assert status(history) == ["recovered"]


def test_an_announced_cart_that_was_changed_and_then_bought_is_recovered():
    history = left(remove(NOW + MINUTE), add(NOW + 2 * MINUTE, "mug"), order(NOW + 3 * MINUTE, "A1", line("mug")))
    assert len(history.announcements(events.CART_RECOVERED)) == 1


def test_a_purchase_of_what_had_been_taken_out_of_the_cart_does_not_recover_it():
    changed = [remove(NOW + MINUTE), add(NOW + 2 * MINUTE, "mug")]
    history = left(*changed, order(NOW + 3 * MINUTE, "A1", line("coffee"), cart_id="other"))
    assert history.announcements(events.CART_RECOVERED) == []
    assert status(history) == ["open"]


def test_the_order_that_the_checkout_named_recovers_the_cart():
    history = shop(add(NOW - HOUR - MINUTE), checkout(NOW - HOUR, order_id="A7"))
    fire(history, "cart_idle")
    history.apply(order(NOW + MINUTE, "A7", line("other"), cart_id="x"))
    assert len(history.announcements(events.CART_RECOVERED)) == 1


def test_an_imported_order_recovers_a_cart_and_nothing_is_announced():
    history = left(order(NOW + MINUTE, backfill=True))
    assert status(history) == ["recovered"]
    assert history.announcements(events.CART_RECOVERED) == []


def test_an_order_placed_before_the_reminder_and_heard_of_later_recovers_nothing():
    history = left(order(NOW - MINUTE))
    assert history.announcements(events.CART_RECOVERED) == []
    assert status(history) == ["bought_before"]


def test_the_list_of_abandoned_carts_follows_refunds_updates_and_cancellations():
    history = left(order(NOW + MINUTE), update(NOW + 2 * MINUTE, "A1", line(), amount=1200))
    assert [row["order_amount"] for row in history.rows.values()] == [1200]
    history.apply(cancel(NOW + HOUR))
    assert status(history) == ["cancelled"]
    assert [row["order_amount"] for row in history.rows.values()] == [0]


def test_a_cart_that_is_emptied_after_the_reminder_is_listed_as_emptied():
    assert status(left(remove(NOW + MINUTE))) == ["emptied"]


def test_a_timer_that_fires_so_late_that_it_is_of_no_use_announces_nothing():
    history = shop(add(NOW - HOUR))
    fire(history, "cart_idle", late=7 * DAY + MINUTE)
    assert history.announcements(events.CART_ABANDONED) == []
    assert history.rows == {}


def test_a_timer_that_fires_while_the_policy_is_off_announces_nothing_then_or_later():
    history = shop(add(NOW - HOUR))
    history.rules = Policies(CartPolicy(enabled=False, pauses=(Pause(NOW - MINUTE),)))
    fire(history, "cart_idle")
    history.rules = Policies(CartPolicy(pauses=(Pause(NOW - MINUTE, NOW + MINUTE),)))
    history.apply(add(NOW + 2 * MINUTE, "mug"))
    assert history.announcements(events.CART_ABANDONED) == []


def test_switching_the_policy_off_later_takes_back_nothing():
    history = left()
    history.rules = Policies(CartPolicy(enabled=False, pauses=(Pause(NOW + MINUTE),)))
    history.apply(order(NOW + 2 * MINUTE))
    assert len(history.announcements(events.CART_RECOVERED)) == 1


def test_a_cart_of_a_visitor_is_disarmed_by_the_order_of_the_account_once_they_are_one_customer():
    cart, bought = add(EARLIER, who="anon:x"), order(EARLIER + MINUTE)
    apart = shop(cart, bought)
    assert [each.subject for each in armed(apart, "cart_idle")] == ["anon:x"]
    assert not armed(apart.apply(group([JANE, "anon:x"], 1)), "cart_idle")
    assert armed(apart.apply(group([JANE], 2), group(["anon:x"], 2)), "cart_idle")


def test_a_merge_after_the_announcement_does_not_repeat_it():
    history = shop(add(NOW - HOUR, who="anon:x"))
    fire(history, "cart_idle")
    history.apply(add(NOW - HOUR, "mug"), group([JANE, "anon:x"], 1))
    assert len(history.announcements(events.CART_ABANDONED)) == 1
    assert not armed(history, "cart_idle")


def test_two_customers_with_an_unnamed_cart_each_have_their_own_timer_and_announcement():
    history = shop(add(NOW - HOUR, cart=None), add(NOW - HOUR, cart=None, who="user:7"))
    assert len(armed(history, "cart_idle")) == 2
    fire(history, "cart_idle")
    assert len(history.announcements(events.CART_ABANDONED)) == 2
    assert len(history.rows) == 2
