"""AMQP 0-9-1 frames of the two methods that every event passes: `basic.deliver` when read, `basic.publish` when sent.

Everything else of the protocol is py-amqp's. It takes about ten system calls and a generic decoding to read one message; here one call
reads as many frames as have arrived, one call writes a window of messages, and only what an event needs is decoded. The gain is in
docs/decisions/0008.
"""

import contextlib
import struct
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

import amqp
from amqp.exceptions import UnexpectedFrame
from amqp.method_framing import frame_handler
from amqp.serialization import _read_item, dumps
from amqp.spec import method
from amqp.transport import SSLTransport, TCPTransport

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, 0xCE
_AROUND = 8  # bytes of a frame that are not its payload
_READ_AHEAD = 256 * 1024
_DELIVER = b"\x00\x3c\x00\x3c"
_PUBLISH = b"\x00\x3c\x00\x28"
_MANDATORY = b"\x01"
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS, _DELIVERY_MODE, _MESSAGE_ID = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
_ALL_OF_OURS = _CONTENT_TYPE | _CONTENT_ENCODING | _HEADERS | _DELIVERY_MODE | _MESSAGE_ID
_PERSISTENT = b"\x02"
_LONG_STRING = ord("S")
_CREDIT, _CREDIT_OK, _CREDIT_DRAINED = (60, 200), (60, 201), (60, 202)
_frame = Struct(">BHI")
_content = Struct(">HHQH")  # class, weight, size of the body, which properties follow
_u16, _u32, _u64 = Struct(">H"), Struct(">I"), Struct(">Q")


class Delivered:
    """A message as it arrived: its headers, its raw body, the tag to acknowledge it by and the routing key."""

    __slots__ = ("body", "headers", "missing", "parts", "routing_key", "tag")

    def __init__(self, arguments: bytes) -> None:
        at = 5 + arguments[4]  # after the consumer's tag
        (self.tag,) = _u64.unpack_from(arguments, at)
        at += 9  # and whether it was delivered before
        at += 1 + arguments[at]  # the exchange
        self.routing_key = arguments[at + 1 : at + 1 + arguments[at]].decode(errors="replace")
        self.headers: dict[str, Any] = {}
        self.body = b""
        self.missing = 0
        self.parts: list[bytes] = []

    def describe(self, payload: bytes) -> None:
        """Read the content header: how long the body is, and the headers. Headers that make no sense are none."""
        _, _, self.missing, properties = _content.unpack_from(payload)
        at = _content.size
        for property_ in (_CONTENT_TYPE, _CONTENT_ENCODING):
            if properties & property_:
                at += 1 + payload[at]
        if properties & _HEADERS:
            with contextlib.suppress(amqp.FrameSyntaxError, IndexError, struct.error):
                self.headers = table(payload, at)

    def add(self, payload: bytes) -> None:
        self.parts.append(payload)
        self.missing -= len(payload)


def table(buffer: bytes, at: int) -> dict[str, Any]:
    """A table of the protocol. Texts are read here, all other types by py-amqp."""
    (size,) = _u32.unpack_from(buffer, at)
    at += 4
    end = at + size
    found: dict[str, Any] = {}
    while at < end:
        start = at + 1
        at = start + buffer[at]
        name = buffer[start:at].decode(errors="replace")
        if buffer[at] == _LONG_STRING:
            start = at + 5
            at = start + _u32.unpack_from(buffer, at + 1)[0]
            found[name] = _text(buffer[start:at])
        else:
            found[name], at = _read_item(buffer, at)
    return found


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def reading(deliver: Callable[[Delivered], None]) -> Callable[..., Callable[[Any], bool]]:
    """py-amqp's `frame_handler`, which gives messages to `deliver` and leaves all else as it is."""

    def factory(connection: Any, callback: Any) -> Callable[[Any], bool]:
        others = frame_handler(connection, callback)
        arriving: dict[int, Delivered] = {}  # by channel

        def on_frame(frame: tuple[int, int, bytes]) -> bool:
            kind, channel, payload = frame
            if kind == _METHOD and payload[:4] == _DELIVER:
                connection.bytes_recv += 1  # counts frames: heartbeats are judged by it
                arriving[channel] = Delivered(payload)
                return False
            message = arriving.get(channel) if kind in (_HEADER, _BODY) else None
            if message is None:
                return bool(others(frame))
            connection.bytes_recv += 1
            if kind == _HEADER:
                message.describe(payload)
            else:
                message.add(payload)
            if message.missing > 0:
                return False
            message.body = b"".join(message.parts)
            del arriving[channel]
            deliver(message)
            return True

        return on_frame

    return factory


