"""Exchanges and quorum queues: what goes where, who is given it, and what becomes of it when it comes back.

From the RabbitMQ documentation ("Quorum Queues", "Consumer Prefetch", "Single Active Consumer", "Dead Letter Exchanges", "Consumer
Acknowledgements and Publisher Confirms"). A test runs the same steps against a real broker.
"""

import fnmatch
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.broker.connections import Consumer


@dataclass(frozen=True, slots=True)
class Message:
    """As published; `returns` counts how often it was given to a consumer and came back."""

    body: bytes
    given_headers: Mapping[str, Any]
    exchange: str
    routing_key: str
    message_id: str = ""
    mandatory: bool = False
    returns: int = 0
    number: int = 0  # its place in the queue, kept when it comes back

    @property
    def headers(self) -> dict[str, Any]:
        headers = dict(self.given_headers)
        if self.returns:
            headers["x-delivery-count"] = self.returns
        return headers


@dataclass
class Queue:
    """A durable quorum queue; `arguments` as declared."""

    name: str
    arguments: Mapping[str, Any]
    ready: deque[Message] = field(default_factory=deque)
    consumers: list["Consumer"] = field(default_factory=list)
    published: int = 0
    came_back: int = 0

    @property
    def bytes(self) -> int:
        return sum(len(message.body) for message in self.ready)

    @property
    def full(self) -> bool:
        limit = self.arguments.get("x-max-length-bytes")
        return limit is not None and self.bytes >= limit

    def put(self, message: Message) -> bool:
        """Take a message at the end. False where the queue is full and refuses."""
        if self.full:
            if self.arguments.get("x-overflow", "drop-head") != "drop-head":
                return False
            self.ready.popleft()
        self.published += 1
        self.ready.append(replace(message, returns=0, number=self.published))
        self.give()
        return True

    def give_back(self, messages: list[Message]) -> list[Message]:
        """Put messages back at their old places and count the return; returns those that came back too often."""
        limit = self.arguments.get("x-delivery-limit")
        self.came_back += len(messages)
        returned = [replace(message, returns=message.returns + 1) for message in messages]
        dead = [message for message in returned if limit is not None and message.returns > limit]
        kept = [message for message in returned if message not in dead]
        self.ready = deque(sorted([*kept, *self.ready], key=lambda message: message.number))
        return dead

    def give(self) -> None:
        """Hand out what waits, up to each consumer's prefetch; with a single active consumer only to the first."""
        for consumer in self.consumers[:1] if self.arguments.get("x-single-active-consumer") else self.consumers:
            while self.ready and consumer.has_room:
                consumer.receive(self.ready.popleft())


@dataclass
class Exchange:
    name: str
    type: str
    arguments: Mapping[str, Any]
    bindings: list[tuple[str, str, bool]] = field(default_factory=list)  # destination, routing key, whether it is an exchange


class Broker:
    """Everything declared, and routing between it. `alternate` is the policy: the exchange behind every `*.events`."""

    def __init__(self, alternate: str = "") -> None:
        self.exchanges: dict[str, Exchange] = {}
        self.queues: dict[str, Queue] = {}
        self.alternate = alternate
        self.loses_dead_letters = False  # whether the target of dead letters is away when they are sent

    def publish(self, message: Message) -> tuple[bool, bool]:
        """Route a message; returns (whether a queue wanted it, whether all that wanted it took it)."""
        queues = self._route(message.exchange, message)
        if not queues and message.exchange.endswith(".events") and self.alternate:
            queues = self._route(self.alternate, message)
        taken = [self.queues[name].put(message) for name in sorted(queues)]
        return bool(queues), all(taken)

    def _route(self, exchange_name: str, message: Message) -> set[str]:
        exchange = self.exchanges[exchange_name]
        found: set[str] = set()
        for destination, _, to_exchange in self._chosen(exchange, message):
            found |= self._route(destination, message) if to_exchange else {destination}
        return found

    def _chosen(self, exchange: Exchange, message: Message) -> list[tuple[str, str, bool]]:
        if exchange.type == "fanout":
            return exchange.bindings
        if exchange.type == "x-consistent-hash":
            key = str(message.headers.get(exchange.arguments["hash-header"], ""))
            return [exchange.bindings[zlib.crc32(key.encode()) % len(exchange.bindings)]] if exchange.bindings else []
        return [binding for binding in exchange.bindings if _fits(binding[1], message.routing_key)]

    def come_back(self, queue: Queue, messages: list[Message]) -> None:
        """What a consumer had and did not acknowledge."""
        for dead in queue.give_back(messages):
            self._bury(queue, dead)
        queue.give()

    def _bury(self, queue: Queue, message: Message) -> None:
        """Dead letters wait for their target only with the strategy at-least-once, which wants reject-publish as well."""
        careful = queue.arguments.get("x-dead-letter-strategy") == "at-least-once"
        careful = careful and queue.arguments.get("x-overflow") == "reject-publish"
        target = queue.arguments.get("x-dead-letter-exchange")
        if target is None or (self.loses_dead_letters and not careful):
            return
        self.publish(replace(message, exchange=target))


def _fits(pattern: str, routing_key: str) -> bool:
    """Topic patterns as far as they are used: a name, or `#` for all."""
    return pattern == "#" or fnmatch.fnmatchcase(routing_key, pattern)
