"""What support keeps: facts about customers, tickets and their history, the last ticket number, and answered idempotency keys.

customers_facts              kept by the runtime from the model below
tickets          _id = ticket id; the fields of domain.Ticket, identity_id, priority_rank, words of the subject
ticket_entries   _id = <ticket id>/<version>; the fields of domain.Entry, ticket_id, identity_id, channel, number, subject
counters         _id = tickets; last = the number given last
idempotency      _id = hash of the key and what it was used for; request, a hash of the body; result, the id of what was made; at
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.database import Database

from services.support.domain.context import TicketWords
from services.support.domain.customer import Customer, combine
from services.support.domain.tickets import PUBLIC, WRITTEN, Entry, Moved, Priority, Status, Ticket
from shared import documents
from shared.config import Config
from shared.documents import to_document
from shared.identity import PREFIX, id_of, lookup_id
from shared.listing import Listing, having_words, words_of
from shared.model import Model
from shared.mongo import Document, Session, ensure_collection, reachable
from shared.privacy import Holding, by_id

Store = Database[Document]
CUSTOMERS = Model("customers", Customer, combine)
TICKETS = "tickets"
ENTRIES = "ticket_entries"
COUNTERS = "counters"
HOLDINGS = (
    Holding(TICKETS, "identity_id", "Tickets", at="opened_at", named_by=by_id),
    Holding(ENTRIES, "identity_id", "What was said in tickets", at="at", named_by=by_id),
)
IDEMPOTENCY = "idempotency"
KEYS_KEPT = timedelta(days=7)
NOBODY = "none"
NUMBER = re.compile(r"[1-9][0-9]{0,17}")

ORDERS = {
    "-updated_at": Listing("updated_at", descending=True),
    "updated_at": Listing("updated_at"),
    "-opened_at": Listing("opened_at", descending=True),
    "opened_at": Listing("opened_at"),
    "-number": Listing("number", descending=True),
    "number": Listing("number"),
    "-priority": Listing("priority_rank", descending=True),
    "priority": Listing("priority_rank"),
}
_HISTORY = Listing("version")


def create_indexes(database: Store, config: Config) -> None:
    """Indexes for every filter of the listing in its usual order, and collections that transactions write to."""
    tickets, newest = database[TICKETS], [("updated_at", ASCENDING), ("_id", ASCENDING)]
    tickets.create_index([("number", ASCENDING)], name="number", unique=True)
    for field in ("updated_at", "opened_at", "priority_rank", "number"):
        tickets.create_index([(field, ASCENDING), ("_id", ASCENDING)], name=f"by_{field}")
    for field in ("status", "assignment.agent_id", "channel", "identity_id", "words"):
        tickets.create_index([(field, ASCENDING), *newest], name=field)
    entries = database[ENTRIES]
    entries.create_index([("ticket_id", ASCENDING), ("version", ASCENDING), ("_id", ASCENDING)], name="ticket")
    entries.create_index([("identity_id", ASCENDING), ("at", DESCENDING)], name="customer")
    keys = database[IDEMPOTENCY]
    keys.create_index([("at", ASCENDING)], name="retention", expireAfterSeconds=int(KEYS_KEPT.total_seconds()))
    ensure_collection(database, COUNTERS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets to list: those that meet everything that is not None or empty.

    `assignee` is an agent, or `NOBODY` for tickets that no agent works on; `text` are beginnings of words of the subject, all of which
    have to be there.
    """

    statuses: Sequence[str] = ()
    assignee: str | None = None
    team: str | None = None
    priority: str | None = None
    channel: str | None = None
    member_ids: Sequence[str] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as this service knows them: the ids and keys that are theirs, and the facts of all together."""

    customer_id: str
    member_ids: tuple[str, ...]
    identity_keys: tuple[str, ...]
    facts: Customer
    is_known: bool


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to have its effect once: what it is used for, the caller's key, and a hash of what was asked."""

    use: str
    key: str
    request: str


