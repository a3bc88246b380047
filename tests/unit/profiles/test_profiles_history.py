"""Profiles over whole histories: what is shown, listed, announced and written on the timeline, in any order of hearing."""

from datetime import timedelta
from typing import Any

import pytest

from services.profiles.catalogue import ABOUT_PEOPLE
from services.profiles.domain.directory import entry_of
from services.profiles.domain.profile import MOST_LISTED, Money, Profile, profile_of
from shared import events
from shared.commerce import OrderStatus
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import event
from tests.unit.profiles.given import (
    aliased,
    bought,
    cancelled,
    customer,
    happened,
    history,
    hour,
    identified,
    line,
    order_free,
    refunded,
    updated,
    viewed,
)

ANN = "user:1"
TABLET = "anon:tablet"
MAIL = "email:ann@example.com"


def profile(*heard: Event, key: str = ANN) -> Profile:
    return profile_of(customer(*heard, key=key))


def rich() -> list[Event]:
    """A life: browsing, buying as a guest, logging in, buying more, changing one's mind, another's login on the same tablet."""
    return [
        viewed(TABLET, at=0),
        bought("guest", 5_000, TABLET, MAIL, at=1, products=[line("p1", 2, 2_500, name="Pan", category="Kitchen")]),
        viewed(ANN, TABLET, at=2),
        identified(ANN, TABLET, MAIL, at=2.5, consent={"email": "granted", "sms": "denied"}, first_name="Ann", last_name="Old"),
        bought("a", 3_000, ANN, TABLET, at=3, products=[line("p1", 1, 3_000, name="Pan XL", category="Kitchen")]),
        bought("a", 3_000, ANN, TABLET, at=3.5, again="second message"),
        bought("b", 700, ANN, at=4, currency="USD", products=[line("p2", 1, 700)]),
        updated("a", 2_800, ANN, at=5),
        refunded("a", "r1", 300, ANN, at=6),
        refunded("a", "r1", 300, ANN, at=6.5),
        bought("c", 900, ANN, at=7, products=[line("p3", 1, 900)]),
        cancelled("c", ANN, at=8),
        refunded("never", "r9", 100, ANN, at=8.5),
        identified(ANN, at=9, consent={"email": "denied"}, last_name="New", vip=True),
        identified(ANN, at=8.8, last_name="Late", city="Pune"),
        identified(ANN, at=10, consent={"email": "denied"}, city=None),
        viewed("user:2", TABLET, at=11),
        identified("user:2", MAIL, at=12, email="ann@example.com"),
        aliased("user:1-old", ANN, at=13),
        bought("old", 100, "user:1-old", at=-5, backfill=True, products=[line("p2", 3, 33)]),
        event(events.UNSUBSCRIBED, ANN, {"customer_id": id_of(ANN), "channel": "push"}, hour(14)),
        event(events.UNSUBSCRIBED, ANN, {"customer_id": id_of(ANN), "channel": "sms", "list_id": "news"}, hour(15)),
    ]


def test_a_rich_history_ends_the_same_in_every_order() -> None:
    told = order_free(*rich(), rounds=60)
    assert told.customer_id(TABLET) == told.customer_id("user:1-old") == told.customer_id(ANN)
    assert told.customer_id("user:2") != told.customer_id(ANN)
    timeline = {row.partition("/")[2] for row in told.journal if row.startswith("timeline/")}
    assert timeline - told.own == {one.id for one in rich()}


def test_orders_count_once_and_money_is_what_is_left_of_them() -> None:
    shown = profile(*rich())
    assert (shown.orders, shown.cancelled_orders) == (4, 1)
    assert shown.spend == [Money("EUR", 5_000 + 2_500 + 100), Money("USD", 700)]
    assert shown.gross_spend == [Money("EUR", 5_000 + 2_800 + 100), Money("USD", 700)]
    assert (shown.refunds.count, shown.refunds.amounts) == (1, [Money("EUR", 300)])


def test_first_and_last_order_go_by_when_they_were_placed() -> None:
    shown = profile(*rich())
    assert shown.first_order is not None
    assert shown.last_order is not None
    assert (shown.first_order.order_id, shown.last_order.order_id) == ("old", "b")
    assert shown.last_order.status is OrderStatus.PLACED


def test_products_and_categories_are_counted_over_orders_that_count() -> None:
    shown = profile(*rich())
    products = [(one.id, one.name, one.orders, one.pieces, one.last_bought_at) for one in shown.products]
    assert products == [("p2", None, 2, 4, hour(4)), ("p1", "Pan XL", 2, 3, hour(3))]
    assert [(one.id, one.orders, one.pieces) for one in shown.categories] == [("Kitchen", 2, 3)]


