"""The one transaction: which events are new, what they change, what follows and what is to be published commit together.

Nothing else in the system writes state because of an event. A batch that is applied twice changes nothing the second time,
whatever happened in between, since the inbox row of each event commits with its effects.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from shared import documents, faults, outbox
from shared.access import key_book
from shared.difference import Changes
from shared.envelope import Event
from shared.errors import InvalidEvent, StoreAway
from shared.events import API_KEY_USED, ERASURE_REQUESTED, EXPORT_REQUESTED, PROFILE_MERGED, PROFILE_SPLIT
from shared.fold import Batch
from shared.handlers import TIMER_SOURCE, Announcement, Handler, Row, follower_of, handlers_of
from shared.identity import Grouping, id_of
from shared.model import Member, Model
from shared.mongo import Document, Session, ensure_collection, reachable, server_time, transaction
from shared.registry import service_names
from shared.timers import LOOK_AGAIN, create_indexes, write_timers
from shared.watchdog import WATCHDOG

T = TypeVar("T")
Admit = Callable[[Session, list[Event]], list[Event]]
GROUPING = {PROFILE_MERGED.name, PROFILE_SPLIT.name}


class _Named(msgspec.Struct):
    identity_keys: list[str] = []


class _Statement(msgspec.Struct):
    customer_id: str
    identity_keys: list[str]
    revision: int


@dataclass(slots=True)
class Report:
    """What became of a batch: events whose effects were committed now, those that were applied before, and late ones of erased people."""

    applied: list[Event] = field(default_factory=list)
    duplicates: list[Event] = field(default_factory=list)
    forgotten: list[Event] = field(default_factory=list)


class UnitOfWork:
    """Applies batches of events to the models of one service."""

    def __init__(self, database: Database[Document], service: type, models: Sequence[Model[Any]], seconds: float = 0) -> None:
        """`seconds` is how long one transaction may take before the process ends itself; 0: as long as it likes."""
        self.database, self.seconds = database, seconds
        self.models = models
        self.applied_at = float("-inf")  # when this process last applied an event, by its own monotonic clock
        self.name: str = service.name  # type: ignore[attr-defined]
        self.service = service()
        self._handlers: dict[tuple[str, str], list[Handler]] = defaultdict(list)
        for handler in handlers_of(service):
            self._handlers[handler.source, handler.event].append(handler)
        self._followers = {model.name: _bound(self.service, follower_of(service, model)) for model in models}

    @property
    def people(self) -> list[Model[Any]]:
        """The models whose facts are about people."""
        return [model for model in self.models if model.is_about_people]

    @property
    def subscriptions(self) -> list[tuple[str, str]]:
        """(source, event name) of everything that the service wants to be given; timers are its own affair."""
        wanted = {key for key in self._handlers if key[0] != TIMER_SOURCE and not self._keeps_at_once(*key)}
        wanted |= {(kind.source, kind.name) for kind in (ERASURE_REQUESTED, EXPORT_REQUESTED, *key_book.STATEMENTS)}
        if getattr(self.service, "hears_of_keys", False):  # it issues them, and shows when they were last used
            wanted |= {(service, API_KEY_USED.name) for service in service_names()}
        if any(model.follows_statements for model in self.models):
            wanted |= {(kind.source, kind.name) for kind in (PROFILE_MERGED, PROFILE_SPLIT)}
        return sorted(wanted)

    def create_indexes(self, inbox_retention_days: int) -> None:
        """Collections and indexes that every service has."""
        for model in self.models:
            documents.create_indexes(self.database, model)
        ensure_collection(self.database, "inbox")
        self.database["inbox"].create_index(
            [("at", ASCENDING)], name="retention", expireAfterSeconds=inbox_retention_days * 86_400
        )
        outbox.create_indexes(self.database)
        create_indexes(self.database)

    def apply(
        self,
        events: Sequence[Event],
        partition: str = "0",
        *,
        look_again: Mapping[str, Sequence[str]] = MappingProxyType({}),
        admit: Admit | None = None,
    ) -> Report:
        """Apply events once. Raises StoreAway to be tried again later, InvalidEvent and whatever a handler raises otherwise.

        `look_again` maps a model's name to ids of customers whose consequences are to be looked at although no fact changed. `admit`
        is called within the transaction with the events that are new; only those which it returns are applied.
        """
        unique = {event.id: event for event in events}

        def work(session: Session) -> tuple[Report, bool]:
            # asked anew by each attempt: of two replicas in each other's way the one that commits last also tells the later time
            now = max([server_time(self.database), *(event.time for event in events if event.source == TIMER_SOURCE)])
            report = self._unseen(list(unique.values()), session)
            report.applied = admit(session, report.applied) if admit else report.applied
            faults.reached("unit_of_work.handling")
            changes = self._changes(report, look_again, now, session)
            published = self._write([*report.applied, *report.forgotten], changes, partition, now, session)
            faults.reached("unit_of_work.before_commit")
            return report, published

        try:
            with WATCHDOG.watching(self.seconds):
                report, published = transaction(self.database, work)
        except (DuplicateKeyError, BulkWriteError) as error:
            if not _lost_a_race(error):
                raise
            raise StoreAway("another replica wrote the same row first: look again") from error
        faults.reached("unit_of_work.after_commit")
        report.duplicates += [event for event in events if unique[event.id] is not event]
        if report.applied:
            self.applied_at = monotonic()
        if published:
            outbox.wake(self.database)
        return report

    def tell(self, events: Sequence[Event], partition: str) -> Report:
        """Apply events of this service's own and publish them, in one transaction. Raises StoreAway and what a handler raises."""

        def publish(session: Session, fresh: list[Event]) -> list[Event]:
            outbox.append(self.database, fresh, session)
            return fresh

        report = self.apply(events, partition, admit=publish)
        outbox.wake(self.database)
        return report

    def foresee(self, model: Model[Any], events: Sequence[Event]) -> Changes:
        """What events would change of a model, without applying them. Raises StoreAway and whatever a handler raises."""
        with reachable():
            batch = self._batch(model, events, (), None)
            return self._settled(batch, events, server_time(self.database))

    def has_applied(self, event: Event) -> bool:
        """Whether the effects of an event were committed before. Raises StoreAway."""
        with reachable():
            return self.database["inbox"].find_one({"_id": event.id}, {"_id": 1}) is not None

    def _unseen(self, events: Sequence[Event], session: Session) -> Report:
        ids = [event.id for event in events]
        seen = {row["_id"] for row in self.database["inbox"].find({"_id": {"$in": ids}}, {"_id": 1}, session=session)}
        return Report([e for e in events if e.id not in seen], [e for e in events if e.id in seen])

    def _changes(
        self, report: Report, look_again: Mapping[str, Sequence[str]], now: datetime, session: Session | None
    ) -> list[Changes]:
        """What the events change of each model. Late ones of people whom the first, which is about people, has forgotten go apart."""
        changes = []
        for model in self.models:
            customers = look_again.get(model.name, ())
            batch = self._batch(model, report.applied, customers, session)
            late = {event.id for event in report.applied if batch.has_forgotten(event.subject, event.time)}
            if late:
                report.forgotten += [event for event in report.applied if event.id in late]
                report.applied = [event for event in report.applied if event.id not in late]
            batch.look_again(customers)
            changes.append(self._settled(batch, report.applied, now, customers))
        return changes

    def _batch(self, model: Model[Any], events: Sequence[Event], customers: Sequence[str], session: Session | None) -> Batch[Any]:
        ids = {id_of(key) for event in events if self._needs_facts(model, event) for key in keys_of(model, event)}
        return self._load(model, ids | set(customers), session)

    def _settled(self, batch: Batch[Any], events: Sequence[Event], now: datetime, customers: Sequence[str] = ()) -> Changes:
        for event in imported_first(events):
            keys = [key for key in keys_of(batch.model, event) if not batch.has_forgotten(key, event.time)]
            fold(batch, self.service, self._handlers[event.source, event.name], event, keys)
        batch.reconsider(customers, partial(_grouping_announcement, time=now))
        changes = batch.settle(self._followers[batch.model.name], batch.rules, now)
        changes.announced = [outbox.to_event(said, cause, now) for said, cause in changes.announcements]
        known = [event for event in changes.announced if not batch.has_forgotten(event.subject, event.time)]
        changes.journal += [row for event in known for row in self._kept_at_once(event)]
        return changes

    def forget(self, keys: Sequence[str], before: datetime) -> int:
        """Erase people from the facts and from what followed from them, and hear no more of what happened before that moment.

        Returns how many documents went. Repeating it changes nothing. Raises StoreAway.
        """
        now = server_time(self.database)

        def work(session: Session) -> int:
            batches = [self._load(model, {id_of(key) for key in keys}, session) for model in self.people]
            for batch in batches:
                batch.forget(keys, before, partial(_grouping_announcement, time=now))
            changes = [self._settled(batch, (), now) for batch in batches]
            self._write((), changes, "0", now, session)
            return sum(len(change.members) + len(change.deleted_rows) for change in changes)

        return transaction(self.database, work)

    def _write(
        self, events: Sequence[Event], changes: Sequence[Changes], partition: str, now: datetime, session: Session
    ) -> bool:
        """Everything is written last, so that a process which dies in a handler leaves no row locked behind."""
        if events:
            rows = [{"_id": event.id, "at": now} for event in events]
            self.database["inbox"].insert_many(rows, ordered=False, session=session)
        key_book.keep(self.database, events, session)
        faults.reached("unit_of_work.after_inbox")
        for change in changes:
            documents.write(self.database, documents.writes_of(change, partition), session)
            write_timers(self.database, change.arm, change.disarm, session)
        faults.reached("unit_of_work.before_outbox")
        announced = [event for change in changes for event in change.announced]
        outbox.append(self.database, announced, session)
        return bool(announced)

    def _load(self, model: Model[Any], ids: Collection[str], session: Session | None) -> Batch[Any]:
        def fetch(wanted: Collection[str]) -> Iterable[Member[Any]]:
            return documents.load(self.database, model, wanted, session).members.values() if wanted else ()

        return Batch(model, fetch(ids), self._rules(model, session), lambda keys: fetch([id_of(key) for key in keys]))

    def _needs_facts(self, model: Model[Any], event: Event) -> bool:
        handlers = [one for one in self._handlers[event.source, event.name] if one.model is model]
        return event.name in GROUPING or not handlers or not all(one.counts_only for one in handlers)

    def _keeps_at_once(self, source: str, name: str) -> bool:
        """Whether the service announces this event itself and does nothing about it but keep rows."""
        handlers = self._handlers.get((source, name), ())
        return source == self.name and all(one.journal_only for one in handlers)

    def _kept_at_once(self, event: Event) -> Iterator[Row]:
        if self._keeps_at_once(event.source, event.name):
            for handler in self._handlers.get((event.source, event.name), ()):
                yield from getattr(self.service, handler.method)(handler.facts(event), event)

    def _rules(self, model: Model[Any], session: Session | None) -> Any:
        if model.rules is None:
            return None
        return model.rules(self.database["settings"].find_one({"_id": model.name}, session=session))


