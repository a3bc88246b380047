"""The door of tills and imports of their files, over HTTP and a real database: what is stored, what is refused, how an import goes on."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from services.collector import imports as importing
from services.collector.domain import Source, SourceKind
from services.collector.domain.source import hash_of, write_key
from services.collector.imports import Imports
from services.collector.storage import Storage
from shared.envelope import from_document
from shared.errors import StoreAway
from tests.serving import Served, serving

KEY = write_key(bytes(32))
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
DOOR, IMPORTS = "/v1/till/purchases", "/api/collector/till/imports"
TILL = Source("till-1", "Till", SourceKind.POS, True, datetime(2026, 5, 1, tzinfo=UTC), hash_of(KEY))
HEADER = "Bill No,Bill Date,Item,Qty,Rate,Card No,Cashier"
ROWS = ["1,2026-05-01T10:00,p1,2,55.00,LC1,Ravi", "1,2026-05-01T10:00,p2,1,90,LC1,Ravi", "2,2026-05-01T11:00,p1,1,fifty,LC2,Ravi"]
OPTIONS = "store=S1&currency=INR"


@pytest.fixture(scope="module")
def _serving(mongo_server) -> Iterator[Served]:
    with serving("collector", mongo_server, "test_collector_till") as served:
        yield served


@pytest.fixture
def collector(_serving) -> Served:
    for name in _serving.database.list_collection_names():
        _serving.database[name].delete_many({})
    Storage(_serving.database).sources.add(TILL)
    return _serving


def send(collector: Served, body: str | bytes, query: str = OPTIONS, kind: str = "text/csv", status: int = 200) -> Any:
    sent = body.encode() if isinstance(body, str) else body
    answer = collector.client.request("POST", f"{DOOR}?{query}", sent, {**BASIC, "Content-Type": kind})
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def told(collector: Served) -> list[Any]:
    return [from_document(row) for row in collector.database["events"].find().sort("_id")]


def test_a_table_becomes_the_events_that_any_client_would_have_sent(collector: Served) -> None:
    answer = send(collector, "\n".join([HEADER, *ROWS]))
    assert (answer["accepted"], answer["duplicates"], answer["ignored_columns"]) == (1, 0, ["Cashier"])
    assert answer["read_as"] == {"encoding": "utf-8", "delimiter": ",", "decimals": "point"}
    assert [(one["line"], one["receipt"], one["code"]) for one in answer["rejected"]] == [(4, "2", "invalid_money")]
    (event,) = told(collector)
    assert (event.name, event.subject, event.time.isoformat()) == ("order_completed", "loyalty:LC1", "2026-05-01T10:00:00+00:00")
    data = event.data()
    assert (data["order_id"], data["amount"], data["currency"], data["channel"]) == ("S1/1", 20_000, "INR", "store")
    assert (data["store_id"], data["receipt_number"], data["shop_source_kind"]) == ("S1", "1", "pos")
    assert "Ravi" not in str(data)
    (row,) = collector.database["quarantine"].find()
    assert (row["code"], row["path"], b"fifty" in row["raw"], b"Ravi" in row["raw"]) == ("invalid_money", DOOR, True, False)


def test_the_same_receipt_again_changes_nothing_and_another_content_of_it_is_refused(collector: Served) -> None:
    purchase = {"receipt": "7", "time": "2026-05-01T10:00Z", "total": 5, "email": "a@x.io"}
    for duplicates in (0, 1):
        assert send(collector, json.dumps(purchase), kind="application/json")["duplicates"] == duplicates
    answer = send(collector, json.dumps([{**purchase, "total": 6}]), kind="application/json")
    assert [one["code"] for one in answer["rejected"]] == ["conflicting_receipt"]
    twice = [{**purchase, "receipt": "8"}, {**purchase, "receipt": "8", "total": 9}]
    answer = send(collector, json.dumps(twice), kind="application/json")
    assert (answer["accepted"], [one["line"] for one in answer["rejected"]]) == (1, [2])
    assert len(told(collector)) == 2
    assert collector.database["quarantine"].count_documents({}) == 2


def test_a_return_and_a_purchase_meet_in_one_order(collector: Served) -> None:
    sale = {"receipt": "7", "time": "2026-05-01T10:00Z", "total": 5, "phone": "+919812345678"}
    back = {"receipt": "9", "time": "2026-05-02T10:00Z", "type": "return", "total": 2, "original_receipt": "7"}
    assert send(collector, json.dumps({"purchases": [sale, back]}), kind="application/json")["accepted"] == 2
    found = {event.name: event.data() for event in told(collector)}
    assert found["order_refunded"]["order_id"] == found["order_completed"]["order_id"] == "S1/7"
    assert (found["order_refunded"]["refund_id"], found["order_refunded"]["amount"]) == ("S1/9", 200)


@pytest.mark.parametrize(
    ("query", "body", "kind", "code"),
    [
        ("timezone=Mars", "receipt\n1", "text/csv", "invalid_field"),
        ("columns={", "receipt\n1", "text/csv", "invalid_field"),
        ("", "total\n1", "text/csv", "invalid_table"),
        ("", "{", "application/json", "invalid_json"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_as_a_whole(
    collector: Served, query: str, body: str, kind: str, code: str
) -> None:
    assert send(collector, body, query, kind, 400)["code"] == code
    assert told(collector) == []


def test_the_door_opens_for_a_write_key_only(collector: Served) -> None:
    assert collector.client.request("POST", DOOR, b"[]").status == 401
    assert collector.client.request("POST", DOOR, b"[]", {"Authorization": "Basic d2tfeDo="}).status == 401


def test_purchases_of_nobody_are_refused_like_everything_without_anybody(collector: Served) -> None:
    purchase = json.dumps({"receipt": "7", "time": "2026-05-01T10:00Z", "total": 5})
    (refused,) = send(collector, purchase, kind="application/json")["rejected"]
    assert (refused["code"], "loyalty_card" in refused["message"]) == ("missing_identity", True)
    assert send(collector, purchase, f"{OPTIONS}&anonymous=true", "application/json")["accepted"] == 1
    assert told(collector)[0].subject == "anon:receipt:S1/7"


def worker(collector: Served) -> Imports:
    found = Imports()
    found.container = SimpleNamespace(config=collector.settings)
    found.setup()
    found.poll_seconds = 0.01
    return found


def work(collector: Served) -> None:
    """Let a worker do what there is to do."""
    one = worker(collector)
    one._storage, one._till = Storage(collector.database), importing.Till(Storage(collector.database))
    one._lease = importing.Lease(collector.database, "imports")
    one._round()
    one._lease.release()


def begin(collector: Served, *parts: bytes, **more: Any) -> str:
    settings = {"store": "S1", "currency": "INR"}
    made = collector.post(IMPORTS, {"source": "Till", "filename": "may.csv", "settings": settings, **more}, 201)
    for number, part in enumerate(parts):
        path = f"{IMPORTS}/{made['id']}/parts/{number}"
        assert collector.client.request("PUT", path, part, {"Content-Type": "application/octet-stream"}).status == 200
    return str(made["id"])


def lines_of(count: int) -> list[str]:
    return [HEADER, *(f"{number},2026-05-01T10:00,p1,1,5.00,LC{number},Ravi" for number in range(count))]


def test_a_file_that_was_uploaded_in_parts_is_imported_with_progress_and_a_list_of_errors(collector: Served) -> None:
    rows = lines_of(700)
    rows[5] = rows[5].replace("5.00", "five")
    body = "\n".join(rows).encode()
    job = begin(collector, body[:1000], body[1000:9000], body[9000:])
    assert collector.get(f"{IMPORTS}/{job}")["status"] == "receiving"
    started = collector.post(f"{IMPORTS}/{job}/start", {"parts": 3})
    assert (started["status"], started["bytes_total"], started["share_done"]) == ("waiting", len(body), 0)
    work(collector)
    done = collector.get(f"{IMPORTS}/{job}")
    assert (done["status"], done["share_done"], done["lines_done"]) == ("done", 1, 701)
    assert done["counts"] == {"receipts": 700, "accepted": 699, "duplicates": 0, "rejected": 1}
    assert (done["reasons"], done["read_as"]["ignored_columns"]) == ({"invalid_money": 1}, ["Cashier"])
    answer = collector.client.request("GET", f"{IMPORTS}/{job}/errors")
    (refused,) = csv.DictReader(io.StringIO(answer.body.decode()))
    assert (refused["line"], refused["receipt"], refused["code"]) == ("6", "4", "invalid_money")
    assert collector.database["events"].count_documents({}) == 699
    assert collector.database["import_parts"].count_documents({}) == 0
    assert [one["id"] for one in collector.get(f"{IMPORTS}?status=done")["items"]] == [job]


def test_an_import_that_broke_off_goes_on_where_it_was_and_takes_nothing_twice(
    collector: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begin(collector, "\n".join(lines_of(700)).encode())
    collector.post(f"{IMPORTS}/{job}/start", {"parts": 1})
    taken: list[int] = []
    real = importing.Till.take

    def break_off(till: Any, receipts: Any, *more: Any) -> Any:
        taken.append(receipts[0].line)
        outcome = real(till, receipts, *more)
        if len(taken) == 2:
            raise StoreAway("the database went away after it had stored the window")
        return outcome

    monkeypatch.setattr(importing.Till, "take", break_off)
    with pytest.raises(StoreAway):
        work(collector)
    assert collector.get(f"{IMPORTS}/{job}")["lines_done"] == 301
    work(collector)
    assert taken == [2, 302, 302, 602]
    done = collector.get(f"{IMPORTS}/{job}")
    assert done["counts"] == {"receipts": 700, "accepted": 400, "duplicates": 300, "rejected": 0}
    assert collector.database["events"].count_documents({}) == 700


def test_lines_of_json_are_imported_each_by_itself(collector: Served) -> None:
    good = json.dumps({"receipt": "1", "time": "2026-05-01T10:00Z", "total": 5, "email": "a@x.io"})
    job = begin(collector, f"{good}\n\n{{\n".encode(), format="json-lines")
    collector.post(f"{IMPORTS}/{job}/start", {"parts": 1})
    work(collector)
    done = collector.get(f"{IMPORTS}/{job}")
    assert (done["counts"]["accepted"], done["reasons"]) == (1, {"invalid_json": 1})


def test_a_file_that_is_no_table_fails_with_what_to_do(collector: Served) -> None:
    job = begin(collector, b"a,b\n1,2\n")
    collector.post(f"{IMPORTS}/{job}/start", {"parts": 1})
    work(collector)
    failed = collector.get(f"{IMPORTS}/{job}")
    assert failed["status"] == "failed"
    assert "columns" in failed["error"]


def test_an_import_is_started_once_with_all_its_parts_and_may_be_cancelled(collector: Served) -> None:
    job = begin(collector, b"receipt\n")
    assert "1" in collector.post(f"{IMPORTS}/{job}/start", {"parts": 2}, 409)["detail"]
    collector.post(f"{IMPORTS}/{job}/start", {"parts": 1})
    collector.post(f"{IMPORTS}/{job}/start", {"parts": 1}, 409)
    assert collector.client.request("PUT", f"{IMPORTS}/{job}/parts/1", b"x").status == 409
    assert collector.post(f"{IMPORTS}/{job}/cancel", {})["status"] == "cancelled"
    collector.post(f"{IMPORTS}/{job}/cancel", {}, 409)
    collector.get(f"{IMPORTS}/{'0' * 16}", 404)
    collector.post(IMPORTS, {"source": "nobody"}, 404)


def test_a_part_that_is_too_large_is_refused(collector: Served) -> None:
    job = begin(collector)
    assert collector.client.request("PUT", f"{IMPORTS}/{job}/parts/0", b"x" * (1024 * 1024 + 1)).status == 413
