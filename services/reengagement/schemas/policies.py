"""Policies as they are read and changed."""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from services.reengagement.domain import policies
from services.reengagement.schemas.words import Duration, about
from shared.access.caller import Actor
from shared.events.fields import Currency

_SECOND, _MINUTE, _DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


class PolicySettings(Schema):
    """What all kinds of policies have in common."""

    enabled = fields.Boolean(required=True, truthy={True}, falsy={False}, metadata=about("Off: nothing is armed or announced."))
    expires_after = Duration(
        timedelta(hours=1), 366 * _DAY, "A timer that could not fire for so long after it was due is dropped.", required=True
    )


class CartSettings(PolicySettings):
    """When a cart is abandoned."""

    delay = Duration(_SECOND, 30 * _DAY, "How long nobody touches it.", required=True)
    minimum_amounts = fields.Dict(
        keys=Currency(),
        values=fields.Integer(strict=True, validate=validate.Range(0, 2**53 - 1)),
        load_default=dict,
        validate=validate.Length(max=200),
        metadata=about("Carts worth less are left in peace: minor units by currency. A cart of unknown worth is not worth less."),
    )
    again_after = Duration(
        _MINUTE,
        366 * _DAY,
        "Announce a cart once more if it is touched again so long after the last time; null: once until an order closes it.",
        load_default=None,
        allow_none=True,
    )


class LapseSettings(PolicySettings):
    """When a customer has lapsed."""

    delay = Duration(_MINUTE, 3660 * _DAY, "How long after the last order.", required=True)


class Override(Schema):
    """The shop's word on how long a product, or those of a category, last."""

    product_id = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 255))
    category = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 255))
    days = fields.Integer(
        required=True,
        strict=True,
        allow_none=True,
        validate=validate.Range(1, 3660),
        metadata=about("Days that a purchase lasts; null: it is not used up, never remind."),
    )

    @validates_schema
    def _names_one(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data.get("product_id") is None) == (data.get("category") is None):
            raise ValidationError("Name either `product_id` or `category`.")

    @post_load
    def _made(self, data: dict[str, Any], **kwargs: Any) -> policies.Override:
        return policies.Override(**data)


class ReplenishmentSettings(PolicySettings):
    """When a product should be used up."""

    min_purchases = fields.Integer(
        load_default=2,
        strict=True,
        validate=validate.Range(2, 50),
        metadata=about("Purchases from which on the customer's own rhythm is known."),
    )
    shortest_interval = Duration(_MINUTE, 3660 * _DAY, "A shorter rhythm counts as this.", load_default=_DAY)
    longest_interval = Duration(_MINUTE, 3660 * _DAY, "A longer rhythm counts as this.", load_default=365 * _DAY)
    overrides = fields.List(
        fields.Nested(Override),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata=about("In place of the customer's rhythm, from the first purchase on. A product goes before its category."),
    )

    @validates_schema
    def _is_consistent(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data["shortest_interval"] > data["longest_interval"]:
            raise ValidationError("Must not be longer than `longest_interval`.", "shortest_interval")
        named = [(each.product_id, (each.category or "").casefold()) for each in data["overrides"]]
        if len(set(named)) < len(named):
            raise ValidationError("Name each product and each category once.", "overrides")


SETTINGS = {"cart": CartSettings(), "lapse": LapseSettings(), "replenishment": ReplenishmentSettings()}


class Progress(Schema):
    """How far a change has reached the customers."""

    done = fields.Integer(required=True, metadata=about("Identity keys looked at."))
    total = fields.Integer(required=True, metadata=about("All of them, estimated."))


class Versioned(Schema):
    """Who changed a policy when, and whether the last change of any policy has reached every customer."""

    version = fields.Integer(required=True, metadata=about("Counts the changes; 0: as the product comes."))
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    reevaluation = fields.Nested(
        Progress, required=True, allow_none=True, metadata=about("Null once every customer was looked at again.")
    )


class CartPolicy(Versioned, CartSettings):
    """The policy of abandoned carts."""


class LapsePolicy(Versioned, LapseSettings):
    """The policy of lapsed customers."""


class ReplenishmentPolicy(Versioned, ReplenishmentSettings):
    """The policy of products that are used up."""


class Policies(Schema):
    """The policies of all kinds."""

    cart = fields.Nested(CartPolicy, required=True)
    lapse = fields.Nested(LapsePolicy, required=True)
    replenishment = fields.Nested(ReplenishmentPolicy, required=True)


class Change(Schema):
    """A change of a policy states all its settings. What was read may be sent back as it is, with other settings."""

    version = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=0), metadata=about("The version that the change was made to.")
    )
    changed_by = Actor(sent_back=True)

    @pre_load
    def _without_what_is_only_read(self, data: Any, **kwargs: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in ("changed_at", "reevaluation")}


class CartChange(Change, CartSettings):
    """A change of the policy of abandoned carts."""


class LapseChange(Change, LapseSettings):
    """A change of the policy of lapsed customers."""


class ReplenishmentChange(Change, ReplenishmentSettings):
    """A change of the policy of products that are used up."""


class PolicyVersion(Schema):
    """A version of a policy."""

    version = fields.Integer(required=True)
    changed_at = fields.AwareDateTime(required=True)
    changed_by = fields.String(required=True, allow_none=True)
    settings = fields.Dict(required=True, metadata=about("The settings of that version, as the policy itself shows them."))


class PolicyVersionPage(Schema):
    """Versions of a policy, the latest first."""

    items = fields.List(fields.Nested(PolicyVersion), required=True)
    next = fields.String(required=True, allow_none=True, metadata=about("Cursor of the next page; null at the end."))
