"""How customers are found: by any identity, by what they spent, and on their timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from services.profiles.domain.customer import Customer, combine
from services.profiles.storage.models import CUSTOMERS, INDEX, SPEND, TIMELINE
from shared import documents
from shared.identity import lookup_id
from shared.listing import Listing
from shared.mongo import Document, reachable


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
            found = facts.find({"customer": member["customer"]}, {"key": 1})
            return sorted(row["key"] for row in found if row["key"]) or None

    def _entries(self, customer_ids: Iterable[str]) -> dict[str, Document]:
        return {row["_id"]: row for row in self._database[INDEX].find({"_id": {"$in": list(customer_ids)}})}
