"""How a service is given its events: batches from the partitions of its inbox, applied in one transaction each, acked afterwards.

A partition is a queue with a single active consumer. The partitions are read in two lanes, so that the database works for one while this
process computes for the other; a customer's events go by one of them. A batch that fails is applied event by event, so that one bad event
holds up nobody; what no retry will help is parked with its raw bytes. So is a message that ended the process each time it was handled
alone.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

from pymongo.database import Database

from shared import logs, metrics, parked, suspects
from shared.backlog import BACKLOG
from shared.envelope import Event, from_message
from shared.errors import BrokerAway, InvalidEvent, StoreAway, TooMuchAtOnce
from shared.extension import Worker
from shared.frames import Delivered
from shared.health import HEALTH
from shared.mailbox import SUSPECT_AFTER, Mailbox, returns
from shared.model import Model
from shared.mongo import Document, Session
from shared.privacy import Privacy
from shared.replicas import Replicas
from shared.topology import dead_queue, inbox_queue
from shared.unit_of_work import Report, UnitOfWork

LANES = 2
PARK_AFTER = 3  # attempts to handle it alone that nobody survived
BRAKE_AFTER = 50  # parked without one success in between: then it is us, not the events
_A_MOMENT = 0.02  # seconds between two looks at what the other lanes do
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it arrived, with the event in it or the reason why there is none."""

    message: Delivered
    event: Event | None
    reason: str = ""

    @property
    def headers(self) -> dict[str, Any]:
        return self.message.headers

    @property
    def name(self) -> str:
        return self.event.name if self.event else "undecodable"


class Reader(Worker):
    """Reads one queue: `take` is given the headers and raw body of each message, and what it returns from is acknowledged."""

    def __init__(self, queue: str, take: Callable[[Database[Document], list[tuple[dict[str, Any], bytes]]], None]) -> None:
        super().__init__()
        self.queue, self.take = queue, take

    @property
    def title(self) -> str:
        return self.queue

    def run(self) -> None:
        mailbox = Mailbox(self, self.queue, [self.queue], self._handle)
        self.repeat(mailbox.round)
        mailbox.close()

    def _handle(self, mailbox: Mailbox, messages: list[Delivered]) -> None:
        letters = [(message.headers, message.body) for message in messages]
        mailbox.patiently(lambda: self.take(self.database, letters))


def bury(reason: str, replay_to: str = "") -> Callable[[Database[Document], list[tuple[dict[str, Any], bytes]]], None]:
    """What a Reader does with messages that nobody can handle: park them, to be seen and replayed."""

    def take(database: Database[Document], letters: list[tuple[dict[str, Any], bytes]]) -> None:
        for headers, body in letters:
            parked.park(database, headers, body, reason, replay_to=replay_to)
            metrics.PARKED.labels("undeliverable").inc()

    return take


