"""Customers' timers and carts, the list of abandoned carts, and how much is under way."""

from marshmallow import Schema, fields, validate

from services.reengagement.domain.decisions import TIMERS, Reason
from services.reengagement.domain.moments import CartStatus, Outcome
from services.reengagement.schemas.words import about
from shared.events.fields import Currency
from shared.events.kind import MinorUnits
from shared.http import PageQuery

_CONTACTABLE = "Channels on which the customer may be contacted for marketing; none where nothing is known."
_ANY_STATUS = validate.OneOf([status.value for status in CartStatus])


class Line(Schema):
    """A product in a cart."""

    product_id = fields.String(required=True)
    name = fields.String(allow_none=True)
    quantity = fields.Integer(required=True)
    price = MinorUnits(allow_none=True, metadata=about("Price of one piece."))
    url = fields.String(allow_none=True)
    image_url = fields.String(allow_none=True)


class CartContent(Schema):
    """What is in a cart."""

    cart_id = fields.String(required=True, metadata=about("`unnamed` where the shop does not name carts."))
    products = fields.List(fields.Nested(Line), required=True)
    amount = MinorUnits(allow_none=True, metadata=about("Sum of the lines whose price is known; null where none is."))
    currency = Currency(allow_none=True)


class Subject(Schema):
    """What a timer is about: fields of the cart, the last order, or the product. Those of the other kinds are missing."""

    kind = fields.String(required=True, validate=validate.OneOf(list(TIMERS.values())))
    due = fields.AwareDateTime(allow_none=True)
    expires_at = fields.AwareDateTime(metadata=about("It is of no use after this time and is dropped then."))
    cart_id = fields.String()
    abandoned_at = fields.AwareDateTime(metadata=about("When the customer last touched the cart."))
    products = fields.List(fields.Nested(Line))
    amount = MinorUnits(allow_none=True)
    currency = Currency(allow_none=True)
    order_id = fields.String(allow_none=True, metadata=about("The last order; of a cart the order to be."))
    last_order_at = fields.AwareDateTime()
    product_id = fields.String()
    name = fields.String(allow_none=True)
    last_bought_at = fields.AwareDateTime()
    interval_days = fields.Integer(metadata=about("How many days one purchase of the product lasts."))


class FiredTimer(Subject):
    """A timer that fired."""

    fired_at = fields.AwareDateTime(required=True)
    outcome = fields.Enum(
        Outcome,
        by_value=True,
        required=True,
        metadata=about(
            "`announced`; `expired`: it fired too late to be of use; `off`: the policy had been switched off; `overtaken`: something "
            "that happened before it fired became known later."
        ),
    )


class NotArmed(Subject):
    """A timer that might be expected, and why it is not armed."""

    reason = fields.Enum(Reason, by_value=True, required=True)
    detail = fields.String(required=True, metadata=about("The reason as a sentence."))


class CustomerTimers(Schema):
    """The timers of a customer."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True)
    contactable = fields.List(fields.String(), required=True, metadata=about(_CONTACTABLE))
    pending = fields.List(fields.Nested(Subject), required=True, metadata=about("Armed, the next one first."))
    fired = fields.List(fields.Nested(FiredTimer), required=True, metadata=about("The last 50 that fired, the latest first."))
    not_armed = fields.List(fields.Nested(NotArmed), required=True)


class OpenCart(CartContent):
    """A cart that stands open."""

    last_activity = fields.AwareDateTime(required=True)
    reminder_due = fields.AwareDateTime(
        required=True, allow_none=True, metadata=about("Null where there will be none; `detail` says why.")
    )
    detail = fields.String(required=True, metadata=about("Why there will be no reminder; empty where there will be one."))


class AbandonedCart(CartContent):
    """A cart that was announced as abandoned, as it was left, and what became of it."""

    id = fields.String(attribute="_id", required=True)
    customer_id = fields.String(required=True)
    contactable = fields.List(fields.String(), required=True, metadata=about(_CONTACTABLE))
    abandoned_at = fields.AwareDateTime(required=True, metadata=about("When the customer last touched it."))
    announced_at = fields.AwareDateTime(required=True)
    status = fields.String(
        required=True,
        validate=_ANY_STATUS,
        metadata=about(
            "`open`; `emptied`; `recovered`: bought after the announcement; `cancelled`: bought and the order cancelled; "
            "`bought_before`: its order had been placed already and was heard of later."
        ),
    )
    order_id = fields.String(metadata=about("The order that closed it."))
    ordered_at = fields.AwareDateTime()
    order_amount = MinorUnits(metadata=about("What that order brought: refunds taken off, 0 where it was cancelled."))
    order_currency = Currency(allow_none=True)


class CustomerCarts(Schema):
    """The carts of a customer."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True)
    contactable = fields.List(fields.String(), required=True, metadata=about(_CONTACTABLE))
    open = fields.List(fields.Nested(OpenCart), required=True, metadata=about("The one touched last comes first."))
    abandoned = fields.List(fields.Nested(AbandonedCart), required=True, metadata=about("The one left last comes first."))


class AbandonedCartQuery(PageQuery):
    """Which abandoned carts to list."""

    status = fields.String(load_default=None, validate=_ANY_STATUS, metadata=about("Only these."))
    contactable = fields.String(
        load_default=None,
        validate=validate.Length(1, 50),
        metadata=about("Only carts of customers who may be contacted for marketing on this channel: `email`."),
    )
    since = fields.AwareDateTime(load_default=None, metadata=about("Only carts left at this time or later."))
    until = fields.AwareDateTime(load_default=None, metadata=about("Only carts left before this time."))


class AbandonedCartPage(Schema):
    """Abandoned carts, the one left last first."""

    items = fields.List(fields.Nested(AbandonedCart), required=True)
    next = fields.String(required=True, allow_none=True, metadata=about("Cursor of the next page; null at the end."))


class PendingCount(Schema):
    """Armed timers of a kind."""

    kind = fields.String(required=True)
    pending = fields.Integer(required=True)
    next_due = fields.AwareDateTime(required=True, allow_none=True)


class StatusCount(Schema):
    """Abandoned carts of a status."""

    status = fields.String(required=True, validate=_ANY_STATUS)
    count = fields.Integer(required=True)


class Summary(Schema):
    """How much is under way."""

    timers = fields.List(fields.Nested(PendingCount), required=True)
    abandoned_carts = fields.List(fields.Nested(StatusCount), required=True)
