"""Tags: an answer that a caller has already is not computed and sent again (RFC 9110, ETag)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields
from werkzeug.http import parse_etags
from werkzeug.wrappers import Response

_HEX = re.compile("[0-9a-f]{1,12}")


@dataclass(frozen=True)
class Tagged:
    """A result with the tag that it holds under (RFC 9110, ETag). Without a payload: what the caller has is still the answer."""

    tag: str
    payload: Any = None

    def on(self, response: Response) -> Response:
        """The response with the tag. Whoever keeps it has to ask each time whether it still holds."""
        response.set_etag(self.tag)
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return response


class Conditional(Schema):
    """Headers of a route that answers with tags."""

    if_none_match = fields.String(
        data_key="If-None-Match",
        load_default=None,
        metadata={"description": "The ETag of an answer that the caller has: 304 without a body where it still holds."},
    )


def tag_until(content: str, until: datetime) -> str:
    """The tag of an answer that holds as long as `content` does, and no longer than `until`: the tag itself says so."""
    return f"{content}-{int(until.timestamp()):x}"


def tag_that_holds(header: str | None, content: str, now: datetime) -> str | None:
    """The tag in `If-None-Match` whose answer is still that of `content`; None for none."""
    for tag in parse_etags(header).as_set(include_weak=True) if header else ():
        told, _, until = tag.rpartition("-")
        if told == content and _HEX.fullmatch(until) and now.timestamp() < int(until, 16):
            return tag
    return None
