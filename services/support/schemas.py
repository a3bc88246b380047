"""What the HTTP side of support takes and gives. Amounts are minor units of the currency beside them; times are RFC 3339."""

import re
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from services.support.domain.tickets import Channel, Priority, Status
from services.support.storage import ORDERS
from shared.http import PageQuery

_IDENTITY = re.compile(r"cus_[0-9a-f]{24}|[a-z][a-z_]*:[^\x00-\x1f\x7f]+|[^\s:@]+@[^\s:@]+\.[^\s:@]+")
_TAG = re.compile(r'(?:W/)?"?([1-9][0-9]{0,8})"?')


def _told(description: str) -> dict[str, str]:
    return {"description": description}


class Identity(fields.String):
    """A customer: identity key, e-mail address or customer id."""

    def __init__(self, **kwargs: Any) -> None:
        shape = validate.Regexp(
            re.compile(f"(?:{_IDENTITY.pattern})$"),
            error="Give an identity key like user:42, an e-mail address or a customer id.",
        )
        super().__init__(validate=[validate.Length(3, 500), shape], **kwargs)


class Written(fields.String):
    """Text that somebody wrote: more than blanks, up to `most` characters."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        visible = validate.Regexp(r"(?s).*\S", error="Write something.")
        super().__init__(validate=[validate.Length(1, most), visible], **kwargs)


class Agent(fields.String):
    """The id of an agent or a team, as the shop names them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, 255), allow_none=True, load_default=None, **kwargs)


class Version(fields.Integer):
    """The version of the ticket that the caller saw."""

    def __init__(self) -> None:
        super().__init__(
            strict=True,
            allow_none=True,
            load_default=None,
            validate=validate.Range(1, 999_999_999),
            metadata=_told("The ticket's version as you read it; 409 if it changed since. Leave out to act on it as it is."),
        )


class VersionTag(fields.String):
    """An entity tag that holds a version: `"3"`; `*` is any."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        tag = super()._deserialize(value, attr, data, **kwargs).strip()
        if tag == "*":
            return None
        found = _TAG.fullmatch(tag)
        if found is None:
            raise ValidationError('Give the ticket\'s version in quotes: "3".')
        return int(found.group(1))


class IdempotencyHeaders(Schema):
    key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=validate.Length(1, 255),
        metadata=_told("Repeat the request with the same key and it takes effect once. Kept for a week."),
    )


class IfMatchHeaders(Schema):
    version = VersionTag(
        data_key="If-Match",
        load_default=None,
        metadata=_told('The ticket\'s `ETag` as you read it: `"3"`; 409 if it changed since.'),
    )


class ReplyHeaders(IdempotencyHeaders, IfMatchHeaders):
    """Both."""


class OpenTicket(Schema):
    """A ticket to be opened."""

    customer = Identity(required=True, metadata=_told("Who it is about: identity key, e-mail address or customer id."))
    subject = Written(200, required=True)
    body = Written(20_000, required=True, metadata=_told("What the customer wrote or said."))
    channel = fields.String(load_default="api", validate=validate.OneOf([c.value for c in Channel]))
    priority = fields.String(load_default="normal", validate=validate.OneOf([p.value for p in Priority]))
    order_id = fields.String(
        allow_none=True,
        load_default=None,
        validate=[validate.Length(1, 255), validate.Regexp(r"[^\x00]+$")],
        metadata=_told("The order that it is about. One that is not among the customer's is kept, and warned of."),
    )
    agent_id = Agent(metadata=_told("The agent who opens it for the customer; leave out where the customer asks."))


class Reply(Schema):
    """Something to write in a ticket."""

    body = Written(20_000, required=True)
    author = fields.String(load_default="agent", validate=validate.OneOf(["agent", "customer"]))
    agent_id = Agent(metadata=_told("The agent who writes."))
    is_note = fields.Boolean(load_default=False, metadata=_told("For agents only: the customer does not see it."))
    version = Version()


class Assign(Schema):
    """Who is to work on a ticket; null for nobody, which is what leaving it out means too."""

    agent_id = Agent()
    team_id = Agent()
    by = Agent(metadata=_told("The agent who decides it."))
    version = Version()


class Settle(Schema):
    """To resolve or reopen a ticket."""

    agent_id = Agent(metadata=_told("The agent who does it."))
    version = Version()


class Statuses(fields.String):
    """One status or several, separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        given = [part.strip() for part in super()._deserialize(value, attr, data, **kwargs).split(",")]
        unknown = set(given) - {status.value for status in Status}
        if unknown:
            raise ValidationError("Use open, waiting or resolved, or several separated by commas.")
        return given


