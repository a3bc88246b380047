"""The mail that asks for a confirmation over HTTP: its texts and settings, how it looks, and what became of it."""

import re
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from services.campaigns.domain.mails import PLACEHOLDERS, Texts
from services.campaigns.domain.opt_ins import State
from shared.access.caller import Actor

_TAG = validate.Regexp("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", error="Give a language tag such as `pa-Guru`.")
_BRACED = re.compile(r"\{([^{}]*)\}")
_ONE_LINE = validate.Regexp(r"^[^\r\n\x00]*\S[^\r\n\x00]*$", error="One line that is not blank.")
_SHOWN = ", ".join(f"`{{{name}}}`" for name in PLACEHOLDERS)


def _described(text: str) -> dict[str, str]:
    return {"description": text}


def _placeholders(text: str) -> None:
    unknown = sorted({name for name in _BRACED.findall(text) if name not in PLACEHOLDERS})
    if unknown:
        raise ValidationError(f"There is no {{{unknown[0]}}}. Known are {_SHOWN}.")


def _line(about: str) -> fields.String:
    return fields.String(required=True, validate=[validate.Length(1, 200), _ONE_LINE, _placeholders], metadata=_described(about))


def _text(about: str) -> fields.String:
    return fields.String(required=True, validate=[validate.Length(1, 5_000), _placeholders], metadata=_described(about))


class MailTexts(Schema):
    """The texts of one language."""

    subject = _line("The subject line.")
    text = _text(f"The mail as plain text; empty lines part paragraphs. It may have {_SHOWN}, and must have `{{link}}`.")
    reminder_subject = _line("The subject line of the reminder.")
    reminder_text = _text("The reminder.")
    purposes = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 50)),
        values=fields.String(validate=[validate.Length(1, 200), _ONE_LINE]),
        load_default=dict,
        validate=validate.Length(max=20),
        metadata=_described("What each purpose is called in a sentence: `{what}`. English where it is missing."),
    )

    @validates_schema
    def _has_a_link(self, data: dict[str, Any], **kwargs: Any) -> None:
        for name in ("text", "reminder_text"):
            if "{link}" not in data[name]:
                raise ValidationError("Put {link} where the link is to be: without it nobody can confirm.", name)

    @post_load
    def _made(self, data: dict[str, Any], **kwargs: Any) -> Texts:
        return Texts(**data)


class OptInMail(Schema):
    """The mail that asks to confirm a grant, where profiles wants that for a channel (`/api/profiles/consent-rules`)."""

    shop = fields.String(
        required=True,
        allow_none=True,
        validate=[validate.Length(1, 100), _ONE_LINE],
        metadata=_described("What the shop is called. Null: as in MAIL_FROM."),
    )
    reply_to = fields.Email(required=True, allow_none=True, metadata=_described("Where answers go. Null: to the sender."))
    reminder_hours = fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 720),
        metadata=_described("So long after the mail one reminder goes to those who have not answered. Null: none does."),
    )
    texts = fields.Dict(
        keys=fields.String(validate=_TAG),
        values=fields.Nested(MailTexts),
        required=True,
        validate=validate.Length(max=50),
        metadata=_described("By language tag, in place of or beside those that are built in: `en` and `de`."),
    )


class ChangeOptInMail(OptInMail):
    """In the place of that of `version`. What was read may be sent back with changes."""

    class Meta:
        unknown = EXCLUDE

    version = fields.Integer(
        required=True, strict=True, validate=validate.Range(0), metadata=_described("The version that was read and is changed.")
    )
    changed_by = Actor(sent_back=True)


class StoredOptInMail(OptInMail):
    """As it is."""

    built_in = fields.Dict(
        keys=fields.String(), values=fields.Nested(MailTexts), required=True, metadata=_described("To begin from.")
    )
    sends = fields.Boolean(
        required=True,
        metadata=_described("Whether a process sends mail now. None does unless it is told how (MAIL_URL): mails wait."),
    )
    version = fields.Integer(required=True)
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)


class PreviewMail(Schema):
    """Which mail to show."""

    language = fields.String(load_default="en", validate=_TAG)
    purpose = fields.String(load_default="marketing", validate=validate.Length(1, 50))
    reminder = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class ShownMail(Schema):
    """A mail in its words, with a link that opens nothing."""

    language = fields.String(required=True, metadata=_described("The language that it is written in."))
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True)


class CustomerOptIn(Schema):
    """A grant that has or had to be confirmed."""

    message_id = fields.String(required=True)
    purpose = fields.String(required=True)
    channel = fields.String(required=True)
    identity_key = fields.String(required=True, metadata=_described("The key under which it was given."))
    address = fields.String(required=True, allow_none=True, metadata=_described("Where it is asked. Null: no address is known."))
    state = fields.Enum(
        State,
        by_value=True,
        required=True,
        metadata=_described(
            "`asked`: its mail waits to be sent, from `due` on. `replaced`: by a later grant of the same. `not_sent`: see `reason`."
        ),
    )
    reason = fields.String(
        required=True, allow_none=True, metadata=_described("Why no mail was sent, as `message_skipped` says it.")
    )
    requested_at = fields.AwareDateTime(required=True)
    due = fields.AwareDateTime(required=True, metadata=_described("Not before; an address is not written to again and again."))
    sent_at = fields.AwareDateTime(required=True, allow_none=True)
    reminded_at = fields.AwareDateTime(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True)


class CustomerOptIns(Schema):
    """What a customer was asked to confirm, the latest first, up to 20 for each of their identity keys."""

    customer_id = fields.String(required=True)
    items = fields.List(fields.Nested(CustomerOptIn), required=True)
