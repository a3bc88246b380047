"""The guard rails of identity: over tables, and against the rules written for clarity, whatever happens in whatever order."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.profiles.domain.identity.evidence import (
    MOST_REMEMBERED,
    MOST_STAMPS,
    MOST_VOUCHED,
    Links,
    Stamp,
    declare,
    match,
    meet,
)
from services.profiles.domain.identity.kinds import OTHER
from services.profiles.domain.identity.orders import MOST_HOLDERS, Holders, hold
from services.profiles.domain.identity.refusals import MOST_REFUSALS, Rule
from services.profiles.domain.identity.rules import IdentityRules, KindRule
from services.profiles.domain.rules import Rules
from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS, ORDERS
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from shared.outbox import to_event
from tests.order_free import NOW, History
from tests.unit.profiles.given import aliased, bought, decided, groups, history, hour, identified, order_free, viewed
from tests.unit.profiles.who_is_who import who_is_who

ANN, BOB, CID = "user:ann", "user:bob", "user:cid"
TABLET, PHONE = "anon:tablet", "anon:phone"
DAY = 24


def mail(number: int) -> str:
    return f"email:{number}@shop.example"


def device(number: int) -> str:
    return f"anon:d{number:03}"


def together(told: History, *keys: str) -> bool:
    return len({told.customer_id(key) for key in keys}) == 1


def refusals(told: History) -> set[tuple[str, str, str, str | None]]:
    """(rule, kind, dropped key, kept key) of all that is refused."""
    members = told.batches["customers"].members.values()
    return {(one.rule.value, one.kind, one.key, one.kept_key) for member in members for one in member.state.refused}


@pytest.mark.parametrize(
    ("value", "blocked"),
    [
        ("user:null", True),
        ("user:NULL", True),
        ("user:[object Object]", True),
        ("anon:anonymous", True),
        ("anon:00000000-0000-0000-0000-000000000000", True),
        ("user:0", True),
        ("user:---", True),
        ("user: ", True),
        ("user:-1", True),
        ("email:test@anything.example", True),
        ("email:somebody@test.com", True),
        ("email:noreply@shop.example", True),
        ("phone:0000", True),
        ("user:10", False),
        ("user:nullarbor", False),
        ("email:latest@anything.example", False),
        ("anon:5f1c", False),
    ],
)
def test_values_that_stand_for_nobody_are_blocked(value: str, blocked: bool) -> None:
    assert IdentityRules().blocks(value) is blocked


def test_a_shop_blocks_its_own_addresses_and_single_keys() -> None:
    rules = IdentityRules(blocked_values=["*@Shop.example", "user:0815", "bot*"])
    assert [rules.blocks(key) for key in ("email:till@shop.example", "user:0815", "anon:0815", "anon:bot-7")] == [
        True,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("junk", ["user:null", "anon:0000", "email:test@x.example"])
def test_a_blocked_value_links_nobody(junk: str) -> None:
    told = order_free(viewed(ANN, junk), viewed(BOB, junk, at=1), viewed(TABLET, junk, at=2), rounds=6)
    assert groups(told) == {frozenset({key}) for key in (ANN, BOB, TABLET, junk)}
    assert refusals(told) == set()


def test_a_fifth_address_within_a_year_is_the_customers_and_a_sixth_is_not() -> None:
    story = [viewed(ANN, mail(number), at=number * DAY) for number in range(6)]
    told = order_free(*story, rounds=8)
    assert together(told, ANN, *(mail(number) for number in range(5)))
    assert refusals(told) == {("too_many_of_kind", "email", mail(5), ANN)}


def test_an_address_that_was_one_too_many_is_the_customers_when_it_comes_again_a_year_later() -> None:
    story = [viewed(ANN, mail(number), at=number * DAY) for number in range(6)]
    told = order_free(*story, viewed(ANN, mail(5), at=400 * DAY), rounds=8)
    assert together(told, ANN, *(mail(number) for number in range(6)))
    assert refusals(told) == set()


def test_the_weakest_key_of_an_event_is_dropped_and_the_others_are_joined() -> None:
    told = order_free(viewed(ANN, TABLET), viewed(BOB, mail(1), TABLET, "phone:+4930123456", at=1), rounds=8)
    assert groups(told) == {frozenset({ANN, TABLET}), frozenset({BOB, mail(1), "phone:+4930123456"})}
    assert refusals(told) == {("too_many_of_kind", "user", TABLET, BOB)}


def test_the_weakest_key_is_that_which_comes_last_in_the_rules() -> None:
    story = [viewed(ANN, mail(1)), viewed(BOB, "phone:+4930123456", at=1), viewed(mail(1), "phone:+4930123456", at=2)]
    assert ("too_many_of_kind", "user", "phone:+4930123456", mail(1)) in refusals(order_free(*story, rounds=4))
    turned = IdentityRules(kinds=[KindRule("user", 1), KindRule("phone", 5), KindRule("email", 5), KindRule(OTHER, 5)])
    assert ("too_many_of_kind", "user", mail(1), "phone:+4930123456") in refusals(order_free(*story, rounds=4, rules=turned))


def test_a_second_login_on_a_device_switches_to_another_customer() -> None:
    told = order_free(
        viewed(TABLET), viewed(ANN, TABLET, at=1), viewed(BOB, TABLET, at=2), bought("b", 500, BOB, TABLET, at=3), rounds=8
    )
    assert list(told.customer(BOB).orders) == ["b"]
    assert list(told.customer(ANN).orders) == []
    assert together(told, ANN, TABLET)


def test_a_shop_with_two_logins_a_person_may_allow_them() -> None:
    rules = IdentityRules(kinds=[KindRule("user", 2), KindRule(OTHER, 5)])
    told = order_free(viewed(ANN, TABLET), viewed(BOB, TABLET, at=1), viewed(CID, TABLET, at=2), rounds=8, rules=rules)
    assert groups(told) == {frozenset({ANN, BOB, TABLET}), frozenset({CID})}


def test_a_customer_has_no_more_keys_than_the_rules_allow() -> None:
    rules = IdentityRules(kinds=[KindRule("user", 1), KindRule(OTHER, 50)], keys_per_customer=4)
    story = [viewed(ANN, device(number), at=number) for number in range(6)]
    told = order_free(*story, rounds=6, rules=rules)
    assert together(told, ANN, device(0), device(1), device(2))
    assert {rule for rule, *_ in refusals(told)} == {Rule.TOO_MANY_KEYS}
    assert {key for _, _, key, _ in refusals(told)} == {device(3), device(4), device(5)}


def test_an_order_under_two_keys_makes_them_one_customer_and_counts_once() -> None:
    told = order_free(bought("o", 500, TABLET, at=1), bought("o", 500, mail(1), at=2), bought("p", 100, mail(1), at=3))
    assert groups(told) == {frozenset({TABLET, mail(1)})}
    assert sorted(told.customer(TABLET).orders) == ["o", "p"]


def test_an_order_under_two_logins_is_no_reason_to_melt_them() -> None:
    told = order_free(bought("o", 500, ANN, at=1), bought("o", 500, BOB, at=2), rounds=6)
    assert groups(told) == {frozenset({ANN}), frozenset({BOB})}
    assert refusals(told) == {("too_many_of_kind", "user", BOB, ANN)}


def test_an_order_that_is_heard_of_late_matches_since_it_happened() -> None:
    far = 300 * DAY
    story = [bought("o", 500, TABLET, at=1), bought("o", 500, mail(1), at=far), bought("o", 500, mail(1), at=2, again="late")]
    told = order_free(*story, rounds=12)
    assert told.batches["customers"].member(TABLET).state.links.matched[mail(1)].at == hour(2)


def test_reports_of_one_moment_match_the_same_in_any_order() -> None:
    first, later = bought("o", 500, TABLET, at=1), [bought("o", 500, key, at=9) for key in (TABLET, mail(1))]
    order_free(first, *later, rounds=12)


def test_what_people_merge_is_one_whatever_limits_say_until_they_take_it_back() -> None:
    story = [viewed(ANN, TABLET), viewed(BOB, PHONE, at=1), decided("merge", [ANN], [BOB], at=2)]
    assert groups(order_free(*story, rounds=6)) == {frozenset({ANN, BOB, TABLET, PHONE})}
    back = decided("unmerge", [BOB], [ANN], at=3)
    assert groups(order_free(*story, back, rounds=8)) == {frozenset({ANN, TABLET}), frozenset({BOB, PHONE})}


def test_a_merge_loses_no_key_to_limits_that_both_kept() -> None:
    story = [viewed(login, f"anon:{login}{number}", at=number) for login in (ANN, BOB) for number in range(5)]
    told = order_free(*story, decided("merge", [ANN], [BOB], at=9), rounds=4)
    assert len(groups(told)) == 1


def test_what_people_keep_apart_is_never_one_whatever_the_evidence_says() -> None:
    story = [viewed(mail(1), TABLET), viewed(ANN, mail(1), at=1), decided("keep_apart", [ANN], [TABLET], at=2)]
    told = order_free(*story, viewed(ANN, TABLET, at=3), rounds=8)
    assert not together(told, ANN, TABLET)
    assert "kept_apart" in {rule for rule, *_ in refusals(told)}
    assert together(
        order_free(*story, viewed(ANN, TABLET, at=3), decided("let_merge", [TABLET], [ANN], at=4)), ANN, TABLET, mail(1)
    )


def test_a_refused_merge_is_announced_once_and_not_for_imported_history() -> None:
    told = history(viewed(ANN, TABLET)).apply(viewed(BOB, TABLET, at=1)).apply(viewed(BOB, TABLET, at=2))
    (said,) = told.announcements(events.MERGE_REFUSED)
    assert (said["refused_key"], said["kept_key"], said["rule"], said["kind"]) == (TABLET, BOB, "too_many_of_kind", "user")
    assert said["customer_id"] == id_of(ANN)
    quiet = history(identified(ANN, TABLET, backfill=True), identified(BOB, TABLET, at=1, backfill=True))
    assert quiet.announcements(events.MERGE_REFUSED) == []
    assert len(refusals(quiet)) == 1


def test_a_customer_keeps_its_id_when_weaker_and_later_keys_join() -> None:
    told = history(viewed("email:zoe@shop.example", TABLET))
    assert told.customer_id(TABLET) == id_of("email:zoe@shop.example")
    told.apply(viewed("email:amy@shop.example", TABLET, at=1), viewed("email:zoe@shop.example", "loyalty:1", at=2))
    assert told.customer_id("email:amy@shop.example") == id_of("email:zoe@shop.example")


def stamp(number: int) -> Stamp:
    return Stamp(NOW + timedelta(hours=number), f"{number:05}")


@pytest.mark.parametrize("seed", range(3))
def test_what_a_key_remembers_is_bounded_and_the_same_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    heard = [(device(chance.randint(0, 200)), stamp(chance.randint(0, 40_000))) for _ in range(600)]

    def remembered(told: list[tuple[str, Stamp]]) -> Links:
        links = Links()
        for other, at in told:
            links = meet(links, ANN, (ANN, other), at)
            links = match(links, ANN, (ANN, other), at)
            links = declare(links, ANN, (ANN, other.replace("anon", "user")), at)
        return links

    links = remembered(heard)
    assert sum(len(stamps) for stamps in links.met.values()) == MOST_REMEMBERED
    assert max(len(stamps) for stamps in links.met.values()) <= MOST_STAMPS
    assert len(links.matched) == len(links.declared) == MOST_VOUCHED
    assert remembered(chance.sample(heard, len(heard))) == links


def test_an_order_id_that_everybody_reports_is_remembered_of_the_earliest() -> None:
    chance = random.Random(1)
    heard = [(device(number % 90), stamp(number)) for number in range(200)]

    def held(told: list[tuple[str, Stamp]]) -> Holders:
        holders = Holders()
        for key, at in told:
            holders = hold(holders, "17", key, at)
        return holders

    assert set(held(heard).first) == {device(number) for number in range(MOST_HOLDERS)}
    assert held(chance.sample(heard, len(heard))) == held(heard)


def test_a_device_of_a_thousand_connects_few_of_them_and_remembers_few_refusals() -> None:
    """What one event of a shared device costs does not grow with the number of its people."""
    told = history()
    for start in range(0, 1_000, 500):
        told.apply(*(viewed(f"user:u{number:04}", TABLET, at=number / 10) for number in range(start, start + 500)))
    looked_at = weighed(told, viewed("user:u9999", TABLET, at=900))
    assert together(told, "user:u0000", TABLET)
    assert looked_at <= {TABLET, "user:u0000", "user:u9999"}
    assert len(told.batches["customers"].member(TABLET).state.refused) == MOST_REFUSALS


def test_a_login_with_hundreds_of_devices_has_room_for_as_many_as_it_may() -> None:
    told = history(*(viewed(ANN, device(number), at=number * DAY * 2) for number in range(300)))
    customer = next(group for group in groups(told) if ANN in group)
    assert 50 < len(customer) <= MOST_REMEMBERED + 1
    assert len(weighed(told, viewed(ANN, "anon:new", at=9_999 * DAY))) <= MOST_REMEMBERED + 2


def weighed(told: History, one: Event) -> set[str]:
    """The keys that an event makes the runtime weigh."""
    seen: set[str] = set()
    resolver = CUSTOMERS.regroup
    assert resolver is not None
    before = type(resolver).resolve

    def spy(self: Any, states: Any, rules: Any) -> Any:
        seen.update(states)
        return before(self, states, rules)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(resolver), "resolve", spy)
        told.apply(one)
    return seen


def test_an_event_of_keys_that_are_known_weighs_nothing() -> None:
    told = history(viewed(ANN, TABLET, mail(1)), viewed(BOB, TABLET, at=1))
    assert weighed(told, viewed(ANN, TABLET, at=2)) == set()
    assert weighed(told, viewed(ANN, at=3)) == set()
    assert weighed(told, viewed(ANN, PHONE, at=4)) >= {ANN, PHONE, TABLET}


SMALL = IdentityRules(
    kinds=[
        KindRule("user", 1),
        KindRule("email", 2, 30),
        KindRule("phone", 1),
        KindRule(OTHER, 2, 300),
        KindRule("anon", 2, 7),
    ],
    keys_per_customer=6,
)
KEYS = [ANN, BOB, CID, mail(1), mail(2), mail(3), "phone:+491", "phone:+492", "social:x:ann"]
KEYS += [TABLET, PHONE, device(1), device(2), "user:null", "anon:000"]
hours = st.sampled_from([0, 1, 2, 3, 30, 100, 200, 24 * 20, 24 * 40, 24 * 200, 24 * 400, 24 * 800])
some_keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True)
two_keys = st.lists(st.sampled_from(KEYS[:-2]), min_size=2, max_size=2, unique=True)


class People(RuleBasedStateMachine):
    """Anything may happen to a few people, at any time, and be heard of in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.told = history(rules=SMALL)
        self.story: list[Event] = []

    def hear(self, one: Event) -> None:
        self.story.append(one)
        self.told.apply(one)

    @rule(keys=some_keys, at=hours, again=st.integers(0, 3))
    def somebody_is_seen(self, keys: list[str], at: float, again: int) -> None:
        self.hear(viewed(*keys, at=at, again=str(again)))

    @rule(logins=st.permutations([ANN, BOB, CID]), at=hours)
    def several_log_in_on_one_device(self, logins: list[str], at: float) -> None:
        for later, login in enumerate(logins):
            self.hear(viewed(login, TABLET, at=at + later))

    @rule(order=st.sampled_from("abc"), key=st.sampled_from(KEYS[:-2]), at=hours)
    def somebody_buys(self, order: str, key: str, at: float) -> None:
        self.hear(bought(order, 100, key, at=at))

    @rule(pair=two_keys, at=hours)
    def a_shop_declares(self, pair: list[str], at: float) -> None:
        self.hear(aliased(pair[0], pair[1], at=at))

    @rule(pair=two_keys, at=hours, decision=st.sampled_from(["merge", "merge", "unmerge", "keep_apart", "let_merge"]))
    def a_person_decides(self, pair: list[str], at: float, decision: str) -> None:
        self.hear(decided(decision, pair[:1], pair[1:], at=at))

    @rule(keys=st.lists(st.sampled_from(KEYS[:-2]), min_size=3, max_size=4, unique=True), at=hours)
    def a_person_parts(self, keys: list[str], at: float) -> None:
        self.hear(decided("keep_apart", keys[:1], keys[1:], at=at))

    @invariant()
    def customers_are_those_of_the_rules(self) -> None:
        known = who_is_who([*self.story, *heard_back(self.told)], SMALL)
        assert groups(self.told) == known.customers
        assert {(key, kept) for _, _, key, kept in refusals(self.told)} == known.refused

    def teardown(self) -> None:
        chance = random.Random(len(self.story))
        for _ in range(2):
            again = History(Profiles, [CUSTOMERS, ORDERS], Rules(SMALL))
            heard = [*self.story, *chance.choices(self.story, k=3)] if self.story else []
            chance.shuffle(heard)
            while heard:
                size = chance.randint(1, len(heard))
                again.apply(*heard[:size])
                heard = heard[size:]
            assert again.state() == self.told.state()


def heard_back(told: History) -> list[Event]:
    return [to_event(said, None, NOW) for said in told.announced.values() if said.kind is events.ORDER_MATCHED]


TestPeople = People.TestCase
TestPeople.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