class People:
    """Customers by identity."""

    def __init__(self, database: Store) -> None:
        self._database = database

    def find(self, identity: str) -> Person:
        """The customer of an identity key, e-mail or customer id; one never heard of is a person without facts."""
        with reachable():
            found = documents.find(self._database, CUSTOMERS, identity)
        if found is None:
            alone = lookup_id(identity)
            return Person(alone, (alone,), (), Customer(), is_known=False)
        customer_id, members = found
        facts = members[0].state if len(members) == 1 else combine([member.state for member in members])
        ids, keys = tuple(member.id for member in members), tuple(member.key for member in members)
        return Person(customer_id, ids, keys, facts, is_known=True)

    def key_of(self, identity: str) -> str | None:
        """The identity key that a ticket of this customer is filed under; None for a customer id never heard of.

        A bare address is an `email:` key; addresses and handles are compared without case.
        """
        if identity.startswith(PREFIX) and ":" not in identity:
            with reachable():
                row = self._database[f"{CUSTOMERS.name}_facts"].find_one({"_id": identity}, {"key": 1})
            return str(row["key"]) if row and row["key"] else None
        key = identity.strip() if ":" in identity else f"email:{identity.strip()}"
        return key.lower() if key.startswith(("email:", "social:")) else key

    def customer_ids(self, identity_keys: Iterable[str], session: Session | None = None) -> dict[str, str]:
        """The customer id of each identity key as of now; a key never heard of is a customer of its own."""
        ids = {id_of(key): key for key in identity_keys}
        facts = self._database[f"{CUSTOMERS.name}_facts"]
        with reachable():
            rows = list(facts.find({"_id": {"$in": sorted(ids)}}, {"customer": 1}, session=session))
        grouped = {ids[row["_id"]]: row["customer"] for row in rows}
        return {key: grouped.get(key, own) for own, key in ids.items()}


