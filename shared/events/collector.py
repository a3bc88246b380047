"""`collector.events`: who else may come in at the doors of all services."""

from marshmallow import fields, validate

from shared.events.fields import Count, Identifier, optional, required
from shared.events.kind import EventData, EventKind

SOURCE = "collector"
_STATEMENT = (
    "Read it as a statement: as of `revision` this holds for the key. Keep the one with the highest revision; an older one that arrives "
    "late changes nothing."
)


class KeySecret(EventData):
    digest = required(fields.String, "SHA-256 of the secret, in hex.", validate=validate.Regexp("^[0-9a-f]{64}$"))
    until = optional(fields.AwareDateTime, "Until when it is good; null: as long as the key.")


class ApiKeyStatement(EventData):
    key_id = required(Identifier, "The key.")
    revision = required(Count, "Number of this statement about the key: higher is newer.", least=1)
    name = required(fields.String, "What the key is for, in words of the shop.", validate=validate.Length(min=1, max=100))
    scopes = required(fields.List, "What it allows: `support:write`, `*:read`.", fields.String())
    secrets = required(fields.List, "The secrets that are good; none once it is revoked.", fields.Nested(KeySecret))
    expires_at = required(fields.AwareDateTime, "From then on it is good for nothing.")
    revoked_at = optional(fields.AwareDateTime, "When it was revoked, which cannot be taken back.")


class ApiKeyUse(EventData):
    key_id = required(Identifier, "The key.")
    day = required(fields.Date, "The day, in UTC.")


API_KEY_ISSUED = EventKind(
    name="api_key_issued",
    source=SOURCE,
    schema=ApiKeyStatement,
    sent="An admin made a key for a machine. Every service keeps what is stated, so that it verifies the key by itself.",
    not_sent="For write keys, which open the doors for events alone, and for tokens of people.",
    key="`key_id` and `revision`.",
    late=_STATEMENT,
)
API_KEY_ROTATED = EventKind(
    name="api_key_rotated",
    source=SOURCE,
    schema=ApiKeyStatement,
    sent="A key got a new secret. The one before stays good for a while, so that its machine can be given the new one.",
    not_sent="When a secret's time is over.",
    key="`key_id` and `revision`.",
    late=_STATEMENT,
)
API_KEY_REVOKED = EventKind(
    name="api_key_revoked",
    source=SOURCE,
    schema=ApiKeyStatement,
    sent="A key is good for nothing from now on.",
    not_sent="When a key expires.",
    key="`key_id` and `revision`.",
    late=_STATEMENT,
)
API_KEY_USED = EventKind(
    name="api_key_used",
    source=SOURCE,
    schema=ApiKeyUse,
    sent="A service was called with a key, for the first time on a day. Each service publishes it on its own exchange.",
    not_sent="For further calls of the same day.",
    key="`key_id`, `day` and the service.",
    late="The latest day counts.",
    by_every_service=True,
)
