"""Who is who over HTTP and a real database: merging and taking it back, keeping apart, what was refused, and the guard rails."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.storage.identities import IdentityRulesStore
from shared.envelope import Event
from shared.identity import id_of
from tests.serving import Served, serving
from tests.unit.profiles.given import bought, cancelled, hour, identified, line, refunded, viewed

CUSTOMERS, APART = "/api/profiles/customers", "/api/profiles/do-not-merge"
REFUSED, RULES = "/api/profiles/refused-merges", "/api/profiles/identity-rules"
ANN, BOB, TABLET, PHONE = "user:ann", "user:bob", "anon:tablet", "anon:phone"
MAIL = "email:ann@shop.example"
WHY = {"reason": "One person with two accounts."}


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_identities") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(profiles) -> None:
    empty(profiles)


def empty(profiles: Served) -> None:
    for name in profiles.database.list_collection_names():
        profiles.database[name].delete_many({})


def two() -> list[Event]:
    """Ann with a tablet and an address, Bob with a phone; both bought."""
    lines = [line("p1", 2, 1_000, name="Pan", category="Kitchen")]
    return [
        viewed(TABLET, at=0),
        identified(ANN, TABLET, MAIL, at=1, email="ann@shop.example", name="Ann", consent={"email": "granted"}),
        bought("a", 2_000, ANN, at=2, products=lines),
        identified(BOB, PHONE, at=3, name="Bob", consent={"email": "denied"}),
        bought("b", 500, BOB, at=4, currency="USD"),
    ]


def later() -> list[Event]:
    """Twenty more events of both, some of which tie new keys to them."""
    return [
        *(viewed(ANN, TABLET, at=10 + number, again=str(number)) for number in range(5)),
        *(viewed(BOB, PHONE, at=10 + number, again=str(number)) for number in range(4)),
        bought("c", 700, ANN, "phone:+4930123456", at=20),
        bought("d", 900, BOB, at=21),
        refunded("a", "r", 300, ANN, at=22),
        cancelled("d", BOB, at=23),
        identified(BOB, PHONE, "email:bob@shop.example", at=24, email="bob@shop.example", consent={"sms": "granted"}),
        identified(ANN, at=25, name="Ann B."),
        viewed(BOB, TABLET, at=26),
        viewed("user:cid", PHONE, at=27),
        bought("a", 2_000, PHONE, at=28),
        viewed("anon:new", at=29),
        viewed(BOB, "anon:new", at=30),
    ]


def post(profiles: Served, path: str, body: Any, status: int = 200) -> Any:
    return profiles.post(path, body, status)


def merge(profiles: Served, one: str, other: str, status: int = 200) -> Any:
    return post(profiles, f"{CUSTOMERS}/{quote(one, safe='')}/merge", {"other": other, **WHY}, status)


def unmerge(profiles: Served, identity: str, status: int = 200, **what: Any) -> Any:
    return post(profiles, f"{CUSTOMERS}/{quote(identity, safe='')}/unmerge", {**what, **WHY}, status)


def heard_back(profiles: Served) -> None:
    """What the relay would deliver to profiles itself."""
    profiles.work.apply(profiles.announced("order_matched", "identity_decided"))


def shown(profiles: Served, keys: Sequence[str]) -> dict[str, Any]:
    """All that is shown of the customers of some keys."""
    found = {}
    for key in keys:
        customer = profiles.get(f"{CUSTOMERS}/{quote(key, safe='')}")
        customer["timeline"] = profiles.get(f"{CUSTOMERS}/{quote(key, safe='')}/timeline?limit=500&service=shop")["items"]
        found[key] = customer
    return {**found, "listed": profiles.get(CUSTOMERS)["items"], "refused": profiles.get(REFUSED)["items"]}


def groups(profiles: Served) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in profiles.database["customers_facts"].find():
        found.setdefault(row["customer"], set()).add(row["key"])
    return {frozenset(keys) for keys in found.values()}


def test_merged_customers_are_one_and_every_id_that_was_given_out_still_finds_it(profiles: Served) -> None:
    profiles.work.apply(two())
    done = merge(profiles, ANN, "cus_" + id_of(BOB).removeprefix("cus_"))
    (customer,) = done["customers"]
    assert customer["customer_id"] == id_of(ANN)
    assert customer["identity_keys"] == [ANN, BOB, MAIL, PHONE, TABLET]
    assert (customer["orders"], customer["spend"]) == (
        2,
        [{"currency": "EUR", "amount": 2_000}, {"currency": "USD", "amount": 500}],
    )
    for identity in (ANN, BOB, PHONE, id_of(BOB), id_of(TABLET), "ann@shop.example"):
        assert profiles.get(f"{CUSTOMERS}/{quote(identity, safe='')}")["customer_id"] == id_of(ANN)


def test_a_merge_is_an_event_that_says_who_when_and_why_and_is_stated_to_all(profiles: Served) -> None:
    profiles.work.apply(two())
    (decision,) = merge(profiles, ANN, BOB)["decision_ids"]
    said = {event.name: event for event in profiles.announced()}
    assert said["identity_decided"].id == decision
    data = {"identity_keys": [ANN, BOB], "left": [ANN], "right": [BOB], "decision": "merge", "decided_by": "tests", **WHY}
    assert said["identity_decided"].data() == data
    assert said["profile_merged"].data()["merged_from"] == [id_of(BOB)]
    (listed,) = profiles.get(f"{CUSTOMERS}/{BOB}/decisions")["items"]
    assert (listed["decision"], listed["decision_id"], listed["decided_by"]) == ("merge", decision, "tests")
    assert (listed["identity_keys"], listed["customer_ids"]) == ([ANN, BOB], [id_of(ANN), id_of(ANN)])


def test_hearing_ones_own_decision_again_changes_nothing(profiles: Served) -> None:
    profiles.work.apply(two())
    merge(profiles, ANN, BOB)
    before = list(profiles.database["customers_facts"].find())
    heard_back(profiles)
    assert list(profiles.database["customers_facts"].find()) == before


def test_after_a_merge_twenty_events_and_taking_it_back_all_is_as_if_there_had_been_no_merge(profiles: Served) -> None:
    keys = [ANN, BOB, TABLET, PHONE, MAIL, "user:cid", "anon:new", "email:bob@shop.example", "phone:+4930123456"]
    assert len(later()) == 20
    profiles.work.apply(two())
    profiles.work.apply(later())
    heard_back(profiles)
    never_merged = shown(profiles, keys)
    empty(profiles)
    profiles.work.apply(two())
    (decision,) = merge(profiles, ANN, BOB)["decision_ids"]
    for one in later():
        profiles.work.apply([one])
    heard_back(profiles)
    assert shown(profiles, keys) != never_merged
    unmerge(profiles, BOB, decision_id=decision)
    assert shown(profiles, keys) == never_merged


def test_a_preview_shows_what_would_come_of_a_merge_and_what_speaks_against_it_and_changes_nothing(profiles: Served) -> None:
    profiles.work.apply(two())
    before = {name: list(profiles.database[name].find()) for name in profiles.database.list_collection_names()}
    found = post(profiles, f"{CUSTOMERS}/{ANN}/merge/preview", {"other": BOB})
    (customer,) = found["customers"]
    assert customer["made_of"] == sorted([id_of(ANN), id_of(BOB)])
    assert customer["identity_keys"] == [ANN, BOB, MAIL, PHONE, TABLET]
    assert (customer["orders"], customer["spend"]) == (
        2,
        [{"currency": "EUR", "amount": 2_000}, {"currency": "USD", "amount": 500}],
    )
    assert found["conflicts"] == [
        {"about": "limit", "name": "user", "values": [ANN, BOB]},
        {"about": "trait", "name": "name", "values": ["Ann", "Bob"]},
        {"about": "consent", "name": "email", "values": ["granted", "denied"]},
    ]
    assert {name: list(profiles.database[name].find()) for name in profiles.database.list_collection_names()} == before


def test_a_preview_names_all_customers_that_parting_would_leave(profiles: Served) -> None:
    cid = "user:cid"
    profiles.work.apply([viewed(MAIL, TABLET, at=0), viewed(cid, MAIL, at=1), viewed(PHONE, MAIL, at=2)])
    found = post(profiles, f"{CUSTOMERS}/{cid}/unmerge/preview", {"identity_keys": [MAIL, TABLET]})
    made = {tuple(one["identity_keys"]): one["made_of"] for one in found["customers"]}
    assert made == {(MAIL, TABLET): [id_of(cid)], (cid,): [id_of(cid)], (PHONE,): [id_of(cid)]}
    assert groups(profiles) == {frozenset({MAIL, TABLET, cid, PHONE})}


def test_keys_that_are_parted_stay_apart_whatever_is_heard(profiles: Served) -> None:
    profiles.work.apply(two())
    done = unmerge(profiles, ANN, identity_keys=[TABLET])
    assert [one["identity_keys"] for one in done["customers"]] in ([[TABLET], [ANN, MAIL]], [[ANN, MAIL], [TABLET]])
    profiles.work.apply([viewed(ANN, TABLET, at=40), viewed(TABLET, MAIL, at=41)])
    assert groups(profiles) == {frozenset({ANN, MAIL}), frozenset({TABLET}), frozenset({BOB, PHONE})}
    (refused,) = profiles.get(REFUSED)["items"]
    assert (refused["rule"], refused["refused_key"], refused["kept_key"]) == ("kept_apart", TABLET, ANN)


def test_a_pair_that_is_kept_apart_is_listed_and_joined_once_it_is_let(profiles: Served) -> None:
    profiles.work.apply([viewed(TABLET), viewed(MAIL, at=1)])
    post(profiles, APART, {"customer": TABLET, "other": "ann@shop.example", **WHY}, 201)
    profiles.work.apply([viewed(MAIL, TABLET, at=2)])
    assert groups(profiles) == {frozenset({MAIL}), frozenset({TABLET})}
    (pair,) = profiles.get(APART)["items"]
    assert (pair["identity_keys"], pair["reason"]) == ([TABLET, MAIL], WHY["reason"])
    assert post(profiles, f"{CUSTOMERS}/{MAIL}/merge/preview", {"other": TABLET})["customers"] == []
    assert "do-not-merge list" in merge(profiles, MAIL, TABLET, 409)["detail"]
    done = profiles.call("DELETE", f"{APART}/{pair['id']}?{urlencode(WHY)}")
    assert [one["identity_keys"] for one in done["customers"]] == [[MAIL, TABLET]]
    assert profiles.get(APART)["items"] == profiles.get(REFUSED)["items"] == []
    assert "do-not-merge" in profiles.call("DELETE", f"{APART}/{pair['id']}?{urlencode(WHY)}", status=404)["detail"]


def test_refused_merges_are_listed_with_rule_and_customers_latest_first_page_by_page(profiles: Served) -> None:
    logins = [viewed(f"user:{number:02}", TABLET, at=number) for number in range(1, 8)]
    profiles.work.apply([*logins, viewed("user:07", MAIL, at=20), viewed("user:01", MAIL, at=21)])
    pages, cursor = [], None
    while True:
        query = {"limit": 3, "kind": "user", **({"cursor": cursor} if cursor else {})}
        page = profiles.get(f"{REFUSED}?{urlencode(query)}")
        pages += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [one["at"] for one in pages] == [hour(at).isoformat() for at in (21, 7, 6, 5, 4, 3, 2)]
    newest, before = pages[0], pages[1]
    assert (newest["refused_key"], newest["kept_key"], newest["customer_id"]) == (MAIL, "user:01", id_of("user:07"))
    assert newest["kept_customer_id"] == id_of("user:01")
    assert (before["refused_key"], before["kept_key"], before["rule"], before["kind"]) == (
        TABLET,
        "user:07",
        "too_many_of_kind",
        "user",
    )
    assert profiles.get(f"{REFUSED}?rule=kept_apart")["items"] == []
    assert len(profiles.announced("merge_refused")) == len(pages)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", f"{CUSTOMERS}/user:nobody/merge", {"other": ANN, **WHY}, 404, "URL-encoded"),
        ("POST", f"{CUSTOMERS}/{ANN}/merge", {"other": "user:nobody", **WHY}, 404, "URL-encoded"),
        ("POST", f"{CUSTOMERS}/{ANN}/merge", {"other": TABLET, **WHY}, 409, "same customer"),
        ("POST", f"{CUSTOMERS}/{ANN}/merge", {"other": BOB}, 422, "fields"),
        ("POST", f"{CUSTOMERS}/{ANN}/merge", {"other": BOB, "decided_by": "", "reason": ""}, 422, "fields"),
        ("POST", f"{CUSTOMERS}/{ANN}/merge/preview", {"other": MAIL}, 409, "same customer"),
        ("POST", f"{CUSTOMERS}/{ANN}/unmerge", {**WHY}, 422, "fields"),
        ("POST", f"{CUSTOMERS}/{ANN}/unmerge", {"decision_id": "x", "identity_keys": [TABLET], **WHY}, 422, "fields"),
        ("POST", f"{CUSTOMERS}/{ANN}/unmerge", {"decision_id": "never", **WHY}, 404, "decisions"),
        ("POST", f"{CUSTOMERS}/{ANN}/unmerge", {"identity_keys": [BOB], **WHY}, 422, "fields"),
        ("POST", f"{CUSTOMERS}/{ANN}/unmerge", {"identity_keys": [ANN, MAIL, TABLET], **WHY}, 422, "fields"),
        ("POST", APART, {"customer": ANN, "other": TABLET, **WHY}, 409, "unmerge"),
        ("DELETE", f"{APART}/none?{urlencode(WHY)}", None, 404, "do-not-merge"),
        ("DELETE", f"{APART}/none", None, 400, "fields"),
        ("GET", f"{REFUSED}?rule=none", None, 400, "fields"),
        ("GET", f"{CUSTOMERS}/user:nobody/decisions", None, 404, "URL-encoded"),
    ],
)
def test_what_cannot_be_decided_is_refused_with_what_to_do(
    profiles: Served, method: str, path: str, body: Any, status: int, words: str
) -> None:
    profiles.work.apply(two())
    before = groups(profiles)
    assert words in profiles.call(method, path, body, status=status)["detail"]
    assert groups(profiles) == before


def test_more_keys_than_a_person_has_are_not_merged(profiles: Served) -> None:
    rules = profiles.get(RULES)
    profiles.call("PUT", RULES, changed(rules, keys_per_customer=3))
    profiles.work.apply(two())
    assert "more than 3" in merge(profiles, ANN, BOB, 409)["detail"]


def changed(rules: Any, **fields: Any) -> Any:
    kept = {name: rules[name] for name in ("kinds", "blocked_values", "fillers", "keys_per_customer", "version")}
    return {**kept, "changed_by": "whoever was the last", **fields}


def test_the_guard_rails_come_with_good_values(profiles: Served) -> None:
    rules = profiles.get(RULES)
    assert rules["kinds"][0] == {"kind": "user", "most": 1, "within_days": None}
    assert {"kind": "email", "most": 5, "within_days": 365} in rules["kinds"]
    assert "null" in rules["blocked_values"]
    assert (rules["version"], rules["changed_at"], rules["reevaluation"]) == (0, None, None)


def swept(profiles: Served) -> None:
    """What the timer of a change of rules does, a few hundred customers at a time."""
    customers = sorted({row["customer"] for row in profiles.database["customers_facts"].find()})
    profiles.work.apply([], "timers", look_again={"customers": customers})


def test_changed_guard_rails_judge_everybody_anew_also_for_the_past(profiles: Served) -> None:
    profiles.work.apply([viewed(ANN, TABLET), viewed(BOB, TABLET, at=1), viewed("user:cid", PHONE, at=2)])
    assert groups(profiles) == {frozenset({ANN, TABLET}), frozenset({BOB}), frozenset({"user:cid", PHONE})}
    rules = profiles.get(RULES)
    lax = [{**kind, "most": 2} if kind["kind"] == "user" else kind for kind in rules["kinds"]]
    answer = profiles.call("PUT", RULES, changed(rules, kinds=lax))
    assert (answer["version"], answer["changed_by"], answer["reevaluation"]["done"]) == (1, "tests", 0)
    swept(profiles)
    assert groups(profiles) == {frozenset({ANN, BOB, TABLET}), frozenset({"user:cid", PHONE})}
    assert profiles.get(REFUSED)["items"] == []
    profiles.call("PUT", RULES, changed(answer, kinds=rules["kinds"], blocked_values=["cid", "user:ann"]))
    swept(profiles)
    assert groups(profiles) == {frozenset({ANN}), frozenset({BOB, TABLET}), frozenset({"user:cid"}), frozenset({PHONE})}


def test_rules_that_somebody_else_changed_meanwhile_are_not_overwritten(profiles: Served) -> None:
    rules = profiles.get(RULES)
    profiles.call("PUT", RULES, changed(rules, fillers="0-"))
    assert "version 1" in profiles.call("PUT", RULES, changed(rules, fillers="0"), status=409)["detail"]
    assert profiles.get(RULES)["fillers"] == "0-"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": [{"kind": "user", "most": 1}, {"kind": "email", "most": 1}]}, "kinds"),
        ({"kinds": [{"kind": "user", "most": 1}, {"kind": "user", "most": 1}, {"kind": "other", "most": 1}]}, "kinds"),
        ({"kinds": [{"kind": "user", "most": 0}, {"kind": "other", "most": 1}]}, "kinds"),
        ({"kinds": [{"kind": "User", "most": 1}, {"kind": "other", "most": 1}]}, "kinds"),
        ({"kinds": [{"kind": "user", "most": 1, "within_days": 0}, {"kind": "other", "most": 1}]}, "kinds"),
        ({"blocked_values": ["*"]}, "blocked_values"),
        ({"blocked_values": ["a*b"]}, "blocked_values"),
        ({"blocked_values": ["*b*"]}, "blocked_values"),
        ({"blocked_values": [""]}, "blocked_values"),
        ({"fillers": "0" * 21}, "fillers"),
        ({"keys_per_customer": 1}, "keys_per_customer"),
        ({"version": -1}, "version"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_field(profiles: Served, fields: Any, wrong: str) -> None:
    rules = profiles.get(RULES)
    assert list(profiles.call("PUT", RULES, changed(rules, **fields), status=422)["fields"]) == [wrong]
    assert profiles.get(RULES) == rules


def test_the_same_order_under_two_keys_counts_once(profiles: Served) -> None:
    profiles.work.apply([bought("o", 500, TABLET, at=1), bought("o", 500, MAIL, at=2)])
    heard_back(profiles)
    (customer,) = profiles.get(CUSTOMERS)["items"]
    assert (customer["orders"], customer["spend"]) == (1, [{"currency": "EUR", "amount": 500}])


def test_an_event_whose_keys_are_known_writes_one_document_of_facts(profiles: Served) -> None:
    """The common case: nothing is weighed anew, and neighbours are left alone."""
    profiles.work.apply([viewed(BOB, TABLET, at=1), viewed(ANN, TABLET, at=2), viewed(ANN, PHONE, at=3)])
    before = {row["_id"]: row["version"] for row in profiles.database["customers_facts"].find()}
    profiles.work.apply([viewed(ANN, TABLET, at=4), viewed(ANN, PHONE, at=5)])
    after = {row["_id"]: row["version"] for row in profiles.database["customers_facts"].find()}
    assert {key for key in after if after[key] != before[key]} == {id_of(ANN)}


def test_the_rules_that_are_stored_are_those_that_were_sent(profiles: Served) -> None:
    rules = profiles.get(RULES)
    assert IdentityRulesStore(profiles.database).current().rules == IdentityRules()
    profiles.call("PUT", RULES, changed(rules, blocked_values=["*@shop.example"]))
    stored = IdentityRulesStore(profiles.database).current().rules
    assert list(stored.blocked_values) == ["*@shop.example"]
    assert list(stored.kinds) == list(IdentityRules().kinds)