class Tickets:
    """Tickets and their history."""

    def __init__(self, database: Store) -> None:
        self._tickets = database[TICKETS]
        self._entries = database[ENTRIES]
        self._counters = database[COUNTERS]

    def find(self, ticket: str, session: Session | None = None) -> Ticket | None:
        """A ticket by its id, or by the number that people call it."""
        wanted = {"number": int(ticket)} if NUMBER.fullmatch(ticket) else {"_id": ticket}
        with reachable():
            row = self._tickets.find_one(wanted, session=session)
        return _ticket(row) if row else None

    def next_number(self, session: Session) -> int:
        """The next number; it is given for good when the transaction commits."""
        row = self._counters.find_one_and_update(
            {"_id": TICKETS}, {"$inc": {"last": 1}}, upsert=True, return_document=ReturnDocument.AFTER, session=session
        )
        assert row is not None  # an upsert that returns what it wrote
        return int(row["last"])

    def keep(self, moved: Moved, session: Session) -> None:
        """Write a step: the ticket as it is now and the new entry. Entries are never changed."""
        ticket, entry = moved.ticket, moved.entry
        self._tickets.replace_one({"_id": ticket.ticket_id}, _row(ticket), upsert=True, session=session)
        named = {"channel": ticket.channel.value, "number": ticket.number, "subject": ticket.subject}
        self._entries.insert_one(
            {
                **to_document(entry),
                **named,
                "_id": f"{ticket.ticket_id}/{entry.version}",
                "ticket_id": ticket.ticket_id,
                "identity_id": id_of(ticket.identity_key),
            },
            session=session,
        )

    def page(self, wanted: Wanted, order: Listing, cursor: str | None, limit: int) -> dict[str, Any]:
        """Tickets in one of `ORDERS`."""
        criteria = {"$and": [_criteria(wanted), order.after(cursor)]}
        with reachable():
            rows = list(self._tickets.find(criteria).sort(order.sort).limit(limit + 1))
        found = order.page(rows, limit)
        return {**found, "items": [_ticket(row) for row in found["items"]]}

    def history(self, ticket_id: str, only_written: bool, cursor: str | None, limit: int) -> dict[str, Any]:
        """Steps of a ticket, the oldest first; with `only_written` those that carry a text."""
        wanted: Document = {"ticket_id": ticket_id, **({"kind": {"$in": list(WRITTEN)}} if only_written else {})}
        with reachable():
            found = self._entries.find({**wanted, **_HISTORY.after(cursor)}).sort(_HISTORY.sort).limit(limit + 1)
            rows = list(found)
        paged = _HISTORY.page(rows, limit)
        return {**paged, "items": [_entry(row) for row in paged["items"]]}

    def latest_entries(self, ticket_id: str, most: int) -> list[Entry]:
        """The last steps of a ticket, the oldest of them first."""
        with reachable():
            rows = list(self._entries.find({"ticket_id": ticket_id}).sort("version", DESCENDING).limit(most))
        return [_entry(row) for row in reversed(rows)]

    def last_words(self, member_ids: Sequence[str], most: int) -> list[TicketWords]:
        """What was last written to and by a customer in any ticket; notes between agents are left out."""
        wanted = {"identity_id": {"$in": list(member_ids)}, "kind": {"$in": list(PUBLIC)}}
        with reachable():
            rows = list(self._entries.find(wanted).sort("at", DESCENDING).limit(most))
        return [msgspec.convert({**row, "text": row["body"]}, TicketWords) for row in rows]

    def unresolved(self, member_ids: Sequence[str], most: int) -> list[Ticket]:
        """Tickets of a customer that are not resolved, the last touched first."""
        wanted = Wanted((Status.OPEN.value, Status.WAITING.value), member_ids=member_ids)
        with reachable():
            return [_ticket(row) for row in self._tickets.find(_criteria(wanted)).sort("updated_at", DESCENDING).limit(most)]

    def exist_for(self, member_ids: Sequence[str]) -> bool:
        with reachable():
            return self._tickets.find_one({"identity_id": {"$in": list(member_ids)}}, {"_id": 1}) is not None


class Answered:
    """Idempotency keys that were used, and what came of them."""

    def __init__(self, database: Store) -> None:
        self._keys = database[IDEMPOTENCY]

    def find(self, once: Once, session: Session) -> tuple[str, str] | None:
        """(hash of the request, result) of an earlier use."""
        row = self._keys.find_one({"_id": digest(once.use, once.key)}, session=session)
        return (row["request"], row["result"]) if row else None

    def keep(self, once: Once, result: str, now: datetime, session: Session) -> None:
        row = {"_id": digest(once.use, once.key), "request": once.request, "result": result, "at": now}
        self._keys.insert_one(row, session=session)


def _criteria(wanted: Wanted) -> Document:
    criteria: Document = {}
    if wanted.statuses:
        criteria["status"] = {"$in": list(wanted.statuses)}
    if wanted.assignee is not None:
        criteria["assignment.agent_id"] = None if wanted.assignee == NOBODY else wanted.assignee
    if wanted.member_ids is not None:
        criteria["identity_id"] = {"$in": list(wanted.member_ids)}
    if wanted.text is not None:
        criteria |= having_words(wanted.text)
    equal = {"priority": wanted.priority, "channel": wanted.channel, "assignment.team_id": wanted.team}
    return {**criteria, **{field: value for field, value in equal.items() if value is not None}}


def digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _row(ticket: Ticket) -> Document:
    rank = Priority(ticket.priority).rank
    derived = {"identity_id": id_of(ticket.identity_key), "priority_rank": rank, "words": words_of(ticket.subject)}
    return {**to_document(ticket), **derived, "_id": ticket.ticket_id}


def _ticket(row: Document) -> Ticket:
    return msgspec.convert(row, Ticket)


def _entry(row: Document) -> Entry:
    return msgspec.convert(row, Entry)
