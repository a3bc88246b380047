"""How long it takes from the answer to a request until its orders show in every service, under a steady load of all kinds of events."""

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from benchmarks.ingest import post
from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, quantile, significant
from benchmarks.processor import Meter
from benchmarks.system import System, wait_until
from benchmarks.visitors import Visitors
from deploy.local.processes import Process
from services.collector.sorting import event_id
from shared.mongo import Document
from shared.registry import service_names
from shared.topology import subscriptions_of

RATES = (100, 200, 300)  # events a second
_BATCH = 10  # events in a request
_POLL_SECONDS = 0.02
_SECONDS = 10.0  # of one trial, for each second that others measure 2.5
_WARM_UP_SECONDS = 5.0
_AIM = 500  # ms at the highest rate
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Witness:
    """Looks again and again which of the orders that it was told of are in the inboxes, where rows commit with effects."""

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

    def keep_up(self, rate: int, seconds: float, witness: Witness | None) -> float:
        """Post at a steady rate; how many seconds the latest request came late, which does not put off the next ones."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        visitors, began, behind = Visitors(self.write_key), time.monotonic(), 0.0
        for number in range(int(seconds * rate / _BATCH)):
            early = began + number * _BATCH / rate - time.monotonic()
            behind = max(behind, -early)
            time.sleep(max(0.0, early))
            messages = [visitors.message() for _ in range(_BATCH)]
            post(connection, visitors.body(messages))
            for message in messages:
                if witness and message.get("event") == "Order Completed":
                    witness.expect(event_id(self.source_id, message["messageId"]))
        connection.close()
        return behind


def listeners() -> list[str]:
    """The services that are told of an order."""
    return [name for name in service_names() if ("shop", "order_completed") in subscriptions_of(name)]


@dataclass(frozen=True)
class Steady:
    """A trial at a steady rate: how long each order took, in seconds, how far the load fell behind, and cores in use by group."""

    delays: list[float]
    behind: float
    cores: Mapping[str, float]


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
    load.keep_up(RATES[0], _WARM_UP_SECONDS, None)
    groups = {"services": processes, "mongod": [system.mongo.process], "rabbitmq": [system.rabbit.process]}
    seconds = options.seconds * _SECONDS / 4
    found = {rate: [_trial(system, load, rate, seconds, groups) for _ in range(options.trials)] for rate in RATES}
    system.stop(processes)
    under = f"requests of {_BATCH} events, a tenth of them orders, each watched in {len(listeners())} services; load from the same machine"
    return Outcome(rows(found), {str(rate): [_raw(one) for one in trials] for rate, trials in found.items()}, under)


def rows(found: Mapping[int, Sequence[Steady]]) -> list[Row]:
    """At each rate the quantiles of all trials, and what they took of the processor."""
    figures = []
    for rate, trials in found.items():
        delays = [delay for trial in trials for delay in trial.delays]
        aim = Aim(_AIM, at_most=True) if rate == max(found) else None
        for name, share in _QUANTILES.items():
            what = f"latency: accepted to visible in all services at {rate} events/s, {name}"
            figures.append(Row(what, quantile(delays, share) * 1000, "ms", aim if name == "p99" else None))
        used = median(sum(trial.cores.values()) for trial in trials)
        figures.append(Row(f"latency: services, MongoDB and RabbitMQ at {rate} events/s", used, "cores"))
    return figures


def _raw(trial: Steady) -> Document:
    cores = {group: significant(used) for group, used in trial.cores.items()}
    return {
        "seconds": [significant(one) for one in trial.delays],
        "load_behind_seconds": significant(trial.behind),
        "cores": cores,
    }


def _trial(system: System, load: Load, rate: int, seconds: float, groups: Mapping[str, Sequence[Process]]) -> Steady:
    majority = ReadConcern("majority")
    inboxes = {name: system.client[f"sambandh_{name}"].get_collection("inbox", read_concern=majority) for name in listeners()}
    witness, meter, began = Witness(inboxes), Meter(groups), time.monotonic()
    behind = load.keep_up(rate, seconds, witness)
    cores = {group: spent / (time.monotonic() - began) for group, spent in meter.spent().items()}
    wait_until(lambda: witness.satisfied, "every order shows in every service")
    witness.stop()
    return Steady(witness.delays, behind, cores)
