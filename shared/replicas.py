"""Which replica should read which partition. The broker guarantees that one reads it at a time; this only keeps the shares even.

Every replica signs a row every two seconds. Partitions belong to the living replicas by highest random weight, so that a replica that
comes or goes moves only its own share. A replica that reads a partition of another goes to the end of its line, once per change.
"""

import hashlib

from pymongo import ASCENDING
from pymongo.database import Database

from shared.lease import PROCESS
from shared.mongo import PASSING, Document, reachable

_ALIVE_MILLISECONDS = 8_000


class Replicas:
    """The replicas of one service, as this one sees them."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database.get_collection("replicas", write_concern=PASSING)
        self._living: list[str] = []
        self._moved: set[str] = set()

    def count(self) -> None:
        """Sign this replica's row and read the others'. Raises StoreAway."""
        with reachable():
            self._rows.update_one({"_id": PROCESS}, [{"$set": {"seen_at": "$$NOW"}}], upsert=True)
            recent = {"$expr": {"$gt": ["$seen_at", {"$subtract": ["$$NOW", _ALIVE_MILLISECONDS]}]}}
            living = [row["_id"] for row in self._rows.find(recent).sort("_id", ASCENDING)]
            self._rows.delete_many({"$expr": {"$lt": ["$seen_at", {"$subtract": ["$$NOW", _ALIVE_MILLISECONDS * 100]}]}})
        if living != self._living:
            self._living, self._moved = living, set()

    @property
    def rank(self) -> int:
        """The place of this replica among the living, 0 for the first; 0 before the first count."""
        return self._living.index(PROCESS) if PROCESS in self._living else 0

    def leave(self) -> None:
        with reachable():
            self._rows.delete_one({"_id": PROCESS})

    def wants_out(self, queue: str) -> bool:
        """Whether this replica should step back from `queue`: True once after each change of who is alive."""
        if queue in self._moved or PROCESS not in self._living or len(self._living) < 2:
            return False
        self._moved.add(queue)
        return max(self._living, key=lambda replica: _weight(replica, queue)) != PROCESS


def _weight(replica: str, queue: str) -> bytes:
    return hashlib.blake2b(f"{replica}/{queue}".encode(), digest_size=8).digest()
