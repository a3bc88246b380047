"""The shape of an event's data, and reading a client's properties into it.

The catalogue says what each field is (money, a count, text, a list of products). A `Shape` is that as plain values, so one set of
rules reads every event. Properties that the catalogue has no word for are left behind.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.collector.domain import clock, values
from services.collector.domain.refusal import Reason, Refused

Reader = Callable[[Any, str, str], Any]  # (value, its path in the message, currency) -> value as stored, None for blank

# Other words that clients use for a field, after its own name and the same in camelCase; `event.field` holds for that event only.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "product_id": ("sku", "id"),
    "image_url": ("image",),
    "order_refunded.amount": ("total",),
    "product_changed.title": ("name",),
}


@dataclass(frozen=True, slots=True)
class Field:
    """How one field is read: the names under which clients send it, the reader, and what stands in where it is absent."""

    name: str
    names: tuple[str, ...]
    read: Reader
    required: bool = False
    default: Any = None

    def take(self, properties: Mapping[str, Any], path: str, currency: str) -> Any:
        """The first of `names` that is there and not blank, as stored; what stands in for it where there is none."""
        for name in self.names:
            value = properties.get(name)
            if value is not None:
                value = self.read(value, f"{path}.{name}", currency)
                if value is not None:
                    return value
        return self.default


@dataclass(frozen=True)
class Shape:
    """The fields of an object. `currency` tells whether it names the currency of its amounts, and must or may do so."""

    fields: tuple[Field, ...]
    money: frozenset[str] = frozenset()
    currency: bool = False
    currency_required: bool = False

    @cached_property
    def places(self) -> Mapping[str, Sequence[int]]:
        """The places among `fields` of those that clients send under a name: `sku` may be the product's id as well."""
        found: dict[str, list[int]] = defaultdict(list)
        for place, field in enumerate(self.fields):
            for name in field.names:
                found[name].append(place)
        return dict(found)

    def read(self, properties: Mapping[str, Any], path: str, currency: str = "") -> dict[str, Any]:
        """The known fields of `properties`, without those that are absent. Raises Refused, naming the field below `path`."""
        code = values.currency(properties.get("currency"), f"{path}.currency") if self.currency else currency
        data = {}
        given = {place for name in properties if name in self.places for place in self.places[name]}
        for place, field in enumerate(self.fields):
            value = field.take(properties, path, code) if place in given else field.default
            if value is not None:
                data[field.name] = value
            elif field.required:
                raise Refused(Reason.MISSING_FIELD, f"{path}.{field.name} is required")
        if self.currency and (self.currency_required or properties.get("currency") or self._has_money(data)):
            data["currency"] = code
        return data

    def _has_money(self, data: Mapping[str, Any]) -> bool:
        return not self.money.isdisjoint(data) or any("price" in line for line in data.get("products", ()))


def names_of(event: str, field: str) -> tuple[str, ...]:
    """The names under which clients send `field` of `event`, the specification's first."""
    camel = re.sub(r"_(\w)", lambda match: match[1].upper(), field)
    return tuple(dict.fromkeys((field, camel, *_ALIASES.get(field, ()), *_ALIASES.get(f"{event}.{field}", ()))))


def text(value: Any, path: str, currency: str) -> str | None:
    return values.text(value, path)


def identifier(value: Any, path: str, currency: str) -> str | None:
    return values.identifier(value, path)


def integer(value: Any, path: str, currency: str) -> int | None:
    return values.integer(value, path)


def money(value: Any, path: str, currency: str) -> int | None:
    return values.money(value, path, currency)


def query(value: Any, path: str, currency: str) -> str | None:
    """What was searched for: text, or a structured query as its JSON text."""
    return values.json_text(value) if isinstance(value, (dict, list)) else values.text(value, path)


def date(value: Any, path: str, currency: str) -> str | None:
    """A day as `1990-12-31`, also from a full timestamp, whose own day counts."""
    return clock.day(value, path)


def moment(value: Any, path: str, currency: str) -> str | None:
    """A time as RFC 3339 in UTC, also from seconds or milliseconds since 1970."""
    return clock.moment(value, path)


def one(shape: Shape) -> Reader:
    """Reads an object."""

    def read(value: Any, path: str, currency: str) -> dict[str, Any]:
        return shape.read(values.record(value, path), path, currency)

    return read


def many(shape: Shape) -> Reader:
    """Reads a list of objects."""

    def read(value: Any, path: str, currency: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise Refused(Reason.INVALID_FIELD, f"{path} must be a list")
        return [
            shape.read(values.record(item, f"{path}.{index}"), f"{path}.{index}", currency) for index, item in enumerate(value)
        ]

    return read
