"""The API keys that a service knows: its own copy of what the collector states, so that it verifies a key without asking anybody.

api_keys  _id = key id; statement (see `api_keys.statement`), revision, expires_at. Where keys are issued also created_at, created_by,
          last_used_on (ISO date)
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.database import Database

from shared.access.api_keys import ApiKey, stated, statement
from shared.envelope import Event, derived_id, encode
from shared.errors import InvalidEvent
from shared.events import API_KEY_ISSUED, API_KEY_REVOKED, API_KEY_ROTATED, API_KEY_USED, EventKind
from shared.mongo import Document, Session, ensure_collection, reachable

STATEMENTS: Final = (API_KEY_ISSUED, API_KEY_ROTATED, API_KEY_REVOKED)
COLLECTION: Final = "api_keys"
_NAMES = {kind.name for kind in STATEMENTS}
_A_DAY = 86_400


class _Used(msgspec.Struct):
    key_id: str
    day: str


def create_indexes(database: Database[Document]) -> None:
    """A key that expired is forgotten; a statement that comes late after that is one of an expired key all the same."""
    ensure_collection(database, COLLECTION)
    database[COLLECTION].create_index([("expires_at", ASCENDING)], name="expired", expireAfterSeconds=90 * _A_DAY)
    database[COLLECTION].create_index([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest")


def find(database: Database[Document], key_id: str) -> ApiKey | None:
    """The key of that id, as far as this service has heard. Raises StoreAway."""
    with reachable():
        row = database[COLLECTION].find_one({"_id": key_id}, {"statement": 1})
    return stated(row["statement"]) if row else None


def statements(database: Database[Document], now: datetime) -> list[Event]:
    """The latest statement about each key, as the event that told it: for a service that has lost it."""
    with reachable():
        keys = [stated(row["statement"]) for row in database[COLLECTION].find()]
    return [_told(key, now) for key in keys]


def announced(key: ApiKey) -> EventKind:
    """What the latest statement about a key was announced as."""
    if key.revoked_at is not None:
        return API_KEY_REVOKED
    return API_KEY_ISSUED if key.revision == 1 else API_KEY_ROTATED


def id_of(key: ApiKey) -> str:
    """What makes a statement about a key the same fact."""
    return f"{key.id}/{key.revision}"


def _told(key: ApiKey, now: datetime) -> Event:
    kind = announced(key)
    event_id = derived_id(kind.source, kind.name, id_of(key))
    return Event(event_id, kind.name, kind.source, f"key:{key.id}", now, now, encode(statement(key)))


def keep(database: Database[Document], events: Iterable[Event], session: Session) -> None:
    """Take in what events say of keys: the statement of the highest revision, the latest day of use. Raises InvalidEvent."""
    heard = [event for event in events if event.name in _NAMES]
    if heard:
        write(database, [_read(event) for event in heard], session)
    uses = [event for event in events if event.name == API_KEY_USED.name]
    if uses:
        database[COLLECTION].bulk_write([_use(event) for event in uses], ordered=False, session=session)


def write(database: Database[Document], keys: Iterable[ApiKey], session: Session) -> None:
    """Keep what is stated of keys, unless a higher revision is known."""
    newest: dict[str, ApiKey] = {}
    for key in sorted(keys, key=lambda key: key.revision):
        newest[key.id] = key
    known = database[COLLECTION].find({"_id": {"$in": sorted(newest)}}, {"revision": 1}, session=session)
    revisions = {row["_id"]: row["revision"] for row in known}
    changes = [_put(key) for key in newest.values() if key.revision > revisions.get(key.id, 0)]
    if changes:
        database[COLLECTION].bulk_write(changes, ordered=False, session=session)


def fields_of(key: ApiKey) -> Document:
    """The fields of a row that a statement fills."""
    return {"statement": statement(key), "revision": key.revision, "expires_at": key.expires_at}


def _put(key: ApiKey) -> UpdateOne:
    return UpdateOne({"_id": key.id}, {"$set": fields_of(key)}, upsert=True)


def _use(event: Event) -> UpdateOne:
    """Where the key is not known, nobody asks when it was used."""
    try:
        used = msgspec.json.decode(event.body, type=_Used)
    except msgspec.MsgspecError:
        raise InvalidEvent(f"{event.name}: key_id or day is missing or of another type") from None
    return UpdateOne({"_id": used.key_id}, {"$max": {"last_used_on": used.day}})


def _read(event: Event) -> ApiKey:
    try:
        return stated(event.data())
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidEvent(f"{event.name}: it is not a statement about an API key") from None