class TicketQuery(PageQuery):
    """Which tickets to list."""

    status = Statuses(metadata=_told("open, waiting, resolved; several separated by commas."))
    assignee = fields.String(metadata=_told("Id of the agent who works on it; `none` for tickets without one."))
    team = fields.String(metadata=_told("Id of the team that works on it."))
    priority = fields.String(validate=validate.OneOf([p.value for p in Priority]))
    channel = fields.String(validate=validate.OneOf([c.value for c in Channel]))
    customer = Identity(metadata=_told("Tickets of this customer, under whichever identity key they came."))
    text = fields.String(
        validate=validate.Length(1, 200), metadata=_told("Words of the subject, or how they begin; all have to be there.")
    )
    sort = fields.String(
        load_default="-updated_at",
        validate=validate.OneOf(list(ORDERS)),
        metadata=_told("What to sort by; with - the latest, highest or most urgent first."),
    )


class ContextQuery(Schema):
    """How much of a customer to show."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, 500), metadata=_told("Newest orders, messages, mentions and tickets, each.")
    )


class Line(Schema):
    product_id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    sku = fields.String(required=True, allow_none=True)
    variant = fields.String(required=True, allow_none=True)
    category = fields.String(required=True, allow_none=True)
    quantity = fields.Integer(required=True)
    price = fields.Integer(required=True, allow_none=True, metadata=_told("Of one piece."))
    amount = fields.Integer(required=True, allow_none=True, metadata=_told("Of all pieces."))
    url = fields.String(required=True, allow_none=True)
    image_url = fields.String(required=True, allow_none=True)


class Refund(Schema):
    refund_id = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    currency = fields.String(required=True)
    amount = fields.Integer(
        required=True, allow_none=True, metadata=_told("Null where the shop named products, or nothing: then all of the order.")
    )
    is_whole = fields.Boolean(required=True)


class Order(Schema):
    order_id = fields.String(required=True)
    status = fields.String(required=True, metadata=_told("placed, cancelled, refunded, partly_refunded"))
    placed_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True, allow_none=True)
    cancelled_at = fields.AwareDateTime(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_told("The shop source through which it was placed."))
    coupon = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True)
    amount = fields.Integer(required=True, metadata=_told("What was to be paid."))
    refunded = fields.Integer(required=True, metadata=_told("What of it went back."))
    net = fields.Integer(required=True, metadata=_told("What the order brought: 0 if cancelled."))
    products = fields.List(fields.Nested(Line), required=True)
    refunds = fields.List(fields.Nested(Refund), required=True)


class Spend(Schema):
    currency = fields.String(required=True)
    amount = fields.Integer(required=True)


class OpenCart(Schema):
    cart_id = fields.String(required=True, metadata=_told("`unnamed` where the shop does not name carts."))
    last_activity = fields.AwareDateTime(required=True)
    abandoned_at = fields.AwareDateTime(required=True, allow_none=True, metadata=_told("Null unless it was found abandoned."))
    currency = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True, allow_none=True)
    products = fields.List(fields.Nested(Line), required=True)


class Message(Schema):
    at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True, metadata=_told("campaign, mention or ticket"))
    direction = fields.String(required=True, metadata=_told("in: by the customer; out: by the shop"))
    channel = fields.String(required=True, metadata=_told("The channel, or the network of a mention."))
    id = fields.String(required=True, metadata=_told("Of the message, mention or ticket."))
    subject = fields.String(required=True, allow_none=True)
    text = fields.String(required=True, allow_none=True)
    status = fields.String(
        required=True,
        allow_none=True,
        metadata=_told("Of a campaign's message: skipped, sent, delivered, opened, clicked, bounced, complained."),
    )
    reason = fields.String(required=True, allow_none=True, metadata=_told("Why it was skipped or bounced."))
    url = fields.String(required=True, allow_none=True)


class Mention(Schema):
    mention_id = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    network = fields.String(required=True)
    handle = fields.String(required=True)
    author_name = fields.String(required=True, allow_none=True)
    text = fields.String(required=True)
    url = fields.String(required=True, allow_none=True)


class TicketSummary(Schema):
    """A ticket without what was written in it."""

    ticket_id = fields.String(required=True)
    number = fields.Integer(required=True, metadata=_told("What people call it."))
    customer_id = fields.String(required=True, metadata=_told("Whom the identity key belongs to now."))
    identity_key = fields.String(required=True, metadata=_told("The key that it came with."))
    subject = fields.String(required=True)
    channel = fields.String(required=True)
    priority = fields.String(required=True)
    status = fields.String(required=True, metadata=_told("open: the customer waits; waiting: we wait; resolved"))
    agent_id = fields.String(required=True, allow_none=True)
    team_id = fields.String(required=True, allow_none=True)
    order_id = fields.String(required=True, allow_none=True)
    version = fields.Integer(required=True, metadata=_told("Grows by one with every step."))
    opened_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
    first_reply_at = fields.AwareDateTime(required=True, allow_none=True)
    resolved_at = fields.AwareDateTime(required=True, allow_none=True)
    resolution_seconds = fields.Integer(required=True, allow_none=True)
    reopened = fields.Integer(required=True, metadata=_told("How often it came back."))


class Context(Schema):
    """A customer as an agent should see them."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True)
    name = fields.String(required=True, allow_none=True)
    contact = fields.Dict(required=True, metadata=_told("Traits that serve to address and reach the customer."))
    orders_count = fields.Integer(required=True, metadata=_told("Orders that count: cancelled ones do not."))
    orders_placed = fields.Integer(required=True, metadata=_told("All orders, of which the newest are in `orders`."))
    first_order_at = fields.AwareDateTime(required=True, allow_none=True)
    last_order_at = fields.AwareDateTime(required=True, allow_none=True)
    spend = fields.List(fields.Nested(Spend), required=True, metadata=_told("Net of refunds and cancellations."))
    orders = fields.List(fields.Nested(Order), required=True, metadata=_told("Newest first."))
    open_cart = fields.Nested(OpenCart, required=True, allow_none=True, metadata=_told("The one touched last."))
    other_carts = fields.List(fields.Nested(OpenCart), required=True)
    messages = fields.List(
        fields.Nested(Message), required=True, metadata=_told("Campaigns, mentions and tickets' words, newest first.")
    )
    mentions = fields.List(fields.Nested(Mention), required=True, metadata=_told("Newest first."))
    open_tickets = fields.List(fields.Nested(TicketSummary), required=True, metadata=_told("Last touched first."))


