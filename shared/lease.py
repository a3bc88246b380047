"""A lease: which replica of a service does a job that one should do at a time.

Leases save work, they do not guard correctness: two holders publish an event twice, which its id makes harmless, and a timer fires in
a transaction on its own document. The database's clock decides.
"""

import os
import socket
import uuid
from datetime import timedelta

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.mongo import PASSING, Document, reachable

PROCESS = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def is_held(database: Database[Document], job: str) -> bool:
    """Whether some process does the job now. Raises StoreAway."""
    with reachable():
        row = database["leases"].find_one({"_id": job, "$expr": {"$gt": ["$until", "$$NOW"]}})
    return row is not None


class Lease:
    """The right of this process to do `job` for the next `seconds`."""

    def __init__(self, database: Database[Document], job: str, seconds: float = 6.0) -> None:
        self._leases = database.get_collection("leases", write_concern=PASSING)
        self._job = job
        self._milliseconds = int(seconds * 1000)

    def hold(self) -> bool:
        """Take or prolong the lease; False while another process holds it. Raises StoreAway."""
        mine = {
            "$or": [{"$eq": ["$holder", PROCESS]}, {"$lt": [{"$ifNull": ["$until", "$$NOW"]}, "$$NOW"]}, {"$not": ["$holder"]}]
        }
        until = {"$add": ["$$NOW", self._milliseconds]}
        take = {"holder": {"$cond": [mine, PROCESS, "$holder"]}, "until": {"$cond": [mine, until, "$until"]}}
        try:
            with reachable():
                row = self._leases.find_one_and_update(
                    {"_id": self._job}, [{"$set": take}], upsert=True, return_document=ReturnDocument.AFTER
                )
        except DuplicateKeyError:  # two replicas made the row at the same moment
            return False
        return row is not None and row["holder"] == PROCESS

    def release(self) -> None:
        with reachable():
            self._leases.delete_one({"_id": self._job, "holder": PROCESS})

    @property
    def renew_after(self) -> timedelta:
        return timedelta(milliseconds=self._milliseconds / 3)
