"""The audit log: who asked for which change, when, and what came of it. Every service keeps one, of its own doors.

An entry is written before the change is made and gets its outcome afterwards: so no change is without an entry, and one without an
outcome says that the process ended in between. Entries are never changed otherwise, and go with age alone.

audit  _id; at, who, kind, method, route (the template), target (parts of the path), targets (their values), status (None until known)

Of customers it has ids (`cus_…`), never identity keys, whatever the path named them by.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from shared import mongo
from shared.access.caller import Caller
from shared.errors import StoreAway
from shared.identity import lookup_id
from shared.mongo import Document, reachable

SETTING: Final = "AUDIT"  # its place in nameko's configuration
COLLECTION: Final = "audit"
_ID_OF_OURS = re.compile(r"[a-z]{0,8}[_-]?[0-9a-f-]{8,64}|[a-z][a-z0-9_-]{0,63}", re.ASCII)
_NEWEST = [("at", DESCENDING), ("_id", DESCENDING)]
_PEOPLE = frozenset({"identity", "customer", "key", "handle", "author"})  # parts of paths that name people


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change that somebody asks for. `target` are the parts of the path by name."""

    caller: Caller
    method: str
    route: str
    target: Mapping[str, str]


class Auditor(Protocol):
    """What doors need of an audit log."""

    def begin(self, attempt: Attempt) -> str: ...

    def finish(self, entry: str, status: int, made: Mapping[str, str]) -> None: ...


class AuditLog:
    """The log in the database of a service."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database[COLLECTION]

    def begin(self, attempt: Attempt) -> str:
        """Write an entry before the change is made; returns its id. Raises StoreAway: then nothing may be changed."""
        target = {name: impersonal(name, value) for name, value in attempt.target.items()}
        entry = {
            "_id": uuid.uuid4().hex,
            "at": datetime.now(UTC),
            "who": attempt.caller.subject,
            "kind": attempt.caller.kind.value,
            "method": attempt.method,
            "route": attempt.route,
            "target": target,
            "targets": sorted(target.values()),
            "status": None,
        }
        with reachable():
            self._rows.insert_one(entry)
        return str(entry["_id"])

    def finish(self, entry: str, status: int, made: Mapping[str, str]) -> None:
        """Write down what came of it, and the id of what was made, once. Where the database is away the entry stays without."""
        ids = {name: impersonal(name, value) for name, value in made.items()}
        change: Document = {"$set": {"status": status, **{f"target.{name}": value for name, value in ids.items()}}}
        if ids:
            change["$addToSet"] = {"targets": {"$each": sorted(ids.values())}}
        try:
            with reachable():
                self._rows.with_options(write_concern=mongo.PASSING).update_one({"_id": entry, "status": None}, change)
        except StoreAway:
            return


def newest(database: Database[Document], query: Document, limit: int) -> list[Document]:
    """Entries that a filter finds, newest first, with outcomes as they are now and not as the majority has them. Raises StoreAway."""
    rows = database[COLLECTION].with_options(read_concern=ReadConcern("local"))
    with reachable():
        return list(rows.find(query).sort(_NEWEST).limit(limit))


def create_indexes(database: Database[Document], retention_days: int) -> None:
    """Indexes, and how long entries are kept."""
    mongo.ensure_collection(database, COLLECTION)
    mongo.keep_for(database, COLLECTION, "at", retention_days)
    for name in ("who", "targets"):
        database[COLLECTION].create_index([(name, ASCENDING), *_NEWEST], name=name)
    database[COLLECTION].create_index(_NEWEST, name="newest")


def impersonal(name: str, value: str) -> str:
    """A part of a path without anything personal: an id of ours as it is, everything else as the id of a customer."""
    if name not in _PEOPLE and _ID_OF_OURS.fullmatch(value):
        return value
    return lookup_id(value)


def wanted(query: Mapping[str, Any]) -> Document:
    """The filter of entries by `who`, `method`, `route`, `target` (an id, or an identity of a customer), `outcome`, `since`, `until`."""
    found: Document = {name: query[name] for name in ("who", "kind", "method", "route") if query.get(name) is not None}
    times = {operator: query[name] for name, operator in (("since", "$gte"), ("until", "$lt")) if query.get(name) is not None}
    found |= {"at": times} if times else {}
    found |= {"status": _STATUSES[query["outcome"]]} if query.get("outcome") else {}
    if query.get("target"):
        found["targets"] = {"$in": [query["target"], lookup_id(query["target"])]}
    return found


_STATUSES: Mapping[str, Any] = {
    "done": {"$gte": 200, "$lt": 400},
    "refused": {"$gte": 400, "$lt": 500},
    "failed": {"$gte": 500},
    "unknown": None,
}


def outcome(status: int | None) -> str:
    """`done`, `refused` (the caller's fault), `failed` (ours), `unknown` (the process ended)."""
    if status is None:
        return "unknown"
    return "done" if status < 400 else "refused" if status < 500 else "failed"
