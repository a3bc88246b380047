"""A table of comma-separated values, taken apart while it comes in: which encoding and delimiter it has, its rows and their lines.

Encoding: what is stated, else a byte order mark, else UTF-8 where the beginning is valid UTF-8, else Windows-1252. Other encodings have
to be stated; a byte that does not fit refuses its row and no other. Delimiter: what is stated, else the one of comma, semicolon, tab and
bar that parts the first row into most columns.
"""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from services.collector.domain.refusal import Reason, Refused

DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1250", "cp1251", "cp1252", "cp1256", "iso-8859-1", "iso-8859-15",
)  # fmt: skip
LONGEST_LINE = 64 * 1024  # characters, of one row too
MOST_COLUMNS = 200
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UNREADABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written."""

    encoding: str
    delimiter: str


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the line that it begins on, counted from 1, the lines as they are, and its cells, or why there are none."""

    line: int
    raw: str
    cells: tuple[str, ...] = ()
    refused: str | None = None


def form_of(beginning: bytes, encoding: str | None = None, delimiter: str | None = None) -> Form:
    """The form of a table, from its first bytes (at least its first row). Raises Refused for an empty one."""
    chosen = encoding or _encoding(beginning)
    first = next(lines([beginning], chosen), "")
    if not first.strip():
        raise Refused(Reason.INVALID_TABLE, "the table is empty: its first row has to name the columns")
    counted = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in DELIMITERS}
    return Form(chosen, delimiter or max(DELIMITERS, key=lambda mark: counted[mark]))


def lines(parts: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The lines of a file that comes in parts, with their ends; of lines that never end, pieces."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for part in parts:
        *whole, rest = (rest + decoder.decode(part)).split("\n")
        yield from (f"{line}\n" for line in whole)
        while len(rest) > LONGEST_LINE:
            yield rest[:LONGEST_LINE]
            rest = rest[LONGEST_LINE:]
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def records(parts: Iterable[bytes], form: Form) -> Iterator[Record]:
    """The rows of a table, the first of which names its columns; empty ones are left out."""
    taken: list[str] = []
    reader = csv.reader(_remembered(lines(parts, form.encoding), taken.append), delimiter=form.delimiter)
    while True:
        begins = reader.line_num + 1
        taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error:
            yield Record(
                begins, "".join(taken), refused="the row is no row of a table: look for a quote that is opened and not closed"
            )
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _record(begins, "".join(taken), cells)


def _record(line: int, raw: str, cells: list[str]) -> Record:
    if _UNREADABLE in raw:
        return Record(line, raw, refused="the row has bytes that the table's encoding does not have: state its `encoding`")
    if len(cells) > MOST_COLUMNS or len(raw) > LONGEST_LINE:
        return Record(
            line, raw[:LONGEST_LINE], refused=f"a row holds at most {MOST_COLUMNS} columns and {LONGEST_LINE} characters"
        )
    return Record(line, raw, tuple(cell.strip() for cell in cells))


def _remembered(found: Iterator[str], remember: Callable[[str], None]) -> Iterator[str]:
    for line in found:
        remember(line)
        yield line


def _encoding(beginning: bytes) -> str:
    marked = next((encoding for mark, encoding in _MARKS if beginning.startswith(mark)), None)
    if marked:
        return marked
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(beginning)  # the last character may be cut in two
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
