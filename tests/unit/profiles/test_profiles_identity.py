"""Who is who: the rule over tables, and its laws over random histories of logins, devices, addresses and aliases."""

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.profiles.domain.identity.rules import IdentityRules
from shared import events
from shared.envelope import Event
from shared.handlers import handles
from shared.identity import id_of
from shared.model import Model
from shared.outbox import to_event
from tests.order_free import NOW, History
from tests.unit.profiles.given import aliased, groups, history, hour, order_free, viewed
from tests.unit.profiles.who_is_who import who_is_who

ANN, BOB, TABLET, PHONE, MAIL = "user:ann", "user:bob", "anon:tablet", "anon:phone", "email:a@example.com"


def customers(*sets: set[str]) -> set[frozenset[str]]:
    return {frozenset(one) for one in sets}


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param([viewed(TABLET)], [{TABLET}], id="a visitor is a customer of its own"),
        pytest.param([viewed(TABLET), viewed(ANN, TABLET, at=1)], [{ANN, TABLET}], id="a login takes the visitor along"),
        pytest.param(
            [viewed(ANN, TABLET), viewed(BOB, TABLET, at=1)], [{ANN, TABLET}, {BOB}], id="a second login is another customer"
        ),
        pytest.param(
            [viewed(BOB, TABLET, at=2), viewed(ANN, TABLET, at=1)],
            [{ANN, TABLET}, {BOB}],
            id="a device goes with the earlier login, whichever is heard first",
        ),
        pytest.param([viewed(ANN, MAIL), viewed(BOB, MAIL, at=1)], [{ANN, MAIL}, {BOB}], id="a shared address merges nobody"),
        pytest.param([viewed(TABLET, MAIL)], [{TABLET, MAIL}], id="a guest with an address is one customer"),
        pytest.param(
            [viewed(TABLET, MAIL), viewed(ANN, TABLET, at=1)],
            [{ANN, TABLET, MAIL}],
            id="a login takes along what was left on the device before",
        ),
        pytest.param(
            [viewed(TABLET, MAIL), viewed(PHONE, MAIL, at=1), viewed(ANN, MAIL, at=2)],
            [{ANN, MAIL, TABLET, PHONE}],
            id="a login brings all devices of its address",
        ),
        pytest.param(
            [viewed(TABLET, "social:x:ann"), viewed(ANN, "social:x:ann", at=1)],
            [{ANN, TABLET, "social:x:ann"}],
            id="a handle owns the device and belongs to the login",
        ),
        pytest.param([aliased(ANN, BOB)], [{ANN, BOB}], id="an alias joins two logins"),
        pytest.param(
            [viewed(ANN, TABLET), viewed(BOB, MAIL), aliased(ANN, BOB, at=1)],
            [{ANN, BOB, TABLET, MAIL}],
            id="an alias joins all that two logins own",
        ),
        pytest.param([aliased(TABLET, PHONE)], [{TABLET, PHONE}], id="an alias joins two devices"),
        pytest.param(
            [viewed(ANN, PHONE), viewed(BOB, TABLET, at=1), aliased(TABLET, PHONE, at=2)],
            [{ANN, PHONE}, {BOB, TABLET}],
            id="an alias of two devices does not join their logins",
        ),
        pytest.param(
            [aliased(TABLET, PHONE), aliased(PHONE, TABLET, at=1), viewed(ANN, PHONE, at=2)],
            [{ANN, PHONE, TABLET}],
            id="devices that are aliases of each other go with the login of one",
        ),
        pytest.param([aliased(ANN, ANN)], [{ANN}], id="an alias of itself says nothing"),
    ],
)
def test_keys_belong_together_as_claimed(story: list[Event], expected: list[set[str]]) -> None:
    assert groups(order_free(*story, rounds=8)) == customers(*expected)


def test_a_late_earlier_claim_moves_a_device_from_one_customer_to_another() -> None:
    told = history(viewed(BOB, TABLET, at=5))
    assert told.customer_id(TABLET) == id_of(BOB)
    told.apply(viewed(ANN, TABLET, at=1))
    assert groups(told) == customers({ANN, TABLET}, {BOB})
    merged, split = told.announcements(events.PROFILE_MERGED)[-1], told.announcements(events.PROFILE_SPLIT)[-1]
    assert (merged["customer_id"], merged["identity_keys"], merged["merged_from"]) == (id_of(ANN), [TABLET, ANN], [id_of(BOB)])
    assert (split["customer_id"], split["identity_keys"], split["split_from"]) == (id_of(BOB), [BOB], [id_of(BOB)])
    assert merged["revision"] == split["revision"] == 2


