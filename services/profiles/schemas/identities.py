"""The guard rails of identity, what they refused, and decisions of people."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates, validates_schema

from services.profiles.domain.identity.decisions import Decision
from services.profiles.domain.identity.kinds import LOGIN, OTHER
from services.profiles.domain.identity.refusals import Rule
from services.profiles.domain.identity.rules import MOST_OF_A_KIND, IdentityRules, KindRule
from services.profiles.schemas.customers import Money
from shared.access.caller import Actor
from shared.http import PageQuery

_TEXT = validate.Length(1, 255)
_RULE = validate.OneOf([rule.value for rule in Rule])


def _described(text: str) -> dict[str, str]:
    return {"description": text}


class Kind(Schema):
    """How many keys of a kind a customer may have."""

    kind = fields.String(
        required=True,
        validate=validate.Regexp("^[a-z][a-z_]{0,30}$", error="Kinds are words in lower case: `email`."),
        metadata=_described("What stands before the colon of an identity key. `other` is every kind that is not listed."),
    )
    most = fields.Integer(required=True, strict=True, validate=validate.Range(1, MOST_OF_A_KIND))
    within_days = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 3660),
        metadata=_described("At most so many were linked within any span of so many days; null: ever."),
    )

    @post_load
    def _made(self, data: dict[str, Any], **kwargs: Any) -> KindRule:
        return KindRule(**data)


class Rules(Schema):
    """The guard rails of identity."""

    kinds = fields.List(
        fields.Nested(Kind),
        required=True,
        validate=validate.Length(2, 50),
        metadata=_described("By priority, the one to keep first: where a limit is hit, the key that comes last here is dropped."),
    )
    blocked_values = fields.List(
        fields.String(validate=_TEXT),
        required=True,
        validate=validate.Length(max=1_000),
        metadata=_described(
            "Values that link nobody, without regard to case: `null`, `user:0815`; with a `*` at the beginning or end: `*@shop.example`."
        ),
    )
    fillers = fields.String(
        required=True,
        validate=validate.Length(max=20),
        metadata=_described("Values of nothing but these characters link nobody, such as zeros and dashes."),
    )
    keys_per_customer = fields.Integer(
        required=True, strict=True, validate=validate.Range(2, 500), metadata=_described("Identity keys of a customer in all.")
    )

    @validates_schema
    def _names_each_kind_once(self, data: dict[str, Any], **kwargs: Any) -> None:
        named = [rule.kind for rule in data["kinds"]]
        missing = [kind for kind in (LOGIN, OTHER) if kind not in named]
        if missing:
            raise ValidationError(f"List {' and '.join(f'`{kind}`' for kind in missing)}, too.", "kinds")
        if len(set(named)) < len(named):
            raise ValidationError("List each kind once.", "kinds")

    @validates("blocked_values")
    def _leaves_somebody(self, values: list[str], **kwargs: Any) -> None:
        for value in values:
            if not value.strip("*"):
                raise ValidationError("A `*` alone would block everybody.")
            if "*" in value[1:-1] or (value.startswith("*") and value.endswith("*")):
                raise ValidationError("Put one `*` at the beginning or at the end.")

    @staticmethod
    def made(data: dict[str, Any]) -> IdentityRules:
        """The rules of a loaded body."""
        return IdentityRules(data["kinds"], data["blocked_values"], data["fillers"], data["keys_per_customer"])


class ChangeRules(Rules):
    """New guard rails in place of those of `version`."""

    version = fields.Integer(
        required=True, strict=True, validate=validate.Range(0), metadata=_described("The version that was read and is changed.")
    )
    changed_by = Actor(sent_back=True)


class Progress(Schema):
    """How far a change has reached the customers."""

    done = fields.Integer(required=True, metadata=_described("Identity keys looked at."))
    total = fields.Integer(required=True, metadata=_described("All of them, estimated."))


class StoredRules(Rules):
    """The guard rails that hold."""

    version = fields.Integer(required=True, metadata=_described("Counts the changes; 0: as the product comes."))
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    reevaluation = fields.Nested(
        Progress, required=True, allow_none=True, metadata=_described("Null once every customer was judged by these rules.")
    )


class RefusedQuery(PageQuery):
    """Which refused merges to list."""

    rule = fields.String(validate=_RULE)
    kind = fields.String(validate=validate.Length(1, 31), metadata=_described("Only those for too many keys of this kind."))


class RefusedMerge(Schema):
    """A link that a guard rail refused, and still does."""

    id = fields.String(attribute="_id", required=True)
    rule = fields.String(required=True, validate=_RULE)
    kind = fields.String(required=True, allow_none=True, metadata=_described("The kind of keys that there would be too many of."))
    refused_key = fields.String(attribute="key", required=True, metadata=_described("The key that was dropped."))
    kept_key = fields.String(required=True, metadata=_described("The key that it was named with."))
    customer_id = fields.String(required=True, metadata=_described("The customer of the refused key."))
    kept_customer_id = fields.String(required=True, metadata=_described("The customer of the other."))
    at = fields.AwareDateTime(required=True, metadata=_described("When the event happened that named both."))
    event_id = fields.String(required=True)


class RefusedPage(Schema):
    """Refused merges, one page."""

    items = fields.List(fields.Nested(RefusedMerge), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))


class Reasoned(Schema):
    """Who decides, and why."""

    decided_by = Actor()
    reason = fields.String(required=True, validate=validate.Length(1, 2_000), metadata=_described("Why."))


class Partner(Schema):
    """Another customer."""

    other = fields.String(
        required=True, validate=_TEXT, metadata=_described("The other customer: identity key, e-mail address or customer id.")
    )


class Merge(Partner, Reasoned):
    """Make another customer one with this."""


class Parting(Schema):
    """What to part: a merge that was decided, or keys that the evidence brought together."""

    decision_id = fields.String(
        validate=_TEXT, metadata=_described("The merge to take back: everything is as if it had never been.")
    )
    identity_keys = fields.List(
        fields.String(validate=_TEXT),
        validate=validate.Length(1, 50),
        metadata=_described("Keys that are not this customer's: they are parted from all others of it and kept apart for good."),
    )

    @validates_schema
    def _says_which(self, data: dict[str, Any], **kwargs: Any) -> None:
        if ("decision_id" in data) == ("identity_keys" in data):
            raise ValidationError("Name either `decision_id` or `identity_keys`.")


class Unmerge(Parting, Reasoned):
    """Part what is one customer."""


class KeepApart(Partner, Reasoned):
    """Two customers that are never to be one."""

    customer = fields.String(
        required=True, validate=_TEXT, metadata=_described("The one customer: identity key, e-mail address or customer id.")
    )


class Outline(Schema):
    """A customer in short."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True)
    orders = fields.Integer(required=True)
    spend = fields.List(fields.Nested(Money), required=True)


