"""Somebody who listens to what profiles announces."""

import contextlib
import threading
import time

import amqp

from shared import broker
from shared.events import SEGMENT_ENTERED, SEGMENT_LEFT


class Witness:
    """Listens to whatever profiles announces, as analytics does; tells how long each of some users took to enter a segment, and how many
    changes of membership there were.
    """

    def __init__(self, uri: str) -> None:
        self._connection = broker.connect(uri, "bench-witness")
        channel = self._connection.channel()
        queue = channel.queue_declare("", exclusive=True).queue
        channel.queue_bind(queue, "profiles.events", "#")
        channel.basic_consume(queue, callback=self._heard, no_ack=True)
        self._missing: dict[str, float] = {}
        self._early: dict[str, float] = {}  # told of before the answer to the request was read
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self.delays: list[float] = []
        self.changes = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def expect(self, user: str, accepted: float) -> None:
        with self._lock:
            heard = self._early.pop(f"user:{user}", None)
            if heard is None:
                self._missing[f"user:{user}"] = accepted
            else:
                self.delays.append(max(0.0, heard - accepted))

    @property
    def satisfied(self) -> bool:
        return not self._missing

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        broker.close(self._connection)

    def _heard(self, message: amqp.Message) -> None:
        now, subject = time.monotonic(), message.headers["ce-subject"]
        name = message.headers["ce-type"]
        self.changes += name in (SEGMENT_ENTERED.name, SEGMENT_LEFT.name)
        if name != SEGMENT_ENTERED.name:
            return
        with self._lock:
            accepted = self._missing.pop(subject, None)
            if accepted is None:
                self._early.setdefault(subject, now)
            else:
                self.delays.append(now - accepted)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=0.2)
            broker.beat(self._connection)
