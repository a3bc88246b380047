"""Traits over time, opinions, habits and touchpoints: the laws of what is remembered, and tables of what is made of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.profiles.domain.facts import Campaign, Context, Page
from services.profiles.domain.habits import Doing, habits_of, preferred_hour, zone_of
from services.profiles.domain.journey import added, flow
from services.profiles.domain.lifecycle import Stage
from services.profiles.domain.opinions import MOST_REVIEWS, Review, merge_reviews, review
from services.profiles.domain.touches import Touch, last_before, visit
from services.profiles.domain.traits import MOST_VALUES, Strategy, Traits, chosen, merge_traits, state_traits, value_by
from tests.unit.profiles.given import hour

UTC_ZONE = ZoneInfo("UTC")
values = (
    st.none()
    | st.integers(0, 14)
    | st.sampled_from(["", "a", "b", "z" * 300, True, 1.5])
    | st.lists(st.integers(0, 3), max_size=2)
)
statements = st.lists(st.tuples(values, st.integers(0, 40)), max_size=16)


def stated(said: list[tuple[Any, int]]) -> Traits:
    traits: Traits = {}
    for value, at in said:
        traits = state_traits(traits, {"t": value}, hour(at), f"{at}/{value!r}", "Web shop")
    return traits


@settings(max_examples=80)
@given(statements, statements, statements, st.randoms(use_true_random=False))
def test_the_past_of_a_trait_joins_in_any_order_grouping_and_repetition(a: Any, b: Any, c: Any, chance: Any) -> None:
    x, y, z = stated(a), stated(b), stated(c)
    shuffled = [*a, *b, *b]
    chance.shuffle(shuffled)
    assert merge_traits(x, y) == merge_traits(y, x) == stated(shuffled)
    assert merge_traits(merge_traits(x, y), z) == merge_traits(x, merge_traits(y, z))
    assert merge_traits(x, x) == x


def last_said(said: list[tuple[Any, int]]) -> list[Any]:
    """Different values, stated last first, the way that a reader of all statements finds them."""
    found: list[Any] = []
    for value, _ in sorted(said, key=lambda one: (one[1], f"{one[1]}/{one[0]!r}"), reverse=True):
        if not any(type(value) is type(known) and value == known for known in found):
            found.append(value)
    return found


@settings(max_examples=80)
@given(statements.filter(bool))
def test_each_strategy_chooses_what_a_reader_of_all_statements_would(said: list[tuple[Any, int]]) -> None:
    trait, order = stated(said)["t"], last_said(said)
    kept = [value for value in order if not (isinstance(value, str) and len(value) > 200)]
    assert value_by(trait, Strategy.LATEST) == order[0]
    assert len(trait.history) <= MOST_VALUES
    assert [one.value for one in trait.history][1:] == [value for value in kept if value is not order[0]][: MOST_VALUES - 1]
    sized = [value for value in kept if isinstance(value, (int, float)) and not isinstance(value, bool)]
    texts = [value for value in kept if isinstance(value, str)]
    if sized or texts:
        assert value_by(trait, Strategy.LARGEST) == (max(texts) if texts else max(sized))
        assert value_by(trait, Strategy.SMALLEST) == (min(sized) if sized else min(texts))
    told = [one for one in said if one[0] is not None and one[0] in kept]
    if told:
        earliest = min(at for _, at in told)
        assert value_by(trait, Strategy.FIRST) in [value for value, at in told if at == earliest]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.LATEST, None),
        (Strategy.NON_EMPTY, ["a", "c"]),
        (Strategy.FIRST, ["a", "b"]),
        (Strategy.UNION, ["a", "c", "b"]),
    ],
)
def test_strategies_of_a_list_that_was_cleared(strategy: Strategy, expected: Any) -> None:
    traits = stated([(["a", "b"], 1), (["a", "c"], 2), ([], 3), (None, 4)])
    assert chosen(traits, {"t": strategy, "unknown": strategy})["t"].value == expected


def test_a_login_that_repeats_a_trait_keeps_when_it_was_stated_first() -> None:
    trait = stated([("gold", 1), ("gold", 5), ("gold", 3)])["t"]
    assert (trait.value, trait.at, trait.first and trait.first.at, trait.before) == ("gold", hour(5), hour(1), ())


reviews = st.lists(st.tuples(st.integers(0, 70), st.integers(0, 90)), max_size=80)


def reviewed(said: list[tuple[int, int]]) -> Any:
    found: Any = {}
    for number, at in said:
        found = review(found, f"r{number}", Review(hour(at), f"{number}/{at}", "p1", str(at)))
    return found


@settings(max_examples=40)
@given(reviews, reviews, st.randoms(use_true_random=False))
def test_opinions_join_in_any_order_and_repetition_and_are_bounded(a: Any, b: Any, chance: Any) -> None:
    shuffled = [*a, *b, *a]
    chance.shuffle(shuffled)
    assert merge_reviews(reviewed(a), reviewed(b)) == merge_reviews(reviewed(b), reviewed(a)) == reviewed(shuffled)
    assert len(reviewed(shuffled)) <= MOST_REVIEWS


def test_hours_are_right_in_summer_and_in_winter() -> None:
    doings = [Doing(datetime(2026, 7, 1, 18, tzinfo=UTC)), Doing(datetime(2026, 1, 1, 19, tzinfo=UTC))]
    found = habits_of(doings, ZoneInfo("Europe/Berlin"), UTC_ZONE)
    assert (found.hours[20], found.preferred_hour, found.timezone) == (2, 20, "Europe/Berlin")


def test_without_a_zone_hours_are_in_that_of_the_client_and_else_of_the_shop() -> None:
    at = datetime(2026, 7, 1, 18, tzinfo=UTC)
    assert (
        habits_of([Doing(at, timezone="No/Where"), Doing(at, timezone="Asia/Kolkata")], None, UTC_ZONE).timezone == "Asia/Kolkata"
    )
    assert habits_of([Doing(at)], None, UTC_ZONE).timezone == "UTC"
    assert zone_of("../../etc/passwd") is None


def test_nobody_prefers_no_hour_and_neighbours_count_half() -> None:
    assert preferred_hour([0] * 24) is None
    assert preferred_hour([3, 0, *[0] * 8, 2, 2, 2, *[0] * 11]) == 11


def test_searches_are_told_once_with_their_number_the_latest_first() -> None:
    doings = [Doing(hour(3), query="Pan"), Doing(hour(2), query="lid"), Doing(hour(1), query=" pan ")]
    found = habits_of(doings, None, UTC_ZONE).searches
    assert [(one.query, one.times, one.last_at) for one in found] == [("pan", 2, hour(3)), ("lid", 1, hour(2))]


@pytest.mark.parametrize(
    ("context", "brought"),
    [
        (None, None),
        (Context(), None),
        (Context(page=Page(url="https://shop.example/b", referrer="https://www.shop.example/a")), None),
        (Context(page=Page(url="https://shop.example/b", referrer="https://t.co/x")), {"by": "customer", "referrer": "t.co"}),
        (Context(page=Page(referrer="http://[broken")), None),
        (Context(campaign=Campaign(source="mail")), {"by": "customer", "campaign": {"source": "mail"}}),
    ],
)
def test_a_visit_is_one_where_something_brought_it(context: Context | None, brought: dict[str, Any] | None) -> None:
    assert visit(context) == brought


def test_the_last_touchpoint_is_up_to_the_moment_and_not_too_long_ago() -> None:
    touches = [Touch(hour(at), {"n": at}) for at in (1, 5, 9)]
    assert last_before(touches, hour(5), timedelta(hours=1)) == touches[1]
    assert last_before(touches, hour(8), timedelta(hours=2)) is None
    assert last_before(touches, hour(0), timedelta(days=9)) is None


def test_a_median_of_days_is_that_of_all_customers_together() -> None:
    found = flow(Stage.LEAD, added([{"entered": 3, "first_time_2": 2}, {"entered": 2, "first_time_5": 1, "active_28": 1}]))
    assert (found.entered, found.stopped) == (5, 1)
    assert [(one.stage, one.customers, one.median_days) for one in found.passed] == [
        (Stage.FIRST_TIME, 3, 2.0),
        (Stage.ACTIVE, 1, 31.0),
    ]
