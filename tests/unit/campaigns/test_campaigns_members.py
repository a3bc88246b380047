"""Members, sizes, timers and announcements that follow from what happens, in whatever order it is heard."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.campaigns.domain.audiences import Audience, Audiences, Rule, RuleKind
from services.campaigns.service import Campaigns
from services.campaigns.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import NOW, History, assert_order_free, timer
from tests.unit.campaigns.shop import (
    ago,
    bought,
    cancelled,
    grouped,
    left_cart,
    line,
    recovered_cart,
    refunded,
    updated,
)

JANE, DEVICE = id_of("user:jane"), id_of("anon:x")
LATER = NOW + timedelta(minutes=1)


def rich_history() -> list[Event]:
    """Two customers, one of them on a device too: merges and a split, every correction, repeats, imports, carts."""
    return [
        bought("user:jane", "1", ago(60), 300_00, backfill=True),
        bought("user:jane", "2", ago(20), 250_00, products=[line("shirt", 2, price=100_00)]),
        bought("user:jane", "2", ago(19), 999_00, name="the same order under another message id"),
        updated("user:jane", "2", ago(18), 240_00),
        updated("user:jane", "2", ago(17), 230_00),
        refunded("user:jane", "1", ago(16), 20_00, refund_id="first"),
        refunded("user:jane", "1", ago(15), 15_00, refund_id="second"),
        bought("anon:x", "3", ago(12), 40_00),
        cancelled("anon:x", "3", ago(11)),
        cancelled("anon:x", "never heard of", ago(11)),
        bought("anon:x", "4", ago(10), 50_00),
        left_cart("anon:x", "c", ago(3)),
        left_cart("anon:x", "c", ago(2)),
        left_cart("user:jane", "d", ago(1)),
        recovered_cart("user:jane", "d", ago(0.5)),
        grouped(events.PROFILE_MERGED, ["user:jane", "anon:x"], 1),
        bought("user:joe", "5", ago(5), 700_00, backfill=True),
        bought("email:joe@example.com", "6", ago(4), 1_00),
        grouped(events.PROFILE_MERGED, ["user:joe", "email:joe@example.com"], 1),
        grouped(events.PROFILE_SPLIT, ["user:joe"], 2),
        grouped(events.PROFILE_SPLIT, ["email:joe@example.com"], 2),
    ]


def fresh(rules: Audiences | None = None) -> History:
    return History(Campaigns, [CUSTOMERS], rules)


def said(history: History) -> list[tuple[str, str, str]]:
    """(event, audience, customer) of everything announced, in that order."""
    return [(one.kind.name, one.data["audience_id"], one.data["customer_id"]) for one in history.announced.values()]


def members(history: History) -> set[tuple[str, str]]:
    rows = [row for key, row in history.rows.items() if key.startswith("members/")]
    return {(row["audience_id"], row["customer_id"]) for row in rows}


@pytest.mark.parametrize("days", [-30, -12, -2.5, 0, 1, 6, 20, 29, 31, 200])
def test_every_order_of_a_rich_history_ends_the_same_whenever_it_is_heard(days: float) -> None:
    history = assert_order_free(Campaigns, [CUSTOMERS], rich_history(), rounds=8, now=NOW + timedelta(days=days))
    counts = {key.partition("/")[2]: values["members"] for key, values in history.figures.items() if values["members"]}
    by_rows: dict[str, int] = {}
    for audience_id, _ in members(history):
        by_rows[audience_id] = by_rows.get(audience_id, 0) + 1
    assert counts == by_rows


def test_the_rich_history_makes_these_members() -> None:
    history = assert_order_free(Campaigns, [CUSTOMERS], rich_history(), rounds=2)
    joe, joes_mail = id_of("user:joe"), id_of("email:joe@example.com")
    assert members(history) == {
        ("repeat-buyers", JANE),
        ("high-spenders", JANE),
        ("recent-buyers", JANE),
        ("cart-abandoners", JANE),
        ("first-time-buyers", joe),
        ("high-spenders", joe),
        ("recent-buyers", joe),
        ("first-time-buyers", joes_mail),
        ("recent-buyers", joes_mail),
    }
    row = history.rows[f"members/high-spenders:{JANE}"]
    assert row == {
        "audience_id": "high-spenders",
        "customer_id": JANE,
        "identity_key": "user:jane",
        "since": ago(10),
        "contactable": [],
    }


def test_the_first_order_announces_a_first_time_buyer_and_the_second_a_repeat_buyer() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(1)))
    assert said(history) == [
        ("audience_entered", "first-time-buyers", JANE),
        ("audience_entered", "recent-buyers", JANE),
    ]
    history.now = LATER
    history.apply(bought("user:jane", "2", NOW))
    assert said(history)[2:] == [
        ("audience_left", "first-time-buyers", JANE),
        ("audience_entered", "repeat-buyers", JANE),
    ]
    left = [one for one in history.announced.values() if one.kind is events.AUDIENCE_LEFT]
    assert left[0].time == LATER
    assert left[0].data["audience_name"] == "First-time buyers"


def test_entering_again_is_announced_again_and_hearing_more_of_a_member_is_not() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(1)))
    history.now = LATER
    history.apply(updated("user:jane", "1", ago(0.5), 20_00))
    assert len(history.announced) == 2
    history.apply(bought("user:jane", "2", NOW))
    history.now = LATER + timedelta(minutes=1)
    history.apply(cancelled("user:jane", "2", NOW))
    first = [name for name, audience, _ in said(history) if audience == "first-time-buyers"]
    assert first == ["audience_entered", "audience_left", "audience_entered"]


def test_a_late_fact_that_moves_the_beginning_of_a_membership_announces_nothing() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(9)), bought("user:jane", "2", ago(8)))
    before = said(history)
    history.now = LATER
    history.apply(bought("user:jane", "late", ago(8.5)))
    assert said(history) == before
    assert history.rows[f"members/repeat-buyers:{JANE}"]["since"] == ago(8.5)


def test_an_order_that_was_cancelled_before_it_was_heard_of_announces_nothing() -> None:
    history = fresh().apply(cancelled("user:jane", "1", ago(1))).apply(bought("user:jane", "1", ago(2)))
    assert said(history) == []
    assert members(history) == set()


def test_imported_history_makes_members_and_announces_nothing_also_where_it_completes_a_live_order() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(1)))
    announced = said(history)
    history.now = LATER
    history.apply(bought("user:jane", "old", ago(300), 900_00, backfill=True))
    assert members(history) == {("repeat-buyers", JANE), ("high-spenders", JANE), ("recent-buyers", JANE)}
    assert said(history) == announced


def test_a_live_order_announces_that_an_imported_buyer_is_no_first_time_buyer_any_more() -> None:
    history = fresh().apply(bought("user:jane", "old", ago(300), backfill=True))
    assert said(history) == []
    history.now = LATER
    history.apply(bought("user:jane", "new", NOW))
    assert said(history) == [
        ("audience_left", "first-time-buyers", JANE),
        ("audience_entered", "repeat-buyers", JANE),
        ("audience_entered", "recent-buyers", JANE),
    ]


def test_a_merge_of_imported_histories_enters_nobody_by_announcement() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(300), backfill=True), bought("anon:x", "2", ago(200), backfill=True))
    history.now = LATER
    history.apply(grouped(events.PROFILE_MERGED, ["user:jane", "anon:x"], 1))
    assert members(history) == {("repeat-buyers", JANE)}
    assert said(history) == [("audience_left", "first-time-buyers", JANE)]


def test_the_end_of_a_window_announces_the_leaving_at_the_due_instant_and_once() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(10)))
    (armed,) = history.timers.values()
    assert (armed.kind, armed.subject, armed.due) == ("look_again", "user:jane", ago(10) + timedelta(days=30))
    history.now = armed.due
    due = timer(armed.kind, armed.subject, armed.data, armed.due)
    history.apply(due).apply(due)
    assert members(history) == {("first-time-buyers", JANE)}
    assert said(history)[2:] == [("audience_left", "recent-buyers", JANE)]
    assert history.timers == {}


def test_a_merge_moves_members_to_the_one_customer_and_says_who_left_with_every_key() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(2)), bought("anon:x", "2", ago(1)))
    history.now = LATER
    history.apply(grouped(events.PROFILE_MERGED, ["user:jane", "anon:x", "email:jane@example.com"], 1))
    assert members(history) == {("repeat-buyers", JANE), ("recent-buyers", JANE)}
    assert said(history)[4:] == [
        ("audience_left", "first-time-buyers", JANE),
        ("audience_entered", "repeat-buyers", JANE),
    ]
    left = history.announcements(events.AUDIENCE_LEFT)[0]
    assert left["identity_keys"] == ["anon:x", "email:jane@example.com", "user:jane"]


def test_a_split_gives_each_customer_its_memberships_back_and_says_so() -> None:
    history = fresh().apply(bought("user:jane", "1", ago(2)), bought("anon:x", "2", ago(1)))
    history.apply(grouped(events.PROFILE_MERGED, ["user:jane", "anon:x"], 1))
    history.now = LATER
    told = len(history.announced)
    history.apply(grouped(events.PROFILE_SPLIT, ["user:jane"], 2), grouped(events.PROFILE_SPLIT, ["anon:x"], 2))
    assert {one for one in members(history) if one[0] == "first-time-buyers"} == {
        ("first-time-buyers", JANE),
        ("first-time-buyers", DEVICE),
    }
    assert set(said(history)[told:]) == {
        ("audience_left", "repeat-buyers", JANE),
        ("audience_left", "repeat-buyers", DEVICE),
        ("audience_entered", "first-time-buyers", JANE),
        ("audience_entered", "first-time-buyers", DEVICE),
        ("audience_entered", "recent-buyers", DEVICE),
    }


def looked_at_again(history: History, rules: Audiences) -> History:
    """Every customer under new rules, as the runtime's sweep does it."""
    history.rules, history.now = rules, LATER
    batch = history.batches["customers"]
    batch.look_again({member.customer_id for member in batch.members.values()})
    history._settle("customers", batch)
    return history