class TicketMessage(Schema):
    version = fields.Integer(required=True, metadata=_told("The step by which it was written."))
    at = fields.AwareDateTime(required=True)
    author = fields.String(required=True)
    agent_id = fields.String(required=True, allow_none=True)
    is_note = fields.Boolean(required=True)
    body = fields.String(required=True)


class TicketStep(Schema):
    version = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True, metadata=_told("opened, replied, noted, assigned, resolved, reopened"))
    status = fields.String(required=True, metadata=_told("After the step."))
    author = fields.String(required=True)
    agent_id = fields.String(required=True, allow_none=True)
    assigned_agent_id = fields.String(required=True, allow_none=True)
    assigned_team_id = fields.String(required=True, allow_none=True)
    reopens = fields.Boolean(required=True, metadata=_told("It brought a resolved ticket back."))


class Ticket(TicketSummary):
    """A ticket with all that an agent needs to answer it."""

    warnings = fields.List(fields.String(), required=True, metadata=_told("Such as an order that is not the customer's."))
    messages = fields.List(fields.Nested(TicketMessage), required=True, metadata=_told("Oldest first."))
    history = fields.List(fields.Nested(TicketStep), required=True, metadata=_told("Oldest first."))
    left_out = fields.Integer(required=True, metadata=_told("Older steps that only the listings under this ticket have."))
    customer = fields.Nested(Context, required=True)


def page_of(item: type[Schema]) -> Schema:
    """The schema of a page of a listing."""
    following = fields.String(required=True, allow_none=True, metadata=_told("Cursor of the next page; null at the end."))
    return Schema.from_dict(
        {"items": fields.List(fields.Nested(item), required=True), "next": following}, name=f"{item.__name__}Page"
    )()
