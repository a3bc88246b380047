"""The catalogue as an AsyncAPI 3.0 document: a channel for each event on the topic exchange of its source."""

from collections.abc import Mapping
from typing import Any

from shared.events import EventKind

_TIME = {"type": "string", "format": "date-time"}

# The CloudEvents 1.0 attributes as AMQP headers; `ce-receivedat` and `ce-backfill` are our extension attributes.
HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time"],
    "properties": {
        "ce-specversion": {"const": "1.0", "description": "Version of CloudEvents."},
        "ce-id": {
            "type": "string",
            "description": "Id of the event. One that was seen before is a repeat, whatever else it says.",
        },
        "ce-source": {"type": "string", "description": "The service that publishes."},
        "ce-type": {"type": "string", "description": "Name of the event, also its routing key."},
        "ce-subject": {"type": "string", "description": "Identity key that the event came with: `user:42`, `anon:5f1c`."},
        "ce-time": {
            **_TIME,
            "description": "When it happened, in UTC. Order facts by this and then by `ce-id`, never by arrival.",
        },
        "ce-dataschema": {"type": "string", "description": "Name of the schema of the data, with its version."},
        "ce-receivedat": {**_TIME, "description": "When the system first heard of it, in UTC."},
        "ce-backfill": {
            "const": "true",
            "description": "Present on imported history: it counts, and nothing is sent because of it.",
        },
        "traceparent": {"type": "string", "description": "W3C trace context."},
    },
}


def document(catalogue: Mapping[str, EventKind]) -> dict[str, Any]:
    """AsyncAPI 3.0.0 of all events. Schemas lie under `components`, since references count from the root of the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sambandh events",
            "version": "1",
            "description": "Facts about the customers of online shops, as CloudEvents 1.0 in binary mode on RabbitMQ.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {kind.name: _channel(kind) for kind in catalogue.values()},
        "operations": {f"receive_{kind.name}": _operation(kind) for kind in catalogue.values()},
        "components": {
            "messages": {kind.name: _message(kind) for kind in catalogue.values()},
            "schemas": {"Headers": HEADERS, **_schemas(catalogue)},
        },
    }


def _channel(kind: EventKind) -> dict[str, Any]:
    exchange = {"name": kind.exchange, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": kind.name,
        "description": f"Routing key `{kind.name}` on exchange `{kind.exchange}`.",
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operation(kind: EventKind) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{kind.name}"},
        "summary": kind.sent,
        "bindings": {"amqp": {"ack": True, "bindingVersion": "0.3.0"}},
    }


def _message(kind: EventKind) -> dict[str, Any]:
    prose = f"{kind.sent}\n\nNot sent: {kind.not_sent}\n\nKey: {kind.key}\n\nLate or repeated: {kind.late}"
    return {
        "name": kind.name,
        "title": kind.name.replace("_", " ").capitalize(),
        "description": prose,
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{kind.name}"},
        "bindings": {"amqp": {"messageType": kind.name, "bindingVersion": "0.3.0"}},
    }


def _schemas(catalogue: Mapping[str, EventKind]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for kind in catalogue.values():
        own = {**kind.json_schema}
        shared = own.pop("$defs", {})
        schemas |= {kind.name: _moved(own), **{name: _moved(schema) for name, schema in shared.items()}}
    return schemas


def _moved(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _target(value) if key == "$ref" else _moved(value) for key, value in node.items()}
    return [_moved(item) for item in node] if isinstance(node, list) else node


def _target(reference: str) -> str:
    return reference.replace("#/$defs/", "#/components/schemas/")