def one_audience(orders: int, **more: object) -> Audiences:
    return Audiences((replace(Audience("a", "A", Rule(kind=RuleKind.REPEAT_BUYERS, orders=orders)), **more),))


def test_who_comes_in_by_a_changed_rule_is_a_member_without_announcement() -> None:
    history = fresh(one_audience(3)).apply(bought("user:jane", "1", ago(2)), bought("user:jane", "2", ago(1)))
    looked_at_again(history, one_audience(2, version=2, rule_since=NOW))
    assert members(history) == {("a", JANE)}
    assert said(history) == []
    history.apply(bought("user:joe", "1", LATER), bought("user:joe", "2", LATER))
    assert said(history) == [("audience_entered", "a", id_of("user:joe"))]


def test_who_goes_by_a_changed_rule_is_announced_and_nobody_when_the_audience_is_deleted() -> None:
    happened = [bought("user:jane", "1", ago(2)), bought("user:jane", "2", ago(1))]
    history = looked_at_again(fresh(one_audience(2)).apply(*happened), one_audience(3, version=2, rule_since=NOW))
    assert said(history) == [("audience_entered", "a", JANE), ("audience_left", "a", JANE)]
    deleted = looked_at_again(fresh(one_audience(2)).apply(*happened), Audiences(()))
    assert members(deleted) == set()
    assert said(deleted) == [("audience_entered", "a", JANE)]
    assert deleted.state()["figures"] == {}
