"""The route by which admins read the audit log of a service."""

from typing import Any

from marshmallow import Schema, fields, validate

from shared.access import audit
from shared.http import Api, PageQuery, route
from shared.listing import Listing

_NEWEST = Listing("at", descending=True)
_OUTCOMES = ["done", "refused", "failed", "unknown"]
_TEXT = validate.Length(min=1, max=300)


def _told(description: str) -> dict[str, str]:
    return {"description": description}


class AuditQuery(PageQuery):
    """Which entries to list."""

    who = fields.String(validate=_TEXT, metadata=_told("The subject of a token, or `key:<id>` of an API key."))
    kind = fields.String(validate=validate.OneOf(["person", "machine"]))
    method = fields.String(validate=validate.OneOf(["POST", "PUT", "PATCH", "DELETE"]))
    route = fields.String(validate=_TEXT, metadata=_told("The template, as an entry has it: `/api/support/tickets/{ticket_id}`."))
    target = fields.String(validate=_TEXT, metadata=_told("The id of what was changed; a customer by any identity."))
    outcome = fields.String(validate=validate.OneOf(_OUTCOMES))
    since = fields.AwareDateTime(metadata=_told("Not before this moment."))
    until = fields.AwareDateTime(metadata=_told("Before this moment."))


class AuditEntry(Schema):
    """A change that somebody asked for."""

    id = fields.String(attribute="_id", required=True)
    at = fields.AwareDateTime(required=True)
    who = fields.String(required=True, metadata=_told("The subject of the token, or `key:<id>` of the API key."))
    kind = fields.String(required=True, metadata=_told("`person` or `machine`."))
    method = fields.String(required=True)
    route = fields.String(required=True, metadata=_told("The path, with names for its parts."))
    target = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata=_told("These parts, and the id of what was made. Customers are named by id."),
    )
    status = fields.Integer(
        required=True, allow_none=True, metadata=_told("Of the answer; null where the process ended before it.")
    )
    outcome = fields.String(
        required=True, metadata=_told("`done`; `refused`, by the rules or for want of a scope; `failed`, on our side; `unknown`.")
    )


class AuditPage(Schema):
    """Entries, one page."""

    items = fields.List(fields.Nested(AuditEntry), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_told("Cursor of the next page; null at the end."))


def serves_audit(service: str) -> Any:
    """A method for an HTTP class that serves the audit log of its doors at /api/<service>/audit."""

    @route(
        "GET",
        f"/api/{service}/audit",
        summary="Who asked for which change",
        scope=f"{service}:audit",
        query=AuditQuery(),
        response=AuditPage(),
    )
    def list_audit(self: Api, query: dict[str, Any]) -> dict[str, Any]:
        """Every request of people and machines that would change something, newest first, also those that were refused to them."""
        wanted = {"$and": [audit.wanted(query), _NEWEST.after(query["cursor"])]}
        rows = audit.newest(self.store, wanted, query["limit"] + 1)
        return _NEWEST.page([{**row, "outcome": audit.outcome(row["status"])} for row in rows], query["limit"])

    return list_audit
