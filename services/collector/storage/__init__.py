"""What the collector keeps: the archive of accepted events, which is the outbox too, the quarantine, and the sources.

events      _id = event id; Event.document(), source_id, message_id, original_timestamp, sent_at; pending_since until published
quarantine  _id = hash of source and content; source_id, received_at, code, message, path, raw; keys: identity keys that can be read in it
sources     _id = source id; the fields of domain.Source
imports, import_parts, import_errors: files of tills, see `imports`
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bson import Binary
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.collector.domain.legible import legible_keys
from services.collector.domain.source import Source, SourceKind
from services.collector.sorting import Entry, Refusal
from services.collector.storage import imports
from shared import outbox
from shared.config import Config
from shared.errors import StoreAway
from shared.identifiers import identity_key
from shared.mongo import Document, keep_for, reachable
from shared.privacy import Holding, late

EVENTS = "events"
QUARANTINE = "quarantine"
HOLDINGS = (
    Holding(EVENTS, "subject", "What shops reported", at="time"),
    Holding(QUARANTINE, "keys", None, at="received_at"),  # untold: it may be about several people
)
SOURCES = "sources"
_DUPLICATE = 11000
_PENDING = {"pending_since": {"$exists": True}}


def create_indexes(database: Database[Document], config: Config) -> None:
    """Indexes, and how long things are kept. Changing a retention setting changes it for what is there already."""
    outbox.create_indexes(database, EVENTS)
    keep_for(database, EVENTS, "received_at", config.archive_retention_days)
    keep_for(database, QUARANTINE, "received_at", config.quarantine_retention_days)
    newest_first = [("received_at", DESCENDING), ("_id", ASCENDING)]
    database[EVENTS].create_index([("subject", ASCENDING)], name="subject")
    database[QUARANTINE].create_index(newest_first, name="newest")
    database[QUARANTINE].create_index([("source_id", ASCENDING), *newest_first], name="source")
    database[QUARANTINE].create_index([("code", ASCENDING), *newest_first], name="code")
    database[QUARANTINE].create_index([("keys", ASCENDING), *newest_first], name="keys")
    database[SOURCES].create_index([("name", ASCENDING)], name="name", unique=True)
    database[SOURCES].create_index([("key_hash", ASCENDING)], name="key", unique=True)
    database[SOURCES].create_index([("previous_hash", ASCENDING)], name="previous_key")
    imports.create_indexes(database)
    for name, days in {imports.IMPORTS: 30, imports.ERRORS: 30, imports.PARTS: 7}.items():
        keep_for(database, name, "received_at", min(days, config.quarantine_retention_days))


class Archive:
    """Accepted events. One write accepts a request, and the relay publishes from the same rows."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._events = database[EVENTS]

    def accept(self, entries: Sequence[Entry], now: datetime) -> int:
        """Keep `entries` for good, in one majority, journaled write, and return how many were there before. Raises StoreAway.

        What happened to people before they were erased is let go again: nothing is left of it, and nobody is told.
        """
        if not entries:
            return 0
        try:
            with reachable():
                self._events.insert_many([_row(entry, now) for entry in entries], ordered=False)
            repeated = 0
        except BulkWriteError as error:
            repeated = _repeated(error)
        self._forget(entries)
        outbox.wake(self._database, EVENTS)
        return repeated

    def _forget(self, entries: Sequence[Entry]) -> None:
        happened = [(entry.event.subject, entry.event.time) for entry in entries]
        gone = [entry.event.id for entry, is_late in zip(entries, late(self._database, happened), strict=True) if is_late]
        if gone:
            with reachable():
                self._events.delete_many({"_id": {"$in": gone}})

    def contents(self, event_ids: Sequence[str]) -> dict[str, str | None]:
        """The digest of what was said, of those of these events that are known; None where none was kept."""
        with reachable():
            found = self._events.find({"_id": {"$in": list(event_ids)}}, {"content": 1})
            return {row["_id"]: row.get("content") for row in found}

    def backlog(self, limit: int) -> int:
        """How many events wait to be published; counting stops at `limit`."""
        with reachable():
            return self._events.count_documents(_PENDING, limit=limit, hint="pending")

    def find(self, event_id: str) -> Document | None:
        with reachable():
            return self._events.find_one({"_id": event_id})


