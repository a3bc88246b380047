"""Receipts into the archive: each is a message like any other, known by its number, and what is refused is kept with its reason."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.source import Source
from services.collector.domain.till import (
    Decimals,
    Form,
    Receipt,
    Receipts,
    Record,
    TillSettings,
    form_of,
    message_of,
    receipt_in,
    records,
)
from services.collector.sorting import Entry, Refusal, Sorter
from services.collector.storage import Storage
from services.collector.wire import Parcel
from shared import metrics

_BEGINNING = 64 * 1024  # bytes by which encoding and delimiter are told
_OF_NOBODY = "a purchase needs loyalty_card, phone, email or customer_id, or `anonymous` has to say that it counts without any"
_CONFLICT = (
    "this receipt was reported before with another content: correct it as an order_updated or a return, or check the numbering"
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A receipt that was refused: the line of the file that it begins on (or its place among JSON purchases, from 1), and why."""

    line: int
    receipt: str | None
    code: Reason
    message: str


@dataclass(slots=True)
class Taken:
    """What became of some receipts. `repeated` were there before, with the same content."""

    accepted: int = 0
    repeated: int = 0
    wrong: list[Wrong] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """A table while it is read: its form, whether commas part decimals, what is not read of it, and its receipts."""

    form: Form
    comma: bool
    ignored: Sequence[str]
    receipts: Iterator[Receipt]


def open_table(parts: Iterable[bytes], settings: TillSettings) -> Table:
    """A table whose bytes come in parts. Raises Refused where it cannot be read."""
    coming = iter(parts)
    first = b""
    while len(first) < _BEGINNING and (part := next(coming, b"")):
        first += part
    form = form_of(first, settings.encoding, settings.delimiter)
    rows = records(_after(first, coming), form)
    header: Record | None = next(rows, None)
    if header is None or header.refused:
        raise Refused(Reason.INVALID_TABLE, header.refused if header and header.refused else "the table has no first row")
    known = Receipts([cell.removeprefix("\ufeff") for cell in header.cells], settings)
    return Table(form, writes_commas(settings, form.delimiter), known.ignored, known.of(rows))


def writes_commas(settings: TillSettings, delimiter: str = ",") -> bool:
    """Whether a comma parts the decimals of amounts."""
    if settings.decimals is Decimals.AUTO:
        return delimiter == ";"
    return settings.decimals is Decimals.COMMA


def receipts_in(body: bytes) -> list[Receipt]:
    """The receipts of a JSON body: one object, a list, or an object with a list `purchases`. Raises Refused."""
    try:
        value = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(Reason.INVALID_JSON, "the body is not valid JSON in UTF-8") from None
    found = value.get("purchases", value) if isinstance(value, dict) else value
    return [receipt_in(one, place) for place, one in enumerate(found if isinstance(found, list) else [found], start=1)]


def receipts_by_line(lines: Iterable[tuple[int, bytes]]) -> Iterator[Receipt]:
    """The receipts of JSON lines, one on each; a line that is no JSON is refused by itself."""
    for number, line in lines:
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield Receipt(number, refused=Refused(Reason.INVALID_JSON, "the line is not valid JSON in UTF-8"))
            continue
        yield receipt_in(value, number)


class Till:
    """Takes receipts of tills. A receipt is known by its number, so that the same file may come twice, whole or in part."""

    def __init__(self, storage: Storage, phone_region: str = "") -> None:
        self._storage, self._sorter = storage, Sorter(phone_region=phone_region, by_address=True)

    def take(
        self, receipts: Sequence[Receipt], source: Source, reading: tuple[TillSettings, bool], now: datetime, path: str
    ) -> Taken:
        """Store receipts in one write, and those that are refused in another. `reading` are settings and whether commas part decimals.

        Raises StoreAway: then the same receipts are to be taken again, and those that were stored will be known.
        """
        lot = _Lot()
        settings, comma = reading
        for receipt in receipts:
            try:
                lot.add(receipt, msgspec.json.encode(message_of(receipt, settings, comma=comma)))
            except Refused as why:
                lot.refuse(receipt, why.code, why.message)
        outcome = self._sorter.sort(Parcel("import" if settings.history else "batch", lot.items), source, now)
        bad = {refusal.index for refusal in outcome.refusals}
        for refusal in outcome.refusals:
            of_nobody = refusal.code is Reason.MISSING_IDENTITY
            lot.refuse(lot.tried[refusal.index], refusal.code, _OF_NOBODY if of_nobody else refusal.message)
        good = [number for number in range(len(lot.items)) if number not in bad]
        entries = self._new(lot, dict(zip(good, outcome.entries, strict=True)), path)
        repeated = self._storage.archive.accept(entries, now)
        self._storage.quarantine.keep([(source.id, path, refusal) for refusal in lot.refusals], now)
        self._count(len(entries) - repeated, lot)
        wrong = sorted(lot.wrong, key=lambda one: one.line)
        return Taken(len(entries) - repeated, lot.repeated + repeated, wrong)

    def _new(self, lot: "_Lot", entries: Mapping[int, Entry], path: str) -> list[Entry]:
        """The entries that are not known; one that is known with another content is refused."""
        known = self._storage.archive.contents([entry.event.id for entry in entries.values()])
        found = []
        for number, entry in entries.items():
            content = hashlib.sha256(lot.items[number]).hexdigest()[:32]
            if entry.event.id not in known:
                known[entry.event.id] = content
                found.append(replace(entry, content=content))
            elif known[entry.event.id] == content:
                lot.repeated += 1
            else:
                lot.refuse(lot.tried[number], Reason.CONFLICTING_RECEIPT, _CONFLICT)
        return found

    def _count(self, accepted: int, lot: "_Lot") -> None:
        metrics.ACCEPTED.labels("till").inc(accepted)
        metrics.REPEATED.labels("till").inc(lot.repeated)
        for wrong in lot.wrong:
            metrics.REFUSED.labels("till", wrong.code.value).inc()


class _Lot:
    """Receipts while they are taken."""

    def __init__(self) -> None:
        self.tried: list[Receipt] = []
        self.items: list[bytes] = []
        self.refusals: list[Refusal] = []
        self.wrong: list[Wrong] = []
        self.repeated = 0

    def add(self, receipt: Receipt, item: bytes) -> None:
        self.tried.append(receipt)
        self.items.append(item)

    def refuse(self, receipt: Receipt, code: Reason, message: str) -> None:
        came: dict[str, Any] = {"line": receipt.line, "rows": receipt.came}
        self.refusals.append(Refusal(receipt.line, None, code, message, msgspec.json.encode(came)))
        self.wrong.append(Wrong(receipt.line, receipt.number, code, message))


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
