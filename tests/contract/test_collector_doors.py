"""The doors over a real database: what clients are answered, and what is kept."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.mongod import MongoServer
from services.collector import wire
from services.collector.answers import Answer
from services.collector.domain import Source, SourceKind
from services.collector.domain.source import GRACE, hash_of, rotated, write_key
from services.collector.doors import Doors
from services.collector.sorting import event_id
from services.collector.storage import Storage, create_indexes
from shared import mongo
from shared.config import load
from shared.envelope import from_document
from shared.errors import StoreAway

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEY = write_key(bytes(32))
BASIC = {"authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
WEB = Source("web-1", "Web shop", SourceKind.WEB, True, NOW, hash_of(KEY))
ORDER = {
    "type": "track",
    "userId": "42",
    "event": "Order Completed",
    "properties": {"order_id": "o-1", "total": 27.5},
    "messageId": "m-1",
}
BAD = {**ORDER, "messageId": "m-2", "properties": {"order_id": "o-1", "total": "27,50"}}


@pytest.fixture
def database(mongo_server: MongoServer) -> Iterator[Database[mongo.Document]]:
    client: MongoClient[mongo.Document] = MongoClient(mongo_server.uri())
    database = mongo.durable(client["sambandh_doors"])
    create_indexes(database, load("collector", {}))
    yield database
    client.drop_database(database.name)
    client.close()


@pytest.fixture
def storage(database: Database[mongo.Document]) -> Storage:
    storage = Storage(database)
    storage.sources.add(WEB)
    return storage


@pytest.fixture
def doors(storage: Storage) -> Doors:
    return Doors(storage, backlog_limit=1000)


def body_of(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer.body)
    return content


def batch(*messages: Any, **outside: Any) -> bytes:
    return json.dumps({"batch": messages, **outside}).encode()


def send(doors: Doors, *messages: Any, call: str = "batch") -> dict[str, Any]:
    answer = doors.ingest(call, BASIC, batch(*messages), NOW)
    assert answer.status == 200, answer
    return body_of(answer)


def quarantined(storage: Storage) -> list[mongo.Document]:
    return storage.quarantine.newest({}, None, 100)


@pytest.mark.parametrize(
    ("headers", "in_body"),
    [
        (BASIC, {}),
        ({}, {"writeKey": KEY}),
        ({"authorization": "Bearer some.oauth.token"}, {"writeKey": KEY}),
        (BASIC, {"writeKey": KEY}),
        (BASIC, {"writeKey": "wk_another"}),
    ],
)
def test_each_way_of_showing_the_write_key_opens_the_door(doors: Doors, headers: dict[str, str], in_body: dict[str, str]) -> None:
    for call, body in (("track", json.dumps({**ORDER, **in_body}).encode()), ("batch", batch(ORDER, **in_body))):
        assert doors.ingest(call, headers, body, NOW).status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_write_key"),
        ({"authorization": "Basic d2tfeDo="}, "unknown_write_key"),
        ({"authorization": "Basic nonsense"}, "missing_write_key"),
    ],
)
def test_strangers_are_told_and_leave_nothing_behind(doors: Doors, storage: Storage, headers: dict[str, str], code: str) -> None:
    answer = doors.ingest("batch", headers, batch(ORDER), NOW)
    assert (answer.status, body_of(answer)["code"]) == (401, code)
    assert body_of(answer)["message"]
    assert quarantined(storage) == []


def test_an_accepted_event_is_archived_with_its_raw_times_and_waits_for_the_relay(doors: Doors, database: Any) -> None:
    timed = {**ORDER, "timestamp": "2026-05-01T10:00:00.123456Z", "sentAt": "2026-05-01T11:00:00Z"}
    doors.ingest("track", {**BASIC, "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, json.dumps(timed).encode(), NOW)
    row = database["events"].find_one({"_id": event_id("web-1", "m-1")})
    assert (row["source_id"], row["message_id"], "pending_since" in row) == ("web-1", "m-1", True)
    assert row["original_timestamp"] == datetime(2026, 5, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert row["sent_at"] == datetime(2026, 5, 1, 11, 0, tzinfo=UTC)
    event = from_document(row)
    assert event.time == datetime(2026, 5, 1, 11, 0, 0, 123000, tzinfo=UTC)
    assert event.received_at == NOW
    assert event.traceparent == f"00-{'a' * 32}-{'b' * 16}-01"
    assert event.data()["shop_source"] == "Web shop"


def test_a_repeated_request_counts_as_accepted_before(doors: Doors, database: Any) -> None:
    assert send(doors, ORDER, {**ORDER, "messageId": "m-9"}) == {"success": True, "accepted": 2, "duplicates": 0, "rejected": []}
    assert send(doors, ORDER, {**ORDER, "messageId": "m-9"}) == {"success": True, "accepted": 0, "duplicates": 2, "rejected": []}
    assert send(doors, {**ORDER, "messageId": "m-10"}, {**ORDER, "messageId": "m-10"})["duplicates"] == 1
    assert database["events"].count_documents({}) == 3


def test_the_same_message_id_of_two_sources_is_two_events(doors: Doors, storage: Storage) -> None:
    other = replace(WEB, id="pos-1", name="Till", kind=SourceKind.POS, key_hash=hash_of("wk_till"))
    storage.sources.add(other)
    send(doors, ORDER)
    answer = doors.ingest("batch", {}, batch(ORDER, writeKey="wk_till"), NOW)
    assert body_of(answer)["accepted"] == 1


def test_the_good_part_of_a_batch_is_taken_and_the_rest_kept_with_its_reason(doors: Doors, storage: Storage) -> None:
    answer = send(doors, ORDER, BAD)
    assert answer["accepted"] == 1
    assert [(one["index"], one["messageId"], one["code"]) for one in answer["rejected"]] == [(1, "m-2", "invalid_money")]
    (row,) = quarantined(storage)
    assert (row["source_id"], row["code"], row["message_id"], row["path"]) == ("web-1", "invalid_money", "m-2", "/v1/batch")
    kept = storage.quarantine.find(row["_id"])
    assert kept is not None
    assert json.loads(kept["raw"]) == BAD


def test_the_same_refused_message_is_kept_once(doors: Doors, storage: Storage) -> None:
    send(doors, BAD)
    send(doors, BAD, BAD)
    assert len(quarantined(storage)) == 1


def test_a_refused_message_is_found_by_whom_it_names(doors: Doors, storage: Storage) -> None:
    send(doors, BAD, {**BAD, "userId": "43", "messageId": "m-3"})
    assert [row["message_id"] for row in storage.quarantine.newest({"keys": "user:43"}, None, 100)] == ["m-3"]
    assert storage.quarantine.newest({"keys": "user:4"}, None, 100) == []


def test_a_single_refused_event_is_a_client_error_with_code_and_message(doors: Doors, storage: Storage) -> None:
    answer = doors.ingest("track", BASIC, json.dumps(BAD).encode(), NOW)
    assert answer.status == 400
    assert (body_of(answer)["code"], "properties.total" in body_of(answer)["message"]) == ("invalid_money", True)
    assert len(quarantined(storage)) == 1


@pytest.mark.parametrize(
    ("call", "headers", "body", "status", "code"),
    [
        ("delete", {}, b"{}", 404, "unknown_call"),
        ("batch", {}, b"{", 400, "invalid_json"),
        ("batch", {}, b"[]", 400, "invalid_message"),
        ("batch", {}, b" " * (wire.REQUEST_BYTES + 1), 413, "request_too_large"),
        ("batch", {"content-encoding": "gzip"}, gzip.compress(b" " * (wire.REQUEST_BYTES + 1)), 413, "request_too_large"),
        ("batch", {"content-encoding": "gzip"}, b"{}", 400, "invalid_encoding"),
        ("track", {}, b'{"a":"' + b"x" * wire.EVENT_BYTES + b'"}', 400, "event_too_large"),
    ],
)
def test_unreadable_requests_are_final_for_every_client(
    doors: Doors, call: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = doors.ingest(call, {**BASIC, **headers}, body, NOW)
    assert (answer.status, body_of(answer)["code"]) == (status, code)
    assert body_of(answer)["message"]


def test_an_unreadable_request_of_a_known_source_is_kept(doors: Doors, storage: Storage) -> None:
    doors.ingest("batch", BASIC, b'{"batch":[{"truncated', NOW)
    doors.ingest("batch", {}, b'{"batch":[{"truncated', NOW)
    assert [row["code"] for row in quarantined(storage)] == ["invalid_json"]


def test_a_disabled_source_is_refused_and_its_events_are_kept(storage: Storage) -> None:
    storage.sources.save(replace(WEB, enabled=False))
    answer = Doors(storage).ingest("batch", BASIC, batch(ORDER), NOW)
    assert (answer.status, body_of(answer)["code"]) == (401, "source_disabled")
    assert [row["code"] for row in quarantined(storage)] == ["source_disabled"]


def test_a_replaced_key_is_good_until_its_grace_is_over(storage: Storage) -> None:
    storage.sources.save(rotated(WEB, hash_of("wk_new"), NOW))
    doors = Doors(storage)
    assert doors.ingest("batch", {}, batch(ORDER, writeKey="wk_new"), NOW).status == 200
    assert doors.ingest("batch", BASIC, batch(ORDER), NOW + GRACE - timedelta(seconds=1)).status == 200
    late = doors.ingest("batch", BASIC, batch(ORDER), NOW + GRACE)
    assert (late.status, body_of(late)["code"]) == (401, "expired_write_key")


def test_a_backlog_sends_clients_away_for_a_while(storage: Storage) -> None:
    send(Doors(storage), ORDER)
    answer = Doors(storage, backlog_limit=1).ingest("batch", BASIC, batch(ORDER), NOW)
    assert (answer.status, body_of(answer)["code"]) == (429, "busy")
    assert int(answer.headers["Retry-After"]) > 0


def test_without_a_database_clients_are_asked_to_come_again() -> None:
    config = load("collector", {"MONGO_URI": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"})
    client: MongoClient[mongo.Document] = MongoClient(config.mongo_uri)
    doors = Doors(Storage(client["nowhere"]))
    for answer in (
        doors.ingest("batch", BASIC, batch(ORDER), NOW),
        doors.pixel("track", {}, base64.b64encode(json.dumps({**ORDER, "writeKey": KEY}).encode()).decode(), NOW),
        doors.settings(KEY, "shop.example", "https", NOW),
    ):
        assert (answer.status, body_of(answer)["code"]) == (429, "busy")
        assert "Retry-After" in answer.headers
    with pytest.raises(StoreAway):
        doors.intake([({"write-key": KEY}, json.dumps(ORDER).encode())], NOW)
    client.close()


def test_an_import_is_marked_as_history(doors: Doors, database: Any) -> None:
    send(doors, {**ORDER, "timestamp": "1997-01-02T00:00:00Z"}, call="import")
    row = database["events"].find_one({})
    assert (row["backfill"], row["time"]) == (True, datetime(1997, 1, 2, tzinfo=UTC))


def test_a_pixel_shows_an_image_whatever_we_think_of_the_event(doors: Doors, storage: Storage, database: Any) -> None:
    for message in ({**ORDER, "writeKey": KEY}, {**BAD, "writeKey": KEY}, {**ORDER, "writeKey": "wk_unknown"}):
        answer = doors.pixel("track", {}, base64.urlsafe_b64encode(json.dumps(message).encode()).decode().rstrip("="), NOW)
        assert (answer.status, answer.headers["Content-Type"], answer.body[:4]) == (200, "image/gif", b"GIF8")
        assert "no-store" in answer.headers["Cache-Control"]
    assert database["events"].count_documents({}) == 1
    assert len(quarantined(storage)) == 1


@pytest.mark.parametrize("data", ["", "%", base64.b64encode(b"{").decode(), base64.b64encode(b"5").decode()])
def test_a_pixel_without_an_event_is_a_client_error(doors: Doors, data: str) -> None:
    answer = doors.pixel("track", {}, data, NOW)
    assert (answer.status, set(body_of(answer)) >= {"code", "message"}) == (400, True)


def test_settings_point_the_browser_client_to_this_host(doors: Doors) -> None:
    answer = doors.settings(KEY, "events.shop.example:8443", "http", NOW)
    destination = body_of(answer)["integrations"]["Segment.io"]
    assert (destination["apiKey"], destination["apiHost"], destination["protocol"]) == (
        KEY,
        "events.shop.example:8443/v1",
        "http",
    )
    assert doors.settings("wk_unknown", "h", "https", NOW).status == 401


def test_messages_over_amqp_meet_the_same_rules_and_none_is_lost(doors: Doors, storage: Storage, database: Any) -> None:
    doors.intake(
        [
            ({"write-key": KEY}, json.dumps(ORDER).encode()),
            ({}, json.dumps({**ORDER, "messageId": "m-2", "writeKey": KEY}).encode()),
            ({"write-key": KEY}, batch({**ORDER, "messageId": "m-3"}, BAD)),
            ({"write-key": KEY, "call": "import"}, batch({**ORDER, "messageId": "m-4"})),
            ({"write-key": KEY, "content-encoding": "gzip", "x": 5}, gzip.compress(batch({**ORDER, "messageId": "m-5"}))),
            ({"write-key": "wk_unknown"}, json.dumps(ORDER).encode()),
            ({"write-key": KEY}, b"not json"),
        ],
        NOW,
    )
    assert sorted(row["message_id"] for row in database["events"].find()) == ["m-1", "m-2", "m-3", "m-4", "m-5"]
    assert [row["message_id"] for row in database["events"].find({"backfill": True})] == ["m-4"]
    rows = {(row["source_id"], row["code"]) for row in quarantined(storage)}
    assert rows == {("web-1", "invalid_money"), (None, "unknown_write_key"), ("web-1", "invalid_json")}


def test_a_message_that_the_broker_delivers_twice_is_taken_once(doors: Doors, database: Any) -> None:
    letter = ({"write-key": KEY}, json.dumps({name: value for name, value in ORDER.items() if name != "messageId"}).encode())
    doors.intake([letter], NOW)
    doors.intake([letter, letter], NOW)
    assert database["events"].count_documents({}) == 1


def test_the_quarantine_is_listed_newest_first_page_by_page(doors: Doors, storage: Storage) -> None:
    for minute in range(5):
        message = {**BAD, "messageId": f"m-{minute}"}
        doors.ingest("batch", BASIC, batch(message), NOW + timedelta(minutes=minute))
    first = storage.quarantine.newest({}, None, 3)
    rest = storage.quarantine.newest({}, (first[-1]["received_at"], first[-1]["_id"]), 3)
    assert [row["message_id"] for row in first + rest] == ["m-4", "m-3", "m-2", "m-1", "m-0"]
    assert all("raw" not in row for row in first)
    since = {"since": NOW + timedelta(minutes=3), "code": "invalid_money", "source_id": "web-1"}
    assert len(storage.quarantine.newest(since, None, 10)) == 2
    assert storage.quarantine.newest({"code": "invalid_json"}, None, 10) == []


def test_retention_follows_the_settings(database: Database[mongo.Document]) -> None:
    create_indexes(database, load("collector", {"ARCHIVE_RETENTION_DAYS": "7", "QUARANTINE_RETENTION_DAYS": "2"}))
    ages = {name: database[name].index_information()["retention"]["expireAfterSeconds"] for name in ("events", "quarantine")}
    assert ages == {"events": 7 * 86_400, "quarantine": 2 * 86_400}


def test_a_name_belongs_to_one_source(storage: Storage) -> None:
    assert not storage.sources.add(replace(WEB, id="web-2", key_hash="other"))
    assert storage.sources.find("Web shop") == storage.sources.find("web-1") == WEB
