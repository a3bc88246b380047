"""The collector as a process: published clients, browsers and AMQP shops at its doors, subscribers behind it."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import openapi_spec_validator
import pytest
from pymongo import MongoClient
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from deploy.local.credentials import SHOP
from deploy.local.mongod import MongoServer
from deploy.local.rabbitmq import RabbitServer
from shared import topology
from shared.broker import Letter, Publisher
from tests.integration.collector_process import Collector, about, collector_over, encoded, header, order
from tests.serving import ADMIN

ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def collector(
    mongo_server: MongoServer, rabbit_server: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collector]:
    ready = collector_over(mongo_server, rabbit_server, "Clients under test")
    with ready.running(tmp_path_factory.mktemp("collector") / "collector.log"):
        yield ready


@pytest.mark.parametrize("gzip", [False, True])
def test_the_published_segment_client_works_with_only_its_host_changed(collector: Collector, gzip: bool) -> None:
    failures: list[Any] = []
    client = SegmentClient(collector.key, host=collector.url, gzip=gzip, on_error=lambda error, items: failures.append(error))
    order_id = f"segment-{gzip}"
    when = datetime(1997, 1, 2, tzinfo=UTC)
    client.identify("42", {"email": "Jane@Example.com", "name": "ਜੇਨ"})
    client.track("42", "Order Completed", order(order_id)["properties"], timestamp=when)
    client.page("42", "Docs", "Home", {"url": "https://shop.example/"})
    client.screen("42", "Docs", "Home")
    client.group("42", "acme", {"name": "Acme"})
    client.alias("visitor", "42")
    client.flush()
    client.join()
    assert failures == []
    (message,) = collector.published(about(order_id))
    data = json.loads(message.body)
    assert (data["amount"], data["currency"], data["shop_source"]) == (2750, "EUR", "Clients under test")
    headers = message.properties["application_headers"]
    assert (headers["ce-type"], headers["ce-subject"], headers["ce-time"][:10]) == ("order_completed", "user:42", "1997-01-02")
    for name in ("customer_identified", "page_viewed", "screen_viewed", "customer_grouped", "identity_aliased"):
        collector.published(lambda other, name=name: header(other, "ce-type") == name)


def test_the_published_rudderstack_client_works_with_only_its_host_changed(collector: Collector) -> None:
    failures: list[Any] = []
    client = RudderClient(collector.key, host=collector.url, on_error=lambda error, items: failures.append(error))
    client.identify("43", {"email": "singh@example.com"})
    client.track("43", "Order Completed", order("rudder")["properties"])
    client.flush()
    client.join()
    assert failures == []
    assert collector.published(about("rudder"))
    (person,) = collector.published(lambda message: header(message, "ce-subject") == "user:43" and b"traits" in encoded(message))
    assert json.loads(person.body)["identity_keys"] == ["user:43", "email:singh@example.com"]


def test_a_browser_gets_its_settings_asks_before_it_sends_and_is_answered_from_any_origin(collector: Collector) -> None:
    settings = json.loads(collector.http.request("GET", f"/v1/projects/{collector.key}/settings").body)
    assert settings["integrations"]["Segment.io"]["apiHost"] == f"127.0.0.1:{collector.http.port}/v1"
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-retry-count",
    }
    preflight = collector.http.request("OPTIONS", "/v1/t", headers=asked)
    assert preflight.status in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert {"authorization", "content-type", "x-retry-count"} <= set(
        preflight.headers["access-control-allow-headers"].split(", ")
    )
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-max-age"] == "86400"
    sent = collector.post("/v1/t", order("browser", type=None), Content_Type="text/plain", Origin=ORIGIN, X_Retry_Count="1")
    assert (sent.status, sent.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert sent.headers["access-control-expose-headers"] == "Retry-After"
    assert collector.http.request("POST", "/v1/m", b'{"series":[]}').status == 200


@pytest.mark.parametrize("path", ["/v1/projects/wk_x/settings", "/v1/pixel/track", "/v1/batch"])
def test_every_door_answers_a_preflight(collector: Collector, path: str) -> None:
    assert collector.http.request("OPTIONS", path, headers={"Origin": ORIGIN}).headers["access-control-allow-origin"] == ORIGIN


def test_a_pixel_in_a_mail_is_an_image_and_an_event(collector: Collector) -> None:
    data = base64.b64encode(json.dumps({**order("pixel"), "writeKey": collector.key}).encode()).decode()
    answer = collector.http.request("GET", f"/v1/pixel/track?data={quote(data)}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert collector.published(about("pixel"))


def test_a_body_in_chunks_is_read_and_one_beyond_the_limit_refused_with_code_and_message(collector: Collector) -> None:
    body = json.dumps({**order("chunked"), "writeKey": collector.key}).encode()
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    sent = collector.http.request("POST", "/v1/track", chunks, {"Transfer-Encoding": "chunked"})
    assert sent.status == 200
    for size in (500 * 1024 + 1, 2_000_000):
        refused = collector.http.request("POST", "/v1/batch", b" " * size)
        assert (refused.status, json.loads(refused.body)["code"]) == (413, "request_too_large")


def test_an_amqp_shop_meets_the_same_rules(collector: Collector) -> None:
    publisher = Publisher(collector.rabbit.uri(SHOP), "test-shop")
    refused = {**order("amqp-bad"), "properties": {"order_id": "amqp-bad"}}
    letters = [
        Letter("1", topology.INTAKE, "orders", {"write-key": collector.key}, json.dumps(order("amqp")).encode()),
        Letter(
            "2",
            topology.INTAKE,
            "orders",
            {},
            json.dumps({"batch": [order("amqp-2"), refused], "writeKey": collector.key}).encode(),
        ),
    ]
    assert publisher.publish(letters).confirmed == {"1", "2"}
    publisher.discard()
    assert collector.published(about("amqp"))
    assert collector.published(about("amqp-2"))
    rows = collector.read("/api/collector/quarantine?code=missing_field")["items"]
    assert [row["path"] for row in rows if row["message_id"] == "m-amqp-bad"] == ["shop.intake"]


def test_an_event_that_no_service_is_bound_to_is_parked_in_sight(collector: Collector) -> None:
    publisher = Publisher(collector.rabbit.uri("profiles"), "test-unbound")
    publisher.publish([Letter("1", "profiles.events", "nobody_listens", {"ce-type": "nobody_listens"}, b"{}")])
    publisher.discard()
    client: MongoClient[dict[str, Any]] = MongoClient(collector.mongo.uri("collector"))
    parked = client["sambandh_collector"]["parked"]
    deadline = time.monotonic() + 30
    while (row := parked.find_one({"event": "nobody_listens"})) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    client.close()
    assert row is not None
    assert "no service was bound" in row["reason"]


def test_what_was_refused_can_be_read_with_the_token_and_not_without(collector: Collector) -> None:
    bad = {**order("bad"), "properties": {"order_id": "bad", "total": "lots"}}
    answer = collector.post("/v1/track", bad)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "invalid_money")
    page = collector.read("/api/collector/quarantine?limit=1&code=invalid_money")
    (entry,) = page["items"]
    assert "raw" not in entry
    assert json.loads(collector.read(f"/api/collector/quarantine/{entry['id']}")["raw"])["properties"]["total"] == "lots"
    assert collector.http.request("GET", "/api/collector/quarantine").status == 401
    assert (
        collector.http.request("GET", "/api/collector/sources", headers={"Authorization": f"Bearer {collector.key}"}).status
        == 401
    )


def test_pages_of_the_quarantine_follow_one_another(collector: Collector) -> None:
    for number in range(3):
        collector.post("/v1/track", {"type": "track", "messageId": f"paged-{number}", "event": "x", "userId": {}})
    path, seen = "/api/collector/quarantine?limit=2&code=invalid_id", []
    page = collector.read(path)
    seen += page["items"]
    page = collector.read(f"{path}&cursor={page['next']}")
    seen += page["items"]
    assert [entry["message_id"] for entry in seen] == ["paged-2", "paged-1", "paged-0"]
    assert page["next"] is None


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=NQ", "code=nothing", "since=yesterday", "limit=0"])
def test_a_bad_query_is_a_problem(collector: Collector, query: str) -> None:
    answer = collector.http.request("GET", f"/api/collector/quarantine?{query}", headers=ADMIN)
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (400, "application/problem+json")


def test_an_accepted_event_is_found_by_what_the_client_knows_of_it(collector: Collector) -> None:
    collector.post("/v1/track", order("found", timestamp="2026-01-01T00:00:00Z"))
    (source,) = [one for one in collector.read("/api/collector/sources")["items"] if one["name"] == "Clients under test"]
    assert not [name for name in source if "hash" in name or "key" in name]
    found = collector.read(f"/api/collector/events?message_id=m-found&source={source['id']}")
    assert (found["name"], found["data"]["amount"], found["original_timestamp"]) == (
        "order_completed",
        2750,
        "2026-01-01T00:00:00+00:00",
    )
    assert collector.read(f"/api/collector/events/{found['id']}")["message_id"] == "m-found"
    collector.published(about("found"))
    missing = collector.http.request("GET", "/api/collector/events/none", headers=ADMIN)
    assert missing.status == 404


def test_the_openapi_document_is_valid(collector: Collector) -> None:
    document = json.loads(collector.http.request("GET", "/api/collector/openapi.json").body)
    openapi_spec_validator.validate(document)
    assert "/api/collector/quarantine/{id}" in document["paths"]
