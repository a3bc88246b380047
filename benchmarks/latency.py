"""How long it takes from the answer to a request until its orders show in every service, under a steady load of all kinds of events."""

import http.client
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from benchmarks.ingest import post
from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, quantile, significant
from benchmarks.system import System, wait_until
from benchmarks.visitors import Visitors
from services.collector.sorting import event_id
from shared.mongo import Document
from shared.registry import service_names
from shared.topology import subscriptions_of

RATE = 300  # events a second
_BATCH = 10  # events in a request
_POLL_SECONDS = 0.01
_SECONDS = 10.0  # of one trial, for each second that others measure 2.5
_WARM_UP_SECONDS = 5.0


class Witness:
    """Looks every few milliseconds which of the orders that it was told of are in the inboxes, where rows commit with effects."""

    def __init__(self, inboxes: Mapping[str, Collection[Document]]) -> None:
        self._inboxes = inboxes
        self._missing: dict[str, tuple[float, set[str]]] = {}  # event id -> accepted at, services that do not show it
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.delays: list[float] = []  # seconds
        self._thread.start()

    def expect(self, order: str) -> None:
        """An event that was accepted just now."""
        with self._lock:
            self._missing[order] = (time.monotonic(), set(self._inboxes))

    @property
    def satisfied(self) -> bool:
        return not self._missing

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            for service, inbox in self._inboxes.items():
                self._look(service, inbox)

    def _look(self, service: str, inbox: Collection[Document]) -> None:
        with self._lock:
            wanted = [order for order, (_, services) in self._missing.items() if service in services]
        if not wanted:
            return
        found = [row["_id"] for row in inbox.find({"_id": {"$in": wanted}}, {"_id": 1})]
        now = time.monotonic()
        with self._lock:
            for order in found:
                accepted, services = self._missing[order]
                services.discard(service)
                if not services:
                    self.delays.append(now - accepted)
                    del self._missing[order]


@dataclass(frozen=True)
class Load:
    """The door that events are posted to, with the id of the source that its write key opens."""

    port: int
    write_key: str
    source_id: str

    def keep_up(self, seconds: float, witness: Witness | None) -> None:
        """Post at the steady rate; a request that comes late does not put off the next ones."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        visitors, began = Visitors(self.write_key), time.monotonic()
        for number in range(int(seconds * RATE / _BATCH)):
            time.sleep(max(0.0, began + number * _BATCH / RATE - time.monotonic()))
            messages = [visitors.message() for _ in range(_BATCH)]
            post(connection, visitors.body(messages))
            for message in messages:
                if witness and message.get("event") == "Order Completed":
                    witness.expect(event_id(self.source_id, message["messageId"]))
        connection.close()


def listeners() -> list[str]:
    """The services that are told of an order."""
    return [name for name in service_names() if ("shop", "order_completed") in subscriptions_of(name)]


def run(system: System, options: Options) -> Outcome:
    """The whole system: every service in one process, as `make run` starts them, without the gateway."""
    names = service_names()
    system.declare(names)
    write_key = system.open_source()
    processes = [system.service(name, part="all") for name in names]
    system.await_ready(names)
    source = system.client["sambandh_collector"]["sources"].find_one()
    assert source is not None, "the source was opened"
    load = Load(system.stack.settings.services["collector"].api, write_key, source["_id"])
    load.keep_up(_WARM_UP_SECONDS, None)
    seconds = options.seconds * _SECONDS / 4
    delays = [_trial(system, load, seconds) for _ in range(options.trials)]
    system.stop(processes)
    under = f"{RATE} events/s in requests of {_BATCH}, a tenth of them orders, each watched in {len(listeners())} services"
    raw = [[significant(delay) for delay in trial] for trial in delays]
    return Outcome(rows([delay for trial in delays for delay in trial]), raw, under)


def rows(delays: list[float]) -> list[Row]:
    return [
        Row("latency: accepted to visible in all services, p50", quantile(delays, 0.5) * 1000, "ms"),
        Row("latency: accepted to visible in all services, p95", quantile(delays, 0.95) * 1000, "ms"),
        Row("latency: accepted to visible in all services, p99", quantile(delays, 0.99) * 1000, "ms", Aim(500, at_most=True)),
    ]


def _trial(system: System, load: Load, seconds: float) -> list[float]:
    majority = ReadConcern("majority")
    inboxes = {name: system.client[f"sambandh_{name}"].get_collection("inbox", read_concern=majority) for name in listeners()}
    witness = Witness(inboxes)
    load.keep_up(seconds, witness)
    wait_until(lambda: witness.satisfied, "every order shows in every service")
    witness.stop()
    return witness.delays
