"""Messages and timers that came back often: whether one of them is what ends the processes that handle it.

A process that dies gives back all that it had in hand, and the broker counts a return for each message, innocent or not. So returns
only raise a suspicion, as does a round of timers that never ended. What counts against one of them is how often a process began to
handle it alone and never finished.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database

from shared.frames import Delivered
from shared.mongo import Document, reachable

_KEEP = timedelta(days=7)


def create_indexes(database: Database[Document]) -> None:
    database["suspects"].create_index([("at", ASCENDING)], name="retention", expireAfterSeconds=int(_KEEP.total_seconds()))


def attempt(database: Database[Document], suspect: str) -> int:
    """Write down that something is about to be handled alone; returns how often that was so by now."""
    change = {"$inc": {"attempts": 1}, "$set": {"at": datetime.now(UTC)}}
    with reachable():
        found = database["suspects"].find_one_and_update(
            {"_id": suspect}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
    return int(found["attempts"]) if found else 1  # an upsert always returns one


def acquit(database: Database[Document], suspect: str) -> None:
    """It was handled, or set aside: nothing is held against it any more."""
    with reachable():
        database["suspects"].delete_one({"_id": suspect})


def name_of(message: Delivered) -> str:
    """What a message is called here: the same each time that it is delivered."""
    digest = hashlib.blake2b(str(message.headers.get("ce-id")).encode(), digest_size=16)
    digest.update(message.body)
    return digest.hexdigest()
