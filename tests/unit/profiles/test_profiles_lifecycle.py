"""Stages of the journey: a table of lives, and all lives against a definition that is worked out moment by moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.profiles.domain.activity import Activity, Sighting
from services.profiles.domain.customer import Customer
from services.profiles.domain.lifecycle import LifecycleRules, Reason, Stage, lifecycle_of, stage_of
from shared.commerce import Order, OrderContent, Statement
from shared.commerce.orders import Cancellation
from tests.unit.profiles.given import MORNING

RULES = LifecycleRules(active_orders=2, loyal_orders=3, loyal_within_days=50, at_risk_days=20, lapsed_days=40)
V, L, F, A, Y, R, X, W = (
    Stage.VISITOR,
    Stage.LEAD,
    Stage.FIRST_TIME,
    Stage.ACTIVE,
    Stage.LOYAL,
    Stage.AT_RISK,
    Stage.LAPSED,
    Stage.WON_BACK,
)


def day(number: float) -> datetime:
    return MORNING + timedelta(days=number)


class Bought(NamedTuple):
    """An order of that day, and the day of its cancellation."""

    at: float
    cancelled: float | None = None


def customer(seen: float | None, known: float | None, orders: Sequence[Bought]) -> Customer:
    content = {"amount": 1, "currency": "EUR", "shop_source": "Web shop"}
    placed = {
        f"o{place}": Order(
            f"o{place}",
            Statement(day(order.at), f"e{place}", OrderContent(order_id=f"o{place}", **content)),
            cancelled=Cancellation(day(order.cancelled), f"c{place}") if order.cancelled is not None else None,
        )
        for place, order in enumerate(orders)
    }
    return Customer(
        identity_keys=("anon:1",) if known is None else ("user:1", "anon:1"),
        activity=Activity(None if seen is None else Sighting(day(seen), "seen"), None, {}),
        known=None if known is None else Sighting(day(known), "named"),
        orders=placed,
    )


@pytest.mark.parametrize(
    ("seen", "known", "orders", "now", "expected"),
    [
        pytest.param(0, None, [], 500, [(V, 0)], id="a visitor stays one for ever"),
        pytest.param(0, 3, [], 500, [(V, 0), (L, 3)], id="a name makes a lead"),
        pytest.param(0, 0, [], 1, [(L, 0)], id="who comes with a name never was a visitor"),
        pytest.param(0, None, [Bought(1)], 2, [(V, 0), (F, 1)], id="a guest who buys is a first-time buyer"),
        pytest.param(0, 1, [Bought(2), Bought(3)], 4, [(V, 0), (L, 1), (F, 2), (A, 3)], id="the second order makes active"),
        pytest.param(0, 0, [Bought(0), Bought(9), Bought(12)], 13, [(F, 0), (A, 9), (Y, 12)], id="the third makes loyal"),
        pytest.param(0, 0, [Bought(0), Bought(19), Bought(38), Bought(48)], 53, [(F, 0), (A, 19), (Y, 38)], id="and keeps loyal"),
        pytest.param(0, 0, [Bought(0), Bought(19), Bought(38)], 51, [(F, 0), (A, 19), (Y, 38), (A, 50)], id="not for ever"),
        pytest.param(0, 0, [Bought(0)], 39.9, [(F, 0), (R, 20)], id="without an order the customer is at risk"),
        pytest.param(0, 0, [Bought(0)], 40, [(F, 0), (R, 20), (X, 40)], id="and has lapsed at the very moment"),
        pytest.param(0, 0, [Bought(0), Bought(45)], 46, [(F, 0), (R, 20), (X, 40), (W, 45)], id="an order wins back"),
        pytest.param(0, 0, [Bought(0), Bought(45), Bought(46)], 47, [(F, 0), (R, 20), (X, 40), (W, 45), (Y, 46)], id="one more"),
        pytest.param(0, 0, [Bought(0), Bought(25)], 26, [(F, 0), (R, 20), (A, 25)], id="who was at risk was not lost"),
        pytest.param(0, 0, [Bought(1, 5)], 90, [(L, 0), (F, 1), (L, 5)], id="a cancelled order leaves a lead"),
        pytest.param(0, None, [Bought(1, 0.5)], 90, [(V, 0), (L, 1)], id="one that was cancelled before it came, too"),
        pytest.param(0, 0, [Bought(0), Bought(45, 47)], 48, [(F, 0), (R, 20), (X, 40), (W, 45), (X, 47)], id="won back in vain"),
        pytest.param(0, 0, [Bought(0), Bought(45), Bought(46, 47)], 48, [(F, 0), (R, 20), (X, 40), (W, 45), (Y, 46), (W, 47)], id="still"),
        pytest.param(0, 0, [Bought(0), Bought(3, 30)], 31, [(F, 0), (A, 3), (R, 23)], id="a cancellation changes no risk"),
    ],
)  # fmt: skip
def test_stages_of_a_life(
    seen: float, known: float, orders: list[Bought], now: float, expected: list[tuple[Stage, float]]
) -> None:
    life = lifecycle_of(customer(seen, known, orders), RULES, day(now))
    assert [(change.stage, change.at) for change in life.changes] == [(stage, day(at)) for stage, at in expected]
    assert stage_of(customer(seen, known, orders), RULES, day(now)) is expected[-1][0]


def test_each_change_says_why_and_by_which_order() -> None:
    life = lifecycle_of(customer(0, 1, [Bought(2), Bought(3, 4)]), RULES, day(30))
    assert [(change.reason, change.event_id, change.order_id) for change in life.changes] == [
        (Reason.SEEN, "seen", None),
        (Reason.NAMED, "named", None),
        (Reason.ORDERED, "e0", "o0"),
        (Reason.ORDERED, "e1", "o1"),
        (Reason.ORDER_CANCELLED, "c1", "o1"),
        (Reason.TIME_PASSED, "e0", "o0"),
    ]


def test_an_order_of_a_clock_that_is_ahead_counts_at_once_and_time_waits() -> None:
    life = lifecycle_of(customer(0, 0, [Bought(10)]), RULES, day(9))
    assert (life.stage, life.until) == (F, day(30))


lives = st.tuples(
    st.integers(0, 10),
    st.none() | st.integers(0, 60),
    st.lists(
        st.builds(Bought, st.integers(11, 150), st.none() | st.integers(5, 200)), max_size=6, unique_by=lambda order: order.at
    ),
    st.builds(
        LifecycleRules,
        active_orders=st.integers(1, 3),
        loyal_orders=st.integers(3, 4),
        loyal_within_days=st.none() | st.sampled_from([15, 30, 60]),
        at_risk_days=st.sampled_from([7, 20]),
        lapsed_days=st.sampled_from([21, 45]),
    ),
)
TICK = 0.25


def standing(orders: Sequence[Bought], at: float) -> list[Bought]:
    counting = [one for one in orders if one.at <= at and (one.cancelled is None or one.cancelled > at)]
    return sorted(one for one in counting if one.cancelled is None or one.cancelled > one.at)


def by_definition(seen: float, known: float | None, orders: Sequence[Bought], rules: LifecycleRules, at: float) -> Stage | None:
    """The stage at one moment, out of all that happened until then."""
    counting = standing(orders, at)
    if not counting:
        named = (known is not None and known <= at) or any(one.at <= at for one in orders)
        return Stage.LEAD if named else Stage.VISITOR if seen <= at else None
    idle = at - counting[-1].at
    if idle >= rules.at_risk_days:
        return Stage.LAPSED if idle >= rules.lapsed_days else Stage.AT_RISK
    if by_definition(seen, known, orders, rules, counting[-1].at - TICK) is Stage.LAPSED:
        return Stage.WON_BACK
    recent = [one for one in counting if rules.loyal_within_days is None or at - one.at < rules.loyal_within_days]
    if len(recent) >= rules.loyal_orders:
        return Stage.LOYAL
    return Stage.ACTIVE if len(counting) >= rules.active_orders else Stage.FIRST_TIME


@settings(max_examples=60)
@given(lives)
def test_all_lives_are_what_the_definition_says_moment_by_moment(
    life: tuple[int, int | None, list[Bought], LifecycleRules],
) -> None:
    seen, known, orders, rules = life
    moments = [number * TICK for number in range(int(260 / TICK))]
    stages = [by_definition(seen, known, orders, rules, at) for at in moments]
    changes = [(now, day(at)) for before, now, at in zip([None, *stages], stages, moments, strict=False) if now is not before]
    found = lifecycle_of(customer(seen, known, orders), rules, day(moments[-1]))
    assert [(change.stage, change.at) for change in found.changes] == changes


@settings(max_examples=60)
@given(lives, st.integers(0, 260))
def test_the_next_change_by_time_alone_is_the_one_that_then_comes(
    life: tuple[int, int | None, list[Bought], LifecycleRules], now: int
) -> None:
    seen, known, orders, rules = life
    told = [Bought(one.at, one.cancelled if one.cancelled is not None and one.cancelled <= now else None) for one in orders]
    so_far = customer(seen, known if known is not None and known <= now else None, [one for one in told if one.at <= now])
    found = lifecycle_of(so_far, rules, day(now))
    if found.until is None:
        assert stage_of(so_far, rules, day(now + 1_000)) is found.stage
    else:
        assert found.until > day(now)
        assert stage_of(so_far, rules, found.until - timedelta(milliseconds=1)) is found.stage
        assert stage_of(so_far, rules, found.until) is not found.stage
