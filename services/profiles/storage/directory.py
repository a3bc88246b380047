"""How customers are listed and looked for: by letters first, then by sound, in the order that is asked for.

Names sort by the collation of the Unicode root locale (CLDR, as MongoDB's ICU has it under `en`): whatever the script, accents and case
decide only between names that are otherwise alike. What is stored and shown is as the customer wrote it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.collation import Collation, CollationStrength
from pymongo.database import Database

from services.profiles.domain.directory import folded_email, phone_tail
from services.profiles.domain.names import folded_words, patterns_of
from services.profiles.storage.models import INDEX
from shared.listing import Listing
from shared.mongo import Document, reachable

COLLATION = Collation("en", strength=CollationStrength.TERTIARY)
HAS_A_NAME: Document = {"name": {"$type": "string"}}
_BY_SOUND = "~"  # begins the cursors of those who were found by sound; no cursor of a listing begins so
_LETTERS, _SOUND = "letters", "sound"


@dataclass(frozen=True, slots=True)
class Search:
    """Which customers are wanted; None is no condition. `phone` has at least one digit, `name` at least one word."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    min_orders: int | None = None
    seen_since: datetime | None = None
    by_sound: bool = True

    @property
    def by_letters(self) -> Document:
        """The filter of those of whose name every word that was asked for begins a word."""
        return _every([*self._conditions(), *_letters(self.name)])

    @property
    def by_sound_only(self) -> Document | None:
        """The filter of further customers whose name sounds like it; None where sound is not asked for or says nothing."""
        patterns = patterns_of(self.name) if self.name is not None and self.by_sound else []
        if not patterns:
            return None
        alternatives = [_every([_sounds(one) for one in alternative]) for alternative in patterns]
        return _every([*self._conditions(), {"$or": alternatives}, {"$nor": [_every(_letters(self.name))]}])

    def _conditions(self) -> list[Document]:
        wanted: list[Document] = []
        if self.email is not None:
            wanted.append({"emails": folded_email(self.email)})
        if self.phone is not None:
            wanted.append({"phone_tails": _begins(phone_tail(self.phone))})
        if self.min_orders is not None:
            wanted.append({"orders": {"$gte": self.min_orders}})
        if self.seen_since is not None:
            wanted.append({"last_seen": {"$gte": self.seen_since}})
        return wanted


class Directory:
    """Reading the directory. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._index = database[INDEX]

    def search(self, wanted: Search, order: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of those who are found, `order` (`last_seen`, `orders`) from high to low; first by letters, then by sound.

        Raises BadRequest for a foreign cursor.
        """
        listing = Listing(order, descending=True)
        position = cursor or ""
        if position.startswith(_BY_SOUND):
            return self._sounding(wanted, listing, position.removeprefix(_BY_SOUND), limit)
        page = self._page(wanted.by_letters, listing, cursor, limit, _LETTERS if wanted.name else None)
        if page["next"]:
            return page
        more = self._sounding(wanted, listing, "", limit - len(page["items"]))
        return {"items": page["items"] + more["items"], "next": more["next"]}

    def by_name(self, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of all who have a name, by it, in the order of COLLATION. Raises BadRequest for a foreign cursor."""
        listing = Listing("name")
        query = {"$and": [HAS_A_NAME, listing.after(cursor)]}
        with reachable():
            rows = list(self._index.find(query).collation(COLLATION).sort(listing.sort).limit(limit + 1))
        return listing.page(rows, limit)

    def _sounding(self, wanted: Search, listing: Listing, cursor: str, limit: int) -> dict[str, Any]:
        query = wanted.by_sound_only
        if query is None:
            return {"items": [], "next": None}
        if limit == 0:
            return {"items": [], "next": _BY_SOUND if self._page(query, listing, None, 1, None)["items"] else None}
        page = self._page(query, listing, cursor, limit, _SOUND)
        return {"items": page["items"], "next": page["next"] and _BY_SOUND + page["next"]}

    def _page(self, query: Document, listing: Listing, cursor: str | None, limit: int, found_by: str | None) -> dict[str, Any]:
        condition = {"$and": [query, listing.after(cursor)]}
        with reachable():
            rows = list(self._index.find(condition).sort(listing.sort).limit(limit + 1))
        return listing.page([{**row, "found_by": found_by} for row in rows], limit)


def _letters(name: str | None) -> list[Document]:
    return [{"name_words": _begins(word)} for word in folded_words(name or "")]


def _sounds(pattern: tuple[str, ...]) -> Document:
    return {"$or": [{"name_sounds": {"$regex": one}} for one in pattern]}


def _begins(folded: str) -> Document:
    return {"$regex": f"^{re.escape(folded)}"}


def _every(conditions: list[Document]) -> Document:
    return {"$and": conditions} if conditions else {}
