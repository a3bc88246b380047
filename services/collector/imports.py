"""Imports of tills in the background: one at a time, a few hundred receipts at a time, resumed where it stopped."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from services.collector.domain.refusal import Refused
from services.collector.domain.source import Source
from services.collector.domain.till import Receipt, TillSettings
from services.collector.domain.till.tables import lines
from services.collector.storage import Storage
from services.collector.till import Table, Taken, Till, open_table, receipts_by_line, writes_commas
from shared import logs
from shared.documents import to_document
from shared.extension import Worker
from shared.lease import Lease
from shared.mongo import Document, server_time

WINDOW = 300  # receipts in one write
_log = logs.get(__name__)


def new_import(source: Source, wanted: Mapping[str, Any], now: datetime) -> Document:
    """The row of an import whose parts are still to come."""
    return {
        "_id": uuid.uuid4().hex[:16],
        "source_id": source.id,
        "filename": wanted["filename"],
        "format": wanted["format"],
        "settings": to_document(wanted["settings"]),
        "status": "receiving",
        "received_at": now,
        "started_at": None,
        "finished_at": None,
        "parts": 0,
        "bytes_total": 0,
        "bytes_done": 0,
        "lines_done": 0,
        "counts": {"receipts": 0, "accepted": 0, "duplicates": 0, "rejected": 0},
        "reasons": {},
        "read_as": {},
        "error": None,
    }


class Imports(Worker):
    """The thread that imports. One replica at a time holds the lease; another goes on within seconds when it dies.

    What it does twice changes nothing, since receipts are known by their numbers.
    """

    poll_seconds = 2.0

    def run(self) -> None:
        self._storage = Storage(self.database)
        self._till = Till(self._storage, self.config.phone_region)
        self._lease = Lease(self.database, "imports", seconds=15)
        self.repeat(self._round)
        self._lease.release()

    def _round(self) -> None:
        job = self._storage.imports.next() if self.every(5.0, self._lease.hold) else None
        if job is None:
            self.wait(self.poll_seconds)
            return
        _Job(self._storage, job).run(self._till, self)

    def may_go_on(self) -> bool:
        """Whether this process is still to import, and events are published as fast as they are accepted."""
        while not self.stopping.is_set() and self.every(5.0, self._lease.hold):
            if self._storage.archive.backlog(self.config.backlog_limit) < self.config.backlog_limit // 2:
                return True
            self.wait(self.poll_seconds)
        return False


class _Job:
    """One import while it is worked on."""

    def __init__(self, storage: Storage, row: Document) -> None:
        self._storage, self._row = storage, row
        self._settings = _settings(row["settings"])
        self._read = 0  # bytes of the file so far
        self._comma = writes_commas(self._settings)

    def run(self, till: Till, worker: Imports) -> None:
        """Take the receipts beyond those that were taken, window by window, until the end or until there is to be no more."""
        source = self._storage.sources.find(self._row["source_id"])
        if source is None:
            self._end(worker, "failed", "its source is gone")
            return
        try:
            receipts = self._beyond(self._receipts())
            while worker.may_go_on() and (window := list(islice(receipts, WINDOW))):
                now = server_time(worker.database)
                taken = till.take(window, source, (self._settings, self._comma), now, f"import {self._row['_id']}")
                if not self._note(window, taken, now):
                    return
            if worker.may_go_on():
                self._end(worker, "done", None)
        except Refused as refusal:
            self._end(worker, "failed", refusal.message)

    def _receipts(self) -> Iterator[Receipt]:
        if self._row["format"] != "csv":
            return receipts_by_line(
                (number, line.encode())
                for number, line in enumerate(lines(self._counted(), "utf-8-sig"), start=1)
                if line.strip()
            )
        table = open_table(self._counted(), self._settings)
        self._comma = table.comma
        self._row["read_as"] = _read_as(table)
        return table.receipts

    def _counted(self) -> Iterator[bytes]:
        for part in self._storage.imports.parts(self._row["_id"]):
            self._read += len(part)
            yield part

    def _beyond(self, receipts: Iterator[Receipt]) -> Iterator[Receipt]:
        """Receipts after the last one that was noted. A process that died before noting has the window taken again."""
        done = self._row["lines_done"]
        return (receipt for receipt in receipts if receipt.line > done)

    def _note(self, window: list[Receipt], taken: Taken, now: datetime) -> bool:
        """Note how far it is; False where somebody cancelled it."""
        counts, reasons = Counter[str](self._row["counts"]), Counter[str](self._row["reasons"])
        counts.update(receipts=len(window), accepted=taken.accepted, duplicates=taken.repeated, rejected=len(taken.wrong))
        reasons.update(one.code.value for one in taken.wrong)
        self._storage.imports.put_errors(self._row["_id"], [{**asdict(one), "code": one.code.value} for one in taken.wrong], now)
        self._row |= {
            "status": "running",
            "started_at": self._row["started_at"] or now,
            "lines_done": max(receipt.line for receipt in window),
            "bytes_done": self._read,
            "counts": dict(counts),
            "reasons": dict(reasons),
        }
        noted = ("status", "started_at", "lines_done", "bytes_done", "counts", "reasons", "read_as")
        values = {name: self._row[name] for name in noted}
        return self._storage.imports.change(self._row["_id"], ("waiting", "running"), values) is not None

    def _end(self, worker: Imports, status: str, error: str | None) -> None:
        now = server_time(worker.database)
        values = {"status": status, "error": error, "finished_at": now, "bytes_done": self._row["bytes_total"]}
        self._storage.imports.end(self._row["_id"], values | ({"read_as": self._row["read_as"]}))
        _log.info("import ended", status=status, **self._row["counts"])


def _settings(stored: Mapping[str, Any]) -> TillSettings:
    return msgspec.convert(stored, TillSettings)


def _read_as(table: Table) -> dict[str, Any]:
    return {
        "encoding": table.form.encoding,
        "delimiter": table.form.delimiter,
        "decimals": "comma" if table.comma else "point",
        "ignored_columns": list(table.ignored)[:100],
    }
