"""The rules of consent, as they are read and changed."""

from datetime import timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from services.profiles.domain.consent import rules
from services.profiles.schemas.consent import TAG
from services.profiles.schemas.identities import Progress
from services.profiles.texts import TEXTS
from shared.access.caller import Actor

_NAME = validate.Regexp("^[a-z][a-z0-9_]{0,49}$", error="Use lower case letters, digits and `_`, up to 50: `new_arrivals`.")


def _described(text: str) -> dict[str, str]:
    return {"description": text}


def _names() -> fields.Dict:
    described = _described('What customers read, by language tag: `{"en": "New arrivals", "ur": "…"}`.')
    return fields.Dict(
        keys=fields.String(validate=TAG),
        values=fields.String(validate=validate.Length(1, 100)),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata=described,
    )


class ConsentChannel(Schema):
    """A way to reach customers."""

    id = fields.String(required=True, validate=_NAME)
    names = _names()
    double_opt_in = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata=_described("From now on a grant counts once it is confirmed. Earlier ones are not asked for again."),
    )


class ConsentPurpose(Schema):
    """What customers are asked for."""

    id = fields.String(required=True, validate=_NAME)
    names = _names()
    needs_consent = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    by_channel = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata=_described("Asked on every channel; else once, as channel `all`."),
    )

    @post_load
    def _made(self, data: dict[str, Any], **kwargs: Any) -> rules.Purpose:
        return rules.Purpose(**data)


class ConsentTopic(Schema):
    """Something to hear of or not."""

    id = fields.String(required=True, validate=_NAME)
    names = _names()
    on = fields.Boolean(
        load_default=True, truthy={True}, falsy={False}, metadata=_described("Where the customer has not chosen.")
    )

    @post_load
    def _made(self, data: dict[str, Any], **kwargs: Any) -> rules.Topic:
        return rules.Topic(**data)


class ConsentRules(Schema):
    """What is asked of customers, and on which channels a grant has to be confirmed."""

    channels = fields.List(fields.Nested(ConsentChannel), required=True, validate=validate.Length(1, 20))
    purposes = fields.List(fields.Nested(ConsentPurpose), required=True, validate=validate.Length(1, 20))
    topics = fields.List(fields.Nested(ConsentTopic), load_default=list, validate=validate.Length(max=100))
    opt_in_hours = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, rules.LONGEST_HOLD // timedelta(hours=1)),
        metadata=_described("So long a grant waits to be confirmed."),
    )
    texts = fields.Dict(
        keys=fields.String(validate=TAG),
        values=fields.Dict(
            keys=fields.String(validate=validate.OneOf(sorted(TEXTS))), values=fields.String(validate=validate.Length(1, 500))
        ),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata=_described(
            f"Texts of the pages that customers see, by language and name: {', '.join(sorted(TEXTS))}. Else English."
        ),
    )

    @validates_schema
    def _is_consistent(self, data: dict[str, Any], **kwargs: Any) -> None:
        for name in ("channels", "purposes", "topics"):
            ids = [one["id"] if isinstance(one, dict) else one.id for one in data[name]]
            if len(set(ids)) < len(ids):
                raise ValidationError("Name each once.", name)
            if rules.ALL in ids:
                raise ValidationError("`all` stands for every one of them and is no name.", name)
        needed = {rules.MARKETING: True, rules.TRANSACTIONAL: False}
        found = {one.id: one.needs_consent for one in data["purposes"]}
        for purpose, needs in needed.items():
            if found.get(purpose) is not needs:
                raise ValidationError(f"Keep `{purpose}`, with `needs_consent` {str(needs).lower()}.", "purposes")


class ChangeConsentRules(ConsentRules):
    """New rules in place of those of `version`. What was read may be sent back as it is, with other settings."""

    class Meta:
        unknown = EXCLUDE

    version = fields.Integer(
        required=True, strict=True, validate=validate.Range(0), metadata=_described("The version that was read and is changed.")
    )
    changed_by = Actor(sent_back=True)


class StoredConsentRules(ConsentRules):
    """The rules, and who changed them last when."""

    version = fields.Integer(required=True)
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    reevaluation = fields.Nested(
        Progress, required=True, allow_none=True, metadata=_described("Null once every customer was looked at.")
    )