class Decided(Schema):
    """What a decision led to."""

    decision_ids = fields.List(fields.String(), required=True, metadata=_described("What to take the decision back by."))
    customers = fields.List(
        fields.Nested(Outline), required=True, metadata=_described("The customers concerned, as they are now.")
    )


class Foreseen(Outline):
    """A customer as it would be."""

    made_of = fields.List(fields.String(), required=True, metadata=_described("The customers that it would get its keys from."))


class Preview(Schema):
    """What a decision would lead to: every customer that would change. Customers that are split again are among them."""

    customers = fields.List(fields.Nested(Foreseen), required=True)


class Difference(Schema):
    """Something in which two customers differ."""

    about = fields.String(
        required=True,
        metadata=_described(
            "`do_not_merge` forbids the merge. `limit`: more keys of a kind than the rules allow. `trait`, `consent`: the last word counts."
        ),
    )
    name = fields.String(
        required=True, allow_none=True, metadata=_described("The kind, trait or channel; of a forbidden pair why.")
    )
    values = fields.List(fields.Raw(), required=True)


class MergePreview(Preview):
    """What a merge would lead to, and what speaks against it. Where it is forbidden, `customers` is empty."""

    conflicts = fields.List(fields.Nested(Difference), required=True)


class DecidedPair(Schema):
    """What was decided last about two identity keys."""

    id = fields.String(attribute="_id", required=True)
    identity_keys = fields.List(fields.String(), required=True)
    customer_ids = fields.List(fields.String(), required=True, metadata=_described("The customers whom they belong to now."))
    decision = fields.String(required=True, validate=validate.OneOf([decision.value for decision in Decision]))
    decision_id = fields.String(attribute="event_id", required=True)
    decided_by = fields.String(required=True)
    reason = fields.String(required=True)
    at = fields.AwareDateTime(required=True)


class DecidedPage(Schema):
    """Decisions, one page."""

    items = fields.List(fields.Nested(DecidedPair), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))
