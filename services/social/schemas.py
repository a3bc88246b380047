"""What the HTTP side of social takes and gives. Amounts are minor units of the currency beside them; times are RFC 3339."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from services.social.domain.mentions import handle_of, network_of
from shared.http import PageQuery

MOST = 500  # mentions in one request
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(minutes=5)


def _told(description: str) -> dict[str, str]:
    return {"description": description}


class Folded(fields.String):
    """Text that is written in one way only; what cannot be is refused with `otherwise`."""

    def __init__(self, fold: Callable[[str], str | None], otherwise: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._fold, self._otherwise = fold, otherwise

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = self._fold(super()._deserialize(value, attr, data, **kwargs))
        if found is None:
            raise ValidationError(self._otherwise)
        return found


def _network(**kwargs: Any) -> Folded:
    return Folded(network_of, "Name the network: x, instagram, mastodon, ...", **kwargs)


def _handle(**kwargs: Any) -> Folded:
    return Folded(handle_of, "Give a handle such as jane, @jane or jane@mastodon.social.", **kwargs)


def _identifier(most: int, **kwargs: Any) -> fields.String:
    return fields.String(validate=[validate.Length(1, most), validate.Regexp(r"[^\x00-\x1f\x7f]+$")], **kwargs)


class Report(Schema):
    """A mention as a connector reports it."""

    def __init__(self, context_now: datetime | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._now = context_now

    network = _network(required=True, metadata=_told("x, instagram, mastodon, ...; twitter is x."))
    handle = _handle(
        required=True, metadata=_told("Who wrote it, as the network names them; case and a leading @ do not matter.")
    )
    external_id = _identifier(
        200, required=True, metadata=_told("The network's own id of the mention: a second report of it is the same mention.")
    )
    text = fields.String(required=True, validate=validate.Length(1, 10_000))
    url = fields.Url(schemes={"http", "https"}, allow_none=True, load_default=None, validate=validate.Length(max=2000))
    author_name = fields.String(
        allow_none=True, load_default=None, validate=validate.Length(max=200), metadata=_told("As the author shows it there.")
    )
    published_at = fields.AwareDateTime(
        allow_none=True, load_default=None, metadata=_told("When it was written; left out: now. Not in the future.")
    )
    in_reply_to = _identifier(255, allow_none=True, load_default=None, metadata=_told("The post or mention that it answers."))
    backfill = fields.Boolean(
        load_default=False, metadata=_told("History: shown and counted, and nothing is started because of it.")
    )

    @post_load
    def _dated(self, said: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A mention without a time is of now; one from a time that cannot be is refused."""
        now = self._now or datetime.now(UTC)
        published = said["published_at"] or now
        if not _EARLIEST <= published <= now + _CLOCKS_DIFFER:
            raise ValidationError("Give a time between 2000 and now.", "published_at")
        return {**said, "published_at": published.replace(microsecond=published.microsecond // 1000 * 1000)}


class OneByOne(fields.Nested):
    """Described by a schema, and passed on as it is: each is loaded by itself, so that one cannot spoil the others."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return value


class Reports(Schema):
    """Mentions to be taken: this object, a bare list of mentions, or a single bare mention."""

    mentions = fields.List(
        OneByOne(Report), required=True, validate=validate.Length(1, MOST), metadata=_told(f"1 to {MOST} mentions.")
    )

    @pre_load
    def _wrapped(self, body: Any, **_: Any) -> Any:
        if isinstance(body, list):
            return {"mentions": body}
        return body if isinstance(body, dict) and "mentions" in body else {"mentions": [body]}


class Result(Schema):
    index = fields.Integer(required=True, metadata=_told("Place in the request, from 0."))
    status = fields.String(required=True, metadata=_told("accepted; duplicate: reported before; refused: see `errors`"))
    mention_id = fields.String(required=True, allow_none=True)
    errors = fields.Dict(required=True, allow_none=True, metadata=_told("What is wrong, by field."))


class Results(Schema):
    """What became of each mention, in the order of the request."""

    results = fields.List(fields.Nested(Result), required=True)
    accepted = fields.Integer(required=True)
    duplicate = fields.Integer(required=True)
    refused = fields.Integer(required=True)


class MentionQuery(PageQuery):
    """Which mentions to list."""

    network = _network(metadata=_told("Only this network."))
    handle = _handle(metadata=_told("Only by this handle; case and a leading @ do not matter."))
    linked = fields.Boolean(metadata=_told("true: only mentions of known customers; false: only those of others."))
    since = fields.AwareDateTime(metadata=_told("Only those written then or later."))
    until = fields.AwareDateTime(metadata=_told("Only those written before then."))
    text = fields.String(
        validate=validate.Length(1, 200), metadata=_told("Words of the text, or how they begin; all have to be there.")
    )


class Spend(Schema):
    currency = fields.String(required=True)
    amount = fields.Integer(required=True)


class Author(Schema):
    """The customer behind the handle."""

    customer_id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True, metadata=_told("As the shop knows it."))
    is_buyer = fields.Boolean(required=True)
    orders_count = fields.Integer(required=True, metadata=_told("Cancelled orders do not count."))
    spend = fields.List(fields.Nested(Spend), required=True, metadata=_told("Net of refunds and cancellations."))
    first_order_at = fields.AwareDateTime(required=True, allow_none=True)
    last_order_at = fields.AwareDateTime(required=True, allow_none=True)


class Mention(Schema):
    """A mention with its author as of now."""

    mention_id = fields.String(required=True)
    external_id = fields.String(required=True, metadata=_told("The network's own id of it."))
    network = fields.String(required=True)
    handle = fields.String(required=True)
    identity_key = fields.String(required=True, metadata=_told("The key that it is filed under."))
    author_name = fields.String(required=True, allow_none=True, metadata=_told("As the author shows it there."))
    text = fields.String(required=True)
    url = fields.String(required=True, allow_none=True)
    in_reply_to = fields.String(required=True, allow_none=True)
    published_at = fields.AwareDateTime(required=True)
    received_at = fields.AwareDateTime(required=True, metadata=_told("When it was first reported."))
    backfill = fields.Boolean(required=True)
    customer_id = fields.String(required=True, allow_none=True, metadata=_told("Null while the handle is linked with nobody."))
    author = fields.Nested(Author, required=True, allow_none=True, metadata=_told("Null while the handle is linked with nobody."))


class MentionPage(Schema):
    """Mentions, newest first."""

    items = fields.List(fields.Nested(Mention), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_told("Cursor of the next page; null at the end."))
