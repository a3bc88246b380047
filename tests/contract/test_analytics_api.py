"""Analytics over HTTP, on the real MongoDB."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from openapi_spec_validator import validate

from deploy.local.mongod import MongoServer
from shared import events
from tests.order_free import event
from tests.serving import Served, serving
from tests.unit.analytics.purchases import at, cancelled, line, placed, refunded

REVENUE = "/api/analytics/revenue"


@pytest.fixture(scope="module")
def whole(mongo_server: MongoServer) -> Iterator[Served]:
    with serving("analytics", mongo_server, "test_analytics_api") as served:
        yield served


@pytest.fixture
def served(whole: Served) -> Served:
    for name in whole.database.list_collection_names():
        whole.database[name].delete_many({})
    return whole


def sold(served: Served) -> None:
    served.work.apply(
        [
            placed("user:1", "a", 2750, at("2026-05-01T21:30"), line("p", 1900, name="Monopoly"), line("q", 300, 2)),
            placed("user:1", "b", 1000, at("2026-05-03T08:00"), line("p", 1000), shop_source="Till"),
            placed("user:2", "c", 500, at("2026-05-03T09:00"), line("q", 500), currency="EUR", backfill=True),
            refunded("user:1", "a", "r1", at("2026-05-03T10:00"), amount=250),
            placed("user:3", "d", 900, at("2026-05-03T10:00")),
            cancelled("user:3", "d", at("2026-05-03T11:00")),
        ]
    )


def test_revenue_a_day_with_zeros_between(served):
    sold(served)
    answer = served.get(f"{REVENUE}?from=2026-05-01&to=2026-05-03")
    (series,) = answer["series"]
    first, second, third = series["buckets"]
    assert first == {
        "start": "2026-05-01T00:00:00+00:00",
        "end": "2026-05-02T00:00:00+00:00",
        "orders": 1,
        "units": 3,
        "refunds": 0,
        "cancelled": 0,
        "new_customers": 1,
        "returning_customers": 0,
        "revenue": [
            {"currency": "EUR", "gross": 0, "net": 0, "refunded": 0, "cancelled_amount": 0},
            {"currency": "USD", "gross": 2750, "net": 2500, "refunded": 0, "cancelled_amount": 0},
        ],
    }
    assert (second["orders"], second["revenue"][1]["gross"], second["returning_customers"]) == (0, 0, 0)
    assert (third["orders"], third["new_customers"], third["returning_customers"], third["cancelled"]) == (2, 1, 1, 1)
    assert third["revenue"][1] == {"currency": "USD", "gross": 1000, "net": 1000, "refunded": 250, "cancelled_amount": 900}
    assert (answer["timezone"], answer["bucket"], answer["by"], series["key"]) == ("UTC", "day", None, None)
    assert "whenever" in answer["definitions"]["net"]


def test_revenue_in_another_time_zone_by_source_and_currency(served):
    sold(served)
    answer = served.get(f"{REVENUE}?from=2026-05-01&to=2026-05-02&timezone=Asia/Kolkata&by=source&currency=USD")
    assert [series["key"] for series in answer["series"]] == ["Web shop"]
    first, second = answer["series"][0]["buckets"]
    assert (first["start"], first["orders"], second["orders"]) == ("2026-05-01T00:00:00+05:30", 0, 1)
    assert (second["new_customers"], second["returning_customers"]) == (1, None)
    assert [one["currency"] for one in second["revenue"]] == ["USD"]


def test_the_range_may_begin_and_end_with_a_time(served):
    sold(served)
    first = quote("2026-05-01T23:30:00+02:00")
    answer = served.get(f"{REVENUE}?from={first}&to=2026-05-01T22:00:00Z&bucket=hour")
    assert (answer["from"], answer["to"]) == ("2026-05-01T21:00:00+00:00", "2026-05-01T22:00:00+00:00")
    assert [bucket["orders"] for bucket in answer["series"][0]["buckets"]] == [1]
    unescaped = served.get(f"{REVENUE}?from=2026-05-01T23:30:00+02:00&to=2026-05-01T22:00:00Z&bucket=hour")
    assert unescaped == answer


def test_more_series_than_the_limit_are_said_to_be_there(served):
    sold(served)
    answer = served.get(f"{REVENUE}?from=2026-05-01&to=2026-05-03&by=source&limit=1&bucket=month")
    assert ([series["key"] for series in answer["series"]], answer["more_series"]) == (["Web shop"], True)
    answer = served.get(f"{REVENUE}?from=2026-05-01&to=2026-05-03&by=product&bucket=month")
    assert ([series["key"] for series in answer["series"]], answer["more_series"]) == (["p", "q"], False)


def test_without_a_range_the_last_30_days_are_shown_even_to_an_empty_shop(served):
    (series,) = served.get(REVENUE)["series"]
    assert len(series["buckets"]) == 30
    assert {bucket["orders"] for bucket in series["buckets"]} == {0}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-05-02&to=2026-05-01", "from"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("timezone=Mars", "timezone"),
        ("timezone=Europe", "timezone"),
        ("bucket=fortnight", "bucket"),
        ("by=customer", "by"),
        ("currency=usd", "currency"),
        ("from=2026-01-01&to=2026-06-01&bucket=hour", "bucket"),
        ("from=0001-01-01", "from"),
        ("limit=0", "limit"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_which_field_is_wrong(served, query, field):
    problem = served.get(f"{REVENUE}?{query}", status=400)
    assert list(problem["fields"]) == [field]


def test_top_products_by_revenue_and_by_units_for_each_currency(served):
    sold(served)
    answer = served.get("/api/analytics/products?from=2026-05-01&to=2026-05-03")
    assert [(one["currency"], [item["product_id"] for item in one["items"]]) for one in answer["currencies"]] == [
        ("EUR", ["q"]),
        ("USD", ["p", "q"]),
    ]
    assert answer["currencies"][1]["items"][0] == {
        "product_id": "p",
        "name": "Monopoly",
        "orders": 2,
        "units": 2,
        "gross": 2900,
        "net": 2900,
    }
    by_units = served.get("/api/analytics/products?from=2026-05-01&to=2026-05-03&sort=units&currency=USD&limit=1")
    assert [(one["product_id"], one["units"], one["name"]) for one in by_units["currencies"][0]["items"]] == [
        ("p", 2, "Monopoly")
    ]
    assert served.get("/api/analytics/products?from=2026-05-04&to=2026-05-05")["currencies"] == []


def test_the_summary_counts_each_customer_once_in_every_period(served):
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ages = {"user:1": [0, 0, 1, 5], "user:2": [1, 1], "user:3": [6, 40], "user:4": [40, 41], "user:5": [20]}
    happened = [
        placed(subject, f"{subject}-{n}", 100, today - timedelta(days=age) + timedelta(minutes=n))
        for subject, days in ages.items()
        for n, age in enumerate(days)
    ]
    served.work.apply(happened)
    summary = served.get("/api/analytics/summary")
    shown = {
        name: (summary[name]["orders"], summary[name]["customers"], summary[name]["new_customers"])
        for name in ("today", "yesterday", "last_7_days", "last_30_days", "ever")
    }
    assert shown == {
        "today": (2, 1, 0),
        "yesterday": (3, 2, 1),
        "last_7_days": (7, 3, 2),
        "last_30_days": (8, 4, 3),
        "ever": (11, 5, 5),
    }
    assert summary["ever"]["revenue"] == [{"currency": "USD", "gross": 1100, "net": 1100, "refunded": 0, "cancelled_amount": 0}]
    assert summary["ever"]["from"] is None
    kolkata = served.get("/api/analytics/summary?timezone=Asia/Kolkata")
    assert (kolkata["yesterday"]["customers"], kolkata["ever"]["customers"]) == (None, 5)


def test_volumes_of_events_by_hour(served):
    viewed = [event(events.PAGE_VIEWED, "anon:x", {}, at("2026-05-01T10:50"), name=str(number)) for number in range(3)]
    served.work.apply([*viewed, event(events.SCREEN_VIEWED, "anon:x", {}, at("2026-05-01T11:10"))])
    path = "/api/analytics/events?from=2026-05-01T10:00&to=2026-05-01T12:00&bucket=hour"
    answer = served.get(path)
    assert [(one["source"], one["event"], one["total"], [b["count"] for b in one["buckets"]]) for one in answer["series"]] == [
        ("shop", "page_viewed", 3, [3, 0]),
        ("shop", "screen_viewed", 1, [0, 1]),
    ]
    assert [one["event"] for one in served.get(f"{path}&event=screen_viewed")["series"]] == ["screen_viewed"]


def test_the_shop_s_time_zone_can_be_changed_and_is_the_default_of_every_answer(served):
    assert served.get("/api/analytics/settings") == {"timezone": "UTC", "recount": None}
    sold(served)
    changed = served.call("PUT", "/api/analytics/settings", {"timezone": "Europe/Berlin"})
    assert changed["timezone"] == "Europe/Berlin"
    assert changed["recount"]["done"] == 0
    answer = served.get(f"{REVENUE}?from=2026-05-01&to=2026-05-01")
    assert (answer["from"], answer["recount"]["done"]) == ("2026-05-01T00:00:00+02:00", 0)


@pytest.mark.parametrize("body", [{"timezone": "Mars"}, {}, {"timezone": None}, {"timezone": "UTC", "color": "red"}, []])
def test_settings_that_make_no_sense_are_refused(served, body):
    assert served.call("PUT", "/api/analytics/settings", body, status=422)["fields"]


def test_the_token_is_asked_for(served):
    answer: Any = served.client.request("GET", REVENUE, headers={"Authorization": "Bearer wrong"})
    assert answer.status == 401


def test_openapi_describes_every_route(served):
    document = served.get("/api/analytics/openapi.json")
    validate(document)
    assert set(document["paths"]) == {
        "/api/analytics/revenue",
        "/api/analytics/products",
        "/api/analytics/summary",
        "/api/analytics/events",
        "/api/analytics/settings",
        "/api/analytics/audit",
        "/api/analytics/openapi.json",
    }
    names = {parameter["name"] for parameter in document["paths"][REVENUE]["get"]["parameters"]}
    assert names == {"from", "to", "bucket", "by", "currency", "timezone", "limit"}
