"""Durable timers: a document each, fired once, never early, in the transaction of what the firing changes.

The database's clock says what is due. A firing is applied like any event: the inbox row of the timer, the state change and the
announcements commit together with the timer's own change from pending to fired. So a replica that was paused past its lease finds the
timer gone or loses the write conflict, and there is no fence to get wrong.

Two kinds are the runtime's own: `look_again` asks what follows from a customer's facts now that time has passed, and `reproject` does so
for every customer, a few hundred at a time, after rules were changed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING
from zlib import crc32

from pymongo import ASCENDING
from pymongo.database import Database

from shared import faults, logs, metrics, suspects
from shared.backlog import BACKLOG
from shared.envelope import Event, derived_id, encode
from shared.errors import StoreAway, TooMuchAtOnce
from shared.extension import Worker
from shared.handlers import TIMER_SOURCE, Timer
from shared.identity import PREFIX, id_of
from shared.lease import Lease
from shared.mongo import AT_ONCE, Document, Session, add, ensure_collection, put, reachable, server_time

if TYPE_CHECKING:
    from shared.unit_of_work import UnitOfWork

LOOK_AGAIN = "look_again"
REPROJECT = "reproject"
WINDOW = 300  # timers in one transaction
LANES = 2  # transactions at once: one is computed while the database writes the other
BESIDE_EVENTS = 50  # customers of a sweep in one transaction while events are applied, too
REST = timedelta(milliseconds=500)  # between two of these: whoever sent an event does not wait for a sweep
ALONE_AFTER_SECONDS = 5.0  # without an event; longer than a portion takes, which keeps events from being applied
CAREFUL_WINDOW = 50  # timers that are fired one by one after a round that never ended
PARK_AFTER = 10  # attempts to fire one alone that nobody survived; an event that does this to processes is parked well before
WAIT_FOR_INBOX_SECONDS = 300
LEASE_SECONDS = 3.0  # shorter than a relay's: what is due waits for it to run out when its holder dies
_PENDING, _PARKED = "pending", "parked"
_ROUND = "timers"  # a round among the suspects
_KEEP_FIRED = timedelta(days=30)
_log = logs.get(__name__)


def create_indexes(database: Database[Document]) -> None:
    ensure_collection(database, "timers")
    timers = database["timers"]
    timers.create_index([("due", ASCENDING)], name="due", partialFilterExpression={"state": _PENDING})
    timers.create_index([("subject", ASCENDING), ("due", ASCENDING)], name="subject")
    timers.create_index([("fired_at", ASCENDING)], name="retention", expireAfterSeconds=int(_KEEP_FIRED.total_seconds()))


def write_timers(
    database: Database[Document], arm: Sequence[Timer], disarm: Sequence[tuple[str, datetime]], session: Session
) -> None:
    """Arm and disarm within a transaction. A timer that has fired is not armed again for the same moment."""
    if disarm:
        ids = [timer_id(slot, due) for slot, due in disarm]
        database["timers"].delete_many({"_id": {"$in": ids}, "state": _PENDING}, session=session)
    add(database["timers"], [_document(timer) for timer in arm], session)


def _document(timer: Timer) -> Document:
    return {
        "_id": timer_id(timer.slot, timer.due),
        "slot": timer.slot,
        "kind": timer.kind,
        "key": timer.key,
        "subject": timer.subject,
        "due": timer.due,
        "data": dict(timer.data),
        "state": _PENDING,
    }


def timer_id(slot: str, due: datetime) -> str:
    """One timer is one slot at one moment: arming it again changes nothing, moving it makes another."""
    return f"{slot}@{int(due.timestamp() * 1000)}"


def look_again(key: str, customer_id: str, keys: Sequence[str], due: datetime) -> Timer:
    """A timer to look again at a customer of these identity keys; `key` says what for.

    It is for the key that the customer is named after, which stays with this customer as long as there is one, while others may be parted
    from it and would take the timer with them.
    """
    subject = next((one for one in keys if id_of(one) == customer_id), keys[0])
    return Timer(LOOK_AGAIN, key, subject, due)


def of_subjects(database: Database[Document], subjects: Sequence[str]) -> list[Document]:
    """Timers of some identity keys, pending ones and those fired in the last 30 days, by due time."""
    with reachable():
        return list(database["timers"].find({"subject": {"$in": list(subjects)}}).sort("due", ASCENDING))


def set_aside(database: Database[Document], kind: str | None = None) -> list[Document]:
    """Timers that could not be fired, by due time: each with its `reason` and when it was `parked_at`."""
    wanted = {"state": _PARKED, **({"kind": kind} if kind else {})}
    with reachable():
        return list(database["timers"].find(wanted).sort("due", ASCENDING))


def fire_again(database: Database[Document], timer: str | None = None, kind: str | None = None) -> int:
    """Have timers fired that were set aside: one, those of a kind, or all; returns how many."""
    wanted = {"state": _PARKED, **({"_id": timer} if timer else {}), **({"kind": kind} if kind else {})}
    with reachable():
        pending = {"$set": {"state": _PENDING}, "$unset": {"reason": "", "parked_at": ""}}
        return database["timers"].update_many(wanted, pending).modified_count


def discard(database: Database[Document], timer: str) -> bool:
    """Delete a timer that was set aside; False if there is none of that id."""
    with reachable():
        return database["timers"].delete_one({"_id": timer, "state": _PARKED}).deleted_count == 1


def reproject(database: Database[Document], model: str, session: Session, after: timedelta = timedelta(0)) -> None:
    """Look again at every customer of a model, because its rules changed. One sweep at a time; a new one starts over."""
    database["timers"].delete_many({"kind": REPROJECT, "key": model, "state": _PENDING}, session=session)
    write_timers(database, [_sweep(model, "", 0, server_time(database) + after)], [], session)


def progress(database: Database[Document], model: str) -> Document | None:
    """How far a sweep is: {"done": customers looked at, "total": an estimate}, or None when none is under way."""
    with reachable():
        timer = database["timers"].find_one({"kind": REPROJECT, "key": model, "state": _PENDING})
        total = database[f"{model}_facts"].estimated_document_count()
    return {"done": timer["data"]["done"], "total": total} if timer else None


def _sweep(model: str, after: str, done: int, due: datetime) -> Timer:
    return Timer(REPROJECT, model, f"model:{model}", due, {"after": after, "done": done})


class Timers(Worker):
    """The thread that fires. One replica of a service at a time; another takes over within seconds when it dies."""

    poll_seconds = 0.5

    def run(self) -> None:
        self._timers = self.database["timers"]
        self._lease = Lease(self.database, "timers", LEASE_SECONDS)
        self.work: UnitOfWork = self.container.config["UNIT_OF_WORK"]
        self.repeat(self._round)
        self._lease.release()

    def _round(self) -> None:
        if not self.every(self._lease.renew_after.total_seconds(), self._lease.hold):
            metrics.TIMERS_DUE.set(0)  # another replica says how many are
            self.wait(self._lease.renew_after.total_seconds())
            return
        due, now = self._due()
        metrics.TIMERS_DUE.set(len(due))
        if not due or not self._heard_enough(now - due[0]["due"]):
            self.wait(self.poll_seconds)
            return
        self._fire(due, now)

    def _heard_enough(self, longest: timedelta) -> bool:
        """Whether the inbox is read up: an order that still waits in it may disarm a timer. Timers do not wait for it for ever."""
        return BACKLOG.caught_up(self.config.batch_size) or longest.total_seconds() > WAIT_FOR_INBOX_SECONDS

    def _due(self) -> tuple[list[Document], datetime]:
        """The timers that are due, those first that wait longest, and the moment at which they are."""
        now = server_time(self.database)
        with reachable():
            found = self._timers.find({"state": _PENDING, "due": {"$lte": now}}, batch_size=AT_ONCE)
            return list(found.sort("due", ASCENDING).limit(LANES * WINDOW)), now

    def _fire(self, due: list[Document], now: datetime) -> None:
        """Fire what is due; one by one where the last round never came to its end: one of them may end every process that fires it."""
        if suspects.attempt(self.database, _ROUND) == 1:
            self._fire_in_lanes(due, now)
        else:
            for timer in due[:CAREFUL_WINDOW]:
                self._fire_suspect(timer, now)
        suspects.acquit(self.database, _ROUND)

    def _fire_suspect(self, timer: Document, now: datetime) -> None:
        """Fire a timer alone; set it aside where nobody survived that."""
        attempts = suspects.attempt(self.database, timer["_id"])
        if attempts <= PARK_AFTER:
            self._fire_alone(0, timer, now)
        else:
            self._set_aside(timer, f"{PARK_AFTER} processes ended while they fired it alone")
        suspects.acquit(self.database, timer["_id"])

    def _fire_in_lanes(self, due: list[Document], now: datetime) -> None:
        """Fire in lanes side by side. What is about one identity key goes in one lane: two would be in each other's way."""
        lanes = [[timer for timer in due if crc32(timer["subject"].encode()) % LANES == lane] for lane in range(LANES)]
        failures: list[Exception] = []
        fire = [partial(self._fire_lane, lane, timers, now, failures) for lane, timers in enumerate(lanes) if timers]
        for thread in [self.container.spawn_managed_thread(one) for one in fire]:
            thread.wait()
        if failures:
            raise failures[0]

    def _fire_lane(self, lane: int, due: list[Document], now: datetime, failures: list[Exception]) -> None:
        """What goes wrong is told in `failures`: raised here it would end the service."""
        try:
            self._fire_together(lane, due, now)
        except Exception as error:
            failures.append(error)

    def _fire_together(self, lane: int, due: list[Document], now: datetime) -> None:
        """Fire in one transaction; where that fails, one by one, and set aside a timer that cannot be fired."""
        try:
            self._apply(lane, due, now)
        except StoreAway:
            raise
        except Exception as error:
            _log.warning("firing timers one by one", error=logs.place(error), timers=len(due))
            for timer in due:
                self._fire_alone(lane, timer, now)

    def _fire_alone(self, lane: int, timer: Document, now: datetime) -> None:
        try:
            self._apply(lane, [timer], now)
        except StoreAway:
            raise
        except Exception as error:
            self._set_aside(timer, logs.place(error))

    def _set_aside(self, timer: Document, reason: str) -> None:
        metrics.PARKED.labels(timer["kind"]).inc()
        _log.error("timer set aside", kind=timer["kind"], error=reason)
        with reachable():
            parked = {"state": _PARKED, "reason": reason, "parked_at": server_time(self.database)}
            self._timers.update_one({"_id": timer["_id"], "state": _PENDING}, {"$set": parked})

    def _apply(self, lane: int, due: list[Document], now: datetime) -> None:
        for sweep in [timer for timer in due if timer["kind"] == REPROJECT]:
            self._sweep(sweep)
        others = [timer for timer in due if timer["kind"] != REPROJECT]
        if not others:
            return
        events = [self._event(timer, now) for timer in others]
        timers = {event.id: timer for event, timer in zip(events, others, strict=True)}
        report = self.work.apply(
            events, f"timers-{lane}", admit=lambda session, fresh: self._still_pending(session, fresh, timers)
        )
        fired_at = server_time(self.database)
        for event in report.applied:
            metrics.TIMERS_FIRED.labels(event.name).inc()
            metrics.TIMER_LATENESS.observe(max(0.0, (fired_at - event.time).total_seconds()))

    def _still_pending(self, session: Session, fresh: list[Event], timers: dict[str, Document]) -> list[Event]:
        """Within the transaction: mark as fired, and leave out what was disarmed since."""
        ids = [timers[event.id]["_id"] for event in fresh]
        found = self._timers.find({"_id": {"$in": ids}, "state": _PENDING}, {"_id": 1}, session=session, batch_size=AT_ONCE)
        pending = {row["_id"] for row in found}
        due = [event for event in fresh if timers[event.id]["_id"] in pending]
        mark = {"state": "fired", "fired_at": server_time(self.database)}
        fired = [{**timers[event.id], **mark} for event in due]
        put(self._timers, fired, session)
        faults.reached("timers.before_commit")
        return due

    def _event(self, timer: Document, now: datetime) -> Event:
        """The firing as an event: it happened when it was due, and was heard of when it fired."""
        return Event(
            id=derived_id(self.config.service, TIMER_SOURCE, timer["_id"]),
            name=timer["kind"],
            source=TIMER_SOURCE,
            subject=timer["subject"],
            time=timer["due"],
            received_at=now,
            body=encode(timer["data"]),
        )

    def _sweep(self, timer: Document) -> None:
        """The next few hundred customers of a model, and a timer for those after them; fewer where so many take too long, and with a rest
        where events are applied meanwhile.
        """
        alone = monotonic() - self.work.applied_at > ALONE_AFTER_SECONDS
        for size in (WINDOW if alone else min(WINDOW, BESIDE_EVENTS), WINDOW // 10, 1):
            try:
                self._sweep_over(timer, size, timedelta(0) if alone else REST)
                return
            except TooMuchAtOnce:
                if size == 1:
                    raise

    def _sweep_over(self, timer: Document, size: int, rest: timedelta) -> None:
        model, data = timer["key"], timer["data"]
        with reachable():
            facts = self.database[f"{model}_facts"]
            found = list(
                facts.find({"_id": {"$gt": data["after"] or PREFIX}}, {"customer": 1}).sort("_id", ASCENDING).limit(size)
            )

        def on_to_the_next(session: Session, fresh: list[Event]) -> list[Event]:
            gone = self._timers.delete_one({"_id": timer["_id"], "state": _PENDING}, session=session).deleted_count
            if gone and len(found) == size:
                due = server_time(self.database) + rest if rest else timer["due"] + timedelta(milliseconds=1)
                further = _sweep(model, found[-1]["_id"], data["done"] + len(found), due)
                write_timers(self.database, [further], [], session)
            return fresh

        customers = sorted({row["customer"] for row in found})
        self.work.apply([], "timers", look_again={model: customers}, admit=on_to_the_next)
