"""Exchanges, queues and bindings as data: who declares them, with which rights, and what a queue promises.

One job declares everything before anything rolls (`python -m shared.topology`); services have no right to configure. All queues are
durable quorum queues with an explicit delivery limit and at-least-once dead-lettering, which means the same on RabbitMQ 3.10 and 4.x.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import amqp

from shared import broker
from shared.config import load
from shared.errors import BrokerAway, ConfigurationError
from shared.events import CATALOGUE
from shared.registry import service_classes, service_names

UNROUTED = "unrouted"  # the alternate exchange, and the queue that keeps what no service was bound to
SHOP_EVENTS = "shop.events"  # what the collector publishes
INTAKE = "shop.intake"  # where shops that speak AMQP publish
INTAKE_QUEUE = "collector.intake"
DELIVERY_LIMIT = 50  # the broker's last net for a message whose consumers keep dying; ours acts at 5 (see consume)
_LARGEST_BACKLOG = 8 * 1024**3


@dataclass(frozen=True)
class Exchange:
    name: str
    type: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Queue:
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Binding:
    """`exchange_to_exchange` binds the exchange `destination` instead of a queue."""

    destination: str
    source: str
    routing_key: str
    exchange_to_exchange: bool = False


@dataclass
class Topology:
    exchanges: list[Exchange] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)

    def __add__(self, other: "Topology") -> "Topology":
        return Topology(self.exchanges + other.exchanges, self.queues + other.queues, self.bindings + other.bindings)


def inbox_exchange(service: str) -> str:
    return f"{service}.inbox"


def inbox_queue(service: str, partition: int) -> str:
    return f"{service}.inbox.{partition}"


def dead_queue(service: str) -> str:
    return f"{service}.dead"


def events() -> Topology:
    """The exchange of every source in the catalogue and of every service, the net behind them, and the door for AMQP shops.

    The alternate exchange of the events exchanges is a policy of the broker (`{"alternate-exchange": "unrouted"}` on `.*\\.events`),
    not an argument: stock nameko subscribers declare the exchange as well, without arguments, and would be refused.
    """
    sources = sorted({kind.source for kind in CATALOGUE.values()} | set(service_names()))
    exchanges = [Exchange(UNROUTED, "fanout"), Exchange(INTAKE, "topic")]
    exchanges += [Exchange(f"{source}.events", "topic") for source in sources]
    return Topology(
        exchanges,
        [Queue(UNROUTED, _quorum()), Queue(INTAKE_QUEUE, _quorum())],
        [Binding(UNROUTED, UNROUTED, ""), Binding(INTAKE_QUEUE, INTAKE, "#")],
    )


def inbox(service: str, subscriptions: Sequence[tuple[str, str]], partitions: int) -> Topology:
    """The inbox of a service: a hash on the subject over quorum queues with one active consumer each, and its dead letters."""
    hashed = inbox_exchange(service)
    dead = dead_queue(service)
    exchanges = [Exchange(hashed, "x-consistent-hash", {"hash-header": "ce-subject"}), Exchange(dead, "fanout")]
    arguments = {**_quorum(), "x-single-active-consumer": True, "x-dead-letter-exchange": dead}
    arguments |= {"x-dead-letter-strategy": "at-least-once", "x-delivery-limit": DELIVERY_LIMIT}
    names = [inbox_queue(service, partition) for partition in range(partitions)]
    bindings = [Binding(name, hashed, "1") for name in names] + [Binding(dead, dead, "")]
    bindings += [Binding(hashed, f"{source}.events", event, exchange_to_exchange=True) for source, event in subscriptions]
    return Topology(exchanges, [*(Queue(name, arguments) for name in names), Queue(dead, _quorum())], bindings)


def _quorum() -> dict[str, Any]:
    """Overflow refuses the newest instead of dropping the oldest: at-least-once dead-lettering asks for it, and so do we."""
    return {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length-bytes": _LARGEST_BACKLOG}


def whole(partitions: int) -> Topology:
    """The topology of all services, as their handlers declare it."""
    topology = events()
    for service in service_names():
        subscriptions = subscriptions_of(service)
        if subscriptions:
            topology += inbox(service, subscriptions, partitions)
    return topology


def subscriptions_of(service: str) -> list[tuple[str, str]]:
    """(source, event) of all that a service's handlers name; empty for a service that hears nothing."""
    worker = service_classes(service).worker
    inbox_of = getattr(worker, "inbox", None)
    return list(inbox_of.subscriptions(worker)) if inbox_of is not None else []


def declare(channel: Any, topology: Topology) -> None:
    """Declare everything; repeating it changes nothing. Raises amqp.AMQPError where something exists with other properties."""
    for exchange in topology.exchanges:
        channel.exchange_declare(exchange.name, exchange.type, durable=True, auto_delete=False, arguments=exchange.arguments)
    for queue in topology.queues:
        channel.queue_declare(queue.name, durable=True, exclusive=False, auto_delete=False, arguments=queue.arguments)
    for binding in topology.bindings:
        bind = channel.exchange_bind if binding.exchange_to_exchange else channel.queue_bind
        bind(binding.destination, binding.source, binding.routing_key)


def main() -> int:
    """Declare the whole topology at AMQP_URI; indexes are made by each service when it starts."""
    try:
        config = load("topology")
        connection = broker.connect(config.amqp_uri, "sambandh-topology")
    except (ConfigurationError, BrokerAway) as error:
        print(f"topology: cannot reach RabbitMQ at AMQP_URI: {error}", file=sys.stderr)
        return 1
    try:
        topology = whole(config.inbox_partitions)
        declare(connection.channel(), topology)
    except amqp.AMQPError as error:
        print(f"topology: {error}. A queue or exchange exists with other properties: delete it when empty.", file=sys.stderr)
        return 1
    finally:
        broker.close(connection)
    print(f"topology: {len(topology.exchanges)} exchanges, {len(topology.queues)} queues, {len(topology.bindings)} bindings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
