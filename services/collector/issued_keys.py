"""The API keys that were issued here: the rows of `api_keys` (shared/access/key_book.py) with who issued them, and when.

api_keys  created_at, created_by, last_used_on (ISO date, None until then)
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.access.api_keys import ApiKey, stated
from shared.access.key_book import COLLECTION, fields_of
from shared.listing import Listing
from shared.mongo import Document, Session, reachable

_NEWEST = Listing("created_at", descending=True)


@dataclass(frozen=True)
class IssuedKey:
    """A key with what only the collector knows of it."""

    key: ApiKey
    created_at: datetime
    created_by: str
    last_used_on: str | None


class IssuedKeys:
    """Keys over the database of the collector."""

    def __init__(self, database: Any) -> None:
        self._rows = database[COLLECTION]

    def find(self, key_id: str) -> IssuedKey | None:
        with reachable():
            row = self._rows.find_one({"_id": key_id, "created_at": {"$exists": True}})
        return _issued(row) if row else None

    def page(self, state: str | None, cursor: str | None, limit: int, now: datetime) -> dict[str, Any]:
        """Keys in a state, or in any, newest first. Raises StoreAway, BadRequest."""
        wanted = {"$and": [{"created_at": {"$exists": True}}, _in_state(state, now), _NEWEST.after(cursor)]}
        with reachable():
            rows = list(self._rows.find(wanted).sort(_NEWEST.sort).limit(limit + 1))
        page = _NEWEST.page(rows, limit)
        return {**page, "items": [_issued(row) for row in page["items"]]}

    def add(self, key: ApiKey, who: str, now: datetime, session: Session) -> None:
        """Keep a new key and who issued it."""
        row = {"_id": key.id, **fields_of(key), "created_at": now, "created_by": who, "last_used_on": None}
        self._rows.insert_one(row, session=session)

    def advance(self, key: ApiKey, session: Session) -> bool:
        """Keep the statement that follows the one before; False where that is no longer the last."""
        before = {"_id": key.id, "revision": key.revision - 1}
        return bool(self._rows.update_one(before, {"$set": fields_of(key)}, session=session).matched_count)


def _issued(row: Document) -> IssuedKey:
    return IssuedKey(stated(row["statement"]), row["created_at"], row["created_by"], row["last_used_on"])


def _in_state(state: str | None, now: datetime) -> Document:
    if state is None:
        return {}
    if state == "revoked":
        return {"statement.revoked_at": {"$ne": None}}
    return {"statement.revoked_at": None, "expires_at": {"$gt": now} if state == "active" else {"$lte": now}}
