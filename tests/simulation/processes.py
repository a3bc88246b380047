"""The runtime in a simulated process: the real workers of `shared` over a simulated network, with memory of its own.

What the runtime takes from outside is replaced from outside, for as long as a simulation runs: the clock, chance, connections, and the
globals that a process has for itself.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pymongo
import structlog
from pymongo.errors import ConnectionFailure

from services.collector.sorting import Entry
from services.collector.storage import EVENTS, Archive
from shared import broker, consume, extension, faults, lease, mailbox, mongo, outbox, parked, replicas, timers
from shared.backlog import BACKLOG
from shared.config import Config
from shared.consume import Inbox
from shared.errors import BrokerAway, StoreAway
from shared.extension import Worker
from shared.outbox import Relay
from shared.timers import Timers
from shared.unit_of_work import UnitOfWork
from tests.simulation.broker.connections import Link
from tests.simulation.shop import CUSTOMERS, Shop
from tests.simulation.store.client import Client, Network
from tests.simulation.store.collection import Database
from tests.simulation.store.server import Server
from tests.simulation.world import Clock, Process, Signal, Task, World, skewed

LOG_LEVEL = os.environ.get("SIMULATION_LOG", "critical")  # `info` tells what every worker does
SETTINGS = Config("toy", inbox_partitions=2, batch_size=8, batch_linger_ms=5, drain_seconds=25)


class _Container:
    """What extensions ask of nameko."""

    def __init__(self, process: "ServiceProcess", config: dict[str, Any]) -> None:
        self._process, self.config = process, config

    def spawn_managed_thread(self, run: Callable[[], None], identifier: str = "") -> Task:
        return self._process.world.spawn(self._process, run, identifier)


class ServiceProcess(Process):
    """A process of a service: its workers, and the globals that they find."""

    def __init__(self, world: World, name: str, config: Config, server: Server, network: Network, skew: timedelta) -> None:
        super().__init__(world, name, skew)
        self.config = config
        self.database = mongo.durable(Database(Client(server, network), name))  # type: ignore[arg-type]
        self.workers: list[Worker] = []
        self._waiting: dict[str, int | None] = {}

    def install(self) -> None:
        lease.PROCESS = replicas.PROCESS = self.name
        BACKLOG._waiting = self._waiting

    def start(self, *workers: Worker) -> None:
        """Start workers as nameko does."""
        self.install()
        work = UnitOfWork(self.database, Shop, [CUSTOMERS])
        container = _Container(self, {"SAMBANDH": self.config, "DATABASE": self.database, "UNIT_OF_WORK": work})
        for worker in workers:
            worker.container = container
            worker.stopping, worker._finished = Signal(self.world), Signal(self.world)  # type: ignore[assignment]
            if isinstance(worker, (Relay, Timers)):
                worker.poll_seconds = 0.9  # seldom: looking at nothing takes most of the time of a run
            worker.setup()
            worker.start()
            self.workers.append(worker)

    def stop(self) -> None:
        """As SIGTERM: every worker finishes what it has in hand; then the process ends."""
        stopping = [self.world.spawn(self, worker.stop, "stop") for worker in self.workers]
        self.world.spawn(self, lambda: self._leave(stopping), "leave")

    def _leave(self, stopping: list[Task]) -> None:
        for task in stopping:
            task.wait()
        self.kill()


def shop_process(world: World, name: str, server: Server, network: Network, skew: timedelta) -> ServiceProcess:
    """A replica of the service under test."""
    process = ServiceProcess(world, name, SETTINGS, server, network, skew)
    process.start(Inbox(CUSTOMERS), Timers(), Relay())
    return process


class Collector(ServiceProcess):
    """A replica of the service that accepts events: the collector's own archive, and its relay."""

    def accept(self, entries: list[Entry], answers: list[bool]) -> Task:
        """Handle a request; `answers` gets whether it was accepted, or nothing where the process ends first."""

        def handle() -> None:
            try:
                Archive(self.database).accept(entries, self.world.now)
                answers.append(True)
            except StoreAway:
                answers.append(False)

        return self.world.spawn(self, handle, "request")


def collector_process(world: World, name: str, server: Server, network: Network, skew: timedelta) -> Collector:
    process = Collector(world, name, replace(SETTINGS, service="collector"), server, network, skew)
    process.start(Relay(EVENTS, keep=True))
    return process


def _runtime_with(name: str) -> list[Any]:
    """Modules of the runtime that took something into their own names."""
    loaded = sorted((title, module) for title, module in sys.modules.items() if title.startswith("shared."))
    return [module for _, module in loaded if hasattr(module, name)]


@contextmanager
def simulated(world: World, link: Link, reached: Callable[[str], None]) -> Iterator[None]:
    """Everything that the runtime takes from outside comes from this world."""
    clock, now = Clock(world), skewed(world)

    def connect(uri: str, name: str, deliver: Any = None) -> Any:
        with broker.reachable():
            return link.connect(world.process, deliver)

    replaced: list[tuple[Any, str, Any]] = [
        *((module, "monotonic", clock.monotonic) for module in _runtime_with("monotonic")),
        *((module, "datetime", now) for module in (consume, outbox, parked, timers) if hasattr(module, "datetime")),
        *((module, "random", world.chance) for module in (extension, pymongo.synchronous.client_session)),
        (broker, "connect", connect),
        *((module, "HEALTH", _Health(world)) for module in (extension, mailbox, consume)),
        (faults, "reached", reached),
        (outbox, "_bells", _Bells(world)),
        (pymongo.synchronous.client_session, "time", clock),
        (pymongo.client_session_shared, "time", clock),
        (pymongo._csot, "time", clock),
        (lease, "PROCESS", ""),
        (replicas, "PROCESS", ""),
        (BACKLOG, "_waiting", {}),
    ]
    settings = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(LOG_LEVEL))
    patches = [mock.patch.object(*one) for one in replaced]
    try:
        for patch in patches:
            patch.start()
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()
        structlog.configure(**settings)


class _Health:
    """Hears what workers say of themselves; an error that is no outage is a fault of the code."""

    def __init__(self, world: World) -> None:
        self._world = world

    def working(self, part: str) -> None:
        """Nothing to note."""

    def expect(self, part: str) -> None:
        """Nothing to note."""

    def failing(self, part: str, reason: str) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, (StoreAway, BrokerAway, ConnectionFailure)):
            self._world.surprises.append("".join(traceback.format_exception(error)))


class _Bells(dict[str, Any]):
    """Bells that ring in simulated time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def setdefault(self, name: str, default: Any = None) -> Any:
        return super().setdefault(name, Signal(self._world))
