"""Listings: a page of a collection in a total order, continued by a cursor that stays right while rows come and go.

    newest = Listing("opened_at", descending=True)
    rows = collection.find({**wanted, **newest.after(query["cursor"])}).sort(newest.sort).limit(query["limit"] + 1)
    return newest.page(list(rows), query["limit"])

An index on (`field`, `_id`) serves both directions; put the fields that are compared for equality before these two.

Text is found by its words: store `words_of(text)` beside it under an index, and look for `having_words(asked)`.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from shared.errors import BadRequest
from shared.http import from_cursor, page, to_cursor
from shared.mongo import Document

LONGEST_WORD = 50
_FOREIGN = "`cursor` belongs to another listing or order; start without it."


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows by `field`, then by `_id`, both in one direction. `field` is a time, number or text that every row has."""

    field: str
    descending: bool = False

    @property
    def sort(self) -> list[tuple[str, int]]:
        direction = DESCENDING if self.descending else ASCENDING
        return [(self.field, direction), ("_id", direction)]

    def after(self, cursor: str | None) -> Document:
        """The filter of the rows after a cursor; of all rows without one. Raises BadRequest for a cursor of another listing."""
        position = from_cursor(cursor)
        if position is None:
            return {}
        value, row_id = self._read(position)
        beyond = "$lt" if self.descending else "$gt"
        return {"$or": [{self.field: {beyond: value}}, {self.field: value, "_id": {beyond: row_id}}]}

    def page(self, rows: Sequence[Document], limit: int) -> dict[str, Any]:
        """One page out of up to `limit + 1` rows: `items`, and the cursor `next`, None at the end."""
        return page(list(rows), limit, self._position)

    def cursor(self, row: Document) -> str:
        """The cursor of what comes after a row."""
        return to_cursor(self._position(row))

    @property
    def _name(self) -> str:
        return f"-{self.field}" if self.descending else self.field

    def _position(self, row: Document) -> list[Any]:
        value = row[self.field]
        is_time = isinstance(value, datetime)
        return [self._name, value.isoformat() if is_time else value, is_time, row["_id"]]

    def _read(self, position: Any) -> tuple[Any, str]:
        try:
            name, value, is_time, row_id = position
            found = datetime.fromisoformat(value) if is_time else value
        except (TypeError, ValueError):
            raise BadRequest(_FOREIGN) from None
        if name != self._name or not isinstance(found, (str, int, float, datetime)) or not isinstance(row_id, str):
            raise BadRequest(_FOREIGN)
        return found, row_id


def words_of(text: str) -> list[str]:
    """The words of a text as they are searched for: each once, without case and punctuation, very long ones cut.

    Vowel signs of Indic scripts are marks to Unicode and part of the word; a regular expression's word ends at them.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in plain)
    return sorted({word[:LONGEST_WORD] for word in spaced.split()})


def having_words(text: str, field: str = "words") -> Document:
    """The filter of rows in which every word of `text` begins a word of `field`, in whatever order; all rows for no word."""
    found = [{field: {"$regex": f"^{re.escape(word)}"}} for word in words_of(text)]
    return {"$and": found} if found else {}
