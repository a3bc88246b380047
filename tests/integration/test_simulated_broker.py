"""The simulated RabbitMQ does as the real one does: the same steps on both, the same messages, counts and confirms."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.local.rabbitmq import RabbitServer
from shared import broker, topology
from shared.broker import Letter, Publisher
from shared.frames import Delivered
from tests.simulation.broker.connections import Link
from tests.simulation.broker.queues import Broker
from tests.simulation.processes import simulated
from tests.simulation.world import Process, World

Notes = list[Any]


class Bench:
    """A service's inbox of one partition, and the ways to it that the runtime uses."""

    def __init__(self, uri: str, limit: int = 50) -> None:
        self.uri, self.service = uri, f"simulated{uuid.uuid4().hex[:8]}"
        self.queue, self.dead = topology.inbox_queue(self.service, 0), topology.dead_queue(self.service)
        self.publisher = Publisher(uri, "publisher")
        whole = topology.inbox(self.service, [], 1)
        for queue in whole.queues:
            queue.arguments["x-delivery-limit"] = limit
        self._connection = broker.connect(uri, "declaring")
        self._channel: Any = self._connection.channel()
        topology.declare(self._channel, whole)

    def publish(self, *bodies: str, exchange: str = "") -> tuple[list[str], list[str], list[str]]:
        """Confirmed, returned and refused, by body."""
        target = exchange or topology.inbox_exchange(self.service)
        letters = [Letter(body, target, "key", {"ce-subject": "user:1"}, body.encode()) for body in bodies]
        receipt = self.publisher.publish(letters)
        return sorted(receipt.confirmed), sorted(receipt.returned), sorted(receipt.refused)

    def waiting(self, queue: str, expected: int) -> int:
        """Messages that wait, looked at until there are as many as expected or patience ends."""
        for _ in range(50):
            count: int = self._channel.queue_declare(queue, passive=True).message_count
            if count == expected:
                break
            broker.connect(self.uri, "pausing").collect()
        return count

    def close(self) -> None:
        self.publisher.discard()
        for queue in (self.queue, self.dead):
            self._channel.queue_delete(queue)
        for exchange in (topology.inbox_exchange(self.service), self.dead):
            self._channel.exchange_delete(exchange)
        self._connection.close()


class Reader:
    """A consumer; `read` gives what arrived, as (body, how often it came back)."""

    def __init__(self, bench: Bench, prefetch: int) -> None:
        self.arrived: list[Delivered] = []
        self.connection = broker.connect(bench.uri, "reading", self.arrived.append)
        self.channel: Any = self.connection.channel()
        self.channel.basic_qos(0, prefetch, False)
        self.tag = self.channel.basic_consume(bench.queue, no_ack=False)

    def read(self, wanted: int) -> list[tuple[str, int]]:
        """Wait for so many messages, and a moment longer for one too many."""
        for patience in (10.0, 0.3):
            try:
                while len(self.arrived) < wanted or patience < 1:
                    self.connection.drain_read(patience)
            except TimeoutError:
                continue
        return [(one.body.decode(), one.headers.get("x-delivery-count", 0)) for one in self.arrived]


def confirms(bench: Bench, notes: Notes) -> None:
    notes.append(bench.publish("a", "b"))
    notes.append(bench.publish("c", exchange="profiles.events"))
    notes.append(bench.publish("d"))
    notes.append(bench.waiting(bench.queue, 3))


def what_comes_back(bench: Bench, notes: Notes) -> None:
    bench.publish("a", "b", "c")
    first = Reader(bench, 2)
    notes.append(first.read(2))
    first.connection.collect()
    second = Reader(bench, 2)
    notes.append(second.read(2))
    second.channel.basic_ack(second.arrived[1].tag, multiple=True)
    second.arrived.clear()
    notes.append(second.read(1))
    second.channel.basic_ack(second.arrived[0].tag)
    second.connection.close()
    notes.append(bench.waiting(bench.queue, 0))


def one_active_consumer(bench: Bench, notes: Notes) -> None:
    first, second = Reader(bench, 10), Reader(bench, 10)
    bench.publish("a", "b")
    notes.append((first.read(2), second.read(0)))
    first.channel.basic_cancel(first.tag)
    bench.publish("c")
    notes.append((first.read(2), second.read(1)))
    first.channel.basic_ack(first.arrived[1].tag, multiple=True)
    first.connection.close()
    second.connection.close()
    notes.append(bench.waiting(bench.queue, 1))


def too_many_returns(bench: Bench, notes: Notes) -> None:
    bench.publish("a")
    for _ in range(3):
        reader = Reader(bench, 1)
        notes.append(reader.read(1))
        reader.connection.collect()
    notes.append((bench.waiting(bench.dead, 1), bench.waiting(bench.queue, 0)))


STEPS: dict[str, tuple[Callable[[Bench, Notes], None], dict[str, Any]]] = {
    "confirms": (confirms, {}),
    "what comes back": (what_comes_back, {}),
    "one active consumer": (one_active_consumer, {}),
    "too many returns": (too_many_returns, {"limit": 2}),
}


@pytest.fixture
def real(rabbit_server: RabbitServer) -> str:
    with broker.connect(rabbit_server.uri(), "test") as connection:
        topology.declare(connection.channel(), topology.events())
    return rabbit_server.uri()


@contextmanager
def _world() -> Iterator[World]:
    world = World(0)
    link = Link(world, Broker(topology.UNROUTED))
    with simulated(world, link, lambda point: None):
        yield world


@pytest.mark.parametrize("name", STEPS)
def test_the_simulated_broker_does_as_the_real_one(real: str, name: str) -> None:
    steps, options = STEPS[name]
    expected: Notes = []
    bench = Bench(real, **options)
    try:
        steps(bench, expected)
    finally:
        bench.close()
    seen: Notes = []

    def run() -> None:
        connection = broker.connect("", "declaring")
        topology.declare(connection.channel(), topology.events())
        steps(Bench("", **options), seen)

    with _world() as world:
        world.spawn(Process(world, "test"), run, "steps")
        world.run(600.0)
    assert expected
    assert seen == expected
