"""A subscriber outside: takes every event that services tell one another and writes down which, before it acknowledges."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import amqp

from chaos.checker.evidence import Announced
from shared import broker
from shared.envelope import Event, from_message
from shared.errors import BrokerAway
from shared.events import CATALOGUE

QUEUE = "chaos.tap"
_SHOP = "shop"  # the workload's own facts are in the archive
_ABOUT = {
    "cart_abandoned": ("cart_id",),
    "cart_recovered": ("cart_id", "order_id"),
    "replenishment_due": ("order_id", "product_id"),
    "customer_lapsed": ("customer_id", "last_order_at"),
    "profile_created": ("customer_id",),
    "profile_merged": ("customer_id", "revision"),
    "profile_split": ("customer_id", "revision"),
}


class Tap:
    """A durable queue bound to every source but the shop, and the thread that empties it."""

    def __init__(self, uri: str, path: Path) -> None:
        self._uri, self._path = uri, path
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tap", daemon=True)
        self.received: list[Event] = []

    def start(self) -> None:
        """Declare the queue and read it from now on."""
        connection = broker.connect(self._uri, QUEUE)
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        for source in sorted({kind.source for kind in CATALOGUE.values()} - {_SHOP}):
            channel.queue_bind(QUEUE, f"{source}.events", "#")
        broker.close(connection)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def announced(self) -> list[Announced]:
        """What was received, for the checker."""
        return [Announced(event.id, f"{event.source}.{event.name}", about(event.name, event.body)) for event in self.received]

    def _run(self) -> None:
        with self._path.open("a") as file:
            while not self._stopping.is_set():
                try:
                    self._read(file)
                except (BrokerAway, OSError, amqp.AMQPError):
                    self._stopping.wait(1)

    def _read(self, file: Any) -> None:
        connection = broker.connect(self._uri, QUEUE)
        try:
            channel = connection.channel()
            channel.basic_qos(0, 200, False)
            channel.basic_consume(QUEUE, callback=lambda message: self._take(file, channel, message))
            while not self._stopping.is_set():
                try:
                    connection.drain_events(timeout=0.5)
                except TimeoutError:
                    broker.beat(connection)
        finally:
            broker.discard(connection)

    def _take(self, file: Any, channel: Any, message: Any) -> None:
        body = message.body.encode() if isinstance(message.body, str) else message.body  # text where an encoding was declared
        event = from_message(message.properties["application_headers"], body)
        file.write(json.dumps([event.id, event.source, event.name, event.subject]) + "\n")
        file.flush()
        self.received.append(event)
        channel.basic_ack(message.delivery_info["delivery_tag"])


def about(name: str, body: bytes) -> str:
    """What an event is said of, once: the cart that was left, the customer who was created; empty where it may be said again."""
    data: Mapping[str, Any] = json.loads(body)
    return "/".join(str(data[field]) for field in _ABOUT.get(name, ()))