class Inbox(Worker):
    """Feeds the events that a service's handlers name to its models, from all partitions of its inbox."""

    def __init__(self, *models: Model[Any]) -> None:
        super().__init__()
        self.models = models

    def subscriptions(self, service: type) -> list[tuple[str, str]]:
        """(source, event) of everything bound to this inbox."""
        return UnitOfWork(None, service, self.models).subscriptions  # type: ignore[arg-type]  # asks the handlers only

    def setup(self) -> None:
        super().setup()
        self.work: UnitOfWork = self.container.config["UNIT_OF_WORK"]
        self._privacy = Privacy(self.work)
        self._failures_in_a_row = 0
        self._busy, self._suspecting = set[Mailbox](), False  # lanes that handle a batch; whether one handles a suspect
        queues = [inbox_queue(self.config.service, number) for number in range(self.config.inbox_partitions)]
        self._replicas = Replicas(self.database, queues)
        shares = [queues[lane::LANES] for lane in range(min(LANES, len(queues)))]
        self._lanes = [Mailbox(self, f"partitions {lane}", share, self._handle) for lane, share in enumerate(shares)]
        self._dead = Mailbox(self, "dead letters", [dead_queue(self.config.service)], self._bury)
        for mailbox in self._lanes:
            HEALTH.expect(mailbox.name)
        for queue in queues:
            BACKLOG.unknown(queue)

    def run(self) -> None:
        """A thread for each lane and one for dead letters; this one keeps the partitions shared out among the replicas."""
        rounds = {mailbox: partial(self._round, mailbox) for mailbox in self._lanes} | {self._dead: self._dead.round}
        threads = [self.container.spawn_managed_thread(partial(self._serve, *each)) for each in rounds.items()]
        self.repeat(self._share_out)
        for thread in threads:
            thread.wait()
        with suppress(StoreAway):
            self._replicas.leave()

    def _serve(self, mailbox: Mailbox, round_: Callable[[], None]) -> None:
        self.repeat(round_, part=mailbox.name)
        mailbox.close()

    def _round(self, mailbox: Mailbox) -> None:
        for queue in mailbox.queues:
            if self._replicas.wants_out(queue):
                mailbox.hand_over(queue)
        mailbox.round()

    def _share_out(self) -> None:
        self._replicas.count()
        self.wait(2.0)

    def _bury(self, mailbox: Mailbox, messages: list[Delivered]) -> None:
        take = bury("the broker gave up redelivering it")
        lost = [message for message in messages if not self._is_applied(mailbox, message)]
        mailbox.patiently(lambda: take(self.database, [(message.headers, message.body) for message in lost]))

    def _is_applied(self, mailbox: Mailbox, message: Delivered) -> bool:
        event = deliver(message).event
        return event is not None and mailbox.patiently(lambda: self.work.has_applied(event))

    def _handle(self, mailbox: Mailbox, messages: list[Delivered]) -> None:
        if returns(messages[0]) >= SUSPECT_AFTER:
            with self._alone(mailbox):
                self._handle_suspect(mailbox, messages[0])
        else:
            with self._beside_others(mailbox):
                self._handle_batch(mailbox, messages)

    @contextmanager
    def _beside_others(self, mailbox: Mailbox) -> Iterator[None]:
        """While other lanes handle batches too, but none a suspect."""
        while self._suspecting:
            mailbox.keep_alive(_A_MOMENT)
        self._busy.add(mailbox)
        try:
            yield
        finally:
            self._busy.remove(mailbox)

    @contextmanager
    def _alone(self, mailbox: Mailbox) -> Iterator[None]:
        """While no other lane handles anything: if the process ends now, it was this one."""
        while self._suspecting:
            mailbox.keep_alive(_A_MOMENT)
        self._suspecting = True
        try:
            while self._busy:
                mailbox.keep_alive(_A_MOMENT)
            yield
        finally:
            self._suspecting = False

    def _handle_suspect(self, mailbox: Mailbox, message: Delivered) -> None:
        """Handle a message alone that came back often; set it aside where nobody survived handling it."""
        suspect = suspects.name_of(message)
        attempts = mailbox.patiently(lambda: suspects.attempt(self.database, suspect))
        if attempts <= PARK_AFTER or self._is_applied(mailbox, message):
            self._handle_batch(mailbox, [message])
        else:
            reason = f"{PARK_AFTER} processes ended while they handled it alone: it seems to end every process that handles it"
            self._park(mailbox, Delivery(message, None), reason)
        mailbox.patiently(lambda: suspects.acquit(self.database, suspect))

    def _handle_batch(self, mailbox: Mailbox, messages: list[Delivered]) -> None:
        deliveries = [deliver(message) for message in messages]
        for delivery in deliveries:
            metrics.RECEIVED.labels(delivery.name).inc()
            if delivery.event is None:
                self._park(mailbox, delivery, delivery.reason)
        self._together(mailbox, [delivery for delivery in deliveries if delivery.event is not None])

    def _together(self, mailbox: Mailbox, deliveries: Sequence[Delivery]) -> None:
        """Apply events in one transaction; in two where that takes too long, one by one where an event cannot be applied."""
        if not deliveries:
            return
        try:
            mailbox.patiently(partial(self._apply, mailbox, deliveries), large=len(deliveries) > 1)
        except TooMuchAtOnce:
            metrics.RETRIED.labels("slow").inc()
            half = (len(deliveries) + 1) // 2
            self._together(mailbox, deliveries[:half])
            self._together(mailbox, deliveries[half:])
        except (BrokerAway, StoreAway):
            raise
        except Exception as error:
            metrics.RETRIED.labels("event").inc()
            _log.warning("applying events one by one", events=len(deliveries), error=logs.place(error))
            for delivery in deliveries:
                self._by_itself(mailbox, delivery)

    def _by_itself(self, mailbox: Mailbox, delivery: Delivery) -> None:
        try:
            mailbox.patiently(partial(self._apply, mailbox, [delivery]))
        except (BrokerAway, StoreAway):
            raise
        except InvalidEvent as error:
            self._park(mailbox, delivery, error.reason)
        except Exception as error:
            self._park(mailbox, delivery, f"a handler failed: {logs.place(error)}")

    def _apply(self, mailbox: Mailbox, deliveries: Sequence[Delivery]) -> None:
        began = monotonic()
        events = [delivery.event for delivery in deliveries if delivery.event is not None]
        replays = [d.headers[parked.REPLAY_HEADER] for d in deliveries if parked.REPLAY_HEADER in d.headers]
        closing = partial(self._closing, replays) if replays else None
        report = self._privacy.apply(events, self._rows_of(mailbox), closing)
        self._failures_in_a_row = 0
        _measure(report, monotonic() - began)
        _log.info("applied", events=len(report.applied), duplicates=len(report.duplicates))

    def _rows_of(self, mailbox: Mailbox) -> str:
        """Which rows of the figures a lane of this replica adds to: those that add to their own do not conflict."""
        return str((self._replicas.rank * LANES + self._lanes.index(mailbox)) % (LANES * self.config.inbox_partitions))

    def _closing(self, replays: list[str], session: Session, fresh: list[Event]) -> list[Event]:
        parked.close(self.database, replays, session)
        return fresh

    def _park(self, mailbox: Mailbox, delivery: Delivery, reason: str) -> None:
        """Keep it aside; but where nothing at all succeeds any more the fault is ours: then rest instead of parking everything."""
        self._failures_in_a_row += 1
        if self._failures_in_a_row > BRAKE_AFTER:
            self._failures_in_a_row = 0
            _log.error("nothing but failures: resting instead of parking", part=self.title, reason=reason)
            raise StoreAway("too many events fail in a row")
        letter = (delivery.headers, delivery.message.body)
        mailbox.patiently(partial(self._keep, letter, reason, delivery.message.routing_key))
        metrics.PARKED.labels(delivery.name).inc()
        _log.error("event parked", name=delivery.name, reason=reason, id=delivery.event.id if delivery.event else None)

    def _keep(self, letter: tuple[dict[str, Any], bytes], reason: str, routing_key: str) -> None:
        parked.park(self.database, *letter, reason, routing_key)


def deliver(message: Delivered) -> Delivery:
    """Read the envelope of a message."""
    try:
        return Delivery(message, from_message(message.headers, message.body))
    except InvalidEvent as error:
        return Delivery(message, None, error.reason)


def _measure(report: Report, seconds: float) -> None:
    now = datetime.now(UTC)
    metrics.BATCH_SIZE.observe(len(report.applied) + len(report.duplicates))
    metrics.HANDLING.observe(seconds)
    for name, count in Counter(event.name for event in report.applied).items():
        metrics.APPLIED.labels(name).inc(count)
    for name, count in Counter(event.name for event in report.forgotten).items():
        metrics.FORGOTTEN.labels(name).inc(count)
    for name, count in Counter(event.name for event in report.duplicates).items():
        metrics.DUPLICATES.labels(name).inc(count)
    for event in report.applied:
        metrics.AGE.observe(max(0.0, (now - event.received_at).total_seconds()))
