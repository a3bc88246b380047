"""What the doors of tills take and give: how a table is meant, and imports in the background."""

import json
from typing import Any
from zoneinfo import available_timezones

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from services.collector.domain.till import Dates, Decimals, Numbering, TillSettings
from services.collector.domain.till.columns import NAMES
from services.collector.domain.till.tables import DELIMITERS, ENCODINGS
from shared.http import PageQuery

MOST_PARTS = 4_096
FORMATS = ("csv", "json-lines")
STATUSES = ("receiving", "waiting", "running", "done", "failed", "cancelled")


def _described(text: str) -> dict[str, Any]:
    return {"metadata": {"description": text}}


def _timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Use an IANA time zone such as Asia/Kolkata.")


class Columns(fields.Dict):
    """Header -> our name for it, as an object or as its JSON text, which fits into an address."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            value = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValidationError('Use a JSON object such as {"Bon-Nr": "receipt"}.') from None
        return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]


class Settings(Schema):
    """How what a till exports is meant, where it does not say so itself. Loads `TillSettings`."""

    class Meta:
        unknown = EXCLUDE

    delimiter = fields.String(
        validate=validate.OneOf(DELIMITERS), **_described("What parts the columns; found out from the first row where absent.")
    )
    encoding = fields.String(
        validate=validate.OneOf(ENCODINGS),
        **_described("Encoding of the table. Absent: by its byte order mark, else UTF-8 where it is valid, else Windows-1252."),
    )
    decimals = fields.Enum(
        Decimals,
        by_value=True,
        **_described(
            "Mark before decimals. `auto`: a comma in tables that are parted by semicolons, else a point. Never guessed by row."
        ),
    )
    dates = fields.Enum(
        Dates, by_value=True, **_described("Order of the parts of dates that are not ISO 8601, such as 31/05/2026 (`dmy`).")
    )
    timezone = fields.String(validate=_timezone, **_described("IANA zone of times without an offset; UTC where absent."))
    currency = fields.String(
        validate=validate.Regexp("^[A-Z]{3}$", error="Use an ISO 4217 code such as INR."),
        **_described("Currency of receipts that name none."),
    )
    store = fields.String(validate=validate.Length(1, 255), **_described("Store of receipts that name none."))
    till = fields.String(validate=validate.Length(1, 255), **_described("Till of receipts that name none."))
    numbering = fields.Enum(
        Numbering,
        by_value=True,
        **_described("How far a receipt number is unique: in its `store`, at its `till`, or at its till on one `day`."),
    )
    anonymous = fields.Boolean(
        **_described("Take purchases without any customer too, each as one of somebody unknown; else they are refused.")
    )
    history = fields.Boolean(**_described("The past: it counts, and nothing is ever sent because of it."))
    columns = Columns(
        keys=fields.String(validate=validate.Length(1, 255)),
        values=fields.String(validate=validate.OneOf(sorted(NAMES))),
        validate=validate.Length(max=100),
        **_described(f"Headers that are not known by themselves, with our name for each: {', '.join(NAMES)}."),
    )

    @post_load
    def settings(self, data: dict[str, Any], **kwargs: Any) -> TillSettings:
        return TillSettings(**data)


class NewImport(Schema):
    """An import that is about to be uploaded in parts."""

    source = fields.String(required=True, **_described("Id or name of the source that the till is."))
    filename = fields.String(load_default=None, validate=validate.Length(max=255), **_described("For people."))
    format = fields.String(
        load_default="csv", validate=validate.OneOf(FORMATS), **_described("`json-lines` has a purchase on each line.")
    )
    settings = fields.Nested(Settings, load_default=TillSettings)


class Start(Schema):
    """All parts were uploaded."""

    parts = fields.Integer(
        required=True, validate=validate.Range(1, MOST_PARTS), **_described("How many: numbers 0 to one less have to be there.")
    )


class Counts(Schema):
    """What became of the receipts so far."""

    receipts = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    duplicates = fields.Integer(required=True, **_described("Known before, with the same content."))
    rejected = fields.Integer(required=True, **_described("In quarantine, and in the import's list of errors."))


class Import(Schema):
    """An import and how far it is."""

    id = fields.String(attribute="_id", required=True)
    source_id = fields.String(required=True)
    filename = fields.String(required=True, allow_none=True)
    format = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    created_at = fields.AwareDateTime(attribute="received_at", required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    parts = fields.Integer(required=True, **_described("Parts that were uploaded."))
    bytes_total = fields.Integer(required=True)
    lines_done = fields.Integer(required=True, **_described("Up to which line of the file receipts were taken."))
    share_done = fields.Float(required=True, **_described("From 0 to 1, by bytes."))
    counts = fields.Nested(Counts, required=True)
    reasons = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, **_described("Refused receipts by code."))
    read_as = fields.Dict(
        required=True, **_described("Encoding, delimiter and decimals of a table, and the columns nothing is read from.")
    )
    error = fields.String(required=True, allow_none=True, **_described("Why the whole file could not be read."))


class ImportPage(Schema):
    """Imports, newest first."""

    items = fields.List(fields.Nested(Import), required=True)
    next = fields.String(required=True, allow_none=True)


class ImportsQuery(PageQuery):
    """Which imports."""

    status = fields.String(validate=validate.OneOf(STATUSES))
