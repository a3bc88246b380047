"""The feed of changes, as it is switched."""

from marshmallow import Schema, fields

from services.profiles.schemas.identities import Progress
from shared.access.caller import Actor


class Feed(Schema):
    """Whether changes of customers are published."""

    enabled = fields.Boolean(
        required=True,
        metadata={
            "description": "Publish `profile_changed` for every customer whom a batch of events changed. Off as delivered."
        },
    )
    version = fields.Integer(required=True, metadata={"description": "How often it was switched: name it to switch it again."})


class StoredFeed(Feed):
    """The feed, with who switched it last."""

    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    reevaluation = fields.Nested(
        Progress,
        required=True,
        allow_none=True,
        metadata={"description": "How far the customers are noted whose changes are to be told."},
    )


class SwitchFeed(Feed):
    """The feed as it is to be."""

    changed_by = Actor(sent_back=True)
