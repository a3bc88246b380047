"""The segments in the settings, and the rows of their members."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.segments.definitions import Definitions, Segments, compile_all
from shared.handlers import Row

SEGMENTS = "segments"  # the part of the settings that says who is in which segment
MEMBERS = "segment_members"
SIZES = "segment_sizes"
_NONE = Segments()


def segments_of(settings: Mapping[str, Any] | None, time_zone: str) -> Segments:
    """The segments out of the settings, compiled once for each version of them."""
    stored = (settings or {}).get(SEGMENTS)
    return _compiled(stored["definitions"], time_zone) if stored else _NONE


def definitions_of(settings: Mapping[str, Any] | None) -> Definitions:
    """The segments as people wrote them. They are kept as JSON text, which takes a batch of events next to nothing to read."""
    stored = (settings or {}).get(SEGMENTS)
    return msgspec.json.decode(stored["definitions"], type=Definitions) if stored else Definitions()


@lru_cache(maxsize=8)
def _compiled(definitions: str, time_zone: str) -> Segments:
    return compile_all(msgspec.json.decode(definitions, type=Definitions), EVENTS_TO_ASK_FOR, time_zone)


def member_row(segment_id: str, customer_id: str, since: datetime) -> Row:
    """The row of a customer who is in a segment."""
    document = {"segment_id": segment_id, "customer_id": customer_id, "since": since}
    return Row(MEMBERS, member_id(segment_id, customer_id), document)


def member_id(segment_id: str, customer_id: str) -> str:
    return f"{segment_id}:{customer_id}"
