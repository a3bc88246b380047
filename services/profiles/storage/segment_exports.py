"""Members of a segment as a table to download, written in the background, and the sizes of segments over time.

segment_exports             _id; segment_id, status (pending, running, done), total, done, after, requested_by, requested_at, finished_at
segment_export_lines        _id = export:place; export_id, place, customer_id, line: a line of the table each; both go after a day
segment_sizes_over_time     _id = segment/step/time; segment_id, step, at, members
"""

import csv
import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, InsertOne, ReplaceOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from services.profiles.storage.membership import MEMBERS
from services.profiles.storage.segments import SIZES_OVER_TIME, Members
from shared.listing import Listing
from shared.mongo import Document, ensure_collection, reachable, server_time

EXPORTS, LINES = "segment_exports", "segment_export_lines"
COLUMNS = ("customer_id", "since", "name", "emails", "phones", "orders", "spend", "last_seen")
KEPT = timedelta(days=1)
HOURS_KEPT = timedelta(days=14)
_AT_ONCE = 500
_NEWEST = Listing("requested_at", descending=True)
_UNFINISHED = {"status": {"$in": ["pending", "running"]}}
_RUNS = ("=", "+", "-", "@", "\t", "\r")


def create_indexes(database: Database[Document]) -> None:
    for name in (EXPORTS, LINES, SIZES_OVER_TIME):
        ensure_collection(database, name)
    kept = int(KEPT.total_seconds())
    exports, lines, sizes = database[EXPORTS], database[LINES], database[SIZES_OVER_TIME]
    exports.create_index([("segment_id", ASCENDING), ("requested_at", DESCENDING), ("_id", DESCENDING)], name="segment_id")
    exports.create_index([("requested_at", ASCENDING)], name="retention", expireAfterSeconds=kept)
    exports.create_index([("status", ASCENDING), ("requested_at", ASCENDING)], name="status")
    lines.create_index([("export_id", ASCENDING), ("place", ASCENDING)], name="export_id")
    lines.create_index([("customer_id", ASCENDING)], name="customer_id")
    lines.create_index([("at", ASCENDING)], name="retention", expireAfterSeconds=kept)
    sizes.create_index([("segment_id", ASCENDING), ("step", ASCENDING), ("at", ASCENDING)], name="segment_id")
    hours = {"step": "hour"}
    sizes.create_index(
        [("at", ASCENDING)], name="retention", expireAfterSeconds=int(HOURS_KEPT.total_seconds()), partialFilterExpression=hours
    )


class Exports:
    """Tables of members. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def request(self, segment_id: str, total: int, requested_by: str) -> Document:
        """Have a table written in the background."""
        row: Document = {
            "_id": f"exp_{uuid.uuid4().hex}",
            "segment_id": segment_id,
            "status": "pending",
            "total": total,
            "done": 0,
        }
        row |= {"after": None, "requested_by": requested_by, "requested_at": server_time(self._database), "finished_at": None}
        with reachable():
            self._database[EXPORTS].insert_one(row)
        return row

    def find(self, export_id: str) -> Document | None:
        with reachable():
            return self._database[EXPORTS].find_one({"_id": export_id})

    def page(self, segment_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the exports of a segment, newest first."""
        wanted = {"$and": [{"segment_id": segment_id}, _NEWEST.after(query["cursor"])]}
        with reachable():
            rows = list(self._database[EXPORTS].find(wanted).sort(_NEWEST.sort).limit(query["limit"] + 1))
        return _NEWEST.page(rows, query["limit"])

    def go_on(self) -> bool:
        """Write the next few hundred lines of the export that waits longest; False where none does.

        Lines have their places as ids: what was written before a crash is written once.
        """
        with reachable():
            export = self._database[EXPORTS].find_one(_UNFINISHED, sort=[("requested_at", ASCENDING)])
            if export is None:
                return False
            rows = self._next_members(export)
            self._write_lines(export, rows)
            ended = len(rows) < _AT_ONCE
            change: Document = {"status": "done" if ended else "running", "done": export["done"] + len(rows)}
            change |= {"after": rows[-1]["_id"] if rows else export["after"]}
            change |= {"finished_at": server_time(self._database) if ended else None}
            self._database[EXPORTS].update_one({"_id": export["_id"], "after": export["after"]}, {"$set": change})
        return True

    def table(self, export_id: str) -> Iterator[bytes]:
        """The lines of a table that is done, in UTF-8 with its mark, as spreadsheets want it."""
        yield b"\xef\xbb\xbf" + _line(COLUMNS).encode()
        with reachable():
            for row in self._database[LINES].find({"export_id": export_id}, {"line": 1}).sort("place", ASCENDING):
                yield row["line"].encode()

    def _next_members(self, export: Document) -> list[Document]:
        """In the order of ids: who comes in meanwhile may be there or not, nobody is there twice."""
        wanted: Document = {"_id": {"$gt": export["after"] or f"{export['segment_id']}:", "$lt": f"{export['segment_id']};"}}
        return list(self._database[MEMBERS].find(wanted).sort("_id", ASCENDING).limit(_AT_ONCE))

    def _write_lines(self, export: Document, rows: Sequence[Document]) -> None:
        entries = Members(self._database).entries([row["customer_id"] for row in rows])
        now = server_time(self._database)
        lines = []
        for place, row in enumerate(rows, export["done"]):
            line = _line(_cells(row, entries.get(row["customer_id"], {})))
            about = {"export_id": export["_id"], "place": place, "customer_id": row["customer_id"], "at": now}
            lines.append(InsertOne({"_id": f"{export['_id']}:{place}", **about, "line": line}))
        if not lines:
            return
        try:
            self._database[LINES].bulk_write(lines, ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != 11000 for one in error.details["writeErrors"]):  # 11000: written before a crash
                raise


class Census:
    """Sizes of segments over time. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def take(self) -> None:
        """Note the sizes of all segments for this hour and this day; the last word of each stays."""
        hour = server_time(self._database).replace(minute=0, second=0, microsecond=0)
        steps = {"hour": hour, "day": hour.replace(hour=0)}
        rows = [
            {"_id": f"{segment_id}/{step}/{at.isoformat()}", "segment_id": segment_id, "step": step, "at": at, "members": members}
            for segment_id, members in Members(self._database).sizes().items()
            for step, at in steps.items()
        ]
        if rows:
            with reachable():
                self._database[SIZES_OVER_TIME].bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows])


def _cells(row: Document, entry: Document) -> list[Any]:
    spend = "; ".join(f"{money['currency']} {money['amount']}" for money in entry.get("spend", ()))
    texts = [entry.get("name"), "; ".join(entry.get("emails", ())), "; ".join(entry.get("phones", ()))]
    last_seen: datetime | None = entry.get("last_seen")
    seen = last_seen.isoformat() if last_seen else ""
    return [row["customer_id"], row["since"].isoformat(), *texts, entry.get("orders", 0), spend, seen]


def _line(cells: Sequence[Any]) -> str:
    """A line of the table. A cell that a spreadsheet would run as a formula begins with an apostrophe."""
    written = io.StringIO()
    csv.writer(written).writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUNS) else cell for cell in cells])
    return written.getvalue()
