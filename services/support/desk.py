"""What agents and customers do with tickets: each command is one transaction of the ticket, its history and what is announced."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.support.domain import tickets as rules
from services.support.domain.tickets import Assignment, Kind, Moved, NotNow, Outdated, Request, Ticket, Words
from services.support.storage import Answered, Once, People, Store, Tickets
from shared import events
from shared.errors import Conflict, NotFound, Unprocessable
from shared.handlers import Announcement
from shared.mongo import Session, server_time
from shared.unit_of_work import command

Step = Callable[[Ticket, datetime], Moved | None]
_STATEMENTS = {
    Kind.OPENED: events.TICKET_OPENED,
    Kind.REPLIED: events.TICKET_REPLIED,
    Kind.ASSIGNED: events.TICKET_ASSIGNED,
    Kind.RESOLVED: events.TICKET_RESOLVED,
    Kind.REOPENED: events.TICKET_REOPENED,
}


class Desk:
    """Commands about tickets. They raise NotFound, Conflict and Unprocessable with what to do about it."""

    def __init__(self, database: Store) -> None:
        self._database = database
        self._tickets, self._answered, self._people = Tickets(database), Answered(database), People(database)

    def open(self, request: Request, once: Once | None) -> Ticket:
        """Open a ticket under the next number. The same key and request again give the ticket that was opened first."""
        now = server_time(self._database)
        ticket_id = f"tic_{uuid.uuid4().hex}"

        def work(session: Session) -> tuple[Ticket, list[Announcement]]:
            earlier = self._earlier(once, session)
            if earlier is not None:
                return earlier, []
            moved = rules.open_ticket(request, ticket_id, self._tickets.next_number(session), now)
            return self._commit(moved, once, now, session)

        return command(self._database, work)

    def write(self, ticket: str, words: Words, version: int | None, once: Once | None) -> Ticket:
        """Add a reply or a note; the same key and words again change nothing."""
        return self._move(ticket, version, lambda found, now: rules.write(found, words, now), once)

    def assign(self, ticket: str, assignment: Assignment, by: str | None, version: int | None) -> Ticket:
        """Say who works on it."""
        return self._move(ticket, version, lambda found, now: rules.assign(found, assignment, by, now))

    def resolve(self, ticket: str, by: str | None, version: int | None) -> Ticket:
        """Settle it."""
        return self._move(ticket, version, lambda found, now: rules.resolve(found, by, now))

    def reopen(self, ticket: str, by: str | None, version: int | None) -> Ticket:
        """Bring it back to life."""
        return self._move(ticket, version, lambda found, now: rules.reopen(found, by, now))

    def _move(self, ticket: str, version: int | None, step: Step, once: Once | None = None) -> Ticket:
        now = server_time(self._database)

        def work(session: Session) -> tuple[Ticket, list[Announcement]]:
            earlier = self._earlier(once, session)
            if earlier is not None:
                return earlier, []
            found = self._tickets.find(ticket, session)
            if found is None:
                raise unknown_ticket()
            moved = _stepped(found, version, step, now)
            return self._commit(moved, once, now, session) if moved else (found, [])

        return command(self._database, work)

    def _earlier(self, once: Once | None, session: Session) -> Ticket | None:
        """The ticket that an earlier use of the same idempotency key led to. Raises Unprocessable for another request under it."""
        used = self._answered.find(once, session) if once else None
        if used is None or once is None:
            return None
        request, ticket_id = used
        if request != once.request:
            raise Unprocessable("This Idempotency-Key was used for another request; take a new key for a new request.")
        return self._tickets.find(ticket_id, session)

    def _commit(self, moved: Moved, once: Once | None, now: datetime, session: Session) -> tuple[Ticket, list[Announcement]]:
        self._tickets.keep(moved, session)
        if once:
            self._answered.keep(once, moved.ticket.ticket_id, now, session)
        key = moved.ticket.identity_key
        return moved.ticket, announcements(moved, self._people.customer_ids([key], session)[key])


def unknown_ticket() -> NotFound:
    return NotFound("No ticket has this id or number; list them at /api/support/tickets.")


def announcements(moved: Moved, customer_id: str) -> list[Announcement]:
    """What the rest of the company is told of a step. Notes stay between agents."""
    ticket, entry = moved.ticket, moved.entry
    told = [_STATEMENTS[entry.kind]] if entry.kind in _STATEMENTS else []
    if entry.kind is Kind.REPLIED and entry.reopens:
        told.append(events.TICKET_REOPENED)
    data = {"ticket_id": ticket.ticket_id, "customer_id": customer_id, "channel": ticket.channel.value, **_particulars(moved)}
    key = f"{ticket.ticket_id}/{entry.version}"
    return [Announcement(kind, key, ticket.identity_key, entry.at, data) for kind in told]


def _particulars(moved: Moved) -> dict[str, Any]:
    ticket, entry = moved.ticket, moved.entry
    match entry.kind:
        case Kind.OPENED:
            return {"subject": ticket.subject, "priority": ticket.priority.value, "order_id": ticket.order_id}
        case Kind.REPLIED:
            reply_id = f"{ticket.ticket_id}/{entry.version}"
            return {"reply_id": reply_id, "author": entry.author.value, "agent_id": entry.agent_id}
        case Kind.ASSIGNED:
            return {"agent_id": entry.assignment.agent_id, "team_id": entry.assignment.team_id}
        case Kind.RESOLVED:
            return {"agent_id": entry.agent_id, "resolution_seconds": rules.resolution_seconds(ticket)}
        case _:
            return {}


def _stepped(ticket: Ticket, version: int | None, step: Step, now: datetime) -> Moved | None:
    """Take a step. Raises Conflict, naming the current version, for a stale caller or a status that does not allow it."""
    try:
        rules.expect(ticket, version)
        return step(ticket, now)
    except Outdated as outdated:
        detail = f"The ticket changed since you read it: it is at version {outdated.current}. Read it again, then repeat."
        versions = {"given": outdated.seen, "current": outdated.current}
        raise Conflict(detail, fields={"version": versions}, headers=[("ETag", f'"{outdated.current}"')]) from None
    except NotNow as refused:
        current = {"status": ticket.status.value, "version": ticket.version}
        raise Conflict(str(refused), fields={"ticket": current}) from None
