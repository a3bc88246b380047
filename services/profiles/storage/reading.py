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
from shared.fold import Member
from shared.identity import lookup_id
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
        self._facts, self._settings = database[f"{CUSTOMERS.name}_facts"], database[_SETTINGS]
        self._database = database

    def tag(self, identity: str) -> str | None:
        """The tag of a customer, by any identity, without its facts; None for one never heard of."""
        with reachable():
            member = self._facts.find_one({"_id": lookup_id(identity)}, {"customer": 1})
            if member is None:
                return None
            group = self._facts.find({"customer": member["customer"]}, {"version": 1})
            return _tag(member["customer"], [(one["_id"], one["version"]) for one in group], self._rules())

    def find(self, identity: str) -> Reading | None:
        """A customer by any identity; None for one never heard of."""
        return self.many([identity]).get(identity)

    def many(self, identities: Sequence[str]) -> dict[str, Reading]:
        """Customers by any of their identities, in two queries for them all; those never heard of are left out."""
        wanted = {identity: lookup_id(identity) for identity in identities}
        with reachable():
            batch = documents.load(self._database, CUSTOMERS, wanted.values())
            settings = self._rules()
        groups: dict[str, list[Member[Customer]]] = {}
        for member in batch.members.values():
            groups.setdefault(member.customer_id, []).append(member)
        heard = {one: member for one, member in batch.members.items() if member.key}  # of the erased only an id is left
        known = {identity: heard[one].customer_id for identity, one in wanted.items() if one in heard}
        readings = {customer: _reading(customer, groups[customer], settings) for customer in set(known.values())}
        return {identity: readings[customer] for identity, customer in known.items()}

    def _rules(self) -> Document | None:
        return self._settings.find_one({"_id": CUSTOMERS.name})


def _reading(customer_id: str, members: Sequence[Member[Customer]], settings: Document | None) -> Reading:
    tag = _tag(customer_id, [(member.id, member.version) for member in members], settings)
    ordered = sorted(members, key=lambda member: member.key)
    return Reading(customer_id, combine([member.state for member in ordered]), rules_of(settings), tag)


def _tag(customer_id: str, versions: Iterable[tuple[str, int]], settings: Document | None) -> str:
    parts: dict[str, Any] = settings or {}
    changes = sorted((name, part["version"]) for name, part in parts.items() if isinstance(part, dict) and "version" in part)
    told = repr((CUSTOMERS.edition, customer_id, sorted(versions), changes))
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
