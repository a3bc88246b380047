"""A collector in a process of its own, with the rights of the collector and no others, and a queue that hears what it publishes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.credentials import TOPOLOGY
from deploy.local.mongod import MongoServer
from deploy.local.rabbitmq import RabbitServer
from deploy.local.settings import free_ports
from shared import broker, topology
from shared.access.signing import LOCAL_ISSUER
from tests.servers import Answer, HttpClient
from tests.serving import ADMIN, SIGNING_KEY

INBOX_PARTITIONS = 4  # the default of the service
TAP = "collector-test"  # a queue that hears every shop event


@dataclass
class Collector:
    """A collector: its doors, its write key, and everything that it published."""

    http: HttpClient
    health: HttpClient
    environment: dict[str, str]
    key: str
    rabbit: RabbitServer
    mongo: MongoServer
    heard: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    @contextmanager
    def running(self, log: Path, part: str = "all") -> Iterator[subprocess.Popen[bytes]]:
        """The process, from ready to gone. It leaves in order when asked, unless the test killed it."""
        command = [sys.executable, "-m", "shared.run", "collector", "--part", part]
        with log.open("ab") as file:
            process = subprocess.Popen(command, env=self.environment, stdout=file, stderr=file)
        try:
            self._wait_until_ready(process, log)
            yield process
            if process.poll() is None:
                process.terminate()
                assert process.wait(30) == 0, log.read_text()[-2000:]
        finally:
            process.kill()
            process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self.health.request("GET", "/health/ready").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(log.read_text()[-4000:])

    def post(self, path: str, message: Any, **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request("POST", path, json.dumps({**message, "writeKey": self.key}).encode(), names)

    def read(self, path: str) -> Any:
        answer = self.http.request("GET", path, headers=ADMIN)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def published(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """The messages on shop.events that fit, once there are any."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self._listen()
            found = [message for message in self.heard if wanted(message)]
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError("the event was not published")

    def _listen(self) -> None:
        connection = broker.connect(self.rabbit.uri(), "test-tap")
        channel = connection.channel()
        while (message := channel.basic_get(TAP, no_ack=True)) is not None:
            self.heard.append(message)
        broker.close(connection)


def collector_over(mongo: MongoServer, rabbit: RabbitServer, source: str) -> Collector:
    """A collector that is not yet started, with a source of that name."""
    _declare(rabbit)
    http_port, metrics_port = free_ports(2)
    environment = {
        **os.environ,
        "MONGO_URI": mongo.uri("collector"),
        "AMQP_URI": rabbit.uri("collector"),
        "HTTP_PORT": str(http_port),
        "METRICS_PORT": str(metrics_port),
        "JWKS": SIGNING_KEY.key_set,
        "JWT_ISSUER": LOCAL_ISSUER,
    }
    command = [sys.executable, "-m", "services.collector", "sources", "add", source]
    key = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    return Collector(HttpClient(http_port), HttpClient(metrics_port), environment, key, rabbit, mongo)


def order(order_id: str, **more: Any) -> dict[str, Any]:
    """An order as a shop tracks it."""
    lines = [{"sku": "p-1", "price": 13.75, "quantity": 2}]
    properties = {"order_id": order_id, "total": "27.50", "currency": "EUR", "products": lines}
    return {
        "type": "track",
        "userId": "42",
        "event": "Order Completed",
        "messageId": f"m-{order_id}",
        "properties": properties,
        **more,
    }


def about(order_id: str) -> Callable[[Any], bool]:
    """Whether a message on shop.events is about that order; other tests publish there too, bodies that are no JSON among them."""
    return lambda message: f'"order_id":"{order_id}"'.encode() in encoded(message)


def header(message: Any, name: str) -> Any:
    """A header of a message on shop.events; other tests publish there too, messages without any."""
    return message.properties.get("application_headers", {}).get(name)


def encoded(message: Any) -> bytes:
    """py-amqp turns bodies that declare an encoding into text."""
    return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


def _declare(rabbit: RabbitServer) -> None:
    connection = broker.connect(rabbit.uri(TOPOLOGY), "test-topology")
    own = topology.inbox("collector", topology.subscriptions_of("collector"), INBOX_PARTITIONS)
    topology.declare(connection.channel(), topology.events() + own)
    broker.close(connection)
    admin = broker.connect(rabbit.uri(), "test-tap")
    channel = admin.channel()
    channel.queue_declare(TAP, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(TAP, "shop.events", "#")
    broker.close(admin)
