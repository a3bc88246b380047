"""Everything that re-engagement keeps and arms is a function of the set of events."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.reengagement.domain.customer import Customer, combine
from services.reengagement.service import Reengagement
from services.reengagement.storage import CUSTOMERS
from shared.envelope import Event
from tests.order_free import NOW, assert_order_free
from tests.unit.reengagement.shop import (
    DAY,
    HOUR,
    JANE,
    add,
    armed,
    cancel,
    checkout,
    fire,
    firing,
    group,
    line,
    order,
    refund,
    remove,
    shop,
    update,
    view,
)

VISITOR, MAIL = "anon:5f1c", "email:jane@example.com"


def rich_history() -> list[Event]:
    """Three identity keys of one customer and one of another, with timers that fired in between."""
    happened = [
        add(NOW - 3 * HOUR, who=VISITOR, quantity=2),
        add(NOW - 2 * HOUR, "mug", who=VISITOR, price=1500),
        remove(NOW - 2 * HOUR, "mug", who=VISITOR),
        view(NOW - HOUR, line("coffee"), line("tea", price=None), cart=None),
        checkout(NOW - HOUR, checkout_id="k1", cart="c2"),
        add(NOW - 5 * DAY, "old", cart="c9", backfill=True),
        order(NOW - 90 * DAY, "A1", line("coffee"), line("tea"), backfill=True),
        order(NOW - 60 * DAY, "A2", line("coffee", 3)),
        order(NOW - 30 * DAY, "A3", line("coffee"), who=MAIL),
        order(NOW - 30 * DAY, "A3", line("coffee"), who=MAIL, coupon="SPRING"),
        refund(NOW - 29 * DAY, "A2", line("coffee", 1)),
        update(NOW - 20 * DAY, "A3", line("coffee"), line("filter"), amount=1900, who=MAIL),
        order(NOW - HOUR, "A4", line("tea"), checkout_id="k1"),
        cancel(NOW, "A4"),
        refund(NOW, "never-heard-of"),
        add(NOW - HOUR, who="user:7"),
        order(NOW - 91 * DAY, "B1", who="user:7"),
        group([JANE, VISITOR], 1),
        group([JANE, VISITOR, MAIL], 2),
        group([JANE, MAIL], 3),
        group([VISITOR], 3),
    ]
    history = shop(*happened[:-4])
    fired = [firing(each) for kind in ("cart_idle", "lapse", "replenishment") for each in armed(history, kind)]
    return [*happened, *fired]


def test_any_order_and_repetition_of_a_rich_history_ends_in_the_same_state():
    history = assert_order_free(Reengagement, [CUSTOMERS], rich_history(), rounds=40)
    assert {each.kind for each in history.timers.values()} <= {"cart_idle", "lapse", "replenishment"}
    assert history.rows


def test_a_split_leaves_each_customer_with_the_timers_they_had_before_the_merge():
    facts = [add(NOW, who=VISITOR), order(NOW - DAY), order(NOW - 31 * DAY, "A0", who=VISITOR)]
    apart = shop(*facts)
    merged = shop(*facts, group([JANE, VISITOR], 1))
    split = shop(*facts, group([JANE, VISITOR], 1), group([JANE], 2), group([VISITOR], 2))
    assert len(armed(merged, "replenishment")) == 1
    assert not armed(apart, "replenishment")
    assert split.timers.keys() == apart.timers.keys()
    assert fire(split, "cart_idle").rows == fire(apart, "cart_idle").rows


pieces = st.permutations(rich_history()).map(lambda events: events[:12])


@settings(max_examples=30, deadline=None)
@given(pieces)
def test_any_part_of_the_history_is_order_free(part: list[Event]):
    assert_order_free(Reengagement, [CUSTOMERS], part, rounds=2)


@settings(max_examples=30, deadline=None)
@given(pieces, st.integers(0, 12))
def test_joining_facts_of_two_keys_is_commutative_and_idempotent(part: list[Event], cut: int):
    def facts(some: list[Event]) -> Customer:
        one = shop(*(each for each in some if each.source != "profiles"))
        return combine([member.state for member in one.batches[CUSTOMERS.name].members.values()])

    left, right = facts(part[:cut]), facts(part[cut:])
    assert combine([left, right]) == combine([right, left])
    assert combine([left, left]) == left
    assert combine([combine([left, right]), right]) == combine([left, right])
