"""Queues read by one thread over one connection, so that nothing is shared between threads.

Messages are read raw: nothing is decoded, and nothing is acknowledged before it is handled. What waits in all the queues makes one batch:
one larger transaction costs the database far less than several small ones. While MongoDB is away a batch is kept in hand and tried
again; the prefetch bounds what else arrives, and heartbeats go on. A message that came back often is suspected of killing its consumers:
it is handled alone with a prefetch of one, so that it takes few neighbours with it.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

from shared import broker, faults, frames, logs, metrics, mongo
from shared.backlog import BACKLOG
from shared.errors import BrokerAway, StoreAway, TooMuchAtOnce
from shared.extension import Worker
from shared.frames import Connection, Delivered
from shared.health import HEALTH
from shared.pace import Pace

SUSPECT_AFTER = 3  # returns after which a message is handled alone
MEASURE_SECONDS = 2.0
LAST_WORDS = 0.05  # seconds without a word after which nothing that was sent before the goodbye is still on its way
LAST_PAUSE = 0.5  # seconds between two tries, beyond which a service that was asked to stop gives up what it has in hand
T = TypeVar("T")
Handle = Callable[["Mailbox", list[Delivered]], None]
_log = logs.get(__name__)


class Mailbox:
    """Some queues; `handle` is given batches of messages, and what it returns from is acknowledged."""

    def __init__(self, worker: Worker, name: str, queues: Sequence[str], handle: Handle) -> None:
        self.worker, self.name, self.queues, self.handle = worker, name, queues, handle
        self.suspicious = True  # until the first message shows that nothing came back
        self._connection: Connection | None = None
        self._channel: Any = None
        self._tags: dict[str, str] = {}  # of our consumers, by queue
        self._arrived: list[Delivered] = []
        self._measured = self._took = 0.0
        self._pace = Pace(worker.config.batch_size)

    def round(self) -> None:
        """Read a batch, have it handled, acknowledge it. Raises BrokerAway or what handling raises; then reading starts anew."""
        try:
            with broker.reachable():
                self._open()
                self._measure()
                messages = self._read()
                if messages:
                    self._finish(messages)
                    self._trust(messages)
        except BaseException:
            self.drop()
            raise

    def _finish(self, messages: list[Delivered]) -> None:
        began = monotonic()
        self.handle(self, messages)
        self._took = monotonic() - began
        self._pace.took(len(messages), self._took)
        faults.reached("consume.before_ack")
        self._channel.basic_ack(messages[-1].tag, multiple=True)

    def _open(self) -> None:
        if self._connection is not None:
            return
        self._arrived = []
        with mongo.reachable():
            self.worker.database.client.admin.command("ping")  # no use to take messages while they cannot be applied
        name = f"{self.worker.config.service}-{self.name}"
        self._connection = broker.connect(self.worker.config.amqp_uri, name, self._arrived.append)
        self._channel = self._connection.channel()
        self.suspicious, self._measured = True, 0.0
        for queue in self.queues:
            self._consume(queue)

    def _measure(self) -> None:
        """Every few seconds: how many messages wait. Asking passively needs no right on the queue."""
        if monotonic() - self._measured > MEASURE_SECONDS:
            self._measured = monotonic()
            for queue in self.queues:
                waiting = self._channel.queue_declare(queue, passive=True).message_count
                metrics.INBOX_DEPTH.labels(queue).set(waiting)
                BACKLOG.measured(queue, waiting)

    def _consume(self, queue: str) -> None:
        """Prefetch counts per consumer, so changing it takes a new one; never global, which 4.x refuses."""
        size = self.worker.config.batch_size
        self._channel.basic_qos(0, 1 if self.suspicious else min(2000, size), False)
        self._tags[queue] = self._channel.basic_consume(queue, no_ack=False)

    def _read(self) -> list[Delivered]:
        """Up to a batch of messages: the first within half a second, then what comes in the time that the last batch took to handle.

        So a single event waits for next to nothing, and a stream of them is handled in few, large transactions.
        """
        limit = self._limit
        if not self._arrived:
            self._drain(0.5)
        deadline = monotonic() + min(self._took, self.worker.config.batch_linger_ms / 1000)
        while self._arrived and len(self._arrived) < limit:
            left = deadline - monotonic()
            if not self._drain(max(left, 0.0005)) and left <= 0:
                break
        broker.beat(self._connection)
        return self._take()

    @property
    def _limit(self) -> int:
        return 1 if self.suspicious else self._pace.size

    def _take(self) -> list[Delivered]:
        """The next batch: a suspect by itself, or what comes before the next suspect."""
        suspect = [returns(message) >= SUSPECT_AFTER for message in self._arrived[: self._limit]]
        size = max(1, suspect.index(True)) if True in suspect else len(suspect)
        batch, self._arrived[:] = self._arrived[:size], self._arrived[size:]
        return batch

    def _drain(self, seconds: float) -> bool:
        """Let one frame in, waiting for it up to `seconds`; False where none came."""
        try:
            self._connection.drain_read(seconds)  # type: ignore[union-attr]  # open while reading
        except TimeoutError:
            return False
        return True

    def _trust(self, messages: list[Delivered]) -> None:
        """After a start, and whenever a message came back, messages come singly until one arrives that never did."""
        came_back = any(returns(message) >= SUSPECT_AFTER for message in messages)
        if came_back != self.suspicious:
            self.suspicious = came_back
            for queue in self.queues:
                self._renew(queue)

    def _renew(self, queue: str) -> None:
        """A new consumer, with the prefetch of the hour, at the end of the line. What was read ahead stays in hand."""
        self._retire(queue)
        self._consume(queue)

    def _retire(self, queue: str) -> None:
        """End a consumer once all that it was given is in hand, so that nothing goes back and is delivered again."""
        frames.withhold(self._channel, self._tags[queue])
        self._channel.basic_cancel(self._tags[queue])

    def hand_over(self, queue: str) -> None:
        """Let another replica become the active reader of a queue, if one is waiting."""
        if self._connection is not None:
            with broker.reachable():
                self._renew(queue)

    def patiently(self, apply: Callable[[], T], *, large: bool = False) -> T:
        """Try again, with the batch in hand, for as long as the database is away; returns what `apply` does.

        Raises StoreAway some tries after it was asked to stop, so that a conflict with another replica does not send back a batch in
        hand, and TooMuchAtOnce for the caller to try with less.
        """
        pause = 0.05
        while True:
            try:
                return apply()
            except StoreAway as error:
                if (self.worker.stopping.is_set() and pause > LAST_PAUSE) or (large and isinstance(error, TooMuchAtOnce)):
                    raise
                metrics.RETRIED.labels("store").inc()
                HEALTH.failing(self.name, str(error))
                _log.warning("waiting for the database", seconds=round(pause, 2), error=logs.place(error))
                self.keep_alive(pause)
                pause = min(5.0, pause * 2)

    def keep_alive(self, seconds: float) -> None:
        """Wait with a batch in hand: heartbeats go on, the prefetch bounds what arrives meanwhile."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0 and (seconds <= LAST_PAUSE or not self.worker.stopping.is_set()):
            with broker.reachable():
                self._drain(min(left, 1.0))
                broker.beat(self._connection)

    def drop(self) -> None:
        """Leave without acknowledging; what was in hand is delivered again."""
        if self._connection is not None:
            broker.discard(self._connection)
            for queue in self.queues:
                BACKLOG.unknown(queue)
        self._connection = self._channel = None

    def close(self) -> None:
        """Leave in order: take nothing new, finish what has arrived, acknowledge it, say goodbye."""
        if self._connection is not None:
            self._leave()
        for queue in self.queues:
            BACKLOG.forget(queue)

    def _leave(self) -> None:
        try:
            with broker.reachable():
                for queue in self.queues:
                    self._retire(queue)
                while self._drain(LAST_WORDS) or self._arrived:
                    if self._arrived:
                        self._finish(self._take())
            broker.close(self._connection)
        except (BrokerAway, StoreAway) as error:  # it goes back to the queue
            _log.warning("left with work in hand", mailbox=self.name, error=logs.place(error))
        finally:
            self.drop()


def returns(message: Delivered) -> int:
    """How often a quorum queue delivered this message before and got it back."""
    count = message.headers.get("x-delivery-count", 0)
    return count if isinstance(count, int) else 0