def _row(entry: Entry, now: datetime) -> Document:
    row = {**entry.event.document(), "source_id": entry.source_id, "message_id": entry.message_id, "pending_since": now}
    if entry.original_timestamp is not None:
        row["original_timestamp"] = entry.original_timestamp
    if entry.content is not None:
        row["content"] = entry.content
    if entry.sent_at is not None:
        row["sent_at"] = entry.sent_at
    return row


def _repeated(error: BulkWriteError) -> int:
    """How many rows of an insert existed already. Anything else that went wrong makes the whole request uncertain: try it again."""
    failures = error.details.get("writeErrors", [])
    if error.details.get("writeConcernErrors") or any(failure["code"] != _DUPLICATE for failure in failures):
        raise StoreAway("the archive did not take every event") from error
    return len(failures)


class Quarantine:
    """Refused messages with their reasons, as received."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database[QUARANTINE]

    def keep(self, refusals: Sequence[tuple[str | None, str, Refusal]], now: datetime) -> None:
        """Keep (source id, path, refusal) rows; the same content of the same source is one row. Raises StoreAway."""
        rows = {row["_id"]: row for row in (_refused(*refused, now) for refused in refusals)}
        if not rows:
            return
        try:
            with reachable():
                self._rows.insert_many(list(rows.values()), ordered=False)
        except BulkWriteError as error:
            _repeated(error)

    def find(self, row_id: str) -> Document | None:
        with reachable():
            return self._rows.find_one({"_id": row_id})

    def newest(self, wanted: Mapping[str, Any], after: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Rows without their content, newest first. `wanted` may name `code`, `source_id`, one of `keys`, and the earliest `since`."""
        query: Document = {name: wanted[name] for name in ("code", "source_id", "keys") if wanted.get(name) is not None}
        conditions: list[Document] = [query]
        if wanted.get("since") is not None:
            conditions.append({"received_at": {"$gte": wanted["since"]}})
        if after is not None:
            received_at, row_id = after
            older = {"received_at": {"$lt": received_at}}
            conditions.append({"$or": [older, {"received_at": received_at, "_id": {"$gt": row_id}}]})
        order = [("received_at", DESCENDING), ("_id", ASCENDING)]
        with reachable():
            return list(self._rows.find({"$and": conditions}, {"raw": 0}).sort(order).limit(limit))


def _refused(source_id: str | None, path: str, refusal: Refusal, now: datetime) -> Document:
    content = hashlib.sha256(f"{source_id}\x1f".encode() + refusal.raw).hexdigest()
    return {
        "_id": content[:32],
        "source_id": source_id,
        "received_at": now,
        "code": refusal.code.value,
        "message": refusal.message,
        "message_id": refusal.message_id,
        "path": path,
        "raw": Binary(refusal.raw),
        "keys": legible_keys(refusal.raw, identity_key),
    }


class Sources:
    """Sources and the hashes of their write keys."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database[SOURCES]

    def add(self, source: Source) -> bool:
        """Keep a new source; False where its name is taken."""
        try:
            with reachable():
                self._rows.insert_one(_source_row(source))
        except DuplicateKeyError:
            return False
        return True

    def save(self, source: Source) -> None:
        with reachable():
            self._rows.replace_one({"_id": source.id}, _source_row(source))

    def all(self) -> list[Source]:
        with reachable():
            return [_source(row) for row in self._rows.find().sort("name", ASCENDING)]

    def find(self, name: str) -> Source | None:
        """The source of that name or id."""
        with reachable():
            row = self._rows.find_one({"$or": [{"name": name}, {"_id": name}]})
        return _source(row) if row else None

    def by_key(self, key_hash: str) -> Source | None:
        """The source whose write key has that hash now, or had it before the last rotation."""
        with reachable():
            row = self._rows.find_one({"$or": [{"key_hash": key_hash}, {"previous_hash": key_hash}]})
        return _source(row) if row else None


class Storage:
    """All that the collector keeps, over its database."""

    def __init__(self, database: Database[Document]) -> None:
        self.archive = Archive(database)
        self.quarantine = Quarantine(database)
        self.sources = Sources(database)
        self.imports = imports.Imports(database)


def _source_row(source: Source) -> Document:
    row = asdict(source)
    return {"_id": row.pop("id"), **row, "kind": source.kind.value}


def _source(row: Document) -> Source:
    return Source(
        **{**{name: value for name, value in row.items() if name != "_id"}, "id": row["_id"], "kind": SourceKind(row["kind"])}
    )
