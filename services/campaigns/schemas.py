"""What campaigns takes and gives over HTTP."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, pre_load, validate, validates_schema

from services.campaigns.domain.audiences import PARAMETERS, Rule, RuleKind
from shared.http import PageQuery

_TEXT = validate.Regexp(r"^[^\x00]*\S[^\x00]*$", error="Must not be blank.")
_CONTACTABLE = "Channels on which the customer may be contacted for marketing; none where nothing is known."


class RuleSchema(Schema):
    """A kind of rule with the parameters of that kind: `repeat_buyers` takes `orders` (2); `high_spenders` needs `amount` and
    `currency` and takes `days` (else: ever); `bought_recently` takes `days` (30) and one of `product_id` and `category` (else: anything);
    `cart_abandoners` takes `days` (7); `first_time_buyers` takes none. All take `contactable`.
    """

    kind = fields.Enum(RuleKind, by_value=True, required=True)
    orders = fields.Integer(
        strict=True, validate=validate.Range(2, 1000), metadata={"description": "At least so many orders that count."}
    )
    amount = fields.Integer(
        strict=True,
        validate=validate.Range(1, 10**12),
        metadata={"description": "Least net spend, in minor units of `currency`."},
    )
    currency = fields.String(
        validate=validate.Regexp(r"^[A-Z]{3}$", error="Must be an ISO 4217 code such as USD."),
        metadata={"description": "Only spend in this currency counts."},
    )
    days = fields.Integer(
        strict=True, validate=validate.Range(1, 3650), metadata={"description": "Only the last so many times 24 hours count."}
    )
    product_id = fields.String(validate=[validate.Length(1, 255), _TEXT], metadata={"description": "Product id or SKU."})
    category = fields.String(
        validate=[validate.Length(1, 255), _TEXT], metadata={"description": "Category; capitals make no difference."}
    )

    contactable = fields.String(
        validate=[validate.Length(1, 50), _TEXT],
        metadata={
            "description": "Only customers who may be contacted for marketing on this channel: `email`. Who withdraws that leaves at once."
        },
    )

    @pre_load
    def without_nulls(self, data: Any, **kwargs: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data

    @validates_schema
    def check_parameters(self, data: dict[str, Any], **kwargs: Any) -> None:
        parameters = PARAMETERS[data["kind"]]
        given = data.keys() - {"kind"}
        wrong = {name: [f"{data['kind']} does not take it: leave it out."] for name in sorted(given - parameters.names)}
        wrong |= {name: ["Missing data for required field."] for name in sorted(parameters.required - given)}
        if {"product_id", "category"} <= given:
            wrong["category"] = ["Give a product or a category, not both."]
        if wrong:
            raise ValidationError(wrong)

    @post_load
    def to_rule(self, data: dict[str, Any], **kwargs: Any) -> Rule:
        return Rule(**{**dict(PARAMETERS[data["kind"]].optional), **data})

    @post_dump
    def only_what_is_set(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class RuleBody(Schema):
    """A rule to try."""

    rule = fields.Nested(RuleSchema, required=True)


class AudienceBody(RuleBody):
    """A new audience."""

    name = fields.String(
        required=True, validate=[validate.Length(1, 100), _TEXT], metadata={"description": "For people; no two are the same."}
    )


class VersionBody(Schema):
    """The version that a change is based on."""

    version = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1),
        metadata={"description": "`version` of the audience as you read it: where it changed meanwhile, the answer is 409."},
    )


class AudiencePut(AudienceBody, VersionBody):
    """A whole audience in the place of what it was."""


class AudiencePatch(VersionBody):
    """What is to change. Parameters of `rule` that are left out stay, as long as its kind stays."""

    name = fields.String(validate=[validate.Length(1, 100), _TEXT])
    rule = fields.Dict(keys=fields.String(), metadata={"description": "Some or all fields of a rule."})


class DeleteQuery(Schema):
    """Which version is to be deleted."""

    version = fields.Integer(
        load_default=None, validate=validate.Range(1), metadata={"description": "Refuse with 409 where it changed meanwhile."}
    )


class AudiencesQuery(PageQuery):
    """Which audiences to list."""

    kind = fields.Enum(RuleKind, by_value=True, load_default=None, metadata={"description": "Only rules of this kind."})


class MembersQuery(PageQuery):
    """Which members to list."""

    since = fields.AwareDateTime(load_default=None, metadata={"description": "Only who came in at this time or later."})
    contactable = fields.String(
        load_default=None,
        validate=validate.Length(1, 50),
        metadata={"description": "Only members who may be contacted for marketing on this channel: `email`."},
    )


class Evaluation(Schema):
    """A look at every customer that is under way because a rule changed. Sizes and members are on their way meanwhile."""

    done = fields.Integer(required=True, metadata={"description": "Identity keys looked at."})
    total = fields.Integer(required=True, metadata={"description": "About how many there are."})


class AudienceSummary(Schema):
    """An audience with its size."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    rule = fields.Nested(RuleSchema, required=True)
    members = fields.Integer(required=True, metadata={"description": "Customers who belong to it now."})
    version = fields.Integer(required=True)
    built_in = fields.Boolean(required=True, metadata={"description": "It was there from the start."})
    created_at = fields.AwareDateTime(required=True, allow_none=True)
    rule_since = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "When the rule became what it is; null: from the start."}
    )


