"""A request of the Segment protocol, taken apart into messages that stand or fall by themselves."""

import base64
import gzip
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import msgspec

from services.collector.domain import soundness
from services.collector.domain.refusal import Reason, Refused

EVENT_BYTES = 32 * 1024  # also bounds its properties: the 10,000 of the protocol do not fit in
REQUEST_BYTES = 500 * 1024
BATCH_EVENTS = 2_500
MESSAGE = "message"  # a single message that says itself what it is

_TYPES = ("track", "identify", "page", "screen", "group", "alias")
_BATCHES = ("batch", "import")
# The browser's short paths are the first letter of the call.
CALLS: Mapping[str, str] = {call: call for call in (*_TYPES, *_BATCHES)} | {call[0]: call for call in (*_TYPES, "batch")}


class _Batch(msgspec.Struct, rename="camel"):
    """The outside of a batch. Its items stay bytes, so one that is broken does not touch the others."""

    batch: list[msgspec.Raw]
    write_key: Any = None
    sent_at: Any = None
    context: Any = None


class _Single(msgspec.Struct, rename="camel"):
    """What a single message says beside its content."""

    write_key: Any = None
    sent_at: Any = None


_batches = msgspec.json.Decoder(_Batch)
_singles = msgspec.json.Decoder(_Single)
_messages = msgspec.json.Decoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Parcel:
    """The messages of one request as JSON bytes, and what the request says about all of them.

    `context` holds for messages that say nothing else. `surplus` are the messages beyond what a batch may hold, as one JSON list.
    """

    call: str
    items: list[bytes]
    write_key: str | None = None
    sent_at: Any = None
    context: Mapping[str, Any] = field(default_factory=dict)
    surplus: bytes = b""

    @property
    def backfill(self) -> bool:
        """History: it counts, and nothing is ever sent because of it."""
        return self.call == "import"

    @property
    def single(self) -> bool:
        return self.call not in _BATCHES

    @property
    def message_type(self) -> str | None:
        """The type of a message that does not name its own."""
        return self.call if self.call in _TYPES else None


def call_of(path: str) -> str:
    """`track` for `track` and for the browser's `t`."""
    if path not in CALLS:
        raise Refused(Reason.UNKNOWN_CALL, f"there is no such call: use one of {', '.join((*_TYPES, *_BATCHES))}")
    return CALLS[path]


def is_batch(path: str) -> bool:
    """Whether a call carries a list of messages."""
    return CALLS.get(path) in _BATCHES


def inflate(body: bytes, encoding: str) -> bytes:
    """The body without its gzip coat. Stops at the limit, so a small request cannot become a huge one."""
    if encoding.strip().lower() in ("gzip", "x-gzip"):
        try:
            with gzip.GzipFile(fileobj=BytesIO(body)) as file:
                body = file.read(REQUEST_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise Refused(Reason.INVALID_ENCODING, "the body is not the gzip stream that Content-Encoding says it is") from None
    elif encoding.strip().lower() not in ("", "identity"):
        raise Refused(Reason.INVALID_ENCODING, "Content-Encoding must be gzip or absent")
    if len(body) > REQUEST_BYTES:
        raise Refused(Reason.REQUEST_TOO_LARGE, f"send at most {REQUEST_BYTES // 1024} KB at once, after decompression")
    return body


def unpack(call: str, body: bytes) -> Parcel:
    """The parcel in an inflated body. Raises Refused where it is no JSON or not of the shape of `call`."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    return _unpack_batch(call, body) if call in _BATCHES else _unpack_single(call, body)


def call_in(body: bytes) -> str:
    """The call of a body that came without a path: `batch`, or a single message that names its own type."""
    try:
        _batches.decode(body)
    except msgspec.ValidationError:
        return MESSAGE
    except _UNREADABLE:
        return "batch" if b'"batch"' in body else MESSAGE
    return "batch"


def message_in(item: bytes, context: Mapping[str, Any]) -> dict[str, Any]:
    """One message, with what the batch said about all of them where it says nothing itself. Raises Refused."""
    if len(item) > EVENT_BYTES:
        raise Refused(Reason.EVENT_TOO_LARGE, f"an event must not be larger than {EVENT_BYTES // 1024} KB")
    try:
        message = _messages.decode(item)
    except _UNREADABLE:
        raise Refused(Reason.INVALID_JSON, "the event is not valid JSON in UTF-8") from None
    if not isinstance(message, dict):
        raise Refused(Reason.INVALID_MESSAGE, "an event must be a JSON object")
    if not soundness.is_plain(item):
        soundness.check(message)
    own = message.get("context")
    if context and (own is None or isinstance(own, dict)):
        message["context"] = {**context, **(own or {})}
    return message


def basic_key(authorization: str) -> str | None:
    """The write key in a Basic `Authorization`: the user, with an empty password. Other schemes leave the key to the body."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0] or None
    except ValueError:
        return None


def from_base64(data: str) -> bytes:
    """The JSON in the `data` of a pixel: base64, also the URL-safe kind, without padding, or with `+` read as a space."""
    try:
        text = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Refused(Reason.INVALID_ENCODING, "data must be the event as base64 of its JSON") from None


def _unpack_batch(call: str, body: bytes) -> Parcel:
    outside, _ = _outside(_batches, body, 'a batch must be an object with a list "batch"')
    taken, left = outside.batch[:BATCH_EVENTS], outside.batch[BATCH_EVENTS:]
    context = outside.context if isinstance(outside.context, dict) else {}
    if len(msgspec.json.encode(context)) > EVENT_BYTES:
        raise Refused(Reason.EVENT_TOO_LARGE, f"context must not be larger than {EVENT_BYTES // 1024} KB")
    soundness.check(context)
    items = [bytes(item) for item in taken]
    surplus = msgspec.json.encode(left) if left else b""
    return Parcel(call, items, _key(outside) or _first_key(items), outside.sent_at, context, surplus)


def _unpack_single(call: str, body: bytes) -> Parcel:
    outside, body = _outside(_singles, body, "an event must be a JSON object")
    return Parcel(call, [body], _key(outside), outside.sent_at)


def _outside(decoder: msgspec.json.Decoder[Any], body: bytes, shape: str) -> tuple[Any, bytes]:
    """The outside of a request, and its body, mended where that was needed to read it."""
    try:
        return decoder.decode(body), body
    except msgspec.ValidationError:
        raise Refused(Reason.INVALID_MESSAGE, shape) from None
    except _UNREADABLE:
        body = _mended(body)
    try:
        return decoder.decode(body), body
    except _UNREADABLE:
        raise Refused(Reason.INVALID_MESSAGE, shape) from None


def _mended(body: bytes) -> bytes:
    """JSON as some clients write it, made JSON: half a surrogate pair becomes `?`, NaN and Infinity null, as browsers have it."""
    try:
        value = json.loads(body.decode(), parse_constant=lambda _: None, parse_float=_finite)
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        raise Refused(Reason.INVALID_JSON, "the body is not valid JSON in UTF-8") from None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _key(outside: Any) -> str | None:
    return outside.write_key if isinstance(outside.write_key, str) and outside.write_key else None


def _first_key(items: list[bytes]) -> str | None:
    """The browser writes its key into every item as well; one is enough."""
    try:
        return _key(_singles.decode(items[0])) if items else None
    except _UNREADABLE:
        return None