def test_the_facts_of_a_device_move_with_it() -> None:
    told = history(viewed(TABLET, at=0), viewed(BOB, TABLET, at=5))
    assert told.customer(BOB).activity.counts == {"page_viewed": 2}
    told.apply(viewed(ANN, TABLET, at=1))
    assert told.customer(ANN).activity.counts == {"page_viewed": 2}
    assert told.customer(BOB).activity.counts == {"page_viewed": 1}


def test_what_repeats_is_not_stated_again() -> None:
    told = history(viewed(ANN, TABLET))
    told.apply(viewed(ANN, TABLET, at=1)).apply(viewed(BOB, TABLET, at=2)).apply(viewed(ANN, TABLET, at=3))
    assert len(told.announcements(events.PROFILE_MERGED)) == 1
    assert told.announcements(events.PROFILE_SPLIT) == []


STATEMENTS = (events.PROFILE_MERGED, events.PROFILE_SPLIT)
KEYS = [ANN, BOB, "user:cid", TABLET, PHONE, MAIL, "email:b@example.com", "social:x:ann", "phone:49301234567"]
moments = st.integers(0, 6)
sightings = st.builds(
    lambda keys, at, again: viewed(*keys, at=at, again=str(again)),
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True),
    moments,
    st.integers(0, 3),
)
aliases = st.builds(
    lambda pair, at: aliased(pair[0], pair[1], at=at),
    st.lists(st.sampled_from(KEYS), min_size=2, max_size=2, unique=True),
    moments,
)
stories = st.lists(st.one_of(sightings, sightings, sightings, aliases), min_size=1, max_size=12, unique_by=lambda one: one.id)


@settings(max_examples=80, deadline=None)
@given(stories)
def test_customers_are_those_of_the_rules_in_any_order(story: list[Event]) -> None:
    told = order_free(*story, rounds=3)
    assert groups(told) == who_is_who(story, IdentityRules()).customers


@settings(max_examples=80, deadline=None)
@given(stories)
def test_logins_are_joined_by_aliases_alone(story: list[Event]) -> None:
    without_aliases = [one for one in story if one.name != "identity_aliased"]
    for group in groups(history(*without_aliases)):
        assert sum(key.startswith("user:") for key in group) <= 1


@dataclass(frozen=True)
class Visits:
    pages: int = 0


FOLLOWED: Model[Visits] = Model("followed", Visits, lambda states: Visits(sum(state.pages for state in states)))


class Follower:
    """Any other service: it keeps facts of its own, and follows the statements of who is who."""

    name = "follower"

    @handles(events.PAGE_VIEWED, FOLLOWED)
    def on_page_viewed(self, visits: Visits, fact: dict[str, object]) -> Visits:
        """Count the pages."""
        return replace(visits, pages=visits.pages + 1)


@settings(max_examples=80, deadline=None)
@given(stories, st.integers(0, 2**32))
def test_those_who_follow_the_statements_end_with_the_same_customers_in_any_order(story: list[Event], seed: int) -> None:
    told = history()
    for one in story:  # one by one, so that groups come and go
        told.apply(one)
    said = [to_event(one, None, NOW) for one in told.announced.values() if one.kind in STATEMENTS]
    heard = [*said, *(one for one in story if one.name == "page_viewed")]
    chance = random.Random(seed)
    for _ in range(3):
        chance.shuffle(heard)
        follower = History(Follower, [FOLLOWED])
        cut = chance.randint(0, len(heard))
        follower.apply(*heard[:cut]).apply(*heard[cut:], *heard[:cut])
        for member in told.batches["customers"].members.values():
            assert follower.customer_id(member.key, "followed") == member.customer_id
            pages = told.customer(member.key).activity.counts.get("page_viewed", 0)
            assert follower.customer(member.key, "followed").pages == pages


@settings(max_examples=100, deadline=None)
@given(stories)
def test_a_statement_names_all_keys_of_its_customer_and_is_newer_than_any_before_it(story: list[Event]) -> None:
    told = history()
    revisions: dict[str, int] = {}
    for one in story:
        before = set(told.announced)
        told.apply(one)
        new = [said.data for key, said in told.announced.items() if key not in before and said.kind in STATEMENTS]
        named = [key for data in new for key in data["identity_keys"]]
        assert len(named) == len(set(named))
        for data in new:
            assert frozenset(data["identity_keys"]) in groups(told)
            assert all(data["revision"] > revisions.get(key, 0) for key in data["identity_keys"])
        revisions |= {key: data["revision"] for data in new for key in data["identity_keys"]}


def test_a_claim_of_the_same_moment_is_decided_by_the_event_id() -> None:
    first, second = sorted([viewed(ANN, TABLET, at=1), viewed(BOB, TABLET, at=1)], key=lambda one: one.id)
    assert first.time == second.time == hour(1)
    assert order_free(first, second, rounds=4).customer_id(TABLET) == id_of(first.subject)
