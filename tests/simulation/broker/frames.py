"""Messages out of the bytes that a publisher wrote: AMQP 0-9-1 frames of `basic.publish`, read by py-amqp."""

from collections.abc import Iterator
from struct import unpack_from
from typing import Any

from amqp.basic_message import Message as Content
from amqp.serialization import loads

from tests.simulation.broker.queues import Message

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, 0xCE
_PUBLISH = (60, 40)


def published(data: bytes) -> Iterator[tuple[int, Message]]:
    """The channel and content of each message in whole frames. Raises ValueError for frames that a broker would refuse."""
    arguments: list[Any] = []
    content, body, missing = Content(), b"", 0
    for kind, channel, payload in _frames(data):
        if kind == _METHOD:
            if unpack_from(">HH", payload) != _PUBLISH:
                raise ValueError("another method than basic.publish")
            arguments, _ = loads("Bssbb", payload, 4)
        elif kind == _HEADER:
            (missing,) = unpack_from(">Q", payload, 4)
            content, body = Content(), b""
            content._load_properties(60, payload, 12)
        else:
            body += payload
        if kind != _METHOD and len(body) == missing:
            yield channel, _message(arguments, content.properties, body)


def _message(arguments: list[Any], properties: dict[str, Any], body: bytes) -> Message:
    _, exchange, routing_key, mandatory, _ = arguments
    if properties.get("delivery_mode") != 2:
        raise ValueError("a message that the broker may forget")
    headers = properties.get("application_headers", {})
    return Message(body, headers, exchange, routing_key, properties["message_id"], bool(mandatory))


def _frames(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        kind, channel, size = unpack_from(">BHI", data, at)
        payload, end = data[at + 7 : at + 7 + size], data[at + 7 + size]
        if end != _END:
            raise ValueError("a frame without an end")
        yield kind, channel, payload
        at += 8 + size
