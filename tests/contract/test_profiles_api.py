"""Profiles over HTTP and a real database: a customer by any identity, the timeline, the directory, and what is refused."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.identity import id_of
from tests.contract.test_service_cards import routes
from tests.serving import Served, serving
from tests.unit.profiles.given import bought, cancelled, hour, identified, line, refunded, viewed

CUSTOMERS = "/api/profiles/customers"
ANN, MAIL, TABLET = "user:ann", "email:ann@example.com", "anon:tablet"


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_api") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(profiles) -> None:
    for name in profiles.database.list_collection_names():
        profiles.database[name].delete_many({})


def told(profiles: Served) -> None:
    lines = [line("p1", 2, 1_000, name="Pan", category="Kitchen")]
    profiles.work.apply(
        [
            viewed(TABLET, at=0),
            identified(ANN, TABLET, MAIL, at=1, email="ann@example.com", name="Ann Straße", phone="+49 30 1234567"),
            bought("a", 2_000, ANN, at=2, products=lines),
            bought("b", 500, ANN, MAIL, at=3, currency="USD", channel="store"),
            bought("c", 900, ANN, at=4),
            refunded("a", "r", 300, ANN, at=5),
            cancelled("c", ANN, at=6),
            identified("user:bob", at=7, consent={"sms": "granted"}, name="Bob Straw", email="bob@example.com"),
        ]
    )


def time(at: float) -> str:
    return str(hour(at).isoformat())


@pytest.mark.parametrize("identity", [ANN, TABLET, MAIL, "ann@example.com", "Ann@Example.com", id_of(ANN), id_of(MAIL)])
def test_any_identity_finds_the_customer(profiles: Served, identity: str) -> None:
    told(profiles)
    found = profiles.get(f"{CUSTOMERS}/{quote(identity, safe='')}")
    assert [found.pop(name) for name in ("average_order", "days_between_orders", "reviews", "survey_answers")] == [
        [{"currency": "EUR", "amount": 2_000}, {"currency": "USD", "amount": 500}],
        {"median": 0.04, "mean": 0.04},
        [],
        [],
    ]
    assert found.pop("favourites")["products"] == [{"id": "p1", "share": 1.0, "last_at": time(2)}]
    assert found.pop("journey")["since"] is not None
    assert found == {
        "customer_id": id_of(ANN),
        "identity_keys": [ANN, MAIL, TABLET],
        "name": "Ann Straße",
        "language": None,
        "script": "Latn",
        "direction": "ltr",
        "traits": {"email": "ann@example.com", "name": "Ann Straße", "phone": "+49 30 1234567"},
        "orders": 2,
        "cancelled_orders": 1,
        "spend": [{"currency": "EUR", "amount": 1_700}, {"currency": "USD", "amount": 500}],
        "gross_spend": [{"currency": "EUR", "amount": 2_000}, {"currency": "USD", "amount": 500}],
        "refunds": {"count": 1, "amounts": [{"currency": "EUR", "amount": 300}]},
        "first_order": {
            "order_id": "a",
            "placed_at": time(2),
            "status": "partly_refunded",
            "currency": "EUR",
            "amount": 2_000,
            "net": 1_700,
            "source": "Web shop",
            "channel": None,
        },
        "last_order": {
            "order_id": "b",
            "placed_at": time(3),
            "status": "placed",
            "currency": "USD",
            "amount": 500,
            "net": 500,
            "source": "Web shop",
            "channel": "store",
        },
        "products": [{"product_id": "p1", "name": "Pan", "orders": 1, "pieces": 2, "last_bought_at": time(2)}],
        "products_count": 1,
        "categories": [{"category": "Kitchen", "orders": 1, "pieces": 2, "last_bought_at": time(2)}],
        "categories_count": 1,
        "first_seen": time(0),
        "last_seen": time(4),
        "activity": {"customer_identified": 1, "order_completed": 3, "page_viewed": 1},
        "consent": [],
    }


def test_consent_is_shown_by_channel(profiles: Served) -> None:
    told(profiles)
    shown = profiles.get(f"{CUSTOMERS}/user:bob")["consent"]
    assert shown == [{"channel": "sms", "status": "granted", "changed_at": time(7), "identity_key": "user:bob"}]


def test_an_identity_may_hold_slashes_and_spaces(profiles: Served) -> None:
    profiles.work.apply([viewed("user:https://id.example/a b/timeline")])
    path = f"{CUSTOMERS}/{quote('user:https://id.example/a b/timeline', safe='')}"
    assert profiles.get(f"{path}/timeline")["items"][0]["identity_key"] == "user:https://id.example/a b/timeline"


@pytest.mark.parametrize("path", ["user:nobody", "nobody@example.com", "cus_0", "user:nobody/timeline"])
def test_whom_nobody_heard_of_is_not_found(profiles: Served, path: str) -> None:
    told(profiles)
    assert "URL-encoded" in profiles.get(f"{CUSTOMERS}/{path}", 404)["detail"]


def timeline(profiles: Served, **query: Any) -> Any:
    return profiles.get(f"{CUSTOMERS}/{ANN}/timeline?{urlencode(query)}")


def test_the_timeline_is_of_all_keys_newest_first_and_turns_pages(profiles: Served) -> None:
    told(profiles)
    first = timeline(profiles, service="shop", limit=4)
    rest = timeline(profiles, service="shop", limit=4, cursor=first["next"])
    names = [one["name"] for one in [*first["items"], *rest["items"]]]
    bought_names = ["order_completed"] * 3
    assert names == ["order_cancelled", "order_refunded", *bought_names, "customer_identified", "page_viewed"]
    assert rest["next"] is None
    oldest = rest["items"][-1]
    assert (oldest["identity_key"], oldest["time"], oldest["source"]) == (TABLET, time(0), "Web shop")
    assert (oldest["backfill"], oldest["summary"]) == (False, {"path": "/"})


def test_what_profiles_announces_is_on_the_timeline_with_what_led_to_it(profiles: Served) -> None:
    told(profiles)
    own = timeline(profiles, service="profiles")["items"]
    assert {one["name"] for one in own} >= {"profile_created", "lifecycle_stage_changed"}
    announced = {event.id: event for event in profiles.announced()}
    assert {one["name"] for one in own} <= {event.name for event in announced.values()}
    again = {row["_id"] for row in profiles.database["timeline"].find({"service": "profiles"})}
    assert again <= announced.keys()
    profiles.work.apply([announced[event_id] for event_id in sorted(again)])
    assert {row["_id"] for row in profiles.database["timeline"].find({"service": "profiles"})} == again


def test_the_timeline_is_narrowed_by_event_and_time(profiles: Served) -> None:
    told(profiles)
    orders = timeline(profiles, event="order_completed")["items"]
    assert [one["summary"]["order_id"] for one in orders] == ["c", "b", "a"]
    between = timeline(profiles, **{"from": time(3), "to": time(5)})["items"]
    assert [one["summary"]["order_id"] for one in between] == ["c", "b"]
    assert timeline(profiles, event="order_completed", to=time(2))["items"] == []


def found(profiles: Served, **query: Any) -> list[str]:
    return [one["name"] for one in profiles.get(f"{CUSTOMERS}?{urlencode(query)}")["items"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Bob Straw", "Ann Straße"]),
        ({"sort": "orders"}, ["Ann Straße", "Bob Straw"]),
        ({"sort": "spend", "currency": "USD"}, ["Ann Straße"]),
        ({"email": " ANN@example.com"}, ["Ann Straße"]),
        ({"email": "ann@example"}, []),
        ({"name": "str"}, ["Bob Straw", "Ann Straße"]),
        ({"name": "STRASS an"}, ["Ann Straße"]),
        ({"name": "traße"}, []),
        ({"name": ".*"}, None),
        ({"phone": "030/1234567"}, ["Ann Straße"]),
        ({"phone": "0049 30 123 45 67"}, ["Ann Straße"]),
        ({"phone": "4567"}, ["Ann Straße"]),
        ({"phone": "1234"}, []),
        ({"phone": "567"}, None),
        ({"min_orders": 1}, ["Ann Straße"]),
        ({"seen_since": time(5)}, ["Bob Straw"]),
        ({"name": "ann", "email": "bob@example.com"}, []),
    ],
)
def test_customers_are_found_by_address_number_and_name(profiles: Served, query: dict[str, Any], names: list[str] | None) -> None:
    told(profiles)
    if names is None:
        assert set(profiles.get(f"{CUSTOMERS}?{urlencode(query)}", 400)["fields"]) == set(query)
    else:
        assert found(profiles, **query) == names


def test_a_listed_customer_is_shown_in_short(profiles: Served) -> None:
    told(profiles)
    (ann,) = profiles.get(f"{CUSTOMERS}?name=ann")["items"]
    assert ann == {
        "customer_id": id_of(ANN),
        "found_by": "letters",
        "language": None,
        "script": "Latn",
        "direction": "ltr",
        "name": "Ann Straße",
        "emails": ["ann@example.com"],
        "phones": ["+49 30 1234567"],
        "orders": 2,
        "spend": [{"currency": "EUR", "amount": 1_700}, {"currency": "USD", "amount": 500}],
        "first_seen": time(0),
        "last_seen": time(4),
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=spend", "currency"),
        ("sort=spend&currency=EUR&name=ann", "sort"),
        ("sort=name&min_orders=1", "sort"),
        ("sort=first_seen", "sort"),
        ("by_sound=perhaps", "by_sound"),
        ("currency=eur", "currency"),
        ("limit=0", "limit"),
        ("min_orders=-1", "min_orders"),
        ("seen_since=yesterday", "seen_since"),
        ("seen_since=2026-01-01T00:00:00", "seen_since"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_field(profiles: Served, query: str, field: str) -> None:
    assert list(profiles.get(f"{CUSTOMERS}?{query}", 400)["fields"]) == [field]


@pytest.mark.parametrize("query", ["event=product_changed", "event=nothing", "from=1", "limit=501"])
def test_a_timeline_that_makes_no_sense_is_refused_by_field(profiles: Served, query: str) -> None:
    told(profiles)
    assert list(profiles.get(f"{CUSTOMERS}/{ANN}/timeline?{query}", 400)["fields"]) == [query.partition("=")[0]]


def test_a_cursor_of_another_order_is_refused(profiles: Served) -> None:
    told(profiles)
    cursor = profiles.get(f"{CUSTOMERS}?limit=1")["next"]
    assert "cursor" in profiles.get(f"{CUSTOMERS}?limit=1&sort=orders&cursor={cursor}", 400)["detail"]
    assert "cursor" in profiles.get(f"{CUSTOMERS}/{ANN}/timeline?cursor={cursor}", 400)["detail"]


def test_without_a_token_nothing_is_told(profiles: Served) -> None:
    told(profiles)
    for path in (CUSTOMERS, f"{CUSTOMERS}/{ANN}", f"{CUSTOMERS}/{ANN}/timeline"):
        assert profiles.client.request("GET", path, headers={"Authorization": "Bearer wrong"}).status == 401


def test_the_document_of_the_interface_is_valid_and_complete(profiles: Served) -> None:
    document = profiles.get("/api/profiles/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    pages = {path for path in routes("profiles") if path.endswith("/page")}  # for people to look at
    assert set(document["paths"]) == set(routes("profiles")) - pages
    named = {one["name"] for one in document["paths"][f"{CUSTOMERS}/{{identity}}/timeline"]["get"]["parameters"]}
    assert named == {"category", "channel", "service", "identity", "limit", "cursor", "event", "from", "to"}