def test_a_category_is_not_called_by_the_name_of_a_product() -> None:
    shown = profile(bought("a", 1, ANN, products=[line("Games", 1, 1, name="Chess", category="Games")]))
    assert (shown.products[0].name, shown.categories[0].name) == ("Chess", None)


def test_more_products_than_are_shown_are_counted() -> None:
    lines = [line(f"p{number:03}") for number in range(MOST_LISTED + 5)]
    shown = profile(bought("a", 10_500, ANN, products=lines))
    assert (len(shown.products), shown.products_count) == (MOST_LISTED, MOST_LISTED + 5)


def test_traits_are_the_latest_and_cleared_ones_are_gone() -> None:
    shown = profile(*rich())
    assert shown.traits == {"first_name": "Ann", "last_name": "New", "vip": True}
    assert shown.name == "Ann New"


def test_consent_is_the_latest_word_on_each_channel_since_it_changed() -> None:
    shown = profile(*rich())
    assert [(one.channel, one.status, one.changed_at) for one in shown.consent] == [
        ("email", "denied", hour(9)),
        ("push", "denied", hour(14)),
        ("sms", "denied", hour(2.5)),
    ]


def test_the_customer_was_seen_when_doing_something_not_when_the_shop_did() -> None:
    shown = profile(bought("a", 100, ANN, at=1), refunded("a", "r", None, ANN, at=9), cancelled("a", ANN, at=10))
    assert (shown.first_seen, shown.last_seen) == (hour(1), hour(1))
    assert shown.activity == {"order_completed": 1}


def test_an_order_that_is_refunded_before_it_is_heard_of_is_shown_net() -> None:
    told = history(refunded("a", "r", 40, ANN, at=2))
    assert entry_of(told.customer(ANN)) is None
    told.apply(bought("a", 100, ANN, at=1))
    assert profile_of(told.customer(ANN)).spend == [Money("EUR", 60)]


def test_a_product_that_changed_is_nobodys_profile() -> None:
    assert ("shop", "product_changed") not in history().handlers
    heard = {name for source, name in history().handlers if source == "shop"}
    assert heard == {kind.name for kind in ABOUT_PEOPLE}


def directory(told: Any) -> dict[str, Any]:
    return {key.partition("/")[2]: row for key, row in told.rows.items() if key.startswith("customer_index/")}


def test_the_directory_lists_who_left_a_name_or_bought_and_no_passers_by() -> None:
    told = order_free(
        viewed(TABLET),
        viewed("anon:guest"),
        bought("g", 100, "anon:guest", at=1),
        viewed(ANN, at=2),
        viewed("anon:m", "email:m@x.io"),
    )
    assert set(directory(told)) == {id_of("anon:guest"), id_of(ANN), id_of("email:m@x.io")}


def test_the_directory_knows_all_addresses_names_and_numbers_of_a_customer() -> None:
    told = order_free(
        identified(ANN, MAIL, email="ann@example.com", phone="+49 30 1234567", name="Ann Straße", username="annie"),
        viewed(ANN, "email:second@example.com", at=1),
        bought("a", 100, ANN, at=2),
    )
    row = directory(told)[id_of(ANN)]
    assert row["emails"] == ["ann@example.com", "second@example.com"]
    assert row["phones"] == ["+49 30 1234567"]
    assert row["phone_tails"] == ["76543210394"]
    assert row["name_words"] == ["ann", "annie", "strasse"]
    assert (row["name"], row["orders"], row["spend"]) == ("Ann Straße", 1, [{"currency": "EUR", "amount": 100}])
    assert (row["first_seen"], row["last_seen"]) == (hour(0), hour(2))


def test_a_merge_leaves_one_row_in_the_directory_and_one_of_each_currency() -> None:
    told = order_free(
        bought("a", 100, "user:0x", at=1),
        bought("b", 50, ANN, at=2),
        bought("c", 7, ANN, at=3, currency="USD"),
        aliased(ANN, "user:0x", at=4),
    )
    owner = id_of("user:0x")
    assert set(directory(told)) == {owner}
    spend = {key: row["amount"] for key, row in told.rows.items() if key.startswith("customer_spend/")}
    assert spend == {f"customer_spend/{owner}:EUR": 150, f"customer_spend/{owner}:USD": 7}


def created(told: Any) -> list[str]:
    return [one["customer_id"] for one in told.announcements(events.PROFILE_CREATED)]


def test_a_customer_is_announced_once_when_first_listed() -> None:
    told = history(viewed(TABLET))
    assert created(told) == []
    told.apply(viewed(ANN, TABLET, at=1)).apply(viewed(ANN, TABLET, at=2))
    assert created(told) == [id_of(ANN)]


