"""Parts of the runtime by themselves, in simulated time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.simulation.broker.connections import Link
from tests.simulation.broker.queues import Broker
from tests.simulation.processes import SETTINGS, ServiceProcess, simulated
from tests.simulation.store.client import Network
from tests.simulation.store.server import Server
from tests.simulation.world import World


@dataclass
class Place:
    """A world with one database, one broker and any number of processes, of which each does what a test gives it to do."""

    world: World
    server: Server
    broker: Broker

    def process(self, name: str) -> ServiceProcess:
        return ServiceProcess(self.world, name, SETTINGS, self.server, Network(self.world), timedelta(0))

    def do(self, process: ServiceProcess, work: Callable[[Any], Any]) -> Any:
        """What `work` returns, given the database of a process; raises what it raises."""
        answers: list[Any] = []
        self.world.spawn(process, lambda: answers.append(work(process.database)), "work")
        self.world.run(30.0)
        return answers[0]


@contextmanager
def place() -> Iterator[Place]:
    world = World(0)
    broker = Broker()
    with simulated(world, Link(world, broker), lambda point: None):
        try:
            yield Place(world, Server(world), broker)
        finally:
            world.end()
