"""Bodies of the routes of API keys."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates

from shared.access.api_keys import LONGEST_LIFE, LONGEST_OVERLAP
from shared.access.scopes import is_grant
from shared.http import PageQuery

_STATES = ["active", "expired", "revoked"]
_MOST_SCOPES = 50


def _told(description: str) -> dict[str, Any]:
    return {"description": description}


class _Lifetime(fields.Integer):
    def __init__(self) -> None:
        days = validate.Range(1, LONGEST_LIFE.days)
        super().__init__(load_default=90, strict=True, validate=days, metadata=_told("How long it is good, in days from now."))


class KeysQuery(PageQuery):
    """Which keys to list."""

    state = fields.String(load_default=None, validate=validate.OneOf(_STATES))


class Issue(Schema):
    """A new key."""

    name = fields.String(
        required=True,
        validate=[validate.Length(1, 100), validate.Regexp(r"\S")],
        metadata=_told(
            "What it is for, such as the machine that will have it. All services are told; it is no place for names of people."
        ),
    )
    scopes = fields.List(
        fields.String(validate=validate.Length(max=100)),
        required=True,
        validate=validate.Length(1, _MOST_SCOPES),
        metadata=_told("What it allows, no more than needed: `profiles:read`, `support:write`, `*:read`."),
    )
    expires_in_days = _Lifetime()

    @validates("scopes")
    def _are_scopes(self, value: list[str], **named: Any) -> None:
        wrong = [scope for scope in value if not is_grant(scope)]
        if wrong:
            raise ValidationError("Scopes look like `support:read`, `support:*` or `*:read`.")


class Rotate(Schema):
    """A new secret for a key."""

    overlap_hours = fields.Integer(
        load_default=24,
        strict=True,
        validate=validate.Range(0, LONGEST_OVERLAP.days * 24),
        metadata=_told("How long the secret before stays good; 0 where it may be in wrong hands."),
    )
    expires_in_days = _Lifetime()


class Key(Schema):
    """A key, without its secret."""

    key_id = fields.String(required=True, metadata=_told("The second part of the key. Audit logs have it as `key:<id>`."))
    name = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    state = fields.String(required=True, metadata=_told("`active`, `expired` or `revoked`."))
    created_at = fields.AwareDateTime(required=True)
    created_by = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)
    former_secret_until = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata=_told("Until when the secret before the last rotation is good; null where it is not."),
    )
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)
    last_used_on = fields.String(
        required=True,
        allow_none=True,
        metadata=_told("The latest day on which a service was called with it, in UTC; null: never."),
    )


class WrittenKey(Key):
    """A key as its machine sends it."""

    key = fields.String(required=True, metadata=_told("Sent as `X-API-Key`. It is shown this once."))


class KeyPage(Schema):
    """Keys, one page."""

    items = fields.List(fields.Nested(Key), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_told("Cursor of the next page; null at the end."))
