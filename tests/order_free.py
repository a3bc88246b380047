"""Proves that a service's state is a function of the set of events: any order, any repetition, the same end.

`History` runs the real handlers and consequences of a service class over events, in memory, without broker or database, the way that
the unit of work does. `assert_order_free` shuffles and repeats, in batches of changing size, and compares everything.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.difference import Applied
from shared.documents import to_document
from shared.envelope import Event, derived_id, encode
from shared.events.kind import EventKind
from shared.fold import Batch
from shared.handlers import TIMER_SOURCE, follower_of, handlers_of
from shared.model import Member, Model
from shared.outbox import to_event
from shared.unit_of_work import fold, imported_first, keys_of

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def event(
    kind: EventKind, subject: str, data: Mapping[str, Any], at: datetime = NOW, *, name: str = "", backfill: bool = False
) -> Event:
    """An event of the catalogue with data that the catalogue accepts; `name` makes two of the same data different events."""
    keys = {"identity_keys": [subject], "shop_source": "Web shop", "shop_source_kind": "web"} if kind.source == "shop" else {}
    whole = {**keys, **data}
    kind.check(whole)
    body = encode(whole)
    identity = derived_id(kind.source, kind.name, subject, at.isoformat(), body.decode(), name)
    return Event(identity, kind.name, kind.source, subject, at, at, body, backfill)


def timer(kind: str, subject: str, data: Mapping[str, Any], due: datetime) -> Event:
    """A timer that fell due, as the runtime hands it to a handler."""
    return Event(derived_id("timer", kind, subject, due.isoformat()), kind, TIMER_SOURCE, subject, due, due, encode(data))


class History:
    """What a service holds after some events, kept the way that the database would keep it. What it tells itself, it hears."""

    def __init__(self, service: type, models: Sequence[Model[Any]], rules: Any = None, now: datetime = NOW) -> None:
        self.service, self._rules, self.now = service(), rules, now
        self.handlers = defaultdict(list)
        for handler in handlers_of(service):
            self.handlers[handler.source, handler.event].append(handler)
        self.followers = {model.name: follower_of(service, model) for model in models}
        self.batches: dict[str, Batch[Any]] = {model.name: self._batch(model) for model in models}
        self.seen: set[str] = set()
        self.own: set[str] = set()  # events that it told itself
        self.timers: dict[str, Any] = {}
        self.rows: dict[str, Mapping[str, Any]] = {}
        self.journal: dict[str, Mapping[str, Any]] = {}
        self.figures: dict[str, Counter[str]] = defaultdict(Counter)
        self.announced: dict[str, Any] = {}

    def apply(self, *events: Event) -> "History":
        """Apply a batch; events that were applied before change nothing."""
        fresh = [one for one in {e.id: e for e in events}.values() if one.id not in self.seen]
        self.seen |= {one.id for one in fresh}
        for name, batch in self.batches.items():
            for one in imported_first(fresh):
                fold(batch, self.service, self.handlers[one.source, one.name], one, keys_of(batch.model, one))
            self._settle(name, batch)
        echo = [one for one in self.announced.values() if (one.kind.source, one.kind.name) in self.handlers]
        heard_back = [one for one in (to_event(said, None, self.now) for said in echo) if one.id not in self.seen]
        self.own |= {one.id for one in heard_back}
        return self.apply(*heard_back) if heard_back else self

    @property
    def rules(self) -> Any:
        return self._rules

    @rules.setter
    def rules(self, rules: Any) -> None:
        """Someone changed the settings: what comes next is judged by them."""
        self._rules = rules
        for batch in self.batches.values():
            batch.rules = rules

    def _batch(self, model: Model[Any], members: Iterable[Member[Any]] = ()) -> Batch[Any]:
        standard = model.rules(None) if model.rules is not None else None
        return Batch(model, members, self._rules if self._rules is not None else standard)

    def _settle(self, name: str, batch: Batch[Any]) -> None:
        follower = self.followers[name]
        changes = batch.settle(getattr(self.service, follower) if follower else None, batch.rules, self.now)
        for slot, _ in changes.disarm:
            self.timers.pop(slot, None)
        self.timers |= {armed.slot: armed for armed in changes.arm}
        for key in changes.deleted_rows:
            self.rows.pop(key)
        self.rows |= {f"{row.collection}/{row.id}": row.document for row in changes.rows}
        self.journal |= {f"{row.collection}/{row.id}": row.document for row in changes.journal}
        for figure in changes.figures:
            self.figures[f"{figure.collection}/{figure.id}"].update(figure.values)
        for announcement, _ in changes.announcements:
            announcement.kind.check(announcement.data)
            said = f"{announcement.kind.name}/{announcement.key}/{announcement.occasion}"
            self.announced.setdefault(said, announcement)
        self.batches[name] = self._batch(batch.model, batch.members.values())

    def customer(self, key: str, model: str = "customers") -> Any:
        """The combined facts of the customer whom an identity key belongs to."""
        batch = self.batches[model]
        wanted = batch.member(key).customer_id
        group = sorted((m for m in batch.members.values() if m.customer_id == wanted), key=lambda m: m.key)
        return group[0].state if len(group) == 1 else batch.model.combine([m.state for m in group])

    def customer_id(self, key: str, model: str = "customers") -> str:
        return self.batches[model].member(key).customer_id

    def announcements(self, kind: EventKind) -> list[Mapping[str, Any]]:
        """Data of everything announced of a kind."""
        return [one.data for one in self.announced.values() if one.kind is kind]

    def state(self) -> dict[str, Any]:
        """Everything that must not depend on order: facts, groups, timers, rows, journal, figures.

        What was announced does depend on it, and so do the rows of a journal that tell of announcements.
        """
        members = {
            (name, member.key): (member.customer_id, to_document(member.state))
            for name, batch in self.batches.items()
            for member in batch.members.values()
        }
        views = {
            (name, view.id): to_document(view.applied)
            for name, batch in self.batches.items()
            for view in batch.views.values()
            if replace(view.applied, said=()) != Applied()
        }
        figures = {key: {n: v for n, v in values.items() if v} for key, values in self.figures.items()}
        return {
            "members": members,
            "views": {key: {**view, "said": []} for key, view in views.items()},
            "timers": {slot: (one.due, one.subject, one.data) for slot, one in self.timers.items()},
            "rows": {key: msgspec.json.encode(dict(row), order="sorted") for key, row in self.rows.items()},
            "journal": sorted(row for row in self.journal if row.partition("/")[2] not in self.own),
            "figures": {key: values for key, values in figures.items() if values},
        }


def assert_order_free(
    service: type,
    models: Sequence[Model[Any]],
    events: Sequence[Event],
    *,
    rounds: int = 20,
    rules: Any = None,
    now: datetime = NOW,
) -> History:
    """Assert that every order and repetition of `events` ends in the same state; return that of the order given."""
    reference = History(service, models, rules, now).apply(*events)
    for seed in range(rounds):
        chance = random.Random(seed)
        shuffled = [*events, *chance.choices(events, k=len(events))] if events else []
        chance.shuffle(shuffled)
        history = History(service, models, rules, now)
        while shuffled:
            size = chance.randint(1, max(1, len(shuffled)))
            history.apply(*shuffled[:size])
            shuffled = shuffled[size:]
        assert history.state() == reference.state(), f"seed {seed} ends in another state"
    return reference
