"""What the doors of consent take and give: words and what holds, preferences, and links."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from services.profiles.domain.consent import rules
from services.profiles.domain.consent.choices import Answer
from services.profiles.domain.consent.preferences import Pace
from services.profiles.domain.consent.words import Scope, Status
from shared.access.caller import Actor
from shared.http import PageQuery

_STATED = ("storefront", "till", "marketplace", "shop", "import", "agent")  # what the shop may say of itself
SOURCES = (*_STATED, "preference_centre", "unsubscribe_link", "complaint", "confirmation")
_BASES = ("consent", "contract", "legitimate_interest", "legal_obligation")
TAG = validate.Regexp("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", error="Give a language tag such as `pa-Guru`.")
_ID = validate.Length(1, 50)
_TEXT = validate.Length(1, 255)


def _topics() -> fields.Dict:
    wanted = fields.Boolean(truthy={True}, falsy={False})
    return fields.Dict(keys=fields.String(validate=_ID), values=wanted, validate=validate.Length(max=100))


def _described(text: str) -> dict[str, str]:
    return {"description": text}


class ConsentWord(Schema):
    """What was said about one purpose and channel."""

    purpose = fields.String(
        load_default=rules.MARKETING, validate=validate.Length(1, 50), metadata=_described("`marketing`; `all` in a refusal.")
    )
    channel = fields.String(
        required=True,
        validate=validate.Length(1, 50),
        metadata=_described("`email`; `all` in a refusal, and for what is not asked by channel."),
    )
    status = fields.String(required=True, validate=validate.OneOf([Status.GRANTED, Status.DENIED, Status.WITHDRAWN]))

    @post_load
    def _made(self, data: dict[str, Any], **kwargs: Any) -> tuple[Scope, Status]:
        return Scope(data["purpose"], data["channel"]), Status(data["status"])


class ConsentProof(Schema):
    """What shows that it was said."""

    form_id = fields.String(validate=_TEXT, metadata=_described("The form, sheet or page that was filled in."))
    document_id = fields.String(validate=_TEXT, metadata=_described("Where the proof is kept: a scan, a recording, a ticket."))
    ip = fields.String(
        validate=validate.Length(2, 45), metadata=_described("IP address; only its network is kept: `203.0.113.0/24`.")
    )
    user_agent = fields.String(validate=validate.Length(1, 1000), metadata=_described("Only the kind of browser is kept."))


class StateConsent(Schema):
    """Words of a customer."""

    words = fields.List(fields.Nested(ConsentWord), required=True, validate=validate.Length(1, 50))
    source = fields.String(required=True, validate=validate.OneOf(_STATED), metadata=_described("Where it was said."))
    said_at = fields.AwareDateTime(
        load_default=None, metadata=_described("When; now where it is left out. It undoes no later word.")
    )
    confirmed = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata=_described("It was confirmed elsewhere: it counts at once."),
    )
    proof = fields.Nested(ConsentProof, load_default=dict)
    text_version = fields.String(
        load_default=None, validate=_TEXT, metadata=_described("Version of the text that the customer read.")
    )
    locale = fields.String(load_default=None, validate=TAG, metadata=_described("Language of that text."))
    legal_basis = fields.String(load_default=None, validate=validate.OneOf(_BASES))
    stated_by = Actor()

    @validates_schema
    def _says_each_once(self, data: dict[str, Any], **kwargs: Any) -> None:
        about = [scope for scope, _ in data["words"]]
        if len(set(about)) < len(about):
            raise ValidationError("Say one thing about each purpose and channel.", "words")


class OnceHeaders(Schema):
    """Repeating a request."""

    once = fields.String(
        load_default=None,
        data_key="Idempotency-Key",
        validate=validate.Length(1, 200),
        metadata=_described("Any text of your own: repeating a request with the same one states nothing twice."),
    )


class LedgerQuery(PageQuery):
    """Which words to list."""

    class Meta:
        unknown = EXCLUDE
        include = {
            "from": fields.AwareDateTime(attribute="from", metadata=_described("Only words said at this time or later.")),
            "to": fields.AwareDateTime(attribute="to", metadata=_described("Only words said before this time.")),
        }

    purpose = fields.String(validate=validate.Length(1, 50))
    channel = fields.String(validate=validate.Length(1, 50))
    status = fields.String(validate=validate.OneOf([status.value for status in Status]))
    source = fields.String(validate=validate.OneOf(SOURCES))


class StandingPermission(Schema):
    """How a customer stands to one purpose on one channel."""

    purpose = fields.String(attribute="scope.purpose", required=True)
    channel = fields.String(attribute="scope.channel", required=True)
    status = fields.Enum(
        Answer,
        by_value=True,
        attribute="answer",
        required=True,
        metadata=_described(
            "`unknown`: never spoken of, which is no consent. `pending`: granted and not confirmed yet. `expired`: not confirmed in time. "
            "`not_needed`: needs no consent and was not refused."
        ),
    )
    may_be_contacted = fields.Boolean(required=True)
    changed_at = fields.AwareDateTime(required=True, allow_none=True, metadata=_described("Since when that holds."))
    identity_key = fields.String(required=True, allow_none=True, metadata=_described("The key under which it was said."))
    expires_at = fields.AwareDateTime(required=True, allow_none=True, metadata=_described("Until when it can be confirmed."))


class Stand(Schema):
    """What a customer allows now."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True)
    permissions = fields.List(fields.Nested(StandingPermission), required=True)


