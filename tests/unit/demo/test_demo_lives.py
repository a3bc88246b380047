"""Stages by brute force: written out for a few lives, and for any others the same as profiles walks them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from demo.lives import StageRules, passages, stages
from demo.scenes.journey import is_on_an_edge
from services.profiles.domain.customer import Customer
from services.profiles.domain.lifecycle import LifecycleRules, lifecycle_of
from shared.commerce import OrderContent, place

BEGIN = datetime(1997, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = StageRules(2, 4, 365 * DAY, 90 * DAY, 180 * DAY)
NOW = BEGIN + 3_000 * DAY


def life(*days: int) -> list[tuple[str, int]]:
    """Stages of somebody who ordered on these days, each with its day."""
    return [(stage, (at - BEGIN).days) for stage, at in stages([BEGIN + day * DAY for day in days], RULES, NOW)]


def test_who_buys_once_lapses() -> None:
    assert life(0) == [("first_time", 0), ("at_risk", 90), ("lapsed", 180)]


def test_who_buys_again_after_having_lapsed_is_won_back() -> None:
    assert life(0, 200)[3:] == [("won_back", 200), ("at_risk", 290), ("lapsed", 380)]


def test_an_order_at_the_very_moment_of_lapsing_is_in_time() -> None:
    assert life(0, 180)[2] == ("active", 180)


def test_four_orders_in_a_year_make_a_loyal_customer_for_a_while() -> None:
    assert life(0, 10, 20, 30)[:4] == [("first_time", 0), ("active", 10), ("loyal", 30), ("at_risk", 120)]
    assert life(0, 100, 200, 300)[-5:-2] == [("at_risk", 290), ("loyal", 300), ("active", 365)]


def test_nobody_has_a_future() -> None:
    assert [stage for stage, _ in stages([BEGIN], RULES, BEGIN + 100 * DAY)] == ["first_time", "at_risk"]


def test_passages_add_up_and_can_be_taken_away_again() -> None:
    found = passages([[BEGIN], [BEGIN, BEGIN + 10 * DAY]], RULES, BEGIN + 20 * DAY)
    assert found.told() == {"first_time": 2, "active": 1, "first_time to active": 1}
    assert (found.stopped("first_time"), found.stopped("active")) == (1, 1)
    found.add(["first_time", "active"], -1)
    assert found.told() == {"first_time": 1}


days = st.lists(st.integers(0, 800), min_size=1, max_size=8, unique=True).map(sorted)


@given(days, st.integers(0, 1_500), st.sampled_from([None, 30, 365]))
def test_it_finds_the_stages_that_profiles_finds(ordered: Sequence[int], now: int, within: int | None) -> None:
    customer, settings = Customer(), LifecycleRules(2, 4, within, 90, 180)
    placed = [BEGIN + day * DAY for day in ordered if day <= now]
    for number, at in enumerate(placed):
        orders = place(
            customer.orders, OrderContent(order_id=f"o{number}", currency="USD", amount=100, shop_source="x"), at, f"e{number}"
        )
        customer = Customer(identity_keys=("user:1",), orders=orders)
    walked = lifecycle_of(customer, settings, BEGIN + now * DAY).changes
    rules = StageRules(2, 4, within * DAY if within else None, 90 * DAY, 180 * DAY)
    assert stages(placed, rules, BEGIN + now * DAY) == [(change.stage.value, change.at) for change in walked]


def test_orders_that_lie_as_far_apart_as_a_limit_are_on_an_edge() -> None:
    assert is_on_an_edge([BEGIN, BEGIN + 20 * DAY, BEGIN + 200 * DAY], RULES)
    assert not is_on_an_edge([BEGIN, BEGIN + 20 * DAY, BEGIN + 201 * DAY], RULES)
