"""Frames of the hot path, held against py-amqp's own: what one side writes, the other reads."""

from collections.abc import Iterable
from typing import Any

import amqp
import pytest
from amqp.basic_message import Message
from amqp.method_framing import frame_handler, frame_writer
from amqp.serialization import dumps
from hypothesis import given
from hypothesis import strategies as st

from shared.broker import Letter
from shared.frames import Connection, Delivered, _Tcp, published, reading, table

FRAME_MAX = 4096
words = st.text(max_size=40)
values = st.recursive(
    words | st.integers(-(2**62), 2**62) | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
tables = st.dictionaries(st.text(max_size=20), values, max_size=8)
bodies = st.binary(max_size=3 * FRAME_MAX)


class Wire:
    """As much of a connection as py-amqp's framing wants, with what was written to it."""

    frame_max = FRAME_MAX
    bytes_recv = bytes_sent = 0

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += bytes(data)


class Socket:
    """Gives what was sent in pieces, and a timeout between any two."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = [part for piece in pieces for part in (piece, b"")]

    def recv(self, size: int) -> bytes:
        piece = self.pieces.pop(0)
        if not piece:
            raise TimeoutError
        return piece


def transport(pieces: Iterable[bytes]) -> _Tcp:
    made = _Tcp("nowhere")
    made._quick_recv = Socket(pieces).recv
    return made


def frames_of(data: bytes) -> list[tuple[int, int, bytes]]:
    read = transport([data])
    found = [read.read_frame()]
    while read.has_frame():
        found.append(read.read_frame())
    return found


def delivered_by_library(message: Message, tag: int) -> bytes:
    """The bytes of a `basic.deliver` as a broker would send it."""
    wire = Wire()
    arguments = dumps("sLbss", ("consumer", tag, False, "shop.events", "order_completed"))
    frame_writer(wire, wire)(1, 7, (60, 60), arguments, message)
    return wire.written


def read_by_us(data: bytes) -> list[Delivered]:
    found: list[Delivered] = []
    on_frame = reading(found.append)(Wire(), None)
    whole = [on_frame(frame) for frame in frames_of(data)]
    assert whole.count(True) == len(found)
    return found


@given(tables, bodies, st.integers(0, 2**63))
def test_what_the_library_writes_is_read(headers: dict[str, Any], body: bytes, tag: int) -> None:
    message = Message(body, application_headers=headers, content_type="text/plain", content_encoding="binary", delivery_mode=2)
    (read,) = read_by_us(delivered_by_library(message, tag))
    assert (read.headers, read.body, read.tag, read.routing_key) == (headers, body, tag, "order_completed")


@given(tables, bodies, words)
def test_what_is_written_the_library_reads(headers: dict[str, Any], body: bytes, name: str) -> None:
    letter = Letter(name, "shop.events", "order_completed", headers, body)
    read: list[tuple[bytes, Message]] = []
    keep = lambda channel, method, arguments, message: read.append((arguments, message))  # noqa: E731
    on_frame = frame_handler(Wire(), keep, content_methods=frozenset([(60, 40)]))
    for frame in frames_of(published(letter, 7, FRAME_MAX)):
        on_frame(frame)
    ((arguments, message),) = read
    assert arguments[4:] == dumps("Bssbb", (0, "shop.events", "order_completed", True, False))
    assert message.properties == {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "application_headers": headers,
        "delivery_mode": 2,
        "message_id": name,
    }
    assert (message.body or b"") == (body if not body or isinstance(message.body, bytes) else body.decode())


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_a_frame_cut_anywhere_is_read_whole(cuts: list[int]) -> None:
    data = delivered_by_library(Message(b"x" * 50, application_headers={"ce-id": "1"}), 3) * 2
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    read = transport([piece for piece in [*pieces, data[at:]] if piece])
    frames: list[tuple[int, int, bytes]] = []
    while len(frames) < 6:
        try:
            frames.append(read.read_frame())
        except TimeoutError:
            continue
    assert frames == frames_of(data)


def test_a_closed_connection_is_an_error_and_not_an_endless_read() -> None:
    read = _Tcp("nowhere")
    read._quick_recv = lambda size: b""
    with pytest.raises(OSError, match="closed"):
        read.read_frame()
    assert read.connected is False


def test_a_frame_that_does_not_end_as_one_is_refused() -> None:
    with pytest.raises(amqp.exceptions.UnexpectedFrame):
        transport([b"\x01\x00\x01\x00\x00\x00\x01ab"]).read_frame()


def test_headers_that_make_no_sense_are_none_and_the_message_is_read() -> None:
    data = delivered_by_library(Message(b"body", application_headers={"a": "b"}), 1)
    (read,) = read_by_us(data.replace(b"\x01aS", b"\x01aZ"))
    assert (read.headers, read.body) == ({}, b"body")


def test_text_that_is_no_utf8_stays_bytes() -> None:
    raw = dumps("F", [{"a": b"\xff"}])
    assert table(raw, 0) == {"a": b"\xff"}


def test_other_methods_stay_the_librarys() -> None:
    heard: list[Any] = []
    on_frame = reading(heard.append)(Wire(), lambda *arguments: heard.append(arguments))
    on_frame((1, 7, b"\x00\x3c\x00\x50" + b"\x00" * 9))
    assert heard == [(7, (60, 80), b"\x00\x3c\x00\x50" + b"\x00" * 9, None)]


def test_the_connection_takes_tcp_or_tls() -> None:
    assert type(Connection("nowhere:1").Transport("nowhere:1", 1)).__name__ == "_Tcp"
    assert type(Connection("nowhere:1").Transport("nowhere:1", 1, ssl=True)).__name__ == "_Tls"
