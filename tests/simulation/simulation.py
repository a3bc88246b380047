"""One seed, one run: a shop's events through collector, broker and service and out again, while everything that can fail does."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from shared import parked, topology
from shared.consume import Inbox
from shared.errors import StoreAway
from tests.simulation.broker.connections import Link
from tests.simulation.broker.queues import Broker
from tests.simulation.faults import Nemesis
from tests.simulation.processes import Collector, ServiceProcess, collector_process, shop_process, simulated
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.shop import CUSTOMERS, Bug, Shop
from tests.simulation.store.client import Client, Network
from tests.simulation.store.collection import Database
from tests.simulation.store.server import Server
from tests.simulation.workload import Workload
from tests.simulation.world import Killed, Process, World

SUBSCRIBER = "subscriber"
LONGEST = 240.0  # seconds of simulated time in which everything has to be settled after healing


@dataclass
class Simulation:
    """Everything of one run, also for a look at it afterwards."""

    seed: int
    scenario: Scenario
    world: World
    broker: Broker
    link: Link
    servers: dict[str, Server]
    network: Network
    outside: Process
    workload: Workload
    shops: list[ServiceProcess] = field(default_factory=list)
    collectors: list[Collector] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    healed: bool = False
    at_rest: bool = False  # at the end, before everything was taken down
    parked_as_deadly: set[str] = field(default_factory=set)
    _started: int = 0

    # processes

    def start(self, kind: str) -> ServiceProcess:
        """One more process of a service, with a clock of its own."""
        self._started += 1
        most = self.scenario.skew.total_seconds()
        skew = timedelta(seconds=self.world.chance.uniform(-most, most))
        make: Any = shop_process if kind == "toy" else collector_process
        process: ServiceProcess = make(self.world, f"{kind}-{self._started}", self.servers[kind], self.network, skew)
        members: list[Any] = self.shops if kind == "toy" else self.collectors
        members.append(process)
        return process

    def living(self, kind: str) -> list[ServiceProcess]:
        members: list[Any] = self.shops if kind == "toy" else self.collectors
        return [process for process in members if process.alive]

    def point(self, name: str) -> None:
        """A named fault point of the runtime: now and then the process ends just there."""
        self.reached[name] += 1
        if not self.healed and self.world.chance.random() < self.scenario.kill_at_points:
            self.reached["killed at " + name] += 1
            self.world.process.kill()
            raise Killed

    def end_process(self, order_id: str) -> None:
        if order_id in self.workload.bombs:
            self.world.process.kill()
            raise Killed

    # running

    def run(self) -> None:
        with simulated(self.world, self.link, self.point), self._bugs():
            try:
                self._declare()
                for kind in ("collector", "toy"):
                    for _ in range(2):
                        self.start(kind)
                self.world.spawn(self.outside, lambda: self.workload.run(self.collectors), "client")
                self.world.spawn(self.outside, Nemesis(self).run, "nemesis")
                self._until_settled()
            finally:
                self.world.end()

    @contextmanager
    def _bugs(self) -> Iterator[None]:
        with (
            mock.patch.object(Bug, "poison", self.workload.poison),
            mock.patch.object(Bug, "end_process", self.end_process),
            mock.patch.object(topology, "_LARGEST_BACKLOG", self.scenario.largest_backlog),
            mock.patch.object(topology, "DELIVERY_LIMIT", self.scenario.delivery_limit),
        ):
            yield

    def _declare(self) -> None:
        """What the topology job does, and a subscriber outside of it."""

        def job() -> None:
            connection = self.link.connect(self.outside)
            channel = connection.channel()
            whole = topology.events() + topology.inbox("toy", Inbox(CUSTOMERS).subscriptions(Shop), 2)
            if self.scenario.binds_late:
                whole.bindings = [binding for binding in whole.bindings if not binding.source.endswith(".events")]
            topology.declare(channel, whole)
            self.subscribe(channel)
            connection.collect()

        patience = self.link.breaks
        self.link.breaks = 0.0
        self.world.spawn(self.outside, job, "topology")
        self.world.run(0.1)
        self.link.breaks = patience

    def subscribe(self, channel: Any) -> None:
        channel.queue_declare(SUBSCRIBER, durable=True, arguments={"x-queue-type": "quorum"})
        if not self.scenario.binds_late:
            self.bind(channel)

    def bind(self, channel: Any) -> None:
        """The bindings of the service and of the subscriber to what it says."""
        bindings = topology.inbox("toy", Inbox(CUSTOMERS).subscriptions(Shop), 2)
        topology.declare(channel, bindings)
        for source, event in (("profiles", "profile_created"), ("reengagement", "cart_abandoned")):
            channel.queue_bind(SUBSCRIBER, f"{source}.events", event)

    def _until_settled(self) -> None:
        """Let faults end, mend what is broken, and let everything that waits be done."""
        self.world.run(self.scenario.seconds)
        deadline = self.world.seconds + LONGEST
        while not (self.healed and self.workload.done and self.settled()) and self.world.seconds < deadline:
            self.world.run(2.0)
            if self.healed:
                self.replay()
        self.at_rest = self.workload.done and self.settled()

    def replay(self) -> None:
        """The bugs are mended, and somebody has looked at what was parked."""
        self.workload.poison.clear()
        entries = self.servers["toy"].documents("parked")
        self.parked_as_deadly |= {entry["event_id"] for entry in entries if "every process" in entry["reason"]}
        if self.workload.bomb_events <= {entry["event_id"] for entry in entries} | self.abandoned():
            self.workload.bombs.clear()
        if any(entry["state"] == parked.OPEN for entry in entries):
            database: Any = Database(Client(self.servers["toy"], self.network), "outside")

            def ask() -> None:
                try:
                    parked.ask_for_replay(database)
                except StoreAway:
                    return

            self.world.spawn(self.outside, ask, "operator")

    def abandoned(self) -> set[str]:
        """Events that the client gave up before anybody took them."""
        archive = {row["_id"] for row in self.servers["collector"].documents("events")}
        return self.workload.attempted.keys() - archive if self.workload.done else set()

    def settled(self) -> bool:
        toy, collector = self.servers["toy"], self.servers["collector"]
        return not (
            any(queue.ready for name, queue in self.broker.queues.items() if name not in (SUBSCRIBER, topology.UNROUTED))
            or any(row["state"] == "pending" for row in toy.documents("timers"))
            or any("pending_since" in row for row in collector.documents("events"))
            or any(True for _ in toy.documents("outbox"))
            or self.workload.bombs
            or any(row["event_id"] is not None for row in toy.documents("parked"))
            or any(connection.in_hand for connection in self.link.open)
        )


def simulate(seed: int, name: str = "") -> Simulation:
    """Run a seed, in the scenario of that name or in one that the seed chooses."""
    world = World(seed)
    scenario = scenario_of(world.chance, name)
    broker = Broker("" if scenario.binds_late else topology.UNROUTED)
    broker.loses_dead_letters = True
    link = Link(world, broker, scenario.broker_breaks, scenario.broker_refuses)
    servers = {service: Server(world) for service in ("collector", "toy")}
    servers["toy"].most_writes = scenario.most_writes
    network = Network(world, scenario.store_breaks)
    outside = Process(world, "outside")
    workload = Workload(world, scenario)
    simulation = Simulation(seed, scenario, world, broker, link, servers, network, outside, workload)
    simulation.run()
    return simulation
