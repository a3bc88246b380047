"""Mails that ask for a confirmation: which are due, attempts to hand them over, and what the shop set of them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from services.campaigns.domain.mails import OptInMail
from services.campaigns.domain.opt_ins import REMINDER
from shared import documents
from shared.errors import Conflict
from shared.mongo import Document, Session, ensure_collection, reachable, server_time
from shared.unit_of_work import command

OPT_INS, DELIVERIES = "opt_ins", "deliveries"
_SETTINGS, _MAIL = "settings", "opt_in_mail"
_KEPT = timedelta(days=35)  # longer than any grant waits
_EVER = datetime.fromtimestamp(0, UTC)
_AT_ONCE = 100
_LOOKED_THROUGH = 2_000
_FIRST_PAUSE, _LONGEST_PAUSE = 60_000, 3_600_000  # milliseconds
_TOO_LATE = timedelta(minutes=5)  # nobody is asked when so little time is left to answer


def create_indexes(database: Database[Document]) -> None:
    for name in (OPT_INS, DELIVERIES):
        ensure_collection(database, name)
    database[OPT_INS].create_index([("sent_at", ASCENDING), ("due", ASCENDING)], name="sent_at")
    kept = int(_KEPT.total_seconds())
    database[DELIVERIES].create_index([("at", ASCENDING)], name="retention", expireAfterSeconds=kept)


def due(database: Database[Document], now: datetime, reminder_hours: int | None) -> list[Document]:
    """Mails to try now, those first that wait longest, then reminders; each with the `message_id` it is sent under."""
    found: list[Document] = []
    for row in _candidates(database, now, reminder_hours):
        found.append(row)
        if len(found) == _AT_ONCE:
            break
    return found


def _candidates(database: Database[Document], now: datetime, reminder_hours: int | None) -> Iterator[Document]:
    in_time = {"expires_at": {"$gt": now + _TOO_LATE}}
    with reachable():
        first = database[OPT_INS].find({"sent_at": None, "due": {"$lte": now}, **in_time})
        yield from _untried(database, first.sort("due", ASCENDING).limit(_LOOKED_THROUGH), now, "")
        if reminder_hours is not None:
            long_ago = {"$ne": None, "$lte": now - timedelta(hours=reminder_hours)}
            second = database[OPT_INS].find({"sent_at": long_ago, "reminded": False, "due": {"$lte": now}, **in_time})
            yield from _untried(database, second.sort("sent_at", ASCENDING).limit(_LOOKED_THROUGH), now, REMINDER)


def _untried(database: Database[Document], rows: Any, now: datetime, suffix: str) -> Iterator[Document]:
    """Those whose last attempt was long enough ago."""
    named = [{**row, "message_id": row["_id"] + suffix} for row in rows]
    wanted = {"_id": {"$in": [row["message_id"] for row in named]}, "next_at": {"$gt": now}}
    waiting = {row["_id"] for row in database[DELIVERIES].find(wanted, {"_id": 1})} if named else set()
    return (row for row in named if row["message_id"] not in waiting)


def begin(database: Database[Document], row: Document) -> bool:
    """Put an attempt on record; False where the mail is not to be sent any more, or another attempt was made a short while ago."""
    pause = {"$multiply": [_FIRST_PAUSE, {"$pow": [2, {"$min": ["$attempts", 10]}]}]}
    attempt = {
        "at": "$$NOW",
        "attempts": {"$add": ["$attempts", 1]},
        "next_at": {"$add": ["$$NOW", {"$toLong": {"$min": [pause, _LONGEST_PAUSE]}}]},
    }
    same = {name: row[name] for name in ("_id", "sent_at", "reminded", "token")}
    with reachable():
        if database[OPT_INS].find_one(same, {"_id": 1}) is None:
            return False
        deliveries = database[DELIVERIES]
        with suppress(DuplicateKeyError):
            deliveries.insert_one({"_id": row["message_id"], "attempts": 0, "next_at": _EVER, "at": server_time(database)})
        free = {"_id": row["message_id"], "$expr": {"$lte": ["$next_at", "$$NOW"]}}
        return deliveries.update_one(free, [{"$set": attempt}]).matched_count == 1


def settings(database: Database[Document]) -> OptInMail:
    """What the shop set of the mail. Raises StoreAway."""
    with reachable():
        return _mail_in(database[_SETTINGS].find_one({"_id": _MAIL}))


def change(database: Database[Document], revise: Callable[[OptInMail, datetime], OptInMail], version: int) -> OptInMail:
    """Put what `revise` makes of it in its place. Raises Conflict unless `version` is the current one, and StoreAway."""
    now = server_time(database)

    def within(session: Session) -> tuple[OptInMail, tuple[()]]:
        known = _mail_in(database[_SETTINGS].find_one({"_id": _MAIL}, session=session))
        if known.version != version:
            raise Conflict(f"The mail is at version {known.version} by now: read it again and repeat your change.")
        wanted = revise(known, now)
        row = {"_id": _MAIL, **documents.to_document(wanted)}
        database[_SETTINGS].replace_one({"_id": _MAIL}, row, upsert=True, session=session)
        return wanted, ()

    return command(database, within)


def _mail_in(document: Document | None) -> OptInMail:
    return msgspec.convert(document, OptInMail) if document else OptInMail()
