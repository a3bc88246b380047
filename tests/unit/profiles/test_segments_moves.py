"""Who enters and leaves segments, and what is told of it: once for each change, and nothing of what a new rule or an import changed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.history import MOST_KEPT, milliseconds, story_of
from services.profiles.domain.rules import Rules
from services.profiles.domain.segments.definitions import Definitions, Segment, compile_all
from services.profiles.domain.segments.membership import standings
from services.profiles.segmenting import reading_of
from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS, ORDERS
from shared.envelope import Event
from shared.events import PAGE_VIEWED, PRODUCT_VIEWED, SEGMENT_ENTERED, SEGMENT_LEFT
from shared.identity import id_of
from shared.timers import LOOK_AGAIN
from tests.order_free import NOW, History, assert_order_free
from tests.order_free import timer as fallen_due
from tests.unit.profiles.given import aliased, bought, cancelled, decided, happened, history, hour, identified, viewed

ANN, BOB, TABLET = "user:ann", "user:bob", "anon:tablet"
BUYERS = {"orders": "count", "gte": 1}
RECENT = {"orders": "last", "within_last": {"days": 40}}
SILENT = {"event": "page_viewed", "did": False, "within": {"days": 40}}


def rules(version: int = 1, visitors: bool = False, since: datetime | None = None, **segments: Any) -> Rules:
    """Rules that were all made in `version`, at `since`."""
    made = tuple(
        Segment(name, name.title(), rule, visitors=visitors, rule_version=version, rule_since=since or hour(0))
        for name, rule in segments.items()
    )
    return Rules(segments=compile_all(Definitions(version, made), EVENTS_TO_ASK_FOR, "Europe/Berlin"))


def told_by(by: Rules, *heard: Event, now: datetime = NOW) -> History:
    return History(Profiles, [CUSTOMERS, ORDERS], by, now).apply(*heard)


def sweep(told: History, *keys: str) -> History:
    """Look again at the customers of some keys, as after a change of the rules."""
    batch = told.batches["customers"]
    batch.look_again({batch.member(key).customer_id for key in keys})
    told._settle("customers", batch)
    return told


def later(told: History, now: datetime, by: Rules | None = None) -> History:
    told.now = now
    if by is not None:
        told.rules = by
    return told


def moves(told: History) -> list[tuple[str, str, bool]]:
    """(segment, what was told, backfill), oldest first."""
    words = {SEGMENT_ENTERED: "entered", SEGMENT_LEFT: "left"}
    said = [one for one in told.announced.values() if one.kind in words]
    return [(one.data["segment_id"], words[one.kind], one.backfill) for one in sorted(said, key=lambda one: one.time)]


def members(told: History) -> dict[str, Any]:
    return {key.partition("/")[2]: row for key, row in told.rows.items() if key.startswith("segment_members/")}


def sizes(told: History) -> dict[str, int]:
    return {key.partition("/")[2]: values["members"] for key, values in told.figures.items() if "segment_sizes/" in key}


def test_an_event_makes_a_member_who_is_announced_once():
    told = told_by(rules(buyers=BUYERS), identified(ANN, at=0), bought("a", 100, ANN, at=1))
    assert members(told) == {
        f"buyers:{id_of(ANN)}": {"segment_id": "buyers", "customer_id": id_of(ANN), "since": hour(1)},
    }
    assert sizes(told) == {"buyers": 1}
    assert moves(later(told, hour(800)).apply(bought("b", 100, ANN, at=2))) == [("buyers", "entered", False)]


def test_a_correction_takes_a_member_out_again():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1))
    later(told, NOW + timedelta(hours=1)).apply(cancelled("a", ANN, at=2))
    assert (members(told), sizes(told)) == ({}, {"buyers": 0})
    assert moves(told) == [("buyers", "entered", False), ("buyers", "left", False)]


def test_one_timer_stands_at_the_instant_at_which_the_first_window_ends_and_firing_it_tells_of_the_change():
    by = rules(recent=RECENT, silent=SILENT)
    told = told_by(by, bought("a", 100, ANN, at=1), viewed(ANN, at=3))
    due = hour(1) + timedelta(days=40)
    slot = f"look_again/segments:{id_of(ANN)}"
    assert told.timers[slot].due == due
    later(told, due).apply(fallen_due(LOOK_AGAIN, ANN, {}, due))
    assert moves(told) == [("recent", "entered", False), ("recent", "left", False)]
    due = hour(3) + timedelta(days=40)
    assert told.timers[slot].due == due
    later(told, due).apply(fallen_due(LOOK_AGAIN, ANN, {}, due))
    assert moves(told)[2:] == [("silent", "entered", False)]
    assert members(told)[f"silent:{id_of(ANN)}"]["since"] == due
    assert slot not in told.timers


def test_who_meets_a_new_rule_already_becomes_a_member_without_a_word():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1))
    sweep(later(told, NOW, rules(2, since=NOW, buyers=BUYERS, recent=RECENT)), ANN)
    assert set(members(told)) == {f"buyers:{id_of(ANN)}", f"recent:{id_of(ANN)}"}
    assert moves(told) == [("buyers", "entered", False)]


def test_who_no_longer_meets_a_changed_rule_leaves_by_a_word_that_is_marked_as_no_news():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1))
    sweep(later(told, NOW + timedelta(hours=1), rules(2, since=NOW, buyers={"orders": "count", "gte": 2})), ANN)
    assert members(told) == {}
    assert moves(told) == [("buyers", "entered", False), ("buyers", "left", True)]


def test_members_of_a_deleted_segment_go_without_a_word():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1))
    sweep(later(told, NOW + timedelta(hours=1), rules(2)), ANN)
    assert (members(told), sizes(told)) == ({}, {"buyers": 0})
    assert moves(told) == [("buyers", "entered", False)]


def test_an_event_tells_what_it_changes_and_not_what_a_rule_did_that_the_sweep_has_not_brought_yet():
    new = rules(2, since=NOW, buyers=BUYERS, recent=RECENT, twice={"orders": "count", "gte": 2})
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1))
    later(told, NOW + timedelta(hours=1), new).apply(bought("b", 100, ANN, at=2))
    assert set(members(told)) == {f"{name}:{id_of(ANN)}" for name in ("buyers", "recent", "twice")}
    assert moves(told) == [("buyers", "entered", False), ("twice", "entered", False)]


def test_time_tells_what_it_changes_though_the_sweep_has_not_been_there_since_the_rule_was_made():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1))
    made, now = hour(1) + timedelta(days=39), hour(1) + timedelta(days=40)
    sweep(later(told, now, rules(2, since=made, buyers=BUYERS, lapsed={"orders": "last", "more_than_ago": {"days": 40}})), ANN)
    assert moves(told) == [("buyers", "entered", False), ("lapsed", "entered", False)]


def test_a_segment_is_newly_judged_where_one_that_it_refers_to_was_changed():
    first = rules(buyers=BUYERS, calm={"none": [{"segment": "buyers"}]})
    told = told_by(first, bought("a", 100, ANN, at=1))
    changed = Definitions(
        2,
        (
            Segment("calm", "Calm", {"none": [{"segment": "buyers"}]}, rule_version=1, rule_since=hour(0)),
            Segment("buyers", "Buyers", {"orders": "count", "gte": 5}, rule_version=2, rule_since=NOW),
        ),
    )
    by = Rules(segments=compile_all(changed, EVENTS_TO_ASK_FOR, "UTC"))
    assert [(one.segment.id, one.rule_version, one.rule_since) for one in by.segments.compiled] == [
        ("calm", 2, NOW),
        ("buyers", 2, NOW),
    ]
    sweep(later(told, NOW + timedelta(hours=1), by), ANN)
    assert set(members(told)) == {f"calm:{id_of(ANN)}"}
    assert moves(told) == [("buyers", "entered", False), ("buyers", "left", True)]


def test_imported_history_makes_members_without_a_word_also_together_with_a_live_event():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1, backfill=True))
    together = told_by(rules(buyers=BUYERS), viewed(BOB, at=3), bought("b", 100, BOB, at=1, backfill=True))
    assert set(members(told)) | set(members(together)) == {f"buyers:{id_of(ANN)}", f"buyers:{id_of(BOB)}"}
    assert moves(told) == moves(together) == []


def test_a_live_event_is_told_of_also_where_history_came_with_it():
    by = rules(twice={"orders": "count", "gte": 2})
    told = told_by(by, bought("b", 100, ANN, at=3), bought("a", 100, ANN, at=1, backfill=True))
    assert moves(told) == [("twice", "entered", False)]


def test_history_that_ends_a_membership_says_so_as_no_news():
    told = told_by(rules(calm={"none": [BUYERS]}), viewed(ANN, at=5))
    later(told, NOW + timedelta(hours=1)).apply(bought("a", 100, ANN, at=1, backfill=True))
    assert moves(told) == [("calm", "entered", False), ("calm", "left", True)]


def test_visitors_are_in_the_segments_that_want_them():
    looked = {"event": "page_viewed", "gte": 1}
    assert members(told_by(rules(lookers=looked), viewed(TABLET, at=1))) == {}
    told = told_by(rules(lookers=looked, visitors=True), viewed(TABLET, at=1))
    assert set(members(told)) == {f"lookers:{id_of(TABLET)}"}


def test_a_segment_of_visitors_that_refers_to_one_without_them_finds_nobody_nameless_in_it():
    lookers = Segment("lookers", "Lookers", {"event": "page_viewed"}, rule_version=1, rule_since=hour(0))
    others = Segment("others", "Others", {"none": [{"segment": "lookers"}]}, visitors=True, rule_version=1, rule_since=hour(0))
    by = Rules(segments=compile_all(Definitions(1, (lookers, others)), EVENTS_TO_ASK_FOR, "UTC"))
    told = told_by(by, viewed(TABLET, at=1), viewed(ANN, at=1))
    assert set(members(told)) == {f"others:{id_of(TABLET)}", f"lookers:{id_of(ANN)}"}


def test_who_was_a_member_before_a_merge_is_one_after_it_without_a_word():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, TABLET, at=1), viewed(ANN, at=2))
    assert set(members(told)) == {f"buyers:{id_of(TABLET)}"}
    later(told, NOW + timedelta(hours=1)).apply(aliased(TABLET, ANN, at=3))
    assert set(members(told)) == {f"buyers:{id_of(ANN)}"}
    assert sizes(told) == {"buyers": 1}
    assert moves(told) == [("buyers", "entered", False)]


def test_of_a_customer_who_is_parted_the_one_without_the_facts_leaves():
    told = told_by(rules(buyers=BUYERS), bought("a", 100, ANN, at=1), viewed(BOB, at=1), decided("merge", [ANN], [BOB], at=2))
    later(told, NOW + timedelta(hours=1)).apply(decided("unmerge", [ANN], [BOB], at=3))
    assert set(members(told)) == {f"buyers:{id_of(ANN)}"}
    left = [one for one in told.announced.values() if one.kind is SEGMENT_LEFT]
    assert [one.data["identity_keys"] for one in left] == [[BOB]]


def test_the_timer_of_a_customer_stays_theirs_when_a_key_that_named_others_is_parted_from_them():
    heard = [viewed(BOB, TABLET, at=0), bought("a", 100, BOB, at=1), viewed(ANN, at=2), decided("merge", [ANN], [BOB], at=2)]
    told = told_by(rules(recent=RECENT), *heard)
    slot = f"look_again/segments:{id_of(BOB)}"
    assert told.customer(BOB).identity_keys == (ANN, BOB, TABLET)
    later(told, NOW + timedelta(hours=1)).apply(decided("unmerge", [ANN], [BOB], at=3))
    armed = told.timers[slot]
    assert set(members(told)) == {f"recent:{id_of(BOB)}"}
    later(told, armed.due).apply(fallen_due(LOOK_AGAIN, armed.subject, {}, armed.due))
    assert members(told) == {}


def test_without_segments_nothing_is_kept_of_them():
    told = history(bought("a", 100, ANN, at=1))
    assert all(view.applied.marks == {} for view in told.batches["customers"].views.values())


ALL_RULES = {
    "buyers": BUYERS,
    "recent": RECENT,
    "silent": SILENT,
    "spenders": {"orders": "spend", "currency": "EUR", "gte": 300, "within": {"days": 35, "calendar": True}},
    "gold": {"trait": "plan", "equals": "gold"},
    "calm": {"none": [{"segment": "buyers"}]},
    "lookers": {"event": "page_viewed", "gte": 2, "since_last_order": True},
}
TALES = st.lists(
    st.one_of(
        st.builds(lambda key, at: viewed(key, at=at), st.sampled_from((ANN, BOB, TABLET)), st.integers(0, 700)),
        st.builds(
            lambda order, key, at: bought(order, 100 * at % 500, key, at=at),
            st.sampled_from("abc"),
            st.sampled_from((ANN, BOB, TABLET)),
            st.integers(0, 700),
        ),
        st.builds(lambda order, at: cancelled(order, ANN, at=at), st.sampled_from("abc"), st.integers(0, 700)),
        st.builds(
            lambda key, plan, at: identified(key, at=at, plan=plan),
            st.sampled_from((ANN, BOB)),
            st.sampled_from(("gold", "lead")),
            st.integers(0, 700),
        ),
        st.builds(lambda at: viewed(ANN, TABLET, at=at), st.integers(0, 700)),
    ),
    max_size=10,
)


@given(TALES)
@settings(max_examples=12)
def test_segments_do_not_depend_on_the_order_of_events(tale):
    assert_order_free(Profiles, [CUSTOMERS, ORDERS], tale, rounds=4, rules=rules(visitors=True, **ALL_RULES))


def standing_of(told: History) -> tuple[Any, Any]:
    return members(told), {slot: one.due for slot, one in told.timers.items()}


@given(TALES, TALES, st.sets(st.sampled_from(sorted(ALL_RULES)), min_size=1), st.booleans())
@settings(max_examples=25)
def test_what_is_told_is_the_same_whether_the_sweep_came_before_the_event_or_not(past, fresh, changed, wider):
    """Rules change, then events come: told with the sweep at once, and with events that run ahead of it."""
    kept = {name: rule for name, rule in ALL_RULES.items() if name not in changed and name != "calm"}
    old, new = rules(1, **kept), rules(2, since=NOW, visitors=wider, **ALL_RULES)
    swept, ahead = told_by(old, *past), told_by(old, *past)
    keys = [member.key for member in swept.batches["customers"].members.values()]
    sweep(later(swept, NOW, new), *keys)
    later(swept, NOW + timedelta(hours=1)).apply(*fresh)
    later(ahead, NOW + timedelta(hours=1), new).apply(*fresh)
    sweep(ahead, *keys)
    assert standing_of(ahead) == standing_of(swept)
    assert news_of(ahead) == news_of(swept)


def news_of(told: History) -> list[tuple[Any, ...]]:
    """What makes news, without its moment."""
    said = [one for one in told.announced.values() if one.kind in (SEGMENT_ENTERED, SEGMENT_LEFT) and not one.backfill]
    return sorted((one.kind.name, one.data["segment_id"], one.data["customer_id"]) for one in said)


MORE_RULES = {
    **ALL_RULES,
    "lapsing": {"stage": ["at_risk", "lapsed"]},
    "fond": {"affinity": "categories", "to": "Shoes", "top": 1},
    "reachable": {"all": [{"consent": "email"}, {"none": [{"segment": "recent"}]}]},
    "birthday": {"trait": "birthday", "anniversary_within": {"days": 7}},
    "two": {"event": "page_viewed", "equals": 2, "within": {"days": 3, "calendar": True}},
    "tenth": {"sample": 50},
    "lookers_once": {"event": "product_viewed", "measure": "last", "more_than_ago": {"hours": 30}},
}
CHANGES = st.one_of(
    TALES,
    st.builds(lambda day, at: [identified(ANN, at=at, birthday=f"1990-06-{day:02}")], st.integers(1, 28), st.integers(0, 700)),
    st.builds(
        lambda said, at: [identified(BOB, at=at, consent={"email": said})],
        st.sampled_from(("granted", "denied")),
        st.integers(0, 700),
    ),
    st.builds(
        lambda key, category, at: [happened(PRODUCT_VIEWED, [key], at, product_id="p", category=category, quantity=1)],
        st.sampled_from((ANN, TABLET)),
        st.sampled_from(("Shoes", "Bags")),
        st.integers(600, 2_000),  # some clocks are ahead
    ),
    st.builds(
        lambda decision, at: [decided(decision, [ANN], [BOB], at=at)], st.sampled_from(("merge", "unmerge")), st.integers(0, 700)
    ),
)


@given(st.lists(st.tuples(CHANGES, st.integers(0, 900)), min_size=2, max_size=6))
@settings(max_examples=40)
def test_judging_only_what_changed_comes_to_the_same_as_judging_everything_at_any_time(steps):
    by, now = rules(visitors=True, **MORE_RULES), hour(720)
    told = told_by(by, now=now)
    for change, hours in steps:
        now += timedelta(hours=hours)
        pass_time(told, now).apply(*change)
        found = {told.customer_id(member.key): told.customer(member.key) for member in told.batches["customers"].members.values()}
        fresh = {one: standings(by.segments, reading_of(one, customer, by, now)) for one, customer in found.items()}
        rows = {f"{name}:{one}": since for one, all_ in fresh.items() for name, since in all_.members.items()}
        assert {row: document["since"] for row, document in members(told).items()} == rows
        due = {f"look_again/segments:{one}": all_.until for one, all_ in fresh.items() if all_.until}
        assert {slot: one.due for slot, one in told.timers.items() if "/segments:" in slot} == due


def pass_time(told: History, now: datetime) -> History:
    """Fire what falls due up to a time."""
    while due := sorted((one for one in told.timers.values() if one.due <= now), key=lambda one: one.due):
        first = due[0]
        later(told, max(told.now, first.due)).apply(fallen_due(LOOK_AGAIN, first.subject, {"slot": first.slot}, first.due))
        assert told.timers.get(first.slot) != first, "whoever was looked at is not looked at again for that"
    return later(told, now)


@pytest.mark.parametrize("keys", [(ANN,), (ANN, TABLET)])
def test_of_an_event_the_newest_are_kept_and_all_are_counted(keys: Sequence[str]):
    heard = [viewed(keys[number % len(keys)], at=number, again=str(number)) for number in range(2 * MOST_KEPT + 10)]
    told = assert_order_free(Profiles, [CUSTOMERS, ORDERS], [*heard, viewed(*keys, at=500)], rounds=3)
    story = story_of(told.customer(ANN).history, "page_viewed")
    assert len(story.newest) == MOST_KEPT * len(keys)
    assert story.first == milliseconds(hour(0))
    assert told.customer(ANN).activity.counts["page_viewed"] == len(heard) + 1
    many = {"event": "page_viewed", "gte": len(heard) + 1}
    by = rules(many=many, more={**many, "gte": len(heard) + 2})
    assert set(members(told_by(by, *heard, viewed(*keys, at=500)))) == {f"many:{id_of(ANN)}"}


def test_events_of_one_moment_are_forgotten_by_their_content_whatever_the_order():
    heard = [happened(PAGE_VIEWED, [ANN], 1, name=f"Page {number}", path="/") for number in range(MOST_KEPT + 5)]
    assert_order_free(Profiles, [CUSTOMERS, ORDERS], heard, rounds=5)
