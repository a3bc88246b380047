"""Requests as bytes: every limit, every way of carrying a key, and what broken neighbours do to each other."""

import base64
import contextlib
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector import wire
from services.collector.domain import Reason, Refused
from services.collector.domain.soundness import DEPTH

GOOD = {"type": "track", "userId": "1", "event": "x"}


def batch(*items: Any, **outside: Any) -> bytes:
    return json.dumps({"batch": items, **outside}).encode()


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("path", ["track", "identify", "page", "screen", "group", "alias", "batch", "import"])
def test_every_call_is_known_by_its_name(path: str) -> None:
    assert wire.call_of(path) == path


def test_the_browser_says_it_with_one_letter() -> None:
    assert [wire.call_of(letter) for letter in "tipsgab"] == ["track", "identify", "page", "screen", "group", "alias", "batch"]


def test_other_calls_do_not_exist() -> None:
    with pytest.raises(Refused) as refusal:
        wire.call_of("delete")
    assert refusal.value.code is Reason.UNKNOWN_CALL


def test_gzip_is_undone() -> None:
    assert wire.inflate(gzip.compress(b"{}"), "GZIP") == b"{}"
    assert wire.inflate(b"{}", "") == b"{}"


def test_a_small_request_does_not_become_a_huge_one() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with pytest.raises(Refused) as refusal:
        wire.inflate(bomb, "gzip")
    assert refusal.value.code is Reason.REQUEST_TOO_LARGE


def test_a_request_of_exactly_the_limit_fits() -> None:
    assert len(wire.inflate(b" " * wire.REQUEST_BYTES, "")) == wire.REQUEST_BYTES
    with pytest.raises(Refused) as refusal:
        wire.inflate(b" " * (wire.REQUEST_BYTES + 1), "")
    assert refusal.value.code is Reason.REQUEST_TOO_LARGE


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"{}", "gzip"), (gzip.compress(b"{}" * 99)[:-9], "gzip"), (gzip.compress(b"{}") + b"x", "gzip"), (b"{}", "br")],
)
def test_a_broken_or_foreign_coat_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(Refused) as refusal:
        wire.inflate(body, encoding)
    assert refusal.value.code is Reason.INVALID_ENCODING


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Reason.INVALID_JSON),
        (b"{", Reason.INVALID_JSON),
        (b'{"batch":[{]}', Reason.INVALID_JSON),
        (b"\xff\xfe", Reason.INVALID_JSON),
        (b"[" * 100_000, Reason.INVALID_MESSAGE),
        (b'{"batch":' + b"[" * 100_000, Reason.INVALID_JSON),
        (b"[]", Reason.INVALID_MESSAGE),
        (b"{}", Reason.INVALID_MESSAGE),
        (b'{"batch":{}}', Reason.INVALID_MESSAGE),
        (b"null", Reason.INVALID_MESSAGE),
        (b"9" * 5000, Reason.INVALID_MESSAGE),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(body: bytes, code: Reason) -> None:
    with pytest.raises(Refused) as refusal:
        wire.unpack("batch", body)
    assert refusal.value.code is code


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(["batch", "track", "import"]))
def test_unpacking_any_bytes_never_fails_in_another_way(body: bytes, call: str) -> None:
    try:
        parcel = wire.unpack(call, body)
    except Refused:
        return
    for item in parcel.items:
        with contextlib.suppress(Refused):
            assert isinstance(wire.message_in(item, parcel.context), dict)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert wire.unpack("track", b"\xef\xbb\xbf" + json.dumps(GOOD).encode()).items == [json.dumps(GOOD).encode()]


def test_more_events_than_a_batch_holds_are_told_apart_from_the_others() -> None:
    parcel = wire.unpack("batch", batch(*[{}] * (wire.BATCH_EVENTS + 2)))
    assert len(parcel.items) == wire.BATCH_EVENTS
    assert parcel.surplus == b"[{},{}]"
    assert wire.unpack("batch", batch(*[{}] * wire.BATCH_EVENTS)).surplus == b""


def test_half_a_character_and_nan_become_what_a_browser_would_have_sent() -> None:
    body = b'{"batch":[{"a":"half \\ud83d","b":NaN,"c":-Infinity,"d":1e999},{"a":"whole \\ud83d\\ude00"}]}'
    first, second = (wire.message_in(item, {}) for item in wire.unpack("batch", body).items)
    assert first == {"a": "half ?", "b": None, "c": None, "d": None}
    assert second == {"a": "whole 😀"}


def test_a_broken_item_does_not_touch_its_neighbours() -> None:
    body = b'{"batch":[{"a":"\xff"},{"ok":1},5]}'
    broken, good, number = wire.unpack("batch", body).items
    assert wire.message_in(good, {}) == {"ok": 1}
    for item, code in ((broken, Reason.INVALID_JSON), (number, Reason.INVALID_MESSAGE)):
        with pytest.raises(Refused) as refusal:
            wire.message_in(item, {})
        assert refusal.value.code is code


