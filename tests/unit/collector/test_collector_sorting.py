"""Parcels into events and refusals, also those that the published clients send.

The Python clients' requests were captured from the clients themselves; the browser's is written after its source.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.collector import wire
from services.collector.domain import Reason
from services.collector.sorting import Sorted, Sorter, content_id, event_id, random_id
from shared.envelope import derived_id
from tests.unit.collector.given import NOW, SOURCE, order
from tests.unit.collector.strategies import json_values, messages

CAPTURED = Path(__file__).parents[2] / "samples" / "requests"
_sorter = Sorter(new_id=lambda item: "made-up")


def sort(*messages: Any, call: str = "batch", **outside: Any) -> Sorted:
    return _sorter.sort(wire.unpack(call, json.dumps({"batch": messages, **outside}).encode()), SOURCE, NOW)


def captured(name: str) -> Sorted:
    """What becomes of a client's request, received a little later."""
    request = json.loads((CAPTURED / f"{name}.json").read_text())
    call = wire.call_of(request["path"].removeprefix("/v1/"))
    return _sorter.sort(wire.unpack(call, request["body"].encode()), SOURCE, datetime(2026, 11, 23, 3, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("client", "names"),
    [
        (
            "segment-analytics-python-2.4.0",
            ["order_completed", "customer_identified", "page_viewed", "screen_viewed", "customer_grouped", "identity_aliased"],
        ),
        (
            "rudder-sdk-python-2.1.9",
            ["order_completed", "customer_identified", "page_viewed", "customer_grouped", "identity_aliased"],
        ),
        ("browser-single", ["product_added"]),
    ],
)
def test_everything_that_a_published_client_sends_is_taken(client: str, names: list[str]) -> None:
    outcome = captured(client)
    assert outcome.refusals == []
    assert [entry.event.name for entry in outcome.entries] == names
    people = [entry.event.data() for entry in outcome.entries if entry.event.name == "customer_identified"]
    assert all(data["traits"] == {"email": "jane@example.com", "name": "ਜੇਨ"} for data in people)
    assert all(data["identity_keys"] == ["user:42", "email:jane@example.com"] for data in people)


def test_an_order_from_the_published_client_arrives_to_the_cent() -> None:
    order_completed = captured("segment-analytics-python-2.4.0").entries[0].event
    data = order_completed.data()
    assert (data["amount"], data["currency"], data["products"][0]["price"]) == (2750, "USD", 1999)
    assert order_completed.time.year == 1997


def test_the_browsers_own_send_time_corrects_a_single_message() -> None:
    entry = captured("browser-single").entries[0]
    assert entry.event.time == datetime(2026, 11, 23, 3, 30, 59, 992000, tzinfo=UTC)
    assert entry.original_timestamp == datetime(2026, 11, 23, 3, 30, 45, 302000, tzinfo=UTC)
    assert entry.sent_at == datetime(2026, 11, 23, 3, 30, 45, 310000, tzinfo=UTC)


def test_the_same_message_of_the_same_source_is_the_same_event() -> None:
    first, second = sort({**order(), "messageId": "m-1"}, {**order(), "messageId": "m-1"}).entries
    assert first.event.id == second.event.id == event_id("web-1", "m-1") == derived_id("shop", "web-1", "m-1")
    assert event_id("web-1", "m-1") != event_id("web-2", "m-1")


def test_a_message_without_an_id_gets_one() -> None:
    assert sort(order()).entries[0].message_id == "made-up"


def test_made_up_ids_tell_requests_apart_over_http_and_contents_apart_over_amqp() -> None:
    assert random_id(b"{}") != random_id(b"{}")
    assert content_id(b"{}") == content_id(b"{}") != content_id(b"[]")


@pytest.mark.parametrize(("message_id", "code"), [("x" * 101, Reason.INVALID_ID), ([1], Reason.INVALID_ID)])
def test_a_message_id_has_its_limit(message_id: Any, code: Reason) -> None:
    assert [refusal.code for refusal in sort({**order(), "messageId": message_id}).refusals] == [code]
    assert sort({**order(), "messageId": "x" * 100}).refusals == []


def test_good_events_are_taken_and_the_others_named_by_their_place() -> None:
    outcome = sort(order(), {**order(total="x"), "messageId": "bad"}, 5, order(products=[{"sku": "a", "quantity": 0}]))
    assert len(outcome.entries) == 1
    assert [(refusal.index, refusal.message_id, refusal.code) for refusal in outcome.refusals] == [
        (1, "bad", Reason.INVALID_MONEY),
        (2, None, Reason.INVALID_MESSAGE),
        (3, None, Reason.NOT_IN_CATALOGUE),
    ]
    assert json.loads(outcome.refusals[0].raw)["properties"]["total"] == "x"


def test_what_does_not_fit_into_a_batch_is_kept_in_one_piece() -> None:
    outcome = sort(*[{}] * (wire.BATCH_EVENTS + 1))
    assert (outcome.refusals[-1].code, outcome.refusals[-1].index) == (Reason.TOO_MANY_EVENTS, wire.BATCH_EVENTS)
    assert outcome.refusals[-1].raw == b"[{}]"


def test_an_import_is_history() -> None:
    message = {**order(), "timestamp": "1997-01-02T00:00:00Z"}
    event = sort(message, call="import", sentAt="2020-01-01T00:00:00Z").entries[0].event
    assert event.backfill
    assert event.time == datetime(1997, 1, 2, tzinfo=UTC)


def test_a_batchs_time_of_sending_holds_for_every_event() -> None:
    message = {**order(), "timestamp": "2026-05-01T11:00:00Z"}
    assert sort(message, sentAt="2026-05-01T11:30:00Z").entries[0].event.time == datetime(2026, 5, 1, 11, 30, tzinfo=UTC)


def test_two_refused_messages_never_show_a_value_in_the_reason() -> None:
    secret = {**order(email="jane@example.com", currency="secret-currency"), "messageId": "m"}
    assert "secret" not in sort(secret).refusals[0].message


@settings(max_examples=200)
@given(st.lists(messages() | json_values(), max_size=3), json_values())
def test_every_message_of_any_batch_becomes_one_event_or_one_refusal(messages: list[Any], sent_at: Any) -> None:
    outcome = sort(*messages, sentAt=sent_at)
    assert len(outcome.entries) + len(outcome.refusals) == len(messages)
