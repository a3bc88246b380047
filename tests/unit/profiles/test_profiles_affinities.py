"""What customers are fond of: against an evaluator that reads every event, and the laws of what is remembered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.profiles.domain.affinities import (
    BRANDS,
    CATEGORIES,
    COLOURS,
    PRODUCTS,
    SIZES,
    AffinityRules,
    affinities_of,
    favourites_of,
)
from services.profiles.domain.customer import Customer
from services.profiles.domain.interests import MOST_ENTRIES, Interest, merge_interests, show_interest
from shared import events
from shared.envelope import Event
from tests.order_free import NOW
from tests.unit.profiles.given import MORNING, bought, cancelled, customer, happened, line

ANN, TABLET = "user:1", "anon:tablet"
KINDS = {
    "view": (events.PRODUCT_VIEWED, Interest.VIEWED),
    "wish": (events.PRODUCT_ADDED_TO_WISHLIST, Interest.WISHED),
    "cart": (events.PRODUCT_ADDED, Interest.CARTED),
}


def monday(at: datetime) -> datetime:
    day = at.astimezone(UTC).date()
    return datetime.combine(day - timedelta(days=day.weekday()), datetime.min.time(), UTC)


acts = st.lists(
    st.tuples(
        st.sampled_from([*KINDS, "buy"]),
        st.sampled_from(["Pans", "pans", "Lids", "Pots"]),
        st.integers(0, 24 * 120),  # a clock that is no further ahead than what a score can tell
        st.sampled_from([ANN, TABLET]),
    ),
    max_size=12,
)


def told(acts_: list[tuple[str, str, int, str]]) -> list[Event]:
    found = [happened(events.PAGE_VIEWED, [ANN, TABLET], 0, path="/")]
    for place, (act, category, at, key) in enumerate(acts_):
        if act == "buy":
            found.append(bought(f"o{place}", 1, key, at=at, products=[line("p", category=category)] * 2))
        else:
            found.append(happened(KINDS[act][0], [key], at, again=str(place), product_id="p", category=category, quantity=1))
    return found


@settings(max_examples=25)
@given(acts, st.integers(1, 90))
def test_favourites_are_what_reading_every_event_says(acts_: list[tuple[str, str, int, str]], half_life: int) -> None:
    rules = AffinityRules(half_life_days=half_life, viewed=1, wished=2, carted=3, bought=10)
    scores: dict[str, float] = {}
    for act, category, at, _ in acts_:
        time = MORNING + timedelta(hours=at)
        dated, weight = (time, rules.bought) if act == "buy" else (monday(time), rules.weight(KINDS[act][1]))
        age = (NOW - dated) / timedelta(days=half_life)
        scores[category.casefold()] = scores.get(category.casefold(), 0) + weight * 0.5**age
    found = {one.id.casefold(): one for one in favourites_of(customer(*told(acts_)), CATEGORIES, rules, NOW)}
    assert {name: one.score for name, one in found.items()} == pytest.approx(scores, rel=1e-9)
    total = sum(scores.values())
    assert {name: one.share for name, one in found.items()} == pytest.approx({n: s / total for n, s in scores.items()}, rel=1e-9)


def test_shares_and_order_are_the_same_at_any_time() -> None:
    ann = customer(*told([("view", "Pans", 5, ANN), ("cart", "Lids", 900, TABLET), ("buy", "Pots", 300, ANN)]))
    rules = AffinityRules(half_life_days=7)
    early, late = (favourites_of(ann, CATEGORIES, rules, NOW + timedelta(days=days)) for days in (0, 400))
    assert [(one.id, one.share) for one in early] == [(one.id, one.share) for one in late]
    assert early[0].score > late[0].score > 0


def test_what_was_cancelled_speaks_for_nothing() -> None:
    ann = customer(bought("a", 1, ANN, at=1, products=[line("p1", brand="Kadai")]), cancelled("a", ANN, at=2))
    assert affinities_of(ann, AffinityRules(), NOW) == {}


@pytest.mark.parametrize(
    ("variant", "colours", "sizes"),
    [
        ("Navy blue / M", ["Navy blue"], ["M"]),
        ("xxl, Red", ["Red"], ["xxl"]),
        ("EU 42 - Black", ["Black"], ["EU 42"]),
        ("500 ml", [], ["500 ml"]),
        ("Cotton", [], []),
        ("Queen|Ivory", ["Ivory"], ["Queen"]),
    ],
)
def test_colours_and_sizes_are_read_out_of_variants(variant: str, colours: list[str], sizes: list[str]) -> None:
    ann = customer(happened(events.PRODUCT_VIEWED, [ANN], 1, product_id="p", variant=variant, quantity=1))
    found = affinities_of(ann, AffinityRules(sizes=("queen",)), NOW)
    assert [one.id for one in found.get(COLOURS, [])] == colours
    assert [one.id for one in found.get(SIZES, [])] == sizes


shown = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 500), st.sampled_from(list(Interest))), max_size=60)


def interests(acts_: list[tuple[int, int, Interest]]) -> Any:
    found: Any = {}
    for product, days, interest in acts_:
        found = show_interest(found, [(PRODUCTS, f"p{product}"), (BRANDS, None)], interest, MORNING + timedelta(days=days))
    return found


@settings(max_examples=60)
@given(shown, shown, st.randoms(use_true_random=False))
def test_interest_is_remembered_the_same_in_any_order_and_bounded(a: Any, b: Any, chance: Any) -> None:
    everything = [*a, *b]
    shuffled = list(everything)
    chance.shuffle(shuffled)
    assert interests(shuffled) == interests(everything)
    assert merge_interests(interests(a), interests(b)) == merge_interests(interests(b), interests(a)) == interests(everything)
    assert all(len(entries) <= MOST_ENTRIES[PRODUCTS] for entries in interests(everything).values())


def test_a_customer_without_any_signal_is_fond_of_nothing() -> None:
    assert affinities_of(Customer(), AffinityRules(), NOW) == {}