def imported_first(events: Iterable[Event]) -> list[Event]:
    """Imported history goes before the rest of a batch, so that what the rest changed can be told. The end is the same in any order."""
    return sorted(events, key=lambda event: not event.backfill)


def fold(batch: Batch[Any], service: object, handlers: Iterable[Handler], event: Event, keys: Sequence[str]) -> None:
    """One event through every handler of a model, then who is who."""
    model = batch.model
    if event.name == LOOK_AGAIN and event.source == TIMER_SOURCE and model.is_about_people:
        batch.look_again([batch.member(event.subject).customer_id])
    before = batch.states(keys) if model.regroup is not None else {}
    for handler in handlers:
        if handler.model is model:
            batch.apply(service, handler, event, keys)
    if before:
        batch.decide_grouping(before, event, partial(_grouping_announcement, time=event.time, backfill=event.backfill))
    elif event.name in GROUPING and event.source == PROFILE_MERGED.source and model.follows_statements:
        batch.state_grouping(_grouping(event), event)


def command(database: Database[Document], work: Callable[[Session], tuple[T, Sequence[Announcement]]]) -> T:
    """Run a change that a person asked for: state and announcements commit together. Returns what `work` returns first."""
    now = server_time(database)

    def within(session: Session) -> T:
        result, announcements = work(session)
        outbox.append(database, [outbox.to_event(announcement, None, now) for announcement in announcements], session)
        return result

    result = transaction(database, within)
    outbox.wake(database)
    return result


