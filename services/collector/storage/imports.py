"""Files of tills that are imported in the background: what was uploaded, how far they are, and what was refused of them.

imports        _id; source_id, filename, format, settings, status, received_at, started_at, finished_at, parts, bytes_total,
               bytes_done, lines_done, counts, reasons, read_as, error
import_parts   _id = import:number; import_id, number, size, data: at most 1 MiB each, gone when the import has ended
import_errors  _id = import:line; import_id, line, receipt, code, message: the list of what was refused, without its content
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import Binary
from pymongo import ASCENDING, DESCENDING, ReplaceOne, ReturnDocument
from pymongo.database import Database

from shared.listing import Listing
from shared.mongo import Document, reachable

IMPORTS, PARTS, ERRORS = "imports", "import_parts", "import_errors"
NEWEST = Listing("received_at", descending=True)
_AHEAD = ["waiting", "running"]


def create_indexes(database: Database[Document]) -> None:
    """Indexes of the listings."""
    database[IMPORTS].create_index([("received_at", DESCENDING), ("_id", DESCENDING)], name="newest")
    database[IMPORTS].create_index([("status", ASCENDING), ("received_at", DESCENDING), ("_id", DESCENDING)], name="status")
    database[PARTS].create_index([("import_id", ASCENDING), ("number", ASCENDING)], name="import_id")
    database[ERRORS].create_index([("import_id", ASCENDING), ("_id", ASCENDING)], name="import_id")


class Imports:
    """Imports. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows, self._parts, self._errors = database[IMPORTS], database[PARTS], database[ERRORS]

    def add(self, row: Document) -> None:
        with reachable():
            self._rows.insert_one(row)

    def find(self, import_id: str) -> Document | None:
        with reachable():
            return self._rows.find_one({"_id": import_id})

    def listed(self, status: str | None, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page, newest first. Raises BadRequest for a foreign cursor."""
        query = {"$and": [{"status": status} if status else {}, NEWEST.after(cursor)]}
        with reachable():
            rows = list(self._rows.find(query).sort(NEWEST.sort).limit(limit + 1))
        return NEWEST.page(rows, limit)

    def change(self, import_id: str, statuses: Sequence[str], values: Mapping[str, Any]) -> Document | None:
        """Change an import that is in one of these states; None where it is not."""
        with reachable():
            return self._rows.find_one_and_update(
                {"_id": import_id, "status": {"$in": list(statuses)}},
                {"$set": dict(values)},
                return_document=ReturnDocument.AFTER,
            )

    def put_part(self, import_id: str, number: int, data: bytes, now: datetime) -> None:
        """Keep a part; the same number again replaces it."""
        row = {"import_id": import_id, "number": number, "size": len(data), "data": Binary(data), "received_at": now}
        with reachable():
            self._parts.replace_one({"_id": f"{import_id}:{number:06d}"}, row, upsert=True)

    def sizes(self, import_id: str) -> dict[int, int]:
        """Bytes of each part that was uploaded, by its number."""
        with reachable():
            return {row["number"]: row["size"] for row in self._parts.find({"import_id": import_id}, {"number": 1, "size": 1})}

    def parts(self, import_id: str) -> Iterator[bytes]:
        """The bytes, part by part."""
        with reachable():
            for row in self._parts.find({"import_id": import_id}).sort("number", ASCENDING).batch_size(2):
                yield bytes(row["data"])

    def next(self) -> Document | None:
        """The import to go on with: the one that waits longest."""
        with reachable():
            return self._rows.find_one({"status": {"$in": _AHEAD}}, sort=[("received_at", ASCENDING)])

    def end(self, import_id: str, values: Mapping[str, Any]) -> None:
        """Note how an import ended, and let go of its bytes: what was refused of them is in quarantine."""
        self.change(import_id, _AHEAD, values)
        with reachable():
            self._parts.delete_many({"import_id": import_id})

    def put_errors(self, import_id: str, wrong: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Note what was refused; the same line again is the same row."""
        rows = [{"_id": f"{import_id}:{one['line']:09d}", "import_id": import_id, "received_at": now, **one} for one in wrong]
        if rows:
            with reachable():
                self._errors.bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows], ordered=False)

    def errors(self, import_id: str) -> Iterator[Document]:
        """What was refused, in the order of the file."""
        with reachable():
            yield from self._errors.find({"import_id": import_id}).sort("_id", ASCENDING)
