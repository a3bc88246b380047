"""What may become of a ticket.

    open ──agent replies──▶ waiting ──customer replies──▶ open
    open, waiting ──resolve──▶ resolved ──reopen, or the customer replies──▶ open

A note between agents changes no status, and an agent's last word on a resolved ticket leaves it resolved. A resolved ticket is assigned
to nobody new before it is reopened. Each step makes the next version of the ticket and one entry of its history, later than the one
before, so that whoever follows by time sees the steps in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Status(StrEnum):
    OPEN = "open"  # the customer waits for us
    WAITING = "waiting"  # we wait for the customer
    RESOLVED = "resolved"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """0 for what is least urgent."""
        return list(Priority).index(self)


class Channel(StrEnum):
    EMAIL = "email"
    CHAT = "chat"
    PHONE = "phone"
    SOCIAL = "social"
    FORM = "form"
    API = "api"


class Author(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"


class Kind(StrEnum):
    """What an entry of a ticket's history is."""

    OPENED = "opened"
    REPLIED = "replied"
    NOTED = "noted"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    REOPENED = "reopened"


PUBLIC = (Kind.OPENED, Kind.REPLIED)  # entries that the other side reads
WRITTEN = (*PUBLIC, Kind.NOTED)  # entries with a text


class NotNow(Exception):
    """The ticket's status does not allow this; the message says what to do instead."""


class Outdated(Exception):
    """The caller saw another version of the ticket than the one that there is now."""

    def __init__(self, seen: int, current: int) -> None:
        super().__init__(f"version {seen} was changed since, the ticket is at version {current}")
        self.seen, self.current = seen, current


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who works on a ticket; None for nobody and no team."""

    agent_id: str | None = None
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A ticket to be opened. `agent_id` is the agent who opens it for the customer, if one does."""

    identity_key: str
    subject: str
    body: str
    channel: Channel
    priority: Priority = Priority.NORMAL
    order_id: str | None = None
    agent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """Something written in a ticket. A note is for agents only."""

    body: str
    author: Author
    agent_id: str | None = None
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket, filed for ever under the identity key that it came with: whose customer that is may change."""

    ticket_id: str
    number: int
    identity_key: str
    subject: str
    channel: Channel
    priority: Priority
    opened_at: datetime
    updated_at: datetime
    order_id: str | None = None
    status: Status = Status.OPEN
    version: int = 1
    assignment: Assignment = Assignment()
    first_reply_at: datetime | None = None  # when an agent first answered the customer
    resolved_at: datetime | None = None
    reopened: int = 0  # how often it came back


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a ticket's history. `status` and `assignment` are what they were after it."""

    version: int
    at: datetime
    kind: Kind
    status: Status
    author: Author
    agent_id: str | None = None
    body: str | None = None
    assignment: Assignment = Assignment()
    reopens: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket after a step, and the step."""

    ticket: Ticket
    entry: Entry


def open_ticket(request: Request, ticket_id: str, number: int, now: datetime) -> Moved:
    """A new ticket with what the customer, or an agent for them, wrote."""
    ticket = Ticket(
        ticket_id,
        number,
        request.identity_key,
        request.subject,
        request.channel,
        request.priority,
        opened_at=now,
        updated_at=now,
        order_id=request.order_id,
    )
    author = Author.AGENT if request.agent_id else Author.CUSTOMER
    return Moved(ticket, Entry(1, now, Kind.OPENED, Status.OPEN, author, request.agent_id, request.body))


def expect(ticket: Ticket, version: int | None) -> None:
    """Raise Outdated unless the ticket is at the version that the caller saw; None is a caller who does not mind."""
    if version is not None and version != ticket.version:
        raise Outdated(version, ticket.version)


def write(ticket: Ticket, words: Words, now: datetime) -> Moved:
    """Write in a ticket. The customer's words bring a settled ticket back; an agent's reply leaves it waiting for the customer."""
    if words.is_note:
        return _moved(ticket, Kind.NOTED, now, words)
    if words.author is Author.CUSTOMER:
        reopens = ticket.status is Status.RESOLVED
        changed = replace(_back(ticket) if reopens else ticket, status=Status.OPEN)
        return _moved(changed, Kind.REPLIED, now, words, reopens)
    status = Status.WAITING if ticket.status is Status.OPEN else ticket.status
    moved = _moved(replace(ticket, status=status), Kind.REPLIED, now, words)
    first = ticket.first_reply_at or moved.entry.at
    return replace(moved, ticket=replace(moved.ticket, first_reply_at=first))


def assign(ticket: Ticket, assignment: Assignment, by: str | None, now: datetime) -> Moved | None:
    """Put an agent, a team or nobody to work on it; None where that is so already. Raises NotNow for a resolved ticket."""
    if ticket.status is Status.RESOLVED:
        raise NotNow("The ticket is resolved; reopen it before assigning it.")
    if assignment == ticket.assignment:
        return None
    return _moved(replace(ticket, assignment=assignment), Kind.ASSIGNED, now, Words("", Author.AGENT, by))


def resolve(ticket: Ticket, by: str | None, now: datetime) -> Moved:
    """Settle it. Raises NotNow if it is settled."""
    if ticket.status is Status.RESOLVED:
        raise NotNow("The ticket is resolved already.")
    moved = _moved(replace(ticket, status=Status.RESOLVED), Kind.RESOLVED, now, Words("", Author.AGENT, by))
    return replace(moved, ticket=replace(moved.ticket, resolved_at=moved.entry.at))


def reopen(ticket: Ticket, by: str | None, now: datetime) -> Moved:
    """Bring a settled ticket back to life. Raises NotNow if it is alive."""
    if ticket.status is not Status.RESOLVED:
        raise NotNow("The ticket is not resolved, so there is nothing to reopen.")
    return _moved(_back(ticket), Kind.REOPENED, now, Words("", Author.AGENT, by), reopens=True)


def resolution_seconds(ticket: Ticket) -> int:
    """Whole seconds from opening to the last resolution, the customer's time included; 0 for a ticket that is not settled."""
    return int((ticket.resolved_at - ticket.opened_at).total_seconds()) if ticket.resolved_at else 0


def doubt_about_order(order_id: str | None, known: Mapping[str, object]) -> str | None:
    """A warning if the order that a ticket names is none that is known of the customer; such a ticket is opened all the same."""
    if order_id is None or order_id in known:
        return None
    return (
        f"Order {order_id} is not among the customer's orders. It may still be on its way, belong to an identity key that is not "
        "linked with this customer, or be mistyped: compare it with the orders in the customer's context."
    )


def _back(ticket: Ticket) -> Ticket:
    return replace(ticket, status=Status.OPEN, resolved_at=None, reopened=ticket.reopened + 1)


def _moved(ticket: Ticket, kind: Kind, now: datetime, words: Words, reopens: bool = False) -> Moved:
    """The next version. Steps within one millisecond, or across a clock that was set back, still follow one another."""
    at = max(now, ticket.updated_at + timedelta(milliseconds=1))
    after = replace(ticket, version=ticket.version + 1, updated_at=at)
    entry = Entry(
        after.version,
        at,
        kind,
        after.status,
        words.author,
        words.agent_id,
        words.body or None,
        after.assignment,
        reopens,
    )
    return Moved(after, entry)
