"""Customers read by others, many at once or again and again: with a tag that says whether the answer would be another.

What is shown of a customer follows from the facts of its keys, from the settings, and from the time. Facts count their writes and settings
their changes, so that the numbers alone tell whether anything is new, without reading a fact.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.feed import FeedRules
from services.profiles.domain.rules import Rules
from services.profiles.storage.models import CUSTOMERS, FEED, rules_of
from services.profiles.storage.rules import RulesStore
from shared import documents
from shared.identity import lookup_id
from shared.model import Member
from shared.mongo import Document, reachable

_SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Reading:
    """A customer as of one moment. Whatever is shown of it by `rules` is the same as long as `tag` is, but for the passing of time."""

    customer_id: str
    customer: Customer
    rules: Rules
    tag: str


class FeedStore(RulesStore[FeedRules]):
    """Whether changes are told. Every method raises StoreAway while the database cannot be reached."""

    part, kind = FEED, FeedRules


class Readings:
    """Reading customers with their tags. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._facts, self._database = database[f"{CUSTOMERS.name}_facts"], database

    def tag(self, identity: str) -> str | None:
        """The tag of a customer, by any identity, without its facts, in one query; None for one never heard of."""
        group = {
            "from": self._facts.name,
            "localField": "customer",
            "foreignField": "customer",
            "pipeline": [{"$project": {"version": 1}}],
            "as": "group",
        }
        wanted: list[Document] = [{"$match": {"_id": lookup_id(identity)}}, {"$project": {"customer": 1}}, {"$lookup": group}]
        found, settings = self._with_settings(wanted)
        if not found:
            return None
        return _tag(found[0]["customer"], [(one["_id"], one["version"]) for one in found[0]["group"]], settings)

    def find(self, identity: str) -> Reading | None:
        """A customer by any identity; None for one never heard of."""
        return self.many([identity]).get(identity)

    def many(self, identities: Sequence[str]) -> dict[str, Reading]:
        """Customers by any of their identities, in two queries for them all; those never heard of are left out."""
        wanted = {identity: lookup_id(identity) for identity in identities}
        found, settings = self._with_settings([{"$match": {"_id": {"$in": sorted(set(wanted.values()))}}}])
        with reachable():
            batch = documents.with_groups(self._database, CUSTOMERS, found)
        groups: dict[str, list[Member[Customer]]] = {}
        for member in batch.members.values():
            groups.setdefault(member.customer_id, []).append(member)
        heard = {one: member for one, member in batch.members.items() if member.key}  # of the erased only an id is left
        known = {identity: heard[one].customer_id for identity, one in wanted.items() if one in heard}
        rules = rules_of(settings)
        readings = {customer: _reading(customer, groups[customer], rules, settings) for customer in set(known.values())}
        return {identity: readings[customer] for identity, customer in known.items()}

    def _with_settings(self, wanted: list[Document]) -> tuple[list[Document], Document | None]:
        """What a pipeline finds among the facts, and the settings, in one query: the way there and back is what reading costs most."""
        settings = {"coll": _SETTINGS, "pipeline": [{"$match": {"_id": CUSTOMERS.name}}]}
        with reachable():
            rows = list(self._facts.aggregate([*wanted, {"$unionWith": settings}]))
        found = [row for row in rows if row["_id"] != CUSTOMERS.name]
        return found, next((row for row in rows if row["_id"] == CUSTOMERS.name), None)


def _reading(customer_id: str, members: Sequence[Member[Customer]], rules: Rules, settings: Document | None) -> Reading:
    tag = _tag(customer_id, [(member.id, member.version) for member in members], settings)
    ordered = sorted(members, key=lambda member: member.key)
    return Reading(customer_id, combine([member.state for member in ordered]), rules, tag)


def _tag(customer_id: str, versions: Iterable[tuple[str, int]], settings: Document | None) -> str:
    parts: dict[str, Any] = settings or {}
    changes = sorted((name, part["version"]) for name, part in parts.items() if isinstance(part, dict) and "version" in part)
    told = repr((CUSTOMERS.edition, customer_id, sorted(versions), changes))
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
