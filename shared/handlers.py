"""What a service declares: which event changes which facts, and what follows from the facts.

A service class marks its methods; nothing else is needed to be delivered, applied once and followed up:

    class Reengagement:
        name = "reengagement"
        inbox, timers, relay = Inbox(CUSTOMERS), Timers(), Relay()

        @handles(events.ORDER_COMPLETED, CUSTOMERS)
        def on_order_completed(self, customer: Customer, order: OrderPlaced, event: Event) -> Customer:
            ...                                     # (facts, what happened) -> facts

        @fires("cart_idle", CUSTOMERS)
        def on_cart_idle(self, customer: Customer, timer: CartIdle, event: Event) -> Customer:
            ...                                     # a timer is an event that the service sent to itself

        @follows(CUSTOMERS)
        def follow_up(self, customer_id: str, customer: Customer, rules: Rules, now: datetime) -> Consequences:
            ...                                     # facts -> all that should be so; the runtime does what is new in it
"""

import inspect
import re
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from shared.envelope import Event
from shared.errors import InvalidEvent
from shared.events.kind import EventKind

if TYPE_CHECKING:
    from shared.model import Model

F = TypeVar("F", bound=Callable[..., Any])
TIMER_SOURCE = "timer"


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to do at `due`: the runtime fires `kind` for the identity key `subject` once, never early.

    `key` tells timers of one kind apart (a cart id). `data` is what the handler receives, JSON values only.
    """

    kind: str
    key: str
    subject: str
    due: datetime
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slot(self) -> str:
        """One slot holds at most one pending timer."""
        return f"{self.kind}/{self.key}"


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event to publish. The same `key` is announced once for ever: the id of the event is derived from it.

    `subject` is the identity key that readers file it under; `time` when the fact became true. What may cease to be so and be so again is
    told by its `occasion`, too: it is announced whenever it did not follow at the last look.
    """

    kind: EventKind
    key: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    backfill: bool = False
    occasion: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a read model or journal: document `id` of `collection` (a name declared by the model)."""

    collection: str
    id: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """What a customer adds to a running counter: `values` are summed into the row `id` of `collection`.

    The id says all that the row is about: what reads it has nothing else to go by.
    """

    collection: str
    id: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Consequences:
    """All that should be so, given the facts of one customer. The runtime compares it with what it was and does the difference:

    timers are armed and disarmed, rows written and deleted, figures moved, announcements that were never made are published. `marks` are
    kept for the next look: numbers such as the version of the rules, by name. `same_rows`, as collection/id, followed at the last look at
    this very customer and do so still, word for word: who knows that need not make them again.
    """

    timers: tuple[Timer, ...] = ()
    rows: tuple[Row, ...] = ()
    figures: tuple[Figure, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)
    same_rows: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Folded:
    """What a handler may return where facts alone are not enough: new facts, rows of a journal, each written once, and counts.

    `counts` are added once with the event and for good: for what is counted by the event and not by the customer, so that no
    facts have to be kept.
    """

    state: Any
    journal: tuple[Row, ...] = ()
    counts: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Handler:
    """One marked method, with its facts decoded from JSON into the type that its third parameter is annotated with."""

    event: str
    source: str
    model: "Model[Any]"
    method: str
    decode: Callable[[bytes], Any]
    takes_event: bool
    every_key: bool = False
    counts_only: bool = False
    journal_only: bool = False

    def facts(self, event: Event) -> Any:
        try:
            return self.decode(event.body)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidEvent(f"{event.name}: {_without_values(error)}") from None


@dataclass(frozen=True)
class _Mark:
    event: str
    source: str
    model: "Model[Any]"
    every_key: bool = False
    counts_only: bool = False
    journal_only: bool = False


def handles(kind: EventKind, model: "Model[Any]", *, every_key: bool = False, counts_only: bool = False) -> Callable[[F], F]:
    """Mark a method as the fold of event `kind` into the facts that `model` keeps of the event's subject.

    With `every_key` it is called once for each identity key that the event names, with that key as a further argument. A method that
    `counts_only` returns the facts as they are, with counts: they need not be loaded for it, and what it is given may be empty.
    """
    return _marker(_Mark(kind.name, kind.source, model, every_key, counts_only))


def handles_each(kinds: Iterable[EventKind], model: "Model[Any]", *, every_key: bool = False) -> Callable[[F], F]:
    """Mark a method as the fold of several kinds of events."""

    def mark(method: F) -> F:
        for kind in kinds:
            method = handles(kind, model, every_key=every_key)(method)
        return method

    return mark


def journals_each(kinds: Iterable[EventKind], model: "Model[Any]") -> Callable[[F], F]:
    """Mark a method `(data, event) -> rows` that keeps rows of several kinds of events, each once, whatever the facts are.

    What the service announces itself, and only keeps so, is kept in the transaction that announces it and not heard again from the broker.
    """

    def mark(method: F) -> F:
        for kind in kinds:
            method = _marker(_Mark(kind.name, kind.source, model, journal_only=True))(method)
        return method

    return mark


def fires(timer_kind: str, model: "Model[Any]") -> Callable[[F], F]:
    """Mark a method as the fold of a timer of `timer_kind` that fell due."""
    return _marker(_Mark(timer_kind, TIMER_SOURCE, model))


def follows(model: "Model[Any]") -> Callable[[F], F]:
    """Mark the method that says what follows from the facts of a customer. One a model.

    With a further parameter it is also given `shared.model.Before`, to announce changes. Nothing but announcements may depend on that.
    """

    def mark(method: F) -> F:
        method._follows = model  # type: ignore[attr-defined]
        return method

    return mark


def handlers_of(service: type) -> list[Handler]:
    """The handlers of a service class, in the order in which it states them, after those of the classes that it is made of."""
    marked = [(name, mark) for name, member in _members(service) for mark in getattr(member, "_handles", ())]
    return [_handler(service, name, mark) for name, mark in marked]


def follower_of(service: type, model: "Model[Any]") -> str | None:
    """The name of the method that says what follows from the facts of `model`, if the service has one."""
    found = [name for name, member in _members(service) if getattr(member, "_follows", None) is model]
    return found[0] if found else None


def _members(service: type) -> Iterator[tuple[str, Any]]:
    return ((name, member) for part in reversed(service.__mro__) for name, member in vars(part).items())


def _marker(mark: _Mark) -> Callable[[F], F]:
    def register(method: F) -> F:
        method._handles = (*getattr(method, "_handles", ()), mark)  # type: ignore[attr-defined]
        return method

    return register


def _handler(service: type, name: str, mark: _Mark) -> Handler:
    method = getattr(service, name)
    parameters = list(inspect.signature(method).parameters)[1:]
    hints = typing.get_type_hints(method)
    fact_type = hints.get(parameters[0 if mark.journal_only else 1], dict[str, Any])
    decoder = msgspec.json.Decoder(fact_type, strict=True)
    return Handler(**vars(mark), method=name, decode=decoder.decode, takes_event=len(parameters) > 2)


def _without_values(error: Exception) -> str:
    """msgspec's message without the offending values that it quotes; types, field names and paths stay."""
    return re.sub(r"'.*'", "'...'", str(error))