class _ReadAhead:
    """Reads what has arrived in one system call. A frame is taken from the buffer when it is whole, so none is lost to a timeout."""

    _ahead = b""
    _at = 0

    def has_frame(self) -> bool:
        """Whether a whole frame has been read."""
        have = len(self._ahead) - self._at
        return have >= _AROUND and have >= _AROUND + int.from_bytes(self._ahead[self._at + 3 : self._at + 7], "big")

    def read_frame(self) -> tuple[int, int, bytes]:
        """The next frame: type, channel, payload. Raises TimeoutError when none comes in time, OSError when none can come."""
        while not self.has_frame():
            self._more()
        kind, channel, size = _frame.unpack_from(self._ahead, self._at)
        start = self._at + _frame.size
        end = start + size
        if self._ahead[end] != _END:
            raise UnexpectedFrame(f"a frame ends in {self._ahead[end]:#x}")
        self._at = end + 1
        return kind, channel, self._ahead[start:end]

    def _more(self) -> None:
        try:
            read = self._quick_recv(_READ_AHEAD)  # type: ignore[attr-defined]  # py-amqp's: the socket's way to read
            if not read:
                raise OSError("the broker closed the connection")
        except TimeoutError:
            raise
        except OSError:
            self.connected = False
            raise
        self._ahead = self._ahead[self._at :] + read
        self._at = 0


class _Tcp(_ReadAhead, TCPTransport):  # type: ignore[misc]
    """Over TCP."""


class _Tls(_ReadAhead, SSLTransport):  # type: ignore[misc]
    """Over TLS."""


class Channel(amqp.Channel):  # type: ignore[misc]
    """py-amqp's channel that knows RabbitMQ's methods about credit."""

    _METHODS = {**amqp.Channel._METHODS, _CREDIT_OK: method(_CREDIT_OK, "l"), _CREDIT_DRAINED: method(_CREDIT_DRAINED, "sl")}


class Connection(amqp.Connection):  # type: ignore[misc]
    """py-amqp's connection that reads ahead."""

    Channel = Channel

    def Transport(  # noqa: N802 - py-amqp's name and order
        self,
        host: str,
        connect_timeout: float | None,
        ssl: Any = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        **options: Any,
    ) -> Any:
        transport = _Tls if ssl else _Tcp
        limits = {"connect_timeout": connect_timeout, "read_timeout": read_timeout, "write_timeout": write_timeout}
        return transport(host, ssl=ssl, **limits, **options)

    def drain_read(self, timeout: float) -> None:
        """Handle every frame that has arrived, and wait up to `timeout` seconds for one if none has. Raises TimeoutError."""
        if not self.transport.has_frame():
            self.blocking_read(timeout)
        while self.transport.has_frame():
            self.on_inbound_frame(self.transport.read_frame())


def withhold(channel: Any, tag: str, seconds: float = 1.0) -> None:
    """Have the broker give a consumer nothing more; afterwards all that it had given has arrived.

    Cancelling alone does not do that: a quorum queue takes back what is on its way to the channel at that moment, and counts it as
    returned. `basic.credit` is an extension of RabbitMQ up to 3.x. Version 4 has nothing in its place, so there a consumer that ends
    sends back the few messages which nobody has seen yet.
    """
    server = channel.connection.server_properties
    if server.get("product") == "RabbitMQ" and str(server.get("version")).startswith("3."):
        channel.send_method(_CREDIT, "slb", (tag, 0, False))
        with contextlib.suppress(TimeoutError):
            channel.wait(_CREDIT_OK, timeout=seconds)


def published(letter: Any, channel: int, frame_max: int) -> bytes:
    """The frames of a persistent, mandatory message: a broker.Letter as it goes over the wire."""
    method = _PUBLISH + _u16.pack(0) + _short(letter.exchange) + _short(letter.routing_key) + _MANDATORY
    content = b"".join(
        (
            _content.pack(0x3C, 0, len(letter.body), _ALL_OF_OURS),
            _short(letter.content_type),
            _short("utf-8"),
            _table(letter.headers),
            _PERSISTENT,
            _short(letter.id),
        )
    )
    most = frame_max - _AROUND
    bodies = [letter.body[start : start + most] for start in range(0, len(letter.body), most)]
    frames = [(_METHOD, method), (_HEADER, content), *((_BODY, body) for body in bodies)]
    return b"".join(part for kind, payload in frames for part in (_frame.pack(kind, channel, len(payload)), payload, b"\xce"))


def _short(text: str) -> bytes:
    raw = text.encode()
    return bytes((len(raw),)) + raw


def _table(values: Mapping[str, Any]) -> bytes:
    """Texts are written here; a table that holds anything else is py-amqp's to write."""
    if not all(type(value) is str for value in values.values()):
        return bytes(dumps("F", [values]))
    entries = b"".join(
        _short(name) + b"S" + _u32.pack(len(raw)) + raw for name, raw in ((name, text.encode()) for name, text in values.items())
    )
    return _u32.pack(len(entries)) + entries
