"""What an entry of the catalogue is: a name, its source, the schema of its data, and the prose that a reader needs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jsonschema_rs
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import EXCLUDE, Schema, fields, validate

from shared.errors import InvalidEvent


class EventData(Schema):
    """Data of an event. Readers ignore what they do not know, so fields may be added."""

    class Meta:
        unknown = EXCLUDE


class MinorUnits(fields.Integer):
    """An amount of money as a whole number of minor units (cents) of the event's `currency`.

    Bounded to the integers that every JSON reader holds exactly.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=-(2**53) + 1, max=2**53 - 1), **kwargs)


class IdentityKey(fields.String):
    """Who an event is about, as `kind:value`: `user:42`, `anon:5f1c`, `email:jane@example.com`, `social:x:jane`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Regexp(r"^[a-z][a-z_]*:.+$"), **kwargs)


@dataclass(frozen=True)
class EventKind:
    """One entry of the catalogue.

    `sent` and `not_sent` say when it is published and when it is not, `key` what makes two of them the same fact, `late` what a
    late or repeated one means to a reader. One that is `by_every_service` is published by each on its own exchange, see `by`.
    """

    name: str
    source: str
    schema: type[EventData]
    sent: str
    not_sent: str
    key: str
    late: str
    by_every_service: bool = False

    def by(self, service: str) -> "EventKind":
        """The same event as a service publishes it on its own exchange."""
        return replace(self, source=service)

    @property
    def exchange(self) -> str:
        return f"{self.source}.events"

    @property
    def dataschema(self) -> str:
        return f"urn:sambandh:{self.source}:{self.name}:1"

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of the data, with nested schemas under `$defs`."""
        spec = APISpec(title=self.name, version="1", openapi_version="3.1.0", plugins=[MarshmallowPlugin()])
        spec.components.schema(self.name, schema=self.schema)
        schemas = spec.to_dict()["components"]["schemas"]
        schema: dict[str, Any] = _with_local_references({**schemas.pop(self.name), **({"$defs": schemas} if schemas else {})})
        return schema

    @cached_property
    def _validator(self) -> Any:
        return jsonschema_rs.validator_for(self.json_schema, validate_formats=True)

    def check(self, data: Mapping[str, Any]) -> None:
        """Raise InvalidEvent with the first fields that are wrong; values are not named, they may be personal."""
        if not self._validator.is_valid(data):
            errors = [_describe(error) for error, _ in zip(self._validator.iter_errors(data), range(5), strict=False)]
            raise InvalidEvent(f"{self.name}: {'; '.join(errors)}")


def _describe(error: Any) -> str:
    path = ".".join(str(step) for step in error.instance_path)
    if error.kind.name == "required":
        return f"{path}.{error.kind.property} is missing".lstrip(".")
    return f"{path or 'data'} breaks {error.kind.name}"


def _with_local_references(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: value.replace("#/components/schemas/", "#/$defs/") if key == "$ref" else _with_local_references(value)
            for key, value in node.items()
        }
    return [_with_local_references(item) for item in node] if isinstance(node, list) else node