def test_a_guest_who_bought_and_then_logs_in_is_a_merge_and_no_new_customer() -> None:
    told = history(bought("a", 100, TABLET)).apply(viewed(ANN, TABLET, at=1))
    assert created(told) == [id_of(TABLET)]
    assert told.announcements(events.PROFILE_MERGED)[0]["merged_from"] == [id_of(TABLET)]


def test_the_announcement_names_all_keys_and_is_filed_under_the_strongest() -> None:
    told = history(viewed(TABLET, MAIL, at=1))
    (said,) = [one for one in told.announced.values() if one.kind is events.PROFILE_CREATED]
    assert (said.subject, said.data["identity_keys"], said.time) == (MAIL, [MAIL, TABLET], hour(1))


def test_imported_history_announces_nothing_but_permissions_marked_as_such_then_or_later() -> None:
    told = history(
        bought("a", 100, ANN, backfill=True), identified("user:2", at=1, backfill=True, consent={"email": "granted"}, name="B")
    )
    told.apply(viewed(ANN, at=5), viewed("user:2", at=6))
    said = [(one.kind, one.backfill) for one in told.announced.values()]
    assert said == [(events.CONTACT_PERMISSION_CHANGED, True)]


def consents(told: Any) -> list[tuple[str, str, str, str]]:
    announced = [one for one in told.announced.values() if one.kind is events.CONSENT_CHANGED]
    return [(one.subject, one.data["channel"], one.data["status"], one.data["changed_at"]) for one in announced]


def test_each_change_of_consent_is_announced_once_under_the_key_that_said_it() -> None:
    told = history()
    for at, status in enumerate(["granted", "granted", "denied", "denied", "granted"]):
        told.apply(identified(ANN, at=at * 1000, consent={"email": status}))
    assert consents(told) == [
        (ANN, "email", status, hour(at * 1000).isoformat()) for at, status in [(0, "granted"), (2, "denied"), (4, "granted")]
    ]


def test_a_merge_tells_what_holds_of_the_customer_by_whom_the_later_word_was_not_said() -> None:
    told = history(identified(ANN, consent={"email": "granted"})).apply(identified(TABLET, at=1, consent={"email": "denied"}))
    told.now += timedelta(seconds=1)
    told.apply(viewed(ANN, TABLET, at=2))
    said = [one.data for one in told.announced.values() if one.kind is events.CONSENT_CHANGED]
    assert [(one["customer_id"], one["status"]) for one in said] == [
        (id_of(ANN), "granted"),
        (id_of(TABLET), "denied"),
        (id_of(ANN), "denied"),
    ]


def test_a_merge_repeats_no_consent() -> None:
    told = history(identified(TABLET, consent={"email": "granted"})).apply(identified(ANN, at=1, consent={"email": "denied"}))
    before = consents(told)
    told.apply(viewed(ANN, TABLET, at=2))
    assert consents(told) == before
    assert profile_of(told.customer(TABLET)).consent[0].status == "denied"


def test_a_late_older_word_on_consent_is_no_news() -> None:
    told = history(identified(ANN, at=5, consent={"email": "denied"})).apply(identified(ANN, at=1, consent={"email": "granted"}))
    assert [status for _, _, status, _ in consents(told)] == ["denied"]


@pytest.mark.parametrize(
    ("one", "summary"),
    [
        (
            bought("a", 500, ANN, products=[line("p1", 2, 250, name="Pan")]),
            {
                "order_id": "a",
                "amount": 500,
                "currency": "EUR",
                "products": [{"product_id": "p1", "quantity": 2, "name": "Pan"}],
                "products_count": 1,
            },
        ),
        (viewed(ANN), {"path": "/"}),
        (identified(ANN, consent={"email": "granted"}, name="Secret"), {"traits": ["name"], "consent": {"email": "granted"}}),
        (
            happened(events.CUSTOM_EVENT_TRACKED, [ANN], 0, name="Card Scanned", properties={"card": "secret"}),
            {"name": "Card Scanned"},
        ),
        (
            happened(events.PRODUCT_REVIEWED, [ANN], 0, product_id="p1", review_id="r1", review_body="secret", rating="4/5"),
            {"product_id": "p1", "review_id": "r1", "rating": "4/5"},
        ),
        (refunded("a", "r1", 40, ANN), {"order_id": "a", "refund_id": "r1", "amount": 40, "currency": "EUR"}),
        (aliased("user:0x", ANN), {"previous": "user:0x", "current": ANN}),
    ],
)
def test_the_timeline_shows_what_matters_of_an_event(one: Event, summary: dict[str, Any]) -> None:
    row = order_free(one, rounds=2).journal[f"timeline/{one.id}"]
    assert row["summary"] == summary
    assert (row["identity_key"], row["name"], row["time"], row["source"]) == (ANN, one.name, one.time, "Web shop")
