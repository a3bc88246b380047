"""Rows put together to receipts: neighbouring rows of one receipt are its lines, as tills export them; JSON holds whole receipts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.till.columns import fields_of, is_of_staff, name_of
from services.collector.domain.till.settings import TillSettings
from services.collector.domain.till.tables import Record

MOST_LINES = 300  # of one receipt
_OF_LINES = frozenset({"product_id", "sku", "product_name", "category", "brand", "variant", "quantity", "price"})
_MOST_UNREAD = 100  # rows in succession that may belong to the receipt before them
_LINES = ("lines", "products", "items")
_SAME = ("receipt", "store", "till", "type", "original_receipt")
_DAY = len("2026-01-31")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a till said of one receipt: its lines in the file, its rows by our names, and as they came, without a word about staff.

    `refused` says why it cannot even be tried.
    """

    line: int
    rows: Sequence[Row] = ()
    came: Sequence[Row] = ()
    refused: Refused | None = None

    @property
    def number(self) -> str | None:
        """The receipt number, where it is to be read."""
        found = self.rows[0].get("receipt") if self.rows else None
        return str(found)[:255] if found is not None else None


@dataclass(slots=True)
class _Open:
    """A receipt of which more rows may follow."""

    line: int
    rows: list[Row] = field(default_factory=list)
    came: list[Row] = field(default_factory=list)
    torn: bool = False

    def take(self, row: Row, came: Row, *, torn: bool) -> None:
        self.rows.append(row)
        self.came.append(came)
        self.torn = self.torn or torn

    def closed(self) -> Receipt:
        if self.torn:
            why = Refused(Reason.INVALID_TABLE, "a row in the midst of this receipt could not be read, so it is not whole")
            return Receipt(self.line, self.rows, self.came, why)
        if len(self.rows) > MOST_LINES:
            return Receipt(self.line, self.rows[:1], self.came[:1], _too_long())
        return Receipt(self.line, self.rows, self.came)


class Receipts:
    """The receipts of a table whose first row names the columns. Raises Refused where it does not name what is needed."""

    def __init__(self, headers: Sequence[str], settings: TillSettings) -> None:
        self._headers = [header.strip() for header in headers]
        self._fields = fields_of(self._headers, settings.columns)
        self._ours = [None if is_of_staff(header) else header for header in self._headers]

    @property
    def ignored(self) -> list[str]:
        """Columns that nothing is read from."""
        return [header for header, field in zip(self._headers, self._fields, strict=True) if field is None and header]

    def of(self, records: Iterable[Record]) -> Iterator[Receipt]:
        """Each receipt once all its rows were read, by the lines that they begin on; a row that cannot be read as one of its own."""
        current: _Open | None = None
        unread: list[Receipt] = []
        for record in records:
            bad = bool(record.refused) or len(record.cells) > len(self._headers)
            row = {} if bad else self._row(record.cells)
            if bad:
                unread.append(self._unreadable(record))
            goes_on = current is not None and (len(unread) <= _MOST_UNREAD if bad else _is_same(current.rows[0], row))
            if not goes_on:
                yield from (current.closed(), *unread) if current else unread
                current, unread = None, []
            if bad:
                continue
            current = current or _Open(record.line)
            current.take(row, self._came(record.cells), torn=bool(unread))
        yield from (current.closed(), *unread) if current else unread

    def _row(self, cells: Sequence[str]) -> dict[str, str]:
        return {name: cell for name, cell in zip(self._fields, cells, strict=False) if name and cell}

    def _came(self, cells: Sequence[str]) -> dict[str, str]:
        return {header: cell for header, cell in zip(self._ours, cells, strict=False) if header and cell}

    def _unreadable(self, record: Record) -> Receipt:
        reason = record.refused or f"the row has {len(record.cells)} cells, and the first row names {len(self._headers)} columns"
        came: list[Row] = [] if None in self._ours else [{"raw": record.raw}]  # it may name staff, nobody can tell where
        return Receipt(record.line, came=came, refused=Refused(Reason.INVALID_TABLE, reason))


def receipt_in(value: Any, line: int) -> Receipt:
    """The receipt in a JSON object: our names in any spelling, `lines` as a list, `customer` as an object or flat."""
    if not isinstance(value, dict):
        return Receipt(line, refused=Refused(Reason.INVALID_MESSAGE, "a purchase must be a JSON object"))
    bare = _without_staff(value)
    found: Any = next((bare[name] for name in _LINES if name in bare), [])
    whole = {**_named(bare.get("customer")), **_named(bare)}
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return Receipt(line, [whole], [bare], Refused(Reason.INVALID_FIELD, "lines must be a list of objects"))
    if len(found) > MOST_LINES:
        return Receipt(line, [whole], [whole], _too_long())
    rows = [{**whole, **{name: cell for name, cell in _named(one).items() if name in _OF_LINES}} for one in found] or [whole]
    return Receipt(line, rows, [bare])


def _named(value: Any) -> dict[str, Any]:
    """The fields of an object by our names; what is neither text nor number is left out."""
    given = value.items() if isinstance(value, dict) else ()
    named = {name_of(str(name)): one.strip() if isinstance(one, str) else one for name, one in given}
    return {name: one for name, one in named.items() if name and one not in (None, "") and isinstance(one, (str, int, float))}


def _without_staff(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_staff(one) for name, one in value.items() if not is_of_staff(str(name))}
    return [_without_staff(one) for one in value] if isinstance(value, list) else value


def _is_same(first: Row, row: Row) -> bool:
    """Whether a row belongs to the receipt of the one before: its number, place and kind are the same, and the day where it is said."""
    days = [str(one.get("date") or one.get("time") or "")[:_DAY] for one in (first, row)]
    return all(first.get(name) == row.get(name) for name in _SAME) and days[0] == days[1]


def _too_long() -> Refused:
    return Refused(Reason.INVALID_FIELD, f"a receipt has at most {MOST_LINES} lines")
