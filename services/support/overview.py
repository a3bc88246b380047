"""What agents read: a customer's context, and tickets with their history and the context beside them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from services.support.desk import unknown_ticket
from services.support.domain.context import context_of
from services.support.domain.tickets import WRITTEN, Entry, Ticket, doubt_about_order, resolution_seconds
from services.support.storage import ORDERS, People, Person, Store, Tickets, Wanted
from shared.errors import NotFound

ENTRIES_SHOWN = 200  # of a ticket's history; its own listing has the rest
BESIDE_A_TICKET = 20  # orders, messages and mentions


class Overview:
    """Answers out of one service's database; nothing is asked of other services."""

    def __init__(self, database: Store) -> None:
        self._people, self._tickets = People(database), Tickets(database)

    def customer(self, identity: str, most: int) -> dict[str, Any]:
        """The context of a customer. Raises NotFound for one who is neither known nor has a ticket."""
        person = self._people.find(identity)
        if not person.is_known and not self._tickets.exist_for(person.member_ids):
            raise NotFound("Nobody is known by this identity: give an identity key like user:42, an e-mail or a customer id.")
        return self._context(person, most)

    def ticket(self, ticket: str) -> dict[str, Any]:
        """A ticket by id or number, with its latest history and its customer. Raises NotFound."""
        found = self._tickets.find(ticket)
        if found is None:
            raise unknown_ticket()
        return self.beside(found)

    def beside(self, ticket: Ticket) -> dict[str, Any]:
        """A ticket with all that an agent needs to answer it."""
        person = self._people.find(ticket.identity_key)
        entries = self._tickets.latest_entries(ticket.ticket_id, ENTRIES_SHOWN)
        doubt = doubt_about_order(ticket.order_id, person.facts.orders)
        return {
            **_flat(ticket, person.customer_id),
            "warnings": [doubt] if doubt else [],
            "messages": [_message(entry) for entry in entries if entry.kind in WRITTEN],
            "history": [_step(entry) for entry in entries],
            "left_out": ticket.version - len(entries),
            "customer": self._context(person, BESIDE_A_TICKET),
        }

    def history(self, ticket: str, only_written: bool, query: dict[str, Any]) -> dict[str, Any]:
        """The whole history of a ticket, page by page; with `only_written` its messages and notes. Raises NotFound."""
        found = self._tickets.find(ticket)
        if found is None:
            raise unknown_ticket()
        paged = self._tickets.history(found.ticket_id, only_written, query["cursor"], query["limit"])
        shown = _message if only_written else _step
        return {**paged, "items": [shown(entry) for entry in paged["items"]]}

    def tickets(self, query: dict[str, Any]) -> dict[str, Any]:
        """A page of tickets; `customer` finds those of all identity keys that are the customer's now."""
        members = self._people.find(query["customer"]).member_ids if query.get("customer") else None
        narrowed = {name: query.get(name) for name in ("assignee", "team", "priority", "channel", "text")}
        wanted = Wanted(query.get("status", ()), member_ids=members, **narrowed)
        paged = self._tickets.page(wanted, ORDERS[query["sort"]], query["cursor"], query["limit"])
        return {**paged, "items": self._summaries(paged["items"])}

    def _context(self, person: Person, most: int) -> dict[str, Any]:
        words = self._tickets.last_words(person.member_ids, most)
        return {
            "customer_id": person.customer_id,
            "identity_keys": person.identity_keys,
            **_fields(context_of(person.facts, person.identity_keys, words, most)),
            "open_tickets": [_flat(ticket, person.customer_id) for ticket in self._tickets.unresolved(person.member_ids, most)],
        }

    def _summaries(self, tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
        customers = self._people.customer_ids({ticket.identity_key for ticket in tickets})
        return [_flat(ticket, customers[ticket.identity_key]) for ticket in tickets]


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, its parts left as they are."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _flat(ticket: Ticket, customer_id: str) -> dict[str, Any]:
    """A ticket under the customer to whom its identity key belongs now."""
    settled = resolution_seconds(ticket) if ticket.resolved_at else None
    flat = {**_fields(ticket), **asdict(ticket.assignment)}
    return {**flat, "customer_id": customer_id, "resolution_seconds": settled}


def _message(entry: Entry) -> dict[str, Any]:
    return {**_fields(entry), "is_note": entry.kind == "noted"}


def _step(entry: Entry) -> dict[str, Any]:
    assigned = {"assigned_agent_id": entry.assignment.agent_id, "assigned_team_id": entry.assignment.team_id}
    return {**_fields(entry), **assigned}