class AudienceView(AudienceSummary):
    """An audience with its size, and whether that is still on its way."""

    evaluation = fields.Nested(Evaluation, required=True, allow_none=True)


class AudiencePage(Schema):
    """Audiences by name."""

    items = fields.List(fields.Nested(AudienceSummary), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Cursor of the next page; null at the end."})
    evaluation = fields.Nested(Evaluation, required=True, allow_none=True)


class MemberView(Schema):
    """A member of an audience."""

    customer_id = fields.String(required=True)
    identity_key = fields.String(required=True, metadata={"description": "The strongest identity key of the customer."})
    since = fields.AwareDateTime(required=True, metadata={"description": "When the membership became true."})
    contactable = fields.List(fields.String(), required=True, metadata={"description": _CONTACTABLE})


class MemberPage(Schema):
    """Members, who came last first."""

    items = fields.List(fields.Nested(MemberView), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "Cursor of the next page; null at the end."})


class Reason(Schema):
    """An order or a cart that counts towards the rule now."""

    kind = fields.String(required=True, validate=validate.OneOf(["order", "cart"]))
    id = fields.String(required=True, metadata={"description": "Order id or cart id."})
    at = fields.AwareDateTime(required=True, metadata={"description": "When it was placed, or left."})
    amount = fields.Integer(required=True, allow_none=True, metadata={"description": "Net amount in minor units of `currency`."})
    currency = fields.String(required=True, allow_none=True)


class Membership(Schema):
    """An audience that a customer belongs to."""

    audience_id = fields.String(required=True)
    name = fields.String(required=True)
    rule = fields.Nested(RuleSchema, required=True)
    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "When time alone will end it; null: only events can."}
    )
    total = fields.Integer(required=True, metadata={"description": "What the rule counts: orders, carts, or minor units spent."})
    reasons = fields.List(fields.Nested(Reason), required=True, metadata={"description": "The latest 50 facts that count."})


class CustomerAudiences(Schema):
    """The audiences of a customer, who came last first."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True)
    contactable = fields.List(fields.String(), required=True, metadata={"description": _CONTACTABLE})
    items = fields.List(fields.Nested(Membership), required=True)


class Estimate(Schema):
    """The size that an audience of this rule would have."""

    members = fields.Integer(required=True)
    customers = fields.Integer(required=True, metadata={"description": "Customers in all."})
    examined = fields.Integer(required=True, metadata={"description": "Identity keys whose customers were looked at."})
    exact = fields.Boolean(
        required=True, metadata={"description": "Everybody was looked at; else it is scaled up from a sample."}
    )