def keys_of(model: Model[Any], event: Event) -> Sequence[str]:
    """The identity keys whose facts an event touches, its subject first; what the model says where it is not about customers."""
    if model.keys is not None:
        return model.keys(event)
    if model.regroup is None and event.name not in GROUPING:
        return (event.subject,)
    try:
        named = msgspec.json.decode(event.body, type=_Named).identity_keys
    except msgspec.MsgspecError:
        raise InvalidEvent("identity_keys is not a list of texts") from None
    return tuple(dict.fromkeys([event.subject, *named]))


def _grouping(event: Event) -> Grouping:
    try:
        statement = msgspec.json.decode(event.body, type=_Statement)
    except msgspec.MsgspecError:
        raise InvalidEvent(f"{event.name}: customer_id, identity_keys or revision is missing or of another type") from None
    return Grouping(statement.customer_id, tuple(statement.identity_keys), statement.revision)


def _grouping_announcement(
    grouping: Grouping, former: Sequence[str], name: str, *, time: datetime, backfill: bool = False
) -> Announcement:
    """Keys of several customers that came together are a merge, keys that are left of one customer a split; readers treat both alike."""
    kind = PROFILE_MERGED if len(former) > 1 else PROFILE_SPLIT
    data: dict[str, Any] = {
        "customer_id": grouping.customer_id,
        "identity_keys": list(grouping.identity_keys),
        "revision": grouping.revision,
    }
    if kind is PROFILE_MERGED:
        data["merged_from"] = [customer for customer in former if customer != grouping.customer_id]
    else:
        data["split_from"] = list(former)
    return Announcement(kind, f"{grouping.customer_id}/{grouping.revision}", name, time, data, backfill)


def _lost_a_race(error: DuplicateKeyError | BulkWriteError) -> bool:
    details = error.details or {}
    return isinstance(error, DuplicateKeyError) or any(one.get("code") == 11000 for one in details.get("writeErrors", ()))


def _bound(service: object, method: str | None) -> Any:
    return getattr(service, method) if method else None
