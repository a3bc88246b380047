"""How customers are found: by any identity, in the directory, and on their timeline."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.directory import folded_email, folded_words, phone_tail
from services.profiles.storage.models import CUSTOMERS, INDEX, SPEND, TIMELINE
from shared import documents
from shared.identity import lookup_id
from shared.listing import Listing
from shared.mongo import Document, reachable


@dataclass(frozen=True, slots=True)
class Search:
    """Which customers are wanted; None is no condition. `phone` has at least one digit, `name` at least one word."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    min_orders: int | None = None
    seen_since: datetime | None = None

    @property
    def filter(self) -> Document:
        """All conditions have to hold, and of a name all words."""
        wanted: list[Document] = []
        if self.email is not None:
            wanted.append({"emails": folded_email(self.email)})
        if self.phone is not None:
            wanted.append({"phone_tails": _begins(phone_tail(self.phone))})
        if self.name is not None:
            wanted += [{"name_words": _begins(word)} for word in folded_words(self.name)]
        if self.min_orders is not None:
            wanted.append({"orders": {"$gte": self.min_orders}})
        if self.seen_since is not None:
            wanted.append({"last_seen": {"$gte": self.seen_since}})
        return {"$and": wanted} if wanted else {}


@dataclass(frozen=True, slots=True)
class Period:
    """Which rows of a timeline are wanted: events of one name, from a time and before another; None is no condition."""

    name: str | None = None
    begin: datetime | None = None
    end: datetime | None = None

    @property
    def filter(self) -> Document:
        bounds = {"$gte": self.begin, "$lt": self.end}
        time = {operator: bound for operator, bound in bounds.items() if bound is not None}
        return {**({"name": self.name} if self.name else {}), **({"time": time} if time else {})}


class Customers:
    """Reading customers. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def find(self, identity: str) -> tuple[str, Customer] | None:
        """The id and all facts of a customer, by any identity key, e-mail address or customer id; None if never heard of."""
        with reachable():
            found = documents.find(self._database, CUSTOMERS, identity)
        return (found[0], combine([member.state for member in found[1]])) if found else None

    def search(self, wanted: Search, order: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of the directory, `order` (`last_seen`, `orders`) from high to low. Raises BadRequest for a foreign cursor."""
        listing = Listing(order, descending=True)
        query = {"$and": [wanted.filter, listing.after(cursor)]}
        with reachable():
            rows = list(self._database[INDEX].find(query).sort(listing.sort).limit(limit + 1))
        return listing.page(rows, limit)

    def biggest_spenders(self, currency: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of the directory by net spend in a currency, from high to low. Raises BadRequest for a foreign cursor."""
        listing = Listing("amount", descending=True)
        query = {"currency": currency, **listing.after(cursor)}
        with reachable():
            rows = list(self._database[SPEND].find(query).sort(listing.sort).limit(limit + 1))
            page = listing.page(rows, limit)
            entries = self._entries(row["customer_id"] for row in page["items"])
        found = [entries[row["customer_id"]] for row in page["items"] if row["customer_id"] in entries]
        return {"items": found, "next": page["next"]}

    def timeline(self, identity: str, wanted: Period, cursor: str | None, limit: int) -> dict[str, Any] | None:
        """A page of the events of all of a customer's keys, newest first; None for a customer never heard of."""
        keys = self._keys(identity)
        if keys is None:
            return None
        listing = Listing("time", descending=True)
        query = {"$and": [{"identity_key": {"$in": keys}}, wanted.filter, listing.after(cursor)]}
        with reachable():
            rows = list(self._database[TIMELINE].find(query).sort(listing.sort).limit(limit + 1))
        return listing.page(rows, limit)

    def _keys(self, identity: str) -> Sequence[str] | None:
        facts = self._database[f"{CUSTOMERS.name}_facts"]
        with reachable():
            member = facts.find_one({"_id": lookup_id(identity)}, {"customer": 1})
            if member is None:
                return None
            return sorted(row["key"] for row in facts.find({"customer": member["customer"]}, {"key": 1}))

    def _entries(self, customer_ids: Iterable[str]) -> dict[str, Document]:
        return {row["_id"]: row for row in self._database[INDEX].find({"_id": {"$in": list(customer_ids)}})}


def _begins(folded: str) -> Document:
    return {"$regex": f"^{re.escape(folded)}"}
