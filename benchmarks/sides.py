"""The sides of the comparison: who applies the four effects of a purchase, and how it is known that all were applied."""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import requests
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.effects import EFFECTS
from benchmarks.system import DEFAULTS, Queues, System, wait_until
from benchmarks.workload import publish
from deploy.local.processes import Process
from shared.envelope import Event
from shared.topology import inbox_queue

SERVICES = tuple(EFFECTS)


class Side(ABC):
    """Four services, a process each, on the servers of the run."""

    name: str
    title: str
    terms: str  # what it promises, and on what queues and writes

    def __init__(self, system: System) -> None:
        self.system = system
        self.processes: list[Process] = []

    @abstractmethod
    def launch(self) -> list[Process]:
        """Start the processes."""

    @abstractmethod
    def applied(self) -> int:
        """For how many orders all four effects have been applied since the start of this side's processes or database."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """Where orders are published for this side alone."""

    @property
    @abstractmethod
    def queues(self) -> Sequence[str]:
        """The queues that orders arrive in."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start, wait until every queue is read, and stop in the end."""
        self.processes = self.launch()
        try:
            self._watched = Queues(self.uri, self.queues)
            wait_until(self._watched.served, f"{self.name} reads its queues")
            yield
            self._watched.close()
        finally:
            self.system.stop(self.processes)

    def publish_paused(self, orders: Sequence[Event]) -> None:
        """Fill the queues while the services stand still; `resume` lets them go."""
        self._signal(signal.SIGSTOP)
        publish(self.uri, orders)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def await_applied(self, orders: int) -> None:
        """Until the queues are empty and all effects of so many orders are there."""
        wait_until(lambda: self._watched.waiting() == 0, f"{self.name} has read its queues")
        wait_until(lambda: self.applied() >= orders, f"{self.name} has applied {orders} orders", poll=0.05)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            if process.id is None:
                raise RuntimeError(f"{process.name} has stopped: see {process.log}")
            os.kill(process.id.pid, number)


class Sambandh(Side):
    """The four real services, workers only."""

    name = "sambandh"
    title = "Sambandh"
    terms = (
        "quorum queues; acknowledged after commit; inbox, facts, read models, timers and announcements in one majority, "
        "journaled transaction a batch; every effect once"
    )

    def launch(self) -> list[Process]:
        self.system.declare(SERVICES)
        processes = [self.system.service(name) for name in SERVICES]
        self.system.await_ready(SERVICES)
        return processes

    @property
    def uri(self) -> str:
        return self.system.rabbit.uri()

    @property
    def queues(self) -> Sequence[str]:
        return [inbox_queue(name, number) for name in SERVICES for number in range(DEFAULTS.inbox_partitions)]

    def applied(self) -> int:
        return min(map(self._applied_by, SERVICES))

    def _applied_by(self, service: str) -> int:
        """As the metrics of the service count them, after each commit."""
        port = self.system.stack.settings.services[service].metrics
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        orders = [s for s in samples if s.name == "crm_events_applied_total" and s.labels["event"] == "order_completed"]
        return int(sum(sample.value for sample in orders))


class Other(Side):
    """A program in this folder that makes the same four updates, in a virtual host and databases of its own."""

    module: str
    prefix: str  # of its databases
    queue: str  # name of a service's queue

    def launch(self) -> list[Process]:
        for service in SERVICES:
            self.system.client.drop_database(f"{self.prefix}_{service}")
        environment = {"AMQP_URI": self.system.vhost(self.name), "MONGO_URI": self.system.mongo.uri()}
        return [self.system.run(f"{self.name}-{name}", [self.module, name], environment) for name in SERVICES]

    @property
    def uri(self) -> str:
        return f"{self.system.rabbit.uri().rpartition('/')[0]}/{self.name}"

    @property
    def queues(self) -> Sequence[str]:
        return [self.queue.format(service=name) for name in SERVICES]

    def applied(self) -> int:
        return min(map(self._applied_by, SERVICES))

    def _applied_by(self, service: str) -> int:
        collection = self.system.client[f"{self.prefix}_{service}"][EFFECTS[service].collection]
        found = list(collection.aggregate([{"$group": {"_id": None, "orders": {"$sum": "$orders"}}}]))
        return int(found[0]["orders"]) if found else 0


class PlainNameko(Other):
    name, prefix, module = "plain", "plain", "benchmarks.plain_nameko"
    title = "plain nameko"
    queue = "evt-shop-order_completed--{service}.on_order_completed"
    terms = (
        "durable classic queues; acknowledged when the handler returned or raised; one majority, journaled update a message; "
        "lost on failure, doubled on redelivery"
    )


class FastStream(Other):
    name, prefix, module = "faststream", "faststream", "benchmarks.faststream_app"
    title = "FastStream"
    queue = "faststream.{service}"
    terms = (
        "durable classic queues; acknowledged after the handler, rejected where it raised; one majority, journaled update a "
        "message; lost on failure, doubled on redelivery"
    )


class Ceiling(Other):
    name, prefix, module = "ceiling", "ceiling", "benchmarks.ceiling"
    title = "ceiling, without guarantees"
    queue = "ceiling.{service}"
    terms = "durable classic queues; one acknowledgement and one unordered bulk write (w=1, not journaled) a batch; no guarantees"


SIDES: tuple[type[Side], ...] = (Sambandh, PlainNameko, FastStream, Ceiling)
