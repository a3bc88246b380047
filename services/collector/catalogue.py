"""The event catalogue as the shapes that the domain reads clients' properties into.

What the catalogue calls money, a count or an id is read as such, so a field that is added there is read here without another word.
"""

from functools import cache
from typing import Any

from marshmallow import Schema, fields

from services.collector.domain import shape
from services.collector.domain.orders import COMPUTED, FALLS_BACK
from services.collector.domain.shape import Field, Shape
from services.collector.domain.translation import Shapes
from shared.events import (
    CATALOGUE,
    CUSTOM_EVENT_TRACKED,
    CUSTOMER_GROUPED,
    CUSTOMER_IDENTIFIED,
    IDENTITY_ALIASED,
    PAGE_VIEWED,
    SCREEN_VIEWED,
)
from shared.events.fields import Currency, Identifier
from shared.events.kind import MinorUnits
from shared.events.shop.parts import SOURCE, ShopData
from shared.events.shop.people import Traits

_BY_CALL = {
    kind.name
    for kind in (PAGE_VIEWED, SCREEN_VIEWED, CUSTOMER_IDENTIFIED, CUSTOMER_GROUPED, IDENTITY_ALIASED, CUSTOM_EVENT_TRACKED)
}
AnyField = fields.Field[Any]
_SPECIAL = {"products_searched.query": shape.query}
_DEFAULTS = {"quantity": 1}
_COMMON = set(ShopData().fields)
_SCALARS: tuple[tuple[type[AnyField], shape.Reader], ...] = (
    (MinorUnits, shape.money),
    (Identifier, shape.identifier),
    (fields.Integer, shape.integer),
    (fields.AwareDateTime, shape.moment),
    (fields.Date, shape.date),
    (fields.String, shape.text),
)


@cache
def shapes() -> Shapes:
    """Everything that the translator needs of the catalogue."""
    tracked = [kind for kind in CATALOGUE.values() if kind.source == SOURCE and kind.name not in _BY_CALL]
    return Shapes(
        tracked={kind.name: _shape(kind.schema(), kind.name) for kind in tracked},
        page=_shape(PAGE_VIEWED.schema(), PAGE_VIEWED.name),
        traits=_shape(Traits(), CUSTOMER_IDENTIFIED.name),
    )


def _shape(schema: Schema, event: str) -> Shape:
    """The shape of a schema, without what every shop event carries and the collector itself fills in or derives."""
    own = {name: field for name, field in schema.fields.items() if name not in _COMMON and (event, name) not in COMPUTED}
    return Shape(
        fields=tuple(_field(name, field, event) for name, field in own.items() if not isinstance(field, Currency)),
        money=frozenset(name for name, field in own.items() if isinstance(field, MinorUnits)),
        currency="currency" in own,
        currency_required="currency" in own and own["currency"].required,
    )


def _field(name: str, field: AnyField, event: str) -> Field:
    is_list = isinstance(field, fields.List)
    return Field(
        name=name,
        names=shape.names_of(event, name),
        read=_SPECIAL.get(f"{event}.{name}") or _reader(field, event),
        required=field.required and not is_list and (event, name) not in FALLS_BACK,
        default=() if is_list else _DEFAULTS.get(name),
    )


def _reader(field: AnyField, event: str) -> shape.Reader:
    if isinstance(field, fields.List):
        return shape.many(_shape(field.inner.schema, event))  # type: ignore[attr-defined]  # lists hold objects
    if isinstance(field, fields.Nested):
        return shape.one(_shape(field.schema, event))
    return next(reader for kind, reader in _SCALARS if isinstance(field, kind))
