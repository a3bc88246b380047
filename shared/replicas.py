"""Which replica should read which partition. The broker guarantees that one reads it at a time; this only keeps the shares even.

Every replica signs a row every two seconds. Partitions belong to the living replicas by highest random weight, evenly, so that all of
them come to the same answer without a word, and one that comes or goes moves little more than its own share. A replica that reads a
partition of another goes to the end of its line.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from time import monotonic

from pymongo import ASCENDING
from pymongo.database import Database

from shared.lease import PROCESS
from shared.mongo import PASSING, Document, reachable

STEP_BACK_SECONDS = 5.0
_ALIVE_MILLISECONDS = 8_000


class Replicas:
    """The replicas of one service, as this one sees them, and who of them should read which of `queues`."""

    def __init__(self, database: Database[Document], queues: Sequence[str]) -> None:
        self._rows = database.get_collection("replicas", write_concern=PASSING)
        self._queues = queues
        self._living: list[str] = []
        self._readers: Mapping[str, str] = {}
        self._stepped_back: dict[str, float] = {}

    def count(self) -> None:
        """Sign this replica's row and read the others'. Raises StoreAway."""
        with reachable():
            self._rows.update_one({"_id": PROCESS}, [{"$set": {"seen_at": "$$NOW"}}], upsert=True)
            recent = {"$expr": {"$gt": ["$seen_at", {"$subtract": ["$$NOW", _ALIVE_MILLISECONDS]}]}}
            living = [row["_id"] for row in self._rows.find(recent).sort("_id", ASCENDING)]
        if living == self._living:
            return
        with reachable():  # the dead are looked for where somebody came or went: it scans all rows
            self._rows.delete_many({"$expr": {"$lt": ["$seen_at", {"$subtract": ["$$NOW", _ALIVE_MILLISECONDS * 100]}]}})
        self._living, self._readers, self._stepped_back = living, shares(living, self._queues), {}

    @property
    def rank(self) -> int:
        """The place of this replica among the living, 0 for the first; 0 before the first count."""
        return self._living.index(PROCESS) if PROCESS in self._living else 0

    def leave(self) -> None:
        with reachable():
            self._rows.delete_one({"_id": PROCESS})

    def wants_out(self, queue: str) -> bool:
        """Whether this replica should step back from `queue` now, because it is another's: True every few seconds.

        Once would not do: the other may not stand in line yet, and loses its place whenever it connects anew or changes its prefetch.
        """
        if PROCESS not in self._living or self._readers[queue] == PROCESS:
            return False
        now = monotonic()
        if queue in self._stepped_back and now - self._stepped_back[queue] < STEP_BACK_SECONDS:
            return False
        self._stepped_back[queue] = now
        return True


def shares(replicas: Sequence[str], queues: Sequence[str]) -> dict[str, str]:
    """The reader of each queue; no replica has two more than another. The same for any order of the replicas."""
    wishes = sorted(((_weight(replica, queue), replica, queue) for replica in replicas for queue in queues), reverse=True)
    readers: dict[str, str] = {}
    held = Counter[str]()
    least = len(queues) // len(replicas) if replicas else 0
    for most in (least, least + 1):
        for _, replica, queue in wishes:
            if queue not in readers and held[replica] < most:
                readers[queue] = replica
                held[replica] += 1
    return readers


def _weight(replica: str, queue: str) -> bytes:
    return hashlib.blake2b(f"{replica}/{queue}".encode(), digest_size=8).digest()
