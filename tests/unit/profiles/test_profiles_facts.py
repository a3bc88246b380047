"""Traits and the directory's folding: tables, and the laws that joining facts has to obey."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.domain.activity import Activity, Sighting, merge_activity
from services.profiles.domain.directory import folded_email, phone_tail
from services.profiles.domain.traits import MAX_TRAITS, Trait, Traits, merge_traits, state_traits, values_of
from tests.unit.profiles.given import MORNING, hour

statements = st.lists(
    st.tuples(st.sampled_from(["name", "city", "plan"]), st.sampled_from([None, "a", "b", 1]), st.integers(0, 5)), max_size=8
)


def traits_of(stated: list[tuple[str, Any, int]]) -> Traits:
    traits: Traits = {}
    for name, value, at in stated:
        traits = state_traits(traits, {name: value}, hour(at), f"{name}/{value}/{at}")
    return traits


@given(statements, statements, statements)
def test_traits_join_in_any_order_grouping_and_repetition(a: Any, b: Any, c: Any) -> None:
    x, y, z = traits_of(a), traits_of(b), traits_of(c)
    assert merge_traits(x, y) == merge_traits(y, x) == traits_of([*b, *a, *b])
    assert merge_traits(merge_traits(x, y), z) == merge_traits(x, merge_traits(y, z))
    assert merge_traits(x, x) == x


def test_a_trait_is_what_was_said_last_by_the_time_of_saying() -> None:
    traits = traits_of([("name", "new", 2), ("name", "old", 1)])
    assert values_of(traits) == {"name": "new"}


def test_a_cleared_trait_stays_cleared_when_an_older_value_is_heard() -> None:
    assert values_of(traits_of([("name", None, 2), ("name", "a", 1)])) == {}
    assert values_of(traits_of([("name", None, 2), ("name", "a", 3)])) == {"name": "a"}


def test_of_two_values_of_one_moment_the_event_id_decides() -> None:
    one = state_traits({}, {"name": "a"}, MORNING, "1")
    assert values_of(state_traits(one, {"name": "b"}, MORNING, "2")) == {"name": "b"}
    assert values_of(state_traits(one, {"name": "b"}, MORNING, "0")) == {"name": "a"}
    assert state_traits(one, {"name": "a"}, MORNING, "0") is one


@given(st.permutations(range(5)))
def test_beyond_the_limit_the_traits_stated_longest_ago_are_forgotten_in_any_order(order: list[int]) -> None:
    hundred = MAX_TRAITS // 4
    traits: Traits = {}
    for part in order:
        stated = {f"{part}-{number}": Trait(number, hour(part), str(part)) for number in range(hundred)}
        traits = merge_traits(traits, stated)
    assert len(traits) == MAX_TRAITS
    assert {name.partition("-")[0] for name in traits} == {"1", "2", "3", "4"}


def test_activity_of_two_keys_adds_up() -> None:
    left = Activity(Sighting(hour(2), "b"), hour(9), {"page_viewed": 2})
    right = Activity(Sighting(hour(1), "a", backfill=True), hour(3), {"page_viewed": 1, "product_viewed": 4})
    whole = Activity(Sighting(hour(1), "a", backfill=True), hour(9), {"page_viewed": 3, "product_viewed": 4})
    assert merge_activity(left, right) == merge_activity(right, left) == whole
    assert merge_activity(left, Activity()) == left


@pytest.mark.parametrize("number", ["+49 30 1234567", "0049 (30) 123-4567", "٤٩٣٠١٢٣٤٥٦٧", "４９３０１２３４５６７"])
def test_notations_of_a_phone_number_fold_to_one(number: str) -> None:
    assert phone_tail(number) == "76543210394"


def test_a_national_number_is_the_end_of_the_international_one() -> None:
    assert phone_tail("+49 30 1234567").startswith(phone_tail("030 1234567"))


def test_addresses_fold_without_case_and_blanks() -> None:
    assert folded_email(" Jane@Example.COM ") == "jane@example.com"


def test_values_may_be_any_json() -> None:
    stated: Mapping[str, Any] = {"tags": ["a", {"b": None}], "vip": False, "size": 0}
    assert values_of(state_traits({}, stated, MORNING, "1")) == stated
