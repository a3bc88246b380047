"""Who is who, as people see and steer it: the guard rails, what they refused, and what people decided."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo.database import Database

from services.profiles.domain.identity.decisions import Decision
from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.storage.models import CUSTOMERS, DECISIONS, IDENTITY, REFUSED
from services.profiles.storage.rules import RulesStore
from shared.identity import id_of
from shared.listing import Listing
from shared.mongo import Document, reachable

_LATEST = Listing("at", descending=True)


class IdentityRulesStore(RulesStore[IdentityRules]):
    """The guard rails. Changing them judges every customer anew."""

    part, kind = IDENTITY, IdentityRules


class Identities:
    """What was refused and decided. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def refused(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of what the guard rails refused, what happened last first, each with the customers as they are now."""
        wanted = {name: query[name] for name in ("rule", "kind") if query.get(name)}
        page = self._page(REFUSED, wanted, query)
        customers = self._customers(key for row in page["items"] for key in (row["key"], row["kept_key"]))
        for row in page["items"]:
            row |= {"customer_id": customers[row["key"]], "kept_customer_id": customers[row["kept_key"]]}
        return page

    def kept_apart(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the pairs that are never merged, the latest decision first."""
        return self._decided({"decision": Decision.KEEP_APART.value}, query)

    def decisions(self, keys: Sequence[str], query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of what people decided about a customer's keys, the latest first."""
        return self._decided({"identity_keys": {"$in": list(keys)}}, query)

    def pair(self, pair: str) -> Document | None:
        """What was decided last about a pair of keys, by its id."""
        with reachable():
            return self._database[DECISIONS].find_one({"_id": pair})

    def pairs_of(self, decision_id: str, keys: Sequence[str]) -> list[tuple[str, str]]:
        """The pairs of keys, at least one of `keys` in each, that a merge still holds together."""
        wanted = {"identity_keys": {"$in": list(keys)}, "event_id": decision_id, "decision": Decision.MERGE.value}
        with reachable():
            return [tuple(row["identity_keys"]) for row in self._database[DECISIONS].find(wanted)]

    def _decided(self, wanted: Document, query: Mapping[str, Any]) -> dict[str, Any]:
        page = self._page(DECISIONS, wanted, query)
        customers = self._customers(key for row in page["items"] for key in row["identity_keys"])
        for row in page["items"]:
            row["customer_ids"] = [customers[key] for key in row["identity_keys"]]
        return page

    def _page(self, collection: str, wanted: Document, query: Mapping[str, Any]) -> dict[str, Any]:
        condition = {"$and": [wanted, _LATEST.after(query["cursor"])]}
        with reachable():
            rows = list(self._database[collection].find(condition).sort(_LATEST.sort).limit(query["limit"] + 1))
        return _LATEST.page(rows, query["limit"])

    def _customers(self, keys: Iterable[str]) -> dict[str, str]:
        """The customers whom keys belong to now. A key that was only named by a person is a customer of its own."""
        named = {key: id_of(key) for key in keys}
        with reachable():
            found = self._database[f"{CUSTOMERS.name}_facts"].find({"_id": {"$in": list(named.values())}}, {"customer": 1})
            customers = {row["_id"]: row["customer"] for row in found}
        return {key: customers.get(member, member) for key, member in named.items()}
