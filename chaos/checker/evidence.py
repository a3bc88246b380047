"""What the checker is given beside the ledger: plain values, so that a test can write a history by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A fact as a service keeps it: its id, the customer under whom it lies, and the amount in minor units (0 for a cart)."""

    fact: str
    customer: str
    amount: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What one service keeps of the workload. `kinds` are the kinds of facts that it should know; `parked` the ids set aside."""

    service: str
    kinds: frozenset[str]
    held: Sequence[Held] = ()
    parked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums that analytics keeps running and never works out again.

    `volumes` count events by name and start of the quarter of an hour; `orders` and `gross` (minor units) are those of each customer's
    product. `heard` counts events of other services by `source.name`.
    """

    volumes: Mapping[tuple[str, datetime], int] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    gross: Mapping[str, int] = field(default_factory=dict)
    heard: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of re-engagement. `fact` is the id of the cart or order that armed it; `key` says what it is about."""

    key: str
    kind: str
    fact: str
    state: str
    due: datetime
    fired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """An event that a service published, as a subscriber outside got it. `about` is the one thing that it is said of once."""

    id: str
    name: str
    about: str


@dataclass(frozen=True, slots=True)
class Residue:
    """What is left where nothing should be: messages by queue, rows by outbox, timers that are overdue and pending."""

    queues: Mapping[str, int] = field(default_factory=dict)
    outboxes: Mapping[str, int] = field(default_factory=dict)
    overdue: int = 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way: then what is not applied is lost, before that it may be on its way."""
        return not (any(self.queues.values()) or any(self.outboxes.values()) or self.overdue)


@dataclass(frozen=True, slots=True)
class Observed:
    """The system after healing and draining. `differences` are those of state built anew from the archive.

    `deaths` are processes that ended although nobody had killed them, or did not end well when they were asked to. `undone` are
    parts of the run itself that failed or took too long: what the system should have allowed and did not.
    """

    archived: frozenset[str]
    holdings: Sequence[Holding]
    counters: Counters
    timers: Sequence[Timer]
    announced: Sequence[Announced]
    residue: Residue
    differences: Sequence[str] = ()
    deaths: Sequence[str] = ()
    undone: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken: which rule says so, and by what."""

    rule: str
    detail: str