def test_an_event_of_exactly_the_limit_fits() -> None:
    item = b'{"a":"' + b"x" * (wire.EVENT_BYTES - 8) + b'"}'
    assert len(item) == wire.EVENT_BYTES
    assert wire.message_in(item, {})
    with pytest.raises(Refused) as refusal:
        wire.message_in(item[:-2] + b'x"}', {})
    assert refusal.value.code is Reason.EVENT_TOO_LARGE


def test_ten_thousand_properties_do_not_fit_into_an_event() -> None:
    smallest = len(b'"":1,') + 1
    assert wire.EVENT_BYTES / smallest < 10_000


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (nested(DEPTH + 1), Reason.TOO_DEEP),
        ({"a": "\0"}, Reason.INVALID_FIELD),
        ({"\0": 1}, Reason.INVALID_FIELD),
        ({"a": [2**63]}, Reason.INVALID_FIELD),
        ({"a": -(2**63) - 1}, Reason.INVALID_FIELD),
    ],
)
def test_values_that_readers_cannot_hold_are_refused(message: dict[str, Any], code: Reason) -> None:
    with pytest.raises(Refused) as refusal:
        wire.message_in(json.dumps(message).encode(), {})
    assert refusal.value.code is code


def test_nesting_up_to_the_limit_is_fine() -> None:
    assert wire.message_in(json.dumps(nested(DEPTH)).encode(), {})


def test_what_the_batch_says_of_all_holds_where_an_event_says_nothing() -> None:
    parcel = wire.unpack("batch", batch({"context": {"locale": "pa"}}, {}, context={"locale": "en", "timezone": "UTC"}))
    contexts = [wire.message_in(item, parcel.context)["context"] for item in parcel.items]
    assert contexts == [{"locale": "pa", "timezone": "UTC"}, {"locale": "en", "timezone": "UTC"}]


def test_a_context_larger_than_an_event_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        wire.unpack("batch", batch(GOOD, context={"a": "x" * wire.EVENT_BYTES}))
    assert refusal.value.code is Reason.EVENT_TOO_LARGE


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (batch(GOOD, writeKey="wk_1"), "wk_1"),
        (batch({**GOOD, "writeKey": "wk_2"}), "wk_2"),
        (batch({**GOOD, "writeKey": "wk_2"}, writeKey="wk_1"), "wk_1"),
        (batch(GOOD, writeKey=5), None),
        (batch(GOOD, writeKey=""), None),
        (batch(), None),
    ],
)
def test_the_key_is_in_the_body_else_in_the_first_item(body: bytes, key: str | None) -> None:
    assert wire.unpack("batch", body).write_key == key


@pytest.mark.parametrize(
    ("authorization", "key"),
    [
        ("Basic " + base64.b64encode(b"wk_1:").decode(), "wk_1"),
        ("basic " + base64.b64encode(b"wk_1").decode(), "wk_1"),
        ("Basic " + base64.b64encode(b":").decode(), None),
        ("Basic !!!", None),
        ("Basic ÿ", None),
        ("Basic " + base64.b64encode(b"\xff").decode(), None),
        ("Bearer token", None),
        ("", None),
    ],
)
def test_the_key_is_the_user_of_basic_authorization(authorization: str, key: str | None) -> None:
    assert wire.basic_key(authorization) == key


@pytest.mark.parametrize(
    "spoil",
    [lambda t: t, lambda t: t.rstrip("="), lambda t: t.replace("+", " "), lambda t: t.replace("+", "-").replace("/", "_")],
)
def test_the_data_of_a_pixel_survives_what_mail_clients_do_to_addresses(spoil: Any) -> None:
    body = json.dumps({"event": "ÿÿ~~??>>"}, ensure_ascii=False).encode()
    assert wire.from_base64(spoil(base64.b64encode(body).decode())) == body


@pytest.mark.parametrize("data", ["a", "%%%", "äöü"])
def test_other_data_is_refused(data: str) -> None:
    with pytest.raises(Refused) as refusal:
        wire.from_base64(data)
    assert refusal.value.code is Reason.INVALID_ENCODING


@pytest.mark.parametrize(
    ("body", "call"),
    [
        (batch(GOOD), "batch"),
        (b'{"batch":[NaN]}', "batch"),
        (json.dumps(GOOD).encode(), wire.MESSAGE),
        (b"x", wire.MESSAGE),
    ],
)
def test_a_body_without_a_path_tells_itself_what_it_is(body: bytes, call: str) -> None:
    assert wire.call_in(body) == call
