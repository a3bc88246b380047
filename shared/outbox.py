"""Events that were written with the state which caused them, and the relay that publishes them: the only publisher there is.

What one transaction announced is a row, or a few. A row is pending while it has `pending_since`. The relay reads pending rows oldest
first, publishes their events in windows, and takes away the rows of which the broker confirmed everything. A crash anywhere leaves
rows pending, and their events are published again under the same ids.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING
from pymongo.database import Database

from shared import faults, logs, metrics, parked
from shared.broker import Publisher, letter
from shared.envelope import Event, derived_id, encode, from_document
from shared.errors import BrokerAway
from shared.extension import Worker
from shared.handlers import Announcement
from shared.lease import Lease
from shared.mongo import Document, Session, ensure_collection, reachable

COLLECTION = "outbox"
PACK = 50  # events in a row, which costs the database about as much as a row of one
_PENDING = {"pending_since": {"$exists": True}}
_log = logs.get(__name__)
_bells: dict[str, threading.Event] = {}


def create_indexes(database: Database[Document], collection: str = COLLECTION) -> None:
    """Only pending rows are in the index, so finding them costs nothing at rest."""
    ensure_collection(database, collection)
    database[collection].create_index([("pending_since", ASCENDING)], name="pending", partialFilterExpression=_PENDING)


def to_event(announcement: Announcement, cause: Event | None, now: datetime) -> Event:
    """The event of an announcement. Raises InvalidEvent if its data is not what the catalogue says."""
    kind = announcement.kind
    kind.check(announcement.data)
    return Event(
        id=derived_id(kind.source, kind.name, announcement.key, *filter(None, [announcement.occasion])),
        name=kind.name,
        source=kind.source,
        subject=announcement.subject,
        time=announcement.time,
        received_at=now,
        body=encode(announcement.data),
        backfill=announcement.backfill,
        traceparent=cause.traceparent if cause else None,
    )


def append(database: Database[Document], events: Sequence[Event], session: Session) -> None:
    """Write events to be published, within the transaction of what caused them."""
    documents = list({event.id: event.document() for event in events}.values())
    packs = [documents[start : start + PACK] for start in range(0, len(documents), PACK)]
    since = datetime.now(UTC)
    if packs:
        rows = [{"_id": ObjectId(), "pending_since": since, "events": pack} for pack in packs]
        database[COLLECTION].insert_many(rows, ordered=False, session=session)


def events_of(row: Mapping[str, Any]) -> list[Event]:
    """The events in a row: of an outbox many, of an archive itself."""
    return [from_document(document) for document in row.get("events", [row])]


def waiting(database: Database[Document]) -> list[Event]:
    """The events of an outbox, those first that wait longest."""
    with reachable():
        return [event for row in database[COLLECTION].find(_PENDING).sort("pending_since", ASCENDING) for event in events_of(row)]


def wake(database: Database[Document], collection: str = COLLECTION) -> None:
    """Tell the relay of this process, if there is one, that rows wait. Others find them within their poll."""
    bell = _bells.get(f"{database.name}.{collection}")
    if bell:
        bell.set()


class Relay(Worker):
    """The thread that publishes. `collection` holds the rows; with `keep` they stay as an archive when published.

    A service with two of them tells them apart by `title`.
    """

    poll_seconds = 0.2

    def __init__(self, collection: str = COLLECTION, keep: bool = False, title: str = "relay") -> None:
        super().__init__()
        self.collection, self.keep, self._title = collection, keep, title
        self._window = 500 if keep else 50  # rows: those of an archive are an event each

    @property
    def title(self) -> str:
        return self._title

    def run(self) -> None:
        self._rows = self.database[self.collection]
        self._publisher = Publisher(self.config.amqp_uri, f"{self.config.service}-relay")
        self._lease = Lease(self.database, self.title)
        self._bell = _bells.setdefault(f"{self.database.name}.{self.collection}", threading.Event())
        self.repeat(self._round)
        self._publisher.discard()
        self._lease.release()

    def _round(self) -> None:
        """Publish until nothing is pending, then wait for the bell or the next poll."""
        if not self.every(self._lease.renew_after.total_seconds(), self._lease.hold):
            self._measure([], 0)  # another replica says how much waits
            self.wait(self._lease.renew_after.total_seconds())
            return
        self.every(2.0, self._replay_parked)
        if self._publish_window() < self._window:
            self._publisher.beat()
            self._bell.wait(self.poll_seconds)
            self._bell.clear()

    def _publish_window(self) -> int:
        """Publish the rows that wait longest; how many that was."""
        with reachable():
            rows = list(self._rows.find(_PENDING, batch_size=self._window).sort("pending_since", ASCENDING).limit(self._window))
        by_row = {row["_id"]: [letter(event) for event in events_of(row)] for row in rows}
        letters = [one for those in by_row.values() for one in those]
        self._measure(rows, len(letters))
        if not rows:
            return 0
        try:
            receipt = self._publisher.publish(letters)
        except BrokerAway:
            metrics.UNPUBLISHED.labels("broken").inc(len(letters))
            raise
        faults.reached("relay.after_confirm")
        self._done([row_id for row_id, those in by_row.items() if all(one.id in receipt.confirmed for one in those)])
        metrics.PUBLISHED.inc(len(receipt.confirmed))
        if receipt.returned or receipt.refused:
            metrics.UNPUBLISHED.labels("returned").inc(len(receipt.returned))
            metrics.UNPUBLISHED.labels("refused").inc(len(receipt.refused))
            _log.error("broker did not take events", returned=len(receipt.returned), refused=len(receipt.refused))
            raise BrokerAway("the broker did not take every event: is the topology declared?")
        return len(rows)

    def _replay_parked(self) -> int:
        """Send parked entries whose replay was asked for into the inbox of this service; returns how many."""
        replays = parked.to_replay(self.database, self.config.service, self._window)
        if replays:
            receipt = self._publisher.publish([one.letter for one in replays])
            parked.sent(self.database, [one for one in replays if one.letter.id in receipt.confirmed])
        return len(replays)

    def _done(self, ids: Sequence[Any]) -> None:
        wanted = {"_id": {"$in": list(ids)}}
        with reachable():
            if self.keep:
                self._rows.update_many(wanted, {"$unset": {"pending_since": ""}})
            else:
                self._rows.delete_many(wanted)

    def _measure(self, rows: Sequence[Document], events: int) -> None:
        """How much is pending and for how long. Only a backlog is counted, once a second and up to a limit: its rows, as large as these."""
        oldest = rows[0]["pending_since"] if rows else datetime.now(UTC)
        metrics.OUTBOX_OLDEST.labels(self.collection).set(max(0.0, (datetime.now(UTC) - oldest).total_seconds()))
        backlog = self.every(1.0, self._backlog) * events // len(rows) if len(rows) == self._window else events
        metrics.OUTBOX_PENDING.labels(self.collection).set(backlog)

    def _backlog(self) -> int:
        with reachable():
            return self._rows.count_documents(_PENDING, limit=self.config.backlog_limit, hint="pending")
