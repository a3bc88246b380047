"""Events that no retry will help: kept whole, with the reason, until somebody has looked at them.

An entry is open, or its replay was asked for, or it was applied. The relay of the service sends a replay into the inbox of this
service alone, where it is applied like any delivery: an event that was applied in the meantime changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from bson import Binary
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.database import Database

from shared.broker import Letter
from shared.identity import id_of
from shared.mongo import Document, Session, reachable
from shared.topology import inbox_exchange

OPEN, REPLAYING = "open", "replaying"
REPLAY_HEADER = "crm-replay"
_KEEP = timedelta(days=180)
_MOST = 8 * 1024 * 1024  # bytes of a body that are kept: a document of MongoDB holds 16 MiB


class _Named(msgspec.Struct):
    identity_keys: list[str] = []


def create_indexes(database: Database[Document]) -> None:
    parked = database["parked"]
    parked.create_index([("state", ASCENDING), ("parked_at", DESCENDING)], name="state")
    parked.create_index([("people", ASCENDING)], name="people")
    parked.create_index([("parked_at", ASCENDING)], name="retention", expireAfterSeconds=int(_KEEP.total_seconds()))


def park(
    database: Database[Document],
    headers: Mapping[str, Any],
    body: bytes,
    reason: str,
    routing_key: str = "",
    replay_to: str = "",
) -> str:
    """Keep a delivery that cannot be applied, and return the id of the entry. Parking it again counts an attempt.

    Of a body that is larger than any event should be, the beginning is kept, to be looked at and not to be replayed.
    `replay_to` names the exchange of a replay, where that is not the inbox of the service.
    """
    entry_id = _entry_id(headers, body)
    entry = {
        "event": _text(headers.get("ce-type")) or routing_key or "undecodable",
        "event_id": _text(headers.get("ce-id")),
        "headers": {str(name): _plain(value) for name, value in headers.items() if _own(name)},
        "routing_key": routing_key,
        "replay_to": replay_to,
        "body": Binary(body[:_MOST]),
        "size": len(body),
        "whole": len(body) <= _MOST,
        "reason": reason,
        "state": OPEN,
        "parked_at": datetime.now(UTC),
        "people": _people(headers, body),
    }
    with reachable():
        change = {"$set": entry, "$inc": {"attempts": 1}, "$unset": {"sent_at": ""}}
        database["parked"].update_one({"_id": entry_id}, change, upsert=True)
    return entry_id


def entries(database: Database[Document], event: str | None = None, after: str | None = None, limit: int = 50) -> list[Document]:
    """Entries by id, without bodies; `event` filters by name, `after` continues a listing."""
    wanted: Document = {**({"event": event} if event else {}), **({"_id": {"$gt": after}} if after else {})}
    with reachable():
        return list(database["parked"].find(wanted, {"body": 0}).sort("_id", ASCENDING).limit(limit))


def entry(database: Database[Document], entry_id: str) -> Document | None:
    with reachable():
        return database["parked"].find_one({"_id": entry_id})


def ask_for_replay(database: Database[Document], entry_id: str | None = None, event: str | None = None) -> int:
    """Have one entry, or all open ones (of an event), sent through the inbox again; returns how many. Only whole ones are."""
    wanted: Document = {"state": OPEN, "whole": {"$ne": False}}
    wanted |= {**({"_id": entry_id} if entry_id else {}), **({"event": event} if event else {})}
    with reachable():
        # an entry may have been parked again before the relay noted that it had sent it
        return database["parked"].update_many(wanted, {"$set": {"state": REPLAYING}, "$unset": {"sent_at": ""}}).modified_count


def discard(database: Database[Document], entry_id: str) -> bool:
    """Delete an entry for good. False if there is none."""
    with reachable():
        return database["parked"].delete_one({"_id": entry_id}).deleted_count == 1


@dataclass(frozen=True, slots=True)
class Replay:
    """An entry to be sent, as it was when it had been parked so many times."""

    letter: Letter
    attempts: int


def to_replay(database: Database[Document], service: str, limit: int) -> list[Replay]:
    """Entries whose replay was asked for and that were not yet sent."""
    with reachable():
        found = list(database["parked"].find({"state": REPLAYING, "sent_at": {"$exists": False}}).limit(limit))
    return [Replay(_letter(document, service), document["attempts"]) for document in found]


def _letter(document: Document, service: str) -> Letter:
    return Letter(
        id=document["_id"],
        exchange=document["replay_to"] or inbox_exchange(service),
        routing_key=document["routing_key"] or document["event"],
        headers={**document["headers"], REPLAY_HEADER: document["_id"]},
        body=bytes(document["body"]),
    )


def sent(database: Database[Document], replays: Sequence[Replay]) -> None:
    """Note what was sent. An entry that failed again in the meantime was parked once more: its next replay is another."""
    changes = [
        UpdateOne({"_id": one.letter.id, "attempts": one.attempts}, {"$set": {"sent_at": datetime.now(UTC)}}) for one in replays
    ]
    if changes:
        with reachable():
            database["parked"].bulk_write(changes)


def forget(database: Database[Document], keys: Sequence[str]) -> int:
    """Delete the entries that name a person; returns how many. What could not be read names nobody and goes by its age."""
    with reachable():
        return database["parked"].delete_many({"people": {"$in": [id_of(key) for key in keys]}}).deleted_count


def close(database: Database[Document], ids: list[str], session: Session) -> None:
    """Remove entries whose replay is applied, within that transaction."""
    database["parked"].delete_many({"_id": {"$in": ids}}, session=session)


def _entry_id(headers: Mapping[str, Any], body: bytes) -> str:
    """The event's own id where it has one, so that parking it twice keeps one entry; else a digest of what arrived."""
    own = _text(headers.get(REPLAY_HEADER)) or _text(headers.get("ce-id"))
    return own or hashlib.blake2b(body, digest_size=16, key=repr(sorted(map(str, headers))).encode()[:64]).hexdigest()


def _people(headers: Mapping[str, Any], body: bytes) -> list[str]:
    """Ids of the identity keys that a delivery names, as far as it can be read."""
    try:
        named = msgspec.json.decode(body, type=_Named).identity_keys
    except (msgspec.MsgspecError, UnicodeDecodeError):
        named = []
    subject = _text(headers.get("ce-subject"))
    return sorted({id_of(key) for key in [*([subject] if subject else []), *named]})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _own(header: str) -> bool:
    """Whether the publisher wrote this header, not the broker (`x-delivery-count`, `x-death`) or a replay."""
    return not header.startswith("x-") and header != REPLAY_HEADER


def _plain(value: Any) -> Any:
    """Header values as MongoDB can keep them."""
    return value if isinstance(value, (str, int, float, bool, bytes, datetime)) or value is None else str(value)
