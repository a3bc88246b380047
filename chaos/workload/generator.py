"""Sends the facts of a shop and keeps the ledger. It knows nothing of the system but its door."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count, islice
from time import monotonic

from chaos.ledger import Fact, Ledger
from chaos.workload.doors import Door
from chaos.workload.shop import Shop

_TRIES = 4
_PAUSE = 0.5


class Generator:
    """Some threads that send batches at a rate of facts a second, from `start` until `stop`.

    A batch without an answer of 200 is repeated a few times, as the clients do, and then given up: it stays unknown.
    """

    def __init__(self, door: Door, shop: Shop, ledger: Ledger, rate: float, threads: int = 2) -> None:
        self._door, self._shop, self._ledger = door, shop, ledger
        self._pause = threads * door.size / rate
        self._stopping = threading.Event()
        self._drawing = threading.Lock()
        self._numbers = count()
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, name=f"load-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is being sent, and send no more. Raises what a thread ended with, if one did."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _run(self) -> None:
        try:
            self._send_on_time()
        except Exception as error:
            self._errors.append(error)

    def _send_on_time(self) -> None:
        due = monotonic()
        while not self._stopping.is_set():
            self._send(*self._draw())
            due = max(due + self._pause, monotonic() - 10 * self._pause)  # catch up after an outage, but not for ever
            self._stopping.wait(max(0.0, due - monotonic()))

    def _draw(self) -> tuple[str, list[Fact]]:
        with self._drawing:
            return str(next(self._numbers)), list(islice(self._shop.facts(datetime.now(UTC)), self._door.size))

    def _send(self, name: str, facts: Sequence[Fact]) -> None:
        self._ledger.attempt(name, facts)
        for _ in range(_TRIES):
            if self._door.post(facts):
                self._ledger.accept(name, facts)
                return
            if self._stopping.wait(_PAUSE):
                return
