"""The timeline: a row an event, and how those of a customer are found.

One index finds all: by identity key, newest first, with what can be asked for behind it, so that what is not wanted is passed over without
being fetched. Where few names of events are asked for, another goes straight to these. Keys, and names, are read side by side, each in the
order of the index, and merged; so a page costs what it holds and what it passes over, whatever their number. Touchpoints are few, and
have an index of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.profiles.catalogue import CATEGORY_OF, TOUCHES
from services.profiles.domain.facts import Happening
from services.profiles.domain.timeline import client_of, summary_of, summary_of_other
from services.profiles.domain.touches import visit
from services.profiles.storage.models import TIMELINE
from shared.envelope import Event
from shared.handlers import Row
from shared.listing import Listing
from shared.mongo import Document, ensure_collection, reachable

SCANS_AT_ONCE = 100  # MongoDB merges up to 200; beyond, it would sort in memory
MOST_SCANS = 400  # by name; beyond, passing over what is not wanted is quicker
BY_KEY, BY_NAME, TOUCHES_INDEX = "by_key", "name", "touches"
_NEWEST = Listing("time", descending=True)
_ORDER = [("time", DESCENDING), ("_id", DESCENDING)]
_TOUCHED = {"touch.by": {"$exists": True}}


def timeline_row(happening: Happening, event: Event) -> Row:
    """The row of a shop's event."""
    touch = {"by": TOUCHES[event.name]} if event.name in TOUCHES else visit(happening.context)
    row = {
        **_common(event, happening.channel),
        "source": happening.shop_source,
        "summary": summary_of(happening),
        **client_of(happening.context),
        **({"touch": touch} if touch else {}),
    }
    return Row(TIMELINE, event.id, row)


def row_of_other(data: dict[str, Any], event: Event) -> Row:
    """The row of an event of another service, or of profiles itself."""
    channel = data.get("channel") or data.get("network")
    touch = TOUCHES.get(event.name)
    row = {
        **_common(event, channel if isinstance(channel, str) else None),
        "source": event.source,
        "summary": summary_of_other(data),
        **({"touch": {"by": touch}} if touch else {}),
    }
    return Row(TIMELINE, event.id, row)


def _common(event: Event, channel: str | None) -> Document:
    return {
        "identity_key": event.subject,
        "name": event.name,
        "time": event.time,
        "service": event.source,
        "category": CATEGORY_OF[event.name],
        "channel": channel,
        "backfill": event.backfill,
    }


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Which rows of a timeline are wanted: one of each list that is not empty, from a time and before another; None is no condition."""

    names: Sequence[str] = ()
    categories: Sequence[str] = ()
    services: Sequence[str] = ()
    channels: Sequence[str] = ()
    begin: datetime | None = None
    end: datetime | None = None
    touches: bool = False

    @property
    def only(self) -> Sequence[str]:
        """The names that are wanted, those of the categories among them; none where any is."""
        if not self.categories:
            return self.names
        named = [name for name, category in CATEGORY_OF.items() if category in self.categories]
        return [name for name in named if name in self.names] if self.names else named

    @property
    def filter(self) -> Document:
        lists = {"name": self.only or self.names, "category": self.categories, "service": self.services, "channel": self.channels}
        chosen = {name: {"$in": list(words)} for name, words in lists.items() if words}
        bounds = {"$gte": self.begin, "$lt": self.end}
        time = {operator: bound for operator, bound in bounds.items() if bound is not None}
        return {**chosen, **({"time": time} if time else {}), **(_TOUCHED if self.touches else {})}


class Timeline:
    """Reading timelines. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database[TIMELINE]

    def page(self, keys: Sequence[str], wanted: Excerpt, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of the events of some identity keys, newest first. Raises BadRequest for a foreign cursor."""
        return _NEWEST.page(self._newest(keys, wanted, limit + 1, _after(cursor)), limit)

    def latest(self, keys: Sequence[str], wanted: Excerpt, most: int) -> list[Document]:
        """The latest rows of some identity keys, newest first."""
        return self._newest(keys, wanted, most)

    def first(self, keys: Sequence[str], wanted: Excerpt) -> Document | None:
        """The earliest row of some identity keys."""
        order = [("time", ASCENDING), ("_id", ASCENDING)]
        found: list[Document] = []
        with reachable():
            for some in _portions(keys, SCANS_AT_ONCE):
                found += self._rows.find(_of(some, [wanted.filter])).sort(order).limit(1).hint(BY_KEY)
        return min(found, key=lambda row: (row["time"], row["_id"]), default=None)

    def _newest(self, keys: Sequence[str], wanted: Excerpt, most: int, beyond: Sequence[Document] = ()) -> list[Document]:
        names, conditions = len(wanted.only), [wanted.filter, *beyond]
        index = TOUCHES_INDEX if wanted.touches else BY_NAME if 0 < names * len(keys) <= MOST_SCANS else BY_KEY
        portions = _portions(keys, max(1, SCANS_AT_ONCE // names) if index is BY_NAME else SCANS_AT_ONCE)
        with reachable():
            found = [list(self._rows.find(_of(some, conditions)).sort(_ORDER).limit(most).hint(index)) for some in portions]
        merged: Iterable[Document] = merge(*found, key=lambda row: (row["time"], row["_id"]), reverse=True)
        return [row for row, _ in zip(merged, range(most), strict=False)]


def create_indexes(database: Database[Document]) -> None:
    """The index of timelines has behind the order all that is filtered by; that of touchpoints has only these."""
    ensure_collection(database, TIMELINE)
    by_key = [("identity_key", ASCENDING), *_ORDER]
    asked_for = [(name, ASCENDING) for name in ("name", "category", "service", "channel")]
    database[TIMELINE].create_index([*by_key, *asked_for], name=BY_KEY)
    database[TIMELINE].create_index([("identity_key", ASCENDING), ("name", ASCENDING), *_ORDER], name=BY_NAME)
    database[TIMELINE].create_index(by_key, name=TOUCHES_INDEX, partialFilterExpression=_TOUCHED)
    if "identity_key" in database[TIMELINE].index_information():  # what `by_key` has taken the place of
        database[TIMELINE].drop_index("identity_key")


def _of(keys: Sequence[str], conditions: Sequence[Document]) -> Document:
    return {"$and": [{"identity_key": {"$in": list(keys)}}, *conditions]}


def _after(cursor: str | None) -> list[Document]:
    """The rows after a cursor, with a bound of the time by itself, which the index begins to read at."""
    beyond = _NEWEST.after(cursor)
    return [{"time": {"$lte": beyond["$or"][1]["time"]}}, beyond] if beyond else []


def _portions(keys: Sequence[str], size: int) -> list[Sequence[str]]:
    return [keys[place : place + size] for place in range(0, len(keys), size)]
