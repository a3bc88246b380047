"""Connections to RabbitMQ, and publishing that knows what the broker has taken.

py-amqp's own confirm mode pairs the next ack with the last message, which goes wrong after a message was returned or a wait timed
out, and it waits for each message. Here acks are matched by delivery tag over a window of messages, and a connection that showed
any error is thrown away.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import amqp
from amqp.method_framing import frame_handler
from kombu.utils.url import parse_url

from shared import faults, frames, metrics
from shared.envelope import Event
from shared.errors import BrokerAway

HEARTBEAT = 20
_AWAY = (OSError, amqp.AMQPError)


@contextmanager
def reachable() -> Iterator[None]:
    """Translate the many ways of losing the broker into BrokerAway."""
    try:
        yield
    except _AWAY as error:
        raise BrokerAway(type(error).__name__) from error


def connect(uri: str, name: str, deliver: Callable[[frames.Delivered], None] | None = None) -> frames.Connection:
    """An open connection; every read and write on it has a time limit. Raises BrokerAway.

    `deliver` is given every message of every consumer on it.
    """
    parts = parse_url(uri)
    connection = frames.Connection(
        host=f"{parts['hostname']}:{parts['port'] or 5672}",
        userid=parts["userid"] or "guest",
        password=parts["password"] or "guest",
        virtual_host=parts["virtual_host"] or "/",
        ssl=parts["transport"] == "amqps",
        connect_timeout=5,
        read_timeout=30,
        write_timeout=30,
        heartbeat=HEARTBEAT,
        socket_settings={socket.TCP_USER_TIMEOUT: 15_000},
        client_properties={"connection_name": name},
        on_blocked=lambda reason: metrics.BLOCKED.set(1),
        on_unblocked=lambda: metrics.BLOCKED.set(0),
        frame_handler=frames.reading(deliver) if deliver else frame_handler,
    )
    try:
        with reachable():
            connection.connect()
    except BrokerAway:
        discard(connection)
        raise
    return connection


def discard(connection: amqp.Connection) -> None:
    """Drop a connection without another word to the broker."""
    with contextlib.suppress(Exception):
        connection.collect()


def close(connection: amqp.Connection) -> None:
    """Say goodbye to the broker, or drop the connection if it does not answer."""
    try:
        connection.close()
    except Exception:  # whatever goes wrong while leaving, the connection is gone afterwards
        discard(connection)


def beat(connection: amqp.Connection) -> None:
    """Send a heartbeat when one is due; raise BrokerAway when the broker's are missing."""
    with reachable():
        connection.heartbeat_tick()


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to publish: where to, and exactly which bytes. `id` is the publisher's name for it."""

    id: str
    exchange: str
    routing_key: str
    headers: dict[str, Any]
    body: bytes
    content_type: str = "application/json"


def letter(event: Event) -> Letter:
    return Letter(event.id, event.exchange, event.name, event.headers(), event.body)


@dataclass(slots=True)
class Receipt:
    """What the broker said of a window of letters, by their ids. What is in none of the sets has to be published again."""

    confirmed: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)  # no queue wanted it, not even the alternate exchange's
    refused: set[str] = field(default_factory=set)


class Publisher:
    """Publishes windows of letters on a connection of its own."""

    def __init__(self, uri: str, name: str) -> None:
        self._uri, self._name = uri, name
        self._connection: frames.Connection | None = None
        self._channel: Any = None
        self._tag = 0
        self._waiting: dict[int, str] = {}
        self._receipt = Receipt()

    def publish(self, letters: Sequence[Letter], timeout: float = 15.0) -> Receipt:
        """Publish letters and wait until the broker has answered for each. Raises BrokerAway, then nothing is known of the rest."""
        try:
            with reachable():
                self._open()
                self._receipt = Receipt()
                self._send(letters)
                faults.reached("relay.before_confirm")
                self._await(timeout)
        except BaseException:
            self.discard()
            raise
        return self._receipt

    def _open(self) -> None:
        if self._connection is not None:
            return
        self._connection = connect(self._uri, self._name)
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._tag, self._waiting = 0, {}
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)

    def _send(self, letters: Sequence[Letter]) -> None:
        """Write a window at once; the broker numbers messages in the order of their coming."""
        connection: Any = self._connection
        for tag, one in enumerate(letters, start=self._tag + 1):
            self._waiting[tag] = one.id
        self._tag += len(letters)
        connection.transport.write(
            b"".join(frames.published(one, self._channel.channel_id, connection.frame_max) for one in letters)
        )

    def _await(self, timeout: float) -> None:
        deadline = monotonic() + timeout
        while self._waiting:
            left = deadline - monotonic()
            if left <= 0:
                raise BrokerAway("the broker did not confirm in time")
            self._connection.drain_read(left)  # type: ignore[union-attr]  # open while letters wait

    def _settle(self, tag: int, multiple: bool) -> list[str]:
        tags = [waiting for waiting in self._waiting if waiting <= tag] if multiple else [tag]
        return [self._waiting.pop(each) for each in tags if each in self._waiting]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._receipt.confirmed |= set(self._settle(tag, multiple)) - self._receipt.returned

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._receipt.refused |= set(self._settle(tag, multiple))

    def _on_return(self, error: Exception, exchange: str, routing_key: str, message: amqp.Message) -> None:
        self._receipt.returned.add(message.properties["message_id"])

    def beat(self) -> None:
        """Keep an idle connection alive, or drop it."""
        if self._connection is None:
            return
        try:
            with contextlib.suppress(TimeoutError), reachable_but_quiet():
                self._connection.drain_read(0.001)
            beat(self._connection)
        except BrokerAway:
            self.discard()

    def discard(self) -> None:
        if self._connection is not None:
            discard(self._connection)
        self._connection = self._channel = None
        metrics.BLOCKED.set(0)


@contextmanager
def reachable_but_quiet() -> Iterator[None]:
    """As `reachable`, but nothing to read is no failure."""
    try:
        yield
    except TimeoutError:
        raise
    except _AWAY as error:
        raise BrokerAway(type(error).__name__) from error
