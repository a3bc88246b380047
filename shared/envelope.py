"""One event on its way: the CloudEvents 1.0 attributes beside the data, as AMQP headers and as a stored document.

The AMQP form is the *binary mode* that the CloudEvents SDK writes for RabbitMQ: attributes in `ce-` headers, the body is the data
as plain JSON. So a stock nameko `@event_handler` gets the data and any CloudEvents library reads the rest.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from bson import Binary

from shared.errors import InvalidEvent

_NAMESPACE = uuid.UUID("5ab4dd11-0b8e-5c52-9a51-6d1f0f6f5a1e").bytes
_json = msgspec.json.Encoder()


def derived_id(*parts: str) -> str:
    """An id that is the same whenever it is made from the same parts, so that a repeated cause repeats the id.

    A UUID of version 5 (RFC 9562), put together here because the standard library takes four times as long.
    """
    digest = bytearray(hashlib.sha1(_NAMESPACE + "\x1f".join(parts).encode(), usedforsecurity=False).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80  # version and variant
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it travels. `time` is when it happened, `received_at` when the system first heard of it.

    `subject` is the identity key that the event came with. A `backfill` event is history: it counts, and nothing is ever sent
    because of it. `body` is the data as UTF-8 JSON.
    """

    id: str
    name: str
    source: str
    subject: str
    time: datetime
    received_at: datetime
    body: bytes
    backfill: bool = False
    traceparent: str | None = None

    @property
    def exchange(self) -> str:
        return f"{self.source}.events"

    def data(self) -> Any:
        """The body as plain Python values."""
        return msgspec.json.decode(self.body)

    def headers(self) -> dict[str, Any]:
        """AMQP headers. The CloudEvents SDK reads `ce-time` as text, so times go out as RFC 3339."""
        headers: dict[str, Any] = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-source": self.source,
            "ce-type": self.name,
            "ce-subject": self.subject,
            "ce-time": _text(self.time),
            "ce-dataschema": f"urn:sambandh:{self.source}:{self.name}:1",
            "ce-receivedat": _text(self.received_at),
        }
        if self.backfill:
            headers["ce-backfill"] = "true"
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        return headers

    def document(self) -> dict[str, Any]:
        """The stored form, read back by `from_document`."""
        document: dict[str, Any] = {
            "_id": self.id,
            "name": self.name,
            "source": self.source,
            "subject": self.subject,
            "time": self.time,
            "received_at": self.received_at,
            "body": Binary(self.body),
        }
        if self.backfill:
            document["backfill"] = True
        if self.traceparent:
            document["traceparent"] = self.traceparent
        return document


def encode(data: Mapping[str, Any]) -> bytes:
    """Data as the plain JSON that every language reads (kombu's JSON marks types and is not that)."""
    return _json.encode(data)


def from_document(document: Mapping[str, Any]) -> Event:
    return Event(
        id=document["_id"],
        name=document["name"],
        source=document["source"],
        subject=document["subject"],
        time=document["time"],
        received_at=document["received_at"],
        body=bytes(document["body"]),
        backfill=document.get("backfill", False),
        traceparent=document.get("traceparent"),
    )


def from_message(headers: Mapping[str, Any], body: bytes) -> Event:
    """Read what a queue delivered. Raises InvalidEvent where an attribute is missing or makes no sense."""
    if headers.get("ce-specversion") != "1.0":
        raise InvalidEvent("ce-specversion is not 1.0: not a CloudEvent in binary mode")
    try:
        time = _time(headers["ce-time"])
        return Event(
            id=_name(headers, "ce-id"),
            name=_name(headers, "ce-type"),
            source=_name(headers, "ce-source"),
            subject=_name(headers, "ce-subject"),
            time=time,
            received_at=_time(headers["ce-receivedat"]) if "ce-receivedat" in headers else time,
            body=body,
            backfill=str(headers.get("ce-backfill", "")).lower() == "true",
            traceparent=headers.get("traceparent"),
        )
    except KeyError as missing:
        raise InvalidEvent(f"header {missing.args[0]} is missing") from None
    except (TypeError, ValueError):
        raise InvalidEvent("header ce-time or ce-receivedat is not an RFC 3339 time") from None


def _name(headers: Mapping[str, Any], header: str) -> str:
    value = headers[header]
    if not isinstance(value, str) or not value or len(value) > 1024:
        raise InvalidEvent(f"header {header} is not a text of 1 to 1024 characters")
    return value


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    """An aware time in whole milliseconds, which is what MongoDB keeps."""
    time = datetime.fromisoformat(text)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