class LedgerEntry(Schema):
    """A word that was said. It is never changed; later ones say what holds since."""

    id = fields.String(attribute="_id", required=True)
    at = fields.AwareDateTime(required=True, metadata=_described("When it was said."))
    identity_key = fields.String(required=True)
    purpose = fields.String(required=True)
    channel = fields.String(required=True)
    status = fields.String(required=True)
    source = fields.String(required=True)
    reported = fields.Boolean(
        dump_default=False,
        metadata=_described("What the shop's account says, repeated with every login: it counts from when it began to."),
    )
    confirms = fields.String(dump_default=None, metadata=_described("The event of the grant that it confirms."))
    stated_by = fields.String(dump_default=None)
    proof = fields.Dict(dump_default=dict)
    text_version = fields.String(dump_default=None)
    locale = fields.String(dump_default=None)
    legal_basis = fields.String(dump_default=None)
    event_id = fields.String(required=True)
    backfill = fields.Boolean(required=True, metadata=_described("Imported history."))


class Ledger(Stand):
    """What a customer allows now, and what was said, the latest first, one page."""

    items = fields.List(fields.Nested(LedgerEntry), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))


class Frequency(Schema):
    """How often marketing may arrive."""

    pace = fields.String(required=True, validate=validate.OneOf([pace.value for pace in Pace]))
    per_week = fields.Integer(
        strict=True, validate=validate.Range(1, 100), metadata=_described("Messages a week, with `at_most`.")
    )

    @validates_schema
    def _goes_together(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data["pace"] == Pace.AT_MOST) != ("per_week" in data):
            raise ValidationError("Goes with the pace `at_most`, and only with that.", "per_week")


class Preferences(Schema):
    """How a customer wishes to be contacted. Null: nothing was said."""

    topics = fields.Dict(
        keys=fields.String(),
        values=fields.Boolean(),
        required=True,
        metadata=_described("As chosen; others are as the rules say."),
    )
    frequency = fields.Nested(Frequency, required=True, allow_none=True)
    channel = fields.String(required=True, allow_none=True, metadata=_described("The channel that is liked best."))
    language = fields.String(required=True, allow_none=True)


class ChangePreferences(Schema):
    """What is left out stays; null takes back what was said."""

    topics = _topics()
    frequency = fields.Nested(Frequency, allow_none=True)
    channel = fields.String(allow_none=True, validate=validate.Length(1, 50))
    language = fields.String(allow_none=True, validate=TAG)

    @validates_schema
    def _says_something(self, data: dict[str, Any], **kwargs: Any) -> None:
        if not data:
            raise ValidationError("State at least one preference.")


class StatePreferences(ChangePreferences):
    """Preferences that somebody of the shop takes down."""

    source = fields.String(load_default="agent", validate=validate.OneOf(_STATED))
    stated_by = Actor()

    @validates_schema
    def _says_something(self, data: dict[str, Any], **kwargs: Any) -> None:
        if not data.keys() & {"topics", "frequency", "channel", "language"}:
            raise ValidationError("State at least one preference.")


class MakeLink(Schema):
    """How long a link is to be good."""

    days = fields.Integer(load_default=30, strict=True, validate=validate.Range(1, 366))


class PreferenceLink(Schema):
    """A link for the customer alone: whoever has it may read and change what they allow. It tells nothing about them."""

    token = fields.String(required=True)
    page = fields.String(
        required=True,
        metadata=_described("Path of the page: put the shop's own address before it."),
    )
    api = fields.String(required=True, metadata=_described("Path of the same as JSON."))
    expires_at = fields.AwareDateTime(required=True)


class Allowed(Schema):
    """Something that the customer allows or not."""

    purpose = fields.String(required=True, validate=_ID)
    channel = fields.String(required=True, validate=_ID)
    allowed = fields.Boolean(required=True, truthy={True}, falsy={False})


class Choice(Allowed):
    """Something that is asked of the customer."""

    waiting = fields.Boolean(dump_default=False, metadata=_described("It waits to be confirmed."))


class TopicChoice(Schema):
    """A topic as it is for the customer."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    on = fields.Boolean(required=True)


class Centre(Schema):
    """The preference centre: all that a customer may choose, and nothing about who they are."""

    choices = fields.List(fields.Nested(Choice), required=True)
    topics = fields.List(fields.Nested(TopicChoice), required=True)
    frequency = fields.Nested(Frequency, required=True, allow_none=True)
    channel = fields.String(required=True, allow_none=True)
    language = fields.String(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True, metadata=_described("Until when the link is good."))


class Choices(Schema):
    """What the customer allows from now on. What is left out stays."""

    choices = fields.List(fields.Nested(Allowed), load_default=list, validate=validate.Length(max=100))
    topics = _topics()
    frequency = fields.Nested(Frequency, allow_none=True)
    channel = fields.String(allow_none=True, validate=validate.Length(1, 50))
    language = fields.String(allow_none=True, validate=TAG)


class OptIn(Schema):
    """A grant that waits to be confirmed, or is."""

    purpose = fields.String(required=True)
    channel = fields.String(required=True)
    status = fields.Enum(Answer, by_value=True, required=True)
    expires_at = fields.AwareDateTime(required=True)
