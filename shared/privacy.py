"""What a person may ask of every service, through profiles: to be forgotten, and to be told what is kept about them.

The runtime knows facts, what followed from them, and timers. Further collections with rows about people are named by a service as
`holdings` of its worker class, and rows that also tell of others as `untold`.

What is done for an answer may be done again: the answers themselves go out in the transaction that marks the request as applied, so that
each is given once.
"""

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from pymongo import UpdateOne
from pymongo.database import Database

from shared import metrics, outbox, parked
from shared.documents import applied_of, state_of
from shared.envelope import Event
from shared.errors import InvalidEvent
from shared.events import ERASURE_COMPLETED, ERASURE_REQUESTED, EXPORT_PROVIDED, EXPORT_REQUESTED
from shared.handlers import Announcement
from shared.identity import id_of
from shared.mongo import Document, Session, ensure_collection, reachable, server_time
from shared.unit_of_work import Admit, Report, UnitOfWork

FORGOTTEN = "forgotten"  # _id = id of an identity key; before: what happened earlier is not taken in any more
PART_BYTES = 200_000
REQUESTS = {kind.name: kind for kind in (ERASURE_REQUESTED, EXPORT_REQUESTED)}


def by_key(database: Database[Document], keys: Sequence[str]) -> Sequence[str]:
    """Rows name people by identity key."""
    return keys


def by_id(database: Database[Document], keys: Sequence[str]) -> Sequence[str]:
    """Rows name people by the id of an identity key."""
    return [id_of(key) for key in keys]


@dataclass(frozen=True, slots=True)
class Holding:
    """A collection with rows about people: what `named_by` makes of their identity keys is found in the field `person`.

    `at` is the field that says when the row's subject matter happened, so that rows about somebody who came later stay; without it all
    rows go. `title` names it to the person; without one they are told nothing of it. Collections are emptied in the order in which a
    service names them.
    """

    collection: str
    person: str
    title: str | None
    at: str | None = None
    named_by: Callable[[Database[Document], Sequence[str]], Sequence[str]] = by_key

    def about(self, database: Database[Document], keys: Sequence[str], before: datetime | None = None) -> Document:
        """The query for the rows about these keys."""
        wanted: Document = {self.person: {"$in": list(self.named_by(database, keys))}}
        return {**wanted, self.at: {"$lt": before}} if self.at and before else wanted


class _Erasure(msgspec.Struct):
    erasure_id: str
    identity_keys: list[str]
    happened_before: datetime


class _Export(msgspec.Struct):
    export_id: str
    identity_keys: list[str]


def create_indexes(database: Database[Document]) -> None:
    ensure_collection(database, FORGOTTEN)


def late(database: Database[Document], happened: Sequence[tuple[str, datetime]]) -> list[bool]:
    """Of pairs of an identity key and a time: whether the person was forgotten, and that happened before. Raises StoreAway.

    A door that stores facts asks *after* storing and deletes what is late: whichever of the two comes first, nothing is left.
    """
    ids = sorted({id_of(key) for key, _ in happened})
    with reachable():
        before = {row["_id"]: row["before"] for row in database[FORGOTTEN].find({"_id": {"$in": ids}})}
    return [id_of(key) in before and at < before[id_of(key)] for key, at in happened]


