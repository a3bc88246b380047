"""Somebody who listens to what profiles announces."""

import contextlib
import threading
import time

import amqp

from shared import broker


class Witness:
    """Listens to `segment_entered` and tells how long each of some users took."""

    def __init__(self, uri: str) -> None:
        self._connection = broker.connect(uri, "bench-witness")
        channel = self._connection.channel()
        queue = channel.queue_declare("", exclusive=True).queue
        channel.queue_bind(queue, "profiles.events", "#")  # as analytics listens to whatever is published
        channel.basic_consume(queue, callback=self._heard, no_ack=True)
        self._missing: dict[str, float] = {}
        self._early: dict[str, float] = {}  # told of before the answer to the request was read
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self.delays: list[float] = []
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
