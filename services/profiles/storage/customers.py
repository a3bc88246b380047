"""How customers are found: by any identity, by what they spent, and on their timeline."""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.database import Database

from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.rules import Rules
from services.profiles.storage.models import CUSTOMERS, INDEX, SPEND, rules_of
from services.profiles.storage.timeline import Excerpt, Timeline
from shared import documents
from shared.identity import lookup_id
from shared.listing import Listing
from shared.mongo import Document, reachable


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

    def timeline(self, identity: str, wanted: Excerpt, cursor: str | None, limit: int) -> dict[str, Any] | None:
        """A page of the events of all of a customer's keys, newest first; None for a customer never heard of."""
        keys = self.keys(identity)
        return Timeline(self._database).page(keys, wanted, cursor, limit) if keys else None

    def rules(self) -> Rules:
        """The settings that decide what follows from the facts."""
        with reachable():
            return rules_of(self._database["settings"].find_one({"_id": CUSTOMERS.name}))

    def keys(self, identity: str) -> Sequence[str]:
        """The identity keys of a customer; none for one never heard of."""
        facts = self._database[f"{CUSTOMERS.name}_facts"]
        with reachable():
            member = facts.find_one({"_id": lookup_id(identity)}, {"customer": 1, "key": 1})
            if member is None or not member["key"]:
                return ()
            return sorted(row["key"] for row in facts.find({"customer": member["customer"]}, {"key": 1}) if row["key"])

    def _entries(self, customer_ids: Iterable[str]) -> dict[str, Document]:
        return {row["_id"]: row for row in self._database[INDEX].find({"_id": {"$in": list(customer_ids)}})}