class Privacy:
    """Answers for one service."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work, self._database = work, work.database
        self._holdings: Sequence[Holding] = getattr(work.service, "holdings", ())
        self._untold: Collection[str] = getattr(work.service, "untold", ())

    def apply(self, events: Sequence[Event], lane: str = "0", admit: Admit | None = None) -> Report:
        """Apply events as the unit of work does, and answer what requests among them ask for. Raises what that raises, and InvalidEvent."""
        answers = self._answers(events)
        if not answers:
            return self._work.apply(events, lane, admit=admit)

        def answering(session: Session, fresh: list[Event]) -> list[Event]:
            told = [outbox.to_event(one, event, event.received_at) for event in fresh for one in answers.get(event.id, ())]
            outbox.append(self._database, told, session)
            return admit(session, fresh) if admit else fresh

        report = self._work.apply(events, lane, admit=answering)
        outbox.wake(self._database)
        return report

    def _answers(self, events: Iterable[Event]) -> dict[str, list[Announcement]]:
        """Do what is asked; the answers by the id of the event."""
        asked = [event for event in events if event.name in REQUESTS and event.source == REQUESTS[event.name].source]
        return {event.id: self._erased(event) if event.name == ERASURE_REQUESTED.name else self._told(event) for event in asked}

    def _erased(self, event: Event) -> list[Announcement]:
        asked = _decode(event, _Erasure)
        keys, before = asked.identity_keys, asked.happened_before
        with reachable():
            moments = [UpdateOne({"_id": id_of(key)}, {"$max": {"before": before}}, upsert=True) for key in keys]
            self._database[FORGOTTEN].bulk_write(moments, ordered=False)
        erased = self._work.forget(keys, before)
        with reachable():  # whoever wrote before the facts went has written: nothing can be added to these any more
            erased += sum(
                self._database[one.collection].delete_many(one.about(self._database, keys, before)).deleted_count
                for one in self._holdings
            )
            fired = {"subject": {"$in": keys}, "state": {"$ne": "pending"}}
            erased += self._database["timers"].delete_many(fired).deleted_count
        erased += parked.forget(self._database, keys)
        metrics.ERASED.inc()
        data = {"erasure_id": asked.erasure_id, "service": self._work.name, "erased": erased}
        return [self._answer(ERASURE_COMPLETED, asked.erasure_id, event, data)]

    def _told(self, event: Event) -> list[Announcement]:
        asked = _decode(event, _Export)
        parts = list(_parted(self._sections(asked.identity_keys))) or [[]]
        about = {"export_id": asked.export_id, "service": self._work.name, "parts": len(parts)}
        return [
            self._answer(
                EXPORT_PROVIDED,
                f"{asked.export_id}/{number}",
                event,
                {**about, "part": number, "content": msgspec.json.encode(part).decode()},
            )
            for number, part in enumerate(parts, 1)
        ]

    def _answer(self, kind: Any, key: str, event: Event, data: dict[str, Any]) -> Announcement:
        return Announcement(
            kind.by(self._work.name), f"{key}/{self._work.name}", event.subject, server_time(self._database), data
        )

    def _sections(self, keys: Sequence[str]) -> Iterator[tuple[str, str, list[Any]]]:
        """All that is kept, as (name, title, items)."""
        with reachable():
            for model in self._work.people:
                found = list(self._database[f"{model.name}_facts"].find({"_id": {"$in": [id_of(key) for key in keys]}}))
                facts = [{"identity_key": row["key"], "facts": model.told(state_of(model, row))} for row in found if row["key"]]
                yield f"{model.name}_facts", "Facts, by identity key", facts
                yield from self._followed(found)
            timers = self._database["timers"].find({"subject": {"$in": list(keys)}}, {"_id": 0, "kind": 1, "due": 1, "state": 1})
            yield "timers", "Moments at which something was or is to be done", list(timers)
            for one in (holding for holding in self._holdings if holding.title):
                yield one.collection, one.title or "", list(self._database[one.collection].find(one.about(self._database, keys)))

    def _followed(self, facts: Iterable[Document]) -> Iterator[tuple[str, str, list[Any]]]:
        """The rows that followed from facts, by collection."""
        rows: dict[str, list[str]] = {}
        for row in facts:
            for name in applied_of(row).rows:
                collection, _, row_id = name.partition("/")
                if collection not in self._untold:
                    rows.setdefault(collection, []).append(row_id)
        for collection, ids in sorted(rows.items()):
            title = collection.replace("_", " ").capitalize()
            yield collection, title, list(self._database[collection].find({"_id": {"$in": ids}}))


def _decode(event: Event, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(event.body, type=kind)
    except msgspec.MsgspecError:
        raise InvalidEvent(f"{event.name}: an id, identity_keys or a time is missing or of another type") from None


def _parted(sections: Iterable[tuple[str, str, list[Any]]]) -> Iterator[list[dict[str, Any]]]:
    """Sections in parts of up to PART_BYTES, or of one item that is larger. Empty sections are left out."""
    part: list[dict[str, Any]] = []
    size = 0
    for name, title, items in sections:
        opened: dict[str, Any] | None = None
        for item in map(_plain, items):
            length = len(msgspec.json.encode(item))
            if part and size + length > PART_BYTES:
                yield part
                part, size, opened = [], 0, None
            if opened is None:
                opened = {"section": name, "title": title, "items": []}
                part.append(opened)
            opened["items"].append(item)
            size += length
    if part:
        yield part


def _plain(value: Any) -> Any:
    """A stored value as JSON: bytes that hold JSON are read, others are base64."""
    if isinstance(value, bytes):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return msgspec.to_builtins(value, enc_hook=str)
