"""What the read side of the collector takes and gives."""

from marshmallow import EXCLUDE, Schema, fields, validate

from services.collector.domain.refusal import Reason
from services.collector.domain.source import SourceKind
from shared.http import PageQuery


class QuarantineQuery(PageQuery):
    """Which refused messages to list."""

    code = fields.String(
        validate=validate.OneOf([reason.value for reason in Reason]), metadata={"description": "Only this reason."}
    )
    source = fields.String(metadata={"description": "Only this source, by its id."})
    since = fields.AwareDateTime(metadata={"description": "Only those received at this time or later."})
    key = fields.String(
        validate=validate.Length(3, 1024),
        metadata={"description": "Only those in which this identity key can be read: `user:42`, `email:jane@example.com`."},
    )


class QuarantineEntry(Schema):
    """A refused message without its content."""

    id = fields.String(attribute="_id", required=True)
    source_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Null for an AMQP message of no known source."}
    )
    received_at = fields.AwareDateTime(required=True)
    code = fields.String(required=True, metadata={"description": "Why it was refused, for programs."})
    message = fields.String(
        required=True, metadata={"description": "Why it was refused, and what to do. Names fields, not values."}
    )
    message_id = fields.String(required=True, allow_none=True)
    path = fields.String(required=True, metadata={"description": "The door: `/v1/batch`, `shop.intake`."})


class QuarantinePage(Schema):
    """Refused messages, newest first."""

    items = fields.List(fields.Nested(QuarantineEntry), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Cursor of the next page; null at the end."})


class QuarantinedMessage(QuarantineEntry):
    """A refused message as it was received."""

    raw = fields.String(required=True, metadata={"description": "The bytes as text; what is not UTF-8 shows as U+FFFD."})


class SourceView(Schema):
    """A source. Write keys are stored hashed and shown to nobody."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.Enum(SourceKind, by_value=True, required=True)
    enabled = fields.Boolean(required=True)
    created_at = fields.AwareDateTime(required=True)
    previous_until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Until when the write key before the last rotation is valid."}
    )


class SourceList(Schema):
    """All sources, by name."""

    items = fields.List(fields.Nested(SourceView), required=True)


class EventQuery(Schema):
    """The client's own name for a message."""

    class Meta:
        unknown = EXCLUDE

    message_id = fields.String(required=True, metadata={"description": "`messageId` as the client sent it."})
    source = fields.String(required=True, metadata={"description": "Id of the source that sent it."})


class ArchivedEvent(Schema):
    """An accepted event, as published, with the times that the client gave."""

    id = fields.String(attribute="_id", required=True)
    name = fields.String(required=True)
    subject = fields.String(required=True)
    time = fields.AwareDateTime(required=True, metadata={"description": "When it happened, corrected for the client's clock."})
    received_at = fields.AwareDateTime(required=True)
    original_timestamp = fields.AwareDateTime(metadata={"description": "When it happened by the client's clock."})
    sent_at = fields.AwareDateTime(metadata={"description": "When it was sent, by the client's clock."})
    source_id = fields.String(required=True)
    message_id = fields.String(required=True)
    backfill = fields.Boolean(required=True, metadata={"description": "History: counted, but nothing was sent because of it."})
    published = fields.Boolean(required=True, metadata={"description": "Whether the broker has it."})
    data = fields.Dict(required=True, metadata={"description": "Its data, as the event catalogue describes it."})
