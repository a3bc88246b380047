"""Requests of people about their data, and how long anybody is kept."""

from marshmallow import Schema, fields, validate

from services.profiles.domain.privacy.requests import Wish
from shared.access.caller import Actor
from shared.http import PageQuery

STATES = ("open", "overdue", "completed")


def _described(text: str) -> dict[str, str]:
    return {"description": text}


class Asking(Schema):
    """Who asks on the person's behalf, for the record."""

    requested_by = Actor()


class Answering(Schema):
    """A service, and what it answered."""

    service = fields.String(required=True)
    answered_at = fields.AwareDateTime(required=True, allow_none=True, metadata=_described("Null while it has not."))
    erased = fields.Integer(
        required=True, allow_none=True, metadata=_described("Documents that it deleted or emptied, for an erasure.")
    )


class DataRequest(Schema):
    """A request, with the receipts of all services. It names the person by nothing but the customer id of that time."""

    request_id = fields.String(attribute="_id", required=True)
    wish = fields.String(required=True, metadata=_described("`erasure` or `export`."))
    state = fields.String(required=True, metadata=_described("`open`, `overdue` (open beyond `due_at`) or `completed`."))
    customer_id = fields.String(required=True)
    requested_at = fields.AwareDateTime(required=True)
    requested_by = fields.String(required=True)
    reason = fields.String(required=True, metadata=_described("`request`, or `inactivity` by the terms of retention."))
    due_at = fields.AwareDateTime(required=True, metadata=_described("30 days after it was made: the month that GDPR gives."))
    completed_at = fields.AwareDateTime(required=True, allow_none=True)
    archive_until = fields.AwareDateTime(
        required=True, allow_none=True, metadata=_described("Until when the archive of an export can be fetched; 7 days.")
    )
    services = fields.List(fields.Nested(Answering), required=True)


class DataRequestPage(Schema):
    """Requests, the latest first, one page."""

    items = fields.List(fields.Nested(DataRequest), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))


class Accepted(Schema):
    """A request that was made just now."""

    request_id = fields.String(required=True, metadata=_described("Follow it at /api/profiles/data-requests/{request_id}."))


class DataRequestsQuery(PageQuery):
    """Which requests to list."""

    wish = fields.String(validate=validate.OneOf([wish.value for wish in Wish]))
    state = fields.String(validate=validate.OneOf(STATES))
    customer_id = fields.String(validate=validate.Length(1, 64))


class Terms(Schema):
    """How many days after the last sign of life somebody is erased, with all that all services keep. Null keeps for ever."""

    customer_days = fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=validate.Range(30, 36_600),
        metadata=_described("People who left a name of any kind, or bought."),
    )
    visitor_days = fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 36_600),
        metadata=_described("Nameless visitors."),
    )


class ChangeTerms(Terms):
    """New terms of retention."""

    version = fields.Integer(required=True, strict=True, metadata=_described("The version that was read; another is refused."))
    changed_by = Actor(sent_back=True)


class StoredTerms(Terms):
    """The terms of retention, who set them when, and how far they have reached the customers."""

    version = fields.Integer(required=True)
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    reevaluation = fields.Raw(
        required=True, allow_none=True, metadata=_described("`done` of about `total` while it is under way; else null.")
    )
