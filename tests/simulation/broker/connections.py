"""What py-amqp is to this code base, over a simulated broker: connections with one channel, frames, and ways to break.

What is written lies in a buffer until the process waits for something: a connection that breaks takes along what the broker had not read.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import amqp

from tests.simulation.broker.frames import published
from tests.simulation.broker.queues import Broker, Exchange, Message, Queue
from tests.simulation.world import Process, Task, World

BROKEN = ConnectionResetError


@dataclass(eq=False)
class Consumer:
    """Somebody who reads a queue, with what was given and not acknowledged."""

    channel: "Channel"
    queue: Queue
    tag: str
    prefetch: int
    unacknowledged: int = 0
    withheld: bool = False  # it has no credit any more

    @property
    def has_room(self) -> bool:
        return not self.withheld and (not self.prefetch or self.unacknowledged < self.prefetch)

    def receive(self, message: Message) -> None:
        self.unacknowledged += 1
        self.channel.deliver(self, message)


class Link:
    """The ways of one process to the broker: `breaks` is the probability that a connection breaks at a wait, `refuses` of a nack."""

    def __init__(self, world: World, broker: Broker, breaks: float = 0.0, refuses: float = 0.0) -> None:
        self.world, self.broker, self.breaks, self.refuses = world, broker, breaks, refuses
        self.open: list[Connection] = []
        self.away_until = 0.0
        self.broken = 0

    def connect(self, process: Process, deliver: Callable[[Any], None] | None = None) -> "Connection":
        self.world.sleep(0.001)
        if self.world.seconds < self.away_until:
            raise ConnectionRefusedError("no broker")
        connection = Connection(self, process, deliver)
        self.open.append(connection)
        process.at_death.append(connection.cut)
        return connection

    def restart(self, seconds: float) -> None:
        """The broker goes away and comes back with all that it had confirmed."""
        self.away_until = self.world.seconds + seconds
        for connection in list(self.open):
            connection.cut()


class Connection:
    frame_max = 131_072
    server_properties = {"product": "RabbitMQ", "version": "3.10.8"}

    def __init__(self, link: Link, process: Process, deliver: Callable[[Any], None] | None) -> None:
        self._link, self._process, self.deliver = link, process, deliver
        self._world = link.world
        self._inbound: deque[Callable[[], None]] = deque()
        self._outbound: deque[Callable[[], None]] = deque()
        self._reader: Task | None = None
        self.connected = True
        self.channels: list[Channel] = []
        self.transport = SimpleNamespace(write=self._read_frames)

    def channel(self) -> "Channel":
        self.channels.append(Channel(self, self._link, len(self.channels) + 1))
        return self.channels[-1]

    def _read_frames(self, data: bytes) -> None:
        """Messages that were written as bytes, each by its frames."""
        self._check()
        for channel, message in published(data):
            self.channels[channel - 1].publish(message)

    @property
    def in_hand(self) -> int:
        """Messages that were given over it and not acknowledged."""
        return sum(len(channel.given) for channel in self.channels)

    # frames

    def write(self, frame: Callable[[], None]) -> None:
        self._check()
        self._outbound.append(frame)

    def arrive(self, frame: Callable[[], None]) -> None:
        self._inbound.append(frame)
        if self._reader is not None:
            self._world.wake(self._reader)

    def flush(self) -> None:
        """The broker reads all that was written, unless the connection breaks on the way."""
        self._check()
        if self._world.chance.random() < self._link.breaks:
            self.cut()
            raise BROKEN("reset by peer")
        while self._outbound:
            self._outbound.popleft()()
        for channel in self.channels:
            channel.confirm_held()

    def call(self, frame: Callable[[], Any]) -> Any:
        """A method that the broker answers; what arrives before the answer is dispatched."""
        self.flush()
        answer = frame()
        while self._inbound:
            self._inbound.popleft()()
        return answer

    def drain_read(self, timeout: float) -> None:
        """Dispatch what has arrived, waiting for it up to `timeout` seconds. Raises TimeoutError."""
        self.flush()
        if not self._inbound:
            self._wait(timeout)
        self._check()
        if not self._inbound:
            raise TimeoutError
        for _ in range(self._world.chance.randint(1, len(self._inbound))):
            self._inbound.popleft()()

    def _wait(self, seconds: float) -> None:
        self._reader = self._world.task
        try:
            self._world.sleep(seconds)
        finally:
            self._reader = None

    def _check(self) -> None:
        if not self.connected:
            raise BROKEN("reset by peer")

    # the end

    def cut(self) -> None:
        """Break it: the broker reads some of what was written, and gets back what was not acknowledged."""
        if not self.connected:
            return
        for _ in range(self._world.chance.randint(0, len(self._outbound))):
            self._outbound.popleft()()
        self._link.broken += 1
        self._end()

    def _end(self) -> None:
        self.connected = False
        self._outbound.clear()
        self._link.open.remove(self)
        for channel in self.channels:
            channel.end()
        if self._reader is not None:
            self._world.wake(self._reader)

    def collect(self) -> None:
        """The socket is closed without a word; the broker still reads what was written."""
        if self.connected:
            while self._outbound:
                self._outbound.popleft()()
            self._end()

    def close(self) -> None:
        self.flush()
        self._end()

    def heartbeat_tick(self) -> None:
        self._check()


@dataclass(eq=False)
class Channel:
    connection: Connection
    link: Link
    channel_id: int
    events: dict[str, set[Callable[..., None]]] = field(
        default_factory=lambda: {"basic_ack": set(), "basic_nack": set(), "basic_return": set()}
    )
    _consumers: dict[str, Consumer] = field(default_factory=dict)
    given: dict[int, tuple[Consumer, Message]] = field(default_factory=dict)
    _coming: set[int] = field(default_factory=set)  # tags of messages that were given and have not arrived
    _delivered: int = 0
    _published: int = 0
    _confirms: bool = False
    _held: int = 0  # the latest publishing that the broker has and did not confirm yet: one confirm may stand for many
    _prefetch: int = 0
    _tags: int = 0

    def end(self) -> None:
        """All that was given and not acknowledged goes back, in order."""
        for consumer in self._consumers.values():
            consumer.queue.consumers.remove(consumer)
        back: dict[str, list[Message]] = {}
        for consumer, message in self.given.values():
            back.setdefault(consumer.queue.name, []).append(message)
        queues = {consumer.queue.name for consumer in self._consumers.values()} | back.keys()
        self._consumers, self.given = {}, {}
        for name in sorted(queues):
            self.link.broker.come_back(self.link.broker.queues[name], back.get(name, []))

    # consuming

    def basic_qos(self, size: int, count: int, apply_global: bool) -> None:
        if apply_global:
            raise amqp.exceptions.NotImplementedError("540: global prefetch")
        self._prefetch = count

    def basic_consume(self, queue: str, no_ack: bool) -> str:
        if no_ack:
            raise NotImplementedError("consuming without acknowledging")
        self._tags += 1
        consumer = Consumer(self, self.link.broker.queues[queue], f"{id(self)}-{self._tags}", self._prefetch)

        def join() -> None:
            self._consumers[consumer.tag] = consumer
            consumer.queue.consumers.append(consumer)
            consumer.queue.give()

        self.connection.call(join)
        return consumer.tag

    def basic_cancel(self, tag: str) -> None:
        def leave() -> None:
            """What is on its way to the consumer goes back, and counts as returned."""
            consumer = self._consumers.pop(tag)
            consumer.queue.consumers.remove(consumer)
            back = [self.given.pop(each)[1] for each in sorted(self._coming) if self.given[each][0] is consumer]
            self._coming &= self.given.keys()
            self.link.broker.come_back(consumer.queue, back)

        self.connection.call(leave)

    def send_method(self, signature: tuple[int, int], form: str, arguments: tuple[str, int, bool]) -> None:
        """RabbitMQ's `basic.credit`, of which nothing but taking all credit away is used."""
        tag, credit, _ = arguments
        if signature != (60, 200) or credit:
            raise NotImplementedError(signature)
        self.connection.write(lambda: setattr(self._consumers[tag], "withheld", True))

    def wait(self, method: tuple[int, int], timeout: float) -> None:
        self.connection.call(lambda: None)

    def deliver(self, consumer: Consumer, message: Message) -> None:
        self._delivered += 1
        tag = self._delivered
        self.given[tag] = (consumer, message)
        arrived = SimpleNamespace(body=message.body, headers=message.headers, tag=tag, routing_key=message.routing_key)
        deliver = self.connection.deliver
        if deliver is None:
            return
        self._coming.add(tag)

        def arrive() -> None:
            if tag in self._coming:
                self._coming.remove(tag)
                deliver(arrived)

        self.connection.arrive(arrive)

    def basic_ack(self, tag: int, multiple: bool = False) -> None:
        self.connection.write(lambda: self._acknowledge(tag, multiple))

    def _acknowledge(self, tag: int, multiple: bool) -> None:
        queues = {}
        for each in [given for given in self.given if given == tag or (multiple and given <= tag)]:
            consumer, _ = self.given.pop(each)
            consumer.unacknowledged -= 1
            queues[consumer.queue.name] = consumer.queue
        for queue in queues.values():
            queue.give()

    # publishing

    def confirm_select(self) -> None:
        self._confirms = True
        self.connection.call(lambda: None)

    def publish(self, message: Message) -> None:
        self._published += 1
        tag = self._published
        self.connection.write(lambda: self._take(message, tag))

    def _take(self, message: Message, tag: int) -> None:
        refused = self.link.world.chance.random() < self.link.refuses
        routed, taken = (True, False) if refused else self.link.broker.publish(message)
        if not routed and message.mandatory:
            returned = SimpleNamespace(properties={"message_id": message.message_id})
            self._tell("basic_return", None, message.exchange, message.routing_key, returned)
        if not self._confirms:
            return
        if taken:
            self._held = tag
        if not taken or self.link.world.chance.random() < 0.3:
            self.confirm_held()
        if not taken:
            self._tell("basic_nack", tag, False)

    def confirm_held(self) -> None:
        if self._held:
            self._tell("basic_ack", self._held, True)
        self._held = 0

    def _tell(self, event: str, *arguments: Any) -> None:
        self.connection.arrive(lambda: [listener(*arguments) for listener in list(self.events[event])])  # type: ignore[arg-type,return-value]

    # declaring

    def queue_declare(self, queue: str, passive: bool = False, arguments: Any = None, **_: Any) -> SimpleNamespace:
        def declare() -> SimpleNamespace:
            if not passive:
                self.link.broker.queues.setdefault(queue, Queue(queue, arguments or {}))
            return SimpleNamespace(message_count=len(self.link.broker.queues[queue].ready))

        answer: SimpleNamespace = self.connection.call(declare)
        return answer

    def exchange_declare(self, exchange: str, type: str, arguments: Any = None, **_: Any) -> None:
        exchanges = self.link.broker.exchanges
        self.connection.call(lambda: exchanges.setdefault(exchange, Exchange(exchange, type, arguments or {})))

    def queue_bind(self, queue: str, exchange: str, routing_key: str = "") -> None:
        self._bind(exchange, (queue, routing_key, False))

    def exchange_bind(self, destination: str, source: str, routing_key: str = "") -> None:
        self._bind(source, (destination, routing_key, True))

    def _bind(self, exchange: str, binding: tuple[str, str, bool]) -> None:
        bindings = self.link.broker.exchanges[exchange].bindings
        self.connection.call(lambda: None if binding in bindings else bindings.append(binding))
