"""Pages of a listing, and the cursors that continue them."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from shared.errors import BadRequest


class PageQuery(Schema):
    """Query parameters of every listing."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, 500), metadata={"description": "Items on a page, 1 to 500."}
    )
    cursor = fields.String(load_default=None, metadata={"description": "`next` of the page before; leave out for the first."})


def page(items: list[Any], limit: int, position: Callable[[Any], Any]) -> dict[str, Any]:
    """One page out of up to `limit + 1` found items; `next` is a cursor made of the last one's position, or None at the end."""
    more = len(items) > limit
    shown = items[:limit]
    return {"items": shown, "next": to_cursor(position(shown[-1])) if more else None}


def to_cursor(position: Any) -> str:
    """An opaque cursor of a JSON-able position."""
    return base64.urlsafe_b64encode(json.dumps(position, default=str).encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> Any:
    """The position in a cursor, None for no cursor. Raises BadRequest for one that we did not make."""
    if not cursor:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        raise BadRequest("`cursor` is not one that a page gave as `next`; start without it.") from None
