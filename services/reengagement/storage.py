"""What re-engagement keeps, beside the runtime's own collections.

abandoned_carts  _id = digest of the reminder; customer_id, contactable, cart_id, abandoned_at, announced_at, products, amount, currency,
                 status; order_id, ordered_at, order_amount, order_currency of the order that closed it
settings         _id = name of the model; a policy under the name of each kind that was ever changed
policy_changes   _id = kind and version; kind, version, changed_at, changed_by, policy
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.reengagement.domain.customer import Customer, combine
from services.reengagement.domain.decisions import TIMERS
from services.reengagement.domain.moments import CartStatus
from services.reengagement.domain.policies import Kind, Policies, Policy, pauses_after
from shared import documents, timers
from shared.config import Config
from shared.errors import Conflict
from shared.listing import Listing
from shared.model import Model
from shared.mongo import Document, Session, ensure_collection, reachable, server_time
from shared.unit_of_work import command

ABANDONED_CARTS = "abandoned_carts"
POLICY_CHANGES = "policy_changes"
SETTINGS = "settings"
LATEST_LEFT = Listing("abandoned_at", descending=True)
LATEST_CHANGED = Listing("version", descending=True)
_PENDING = {"state": "pending"}


def read_policies(document: Mapping[str, Any] | None) -> Policies:
    """The policies in the settings document; what was never changed is as the product comes."""
    return msgspec.convert(dict(document or {}), Policies)


CUSTOMERS = Model("customers", Customer, combine, rules=read_policies)


def create_indexes(database: Database[Document], config: Config) -> None:
    newest = [("abandoned_at", DESCENDING), ("_id", DESCENDING)]
    database[ABANDONED_CARTS].create_index(newest, name="newest")
    database[ABANDONED_CARTS].create_index([("status", ASCENDING), *newest], name="status")
    database[ABANDONED_CARTS].create_index([("contactable", ASCENDING), *newest], name="contactable")
    database[POLICY_CHANGES].create_index([("kind", ASCENDING), ("version", DESCENDING), ("_id", DESCENDING)], name="kind")
    database["timers"].create_index(
        [("kind", ASCENDING), ("due", ASCENDING)], name="pending_kind", partialFilterExpression=_PENDING
    )
    ensure_collection(database, SETTINGS)


@dataclass(frozen=True, slots=True)
class Found:
    """A customer with all that is known of them."""

    customer_id: str
    identity_keys: tuple[str, ...]
    customer: Customer


class Customers:
    """Customers and their timers."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def find(self, identity: str) -> Found | None:
        """By identity key, bare e-mail or customer id; None for somebody never heard of."""
        with reachable():
            found = documents.find(self._database, CUSTOMERS, identity)
        if found is None:
            return None
        customer_id, members = found
        return Found(customer_id, tuple(member.key for member in members), combine([member.state for member in members]))

    def pending(self, identity_keys: Sequence[str]) -> list[Document]:
        """Armed timers of these identity keys, the next one first."""
        kinds = set(TIMERS.values())
        rows = timers.of_subjects(self._database, identity_keys)
        return [row for row in rows if row["state"] == _PENDING["state"] and row["kind"] in kinds]

    def now(self) -> datetime:
        return server_time(self._database)


class AbandonedCarts:
    """Carts that were announced as abandoned."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database[ABANDONED_CARTS]

    def latest(self, wanted: Mapping[str, Any]) -> list[Document]:
        """Those left last come first, one more than `limit`; filtered by `status`, by `contactable`, and by the time they were left at."""
        period = {"$gte": wanted["since"], "$lt": wanted["until"]}
        given = {operator: time for operator, time in period.items() if time is not None}
        conditions: list[Document] = [LATEST_LEFT.after(wanted["cursor"])]
        conditions += [{"abandoned_at": given}] if given else []
        conditions += [{name: wanted[name]} for name in ("status", "contactable") if wanted.get(name)]
        with reachable():
            return list(self._rows.find({"$and": conditions}).sort(LATEST_LEFT.sort).limit(wanted["limit"] + 1))

    def count_by_status(self) -> dict[str, int]:
        with reachable():
            return {status.value: self._rows.count_documents({"status": status.value}) for status in CartStatus}


class PolicyStore:
    """The policies, and who changed them when."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def all(self) -> Policies:
        with reachable():
            return read_policies(self._database[SETTINGS].find_one({"_id": CUSTOMERS.name}))

    def progress(self) -> Document | None:
        """How far the last change has reached the customers; None when it has reached all."""
        return timers.progress(self._database, CUSTOMERS.name)

    def change(self, kind: Kind, wanted: Mapping[str, Any]) -> Policy:
        """Store a new version and look at every customer again. Raises Conflict unless `wanted["version"]` is the current one.

        `wanted` holds every setting of the kind, `version` and `changed_by`.
        """
        now = server_time(self._database)

        def work(session: Session) -> tuple[Policy, tuple[()]]:
            known = read_policies(self._database[SETTINGS].find_one({"_id": CUSTOMERS.name}, session=session))
            policy = documents.to_document(_next(known.of(kind), wanted, now))
            self._write(kind, policy, session)
            timers.reproject(self._database, CUSTOMERS.name, session)
            return _read(kind, policy), ()

        return command(self._database, work)

    def changes(self, kind: Kind, wanted: Mapping[str, Any]) -> list[Document]:
        """The versions of a policy, the latest first, one more than `limit`."""
        with reachable():
            found = self._database[POLICY_CHANGES].find({"$and": [{"kind": kind.value}, LATEST_CHANGED.after(wanted["cursor"])]})
            rows = list(found.sort(LATEST_CHANGED.sort).limit(wanted["limit"] + 1))
        return [{**row, "policy": asdict(_read(kind, row["policy"]))} for row in rows]

    def _write(self, kind: Kind, policy: Document, session: Session) -> None:
        settings = self._database[SETTINGS]
        settings.update_one({"_id": CUSTOMERS.name}, {"$set": {kind.value: policy}}, upsert=True, session=session)
        change = {name: policy[name] for name in ("version", "changed_at", "changed_by")}
        row = {"_id": f"{kind.value}/{policy['version']}", "kind": kind.value, **change, "policy": policy}
        self._database[POLICY_CHANGES].insert_one(row, session=session)


def count_pending(database: Database[Document]) -> list[Document]:
    """For each kind how many timers are armed and when the next is due."""
    found = []
    for kind in TIMERS.values():
        of_kind = {"kind": kind, **_PENDING}
        with reachable():
            count = database["timers"].count_documents(of_kind, hint="pending_kind")
            following = database["timers"].find_one(of_kind, {"due": 1}, sort=[("due", ASCENDING)], hint="pending_kind")
        found.append({"kind": kind, "pending": count, "next_due": following["due"] if following else None})
    return found


def _read(kind: Kind, policy: Document) -> Policy:
    """One stored policy, whatever of it was stored."""
    return read_policies({kind.value: policy}).of(kind)


def _next(known: Policy, wanted: Mapping[str, Any], now: datetime) -> Policy:
    if wanted["version"] != known.version:
        raise Conflict(
            f"The policy is at version {known.version} and the change was made to version {wanted['version']}: "
            "read it again and repeat the change."
        )
    pauses = pauses_after(known, wanted["enabled"], now)
    return replace(known, **{**wanted, "version": known.version + 1, "changed_at": now, "pauses": pauses})
