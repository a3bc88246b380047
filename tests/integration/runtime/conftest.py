"""One toy service a test: its own database, its own queues, as many processes of it as the test wants."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from deploy.local.rabbitmq import RabbitServer
from deploy.local.settings import free_ports
from shared import broker, mongo, topology
from shared.broker import Letter, Publisher, letter
from shared.consume import Inbox
from shared.envelope import Event, derived_id, encode
from shared.errors import BrokerAway
from tests.integration.runtime.toy import CUSTOMERS, Toy

_numbers = itertools.count()


def order(number: int, customer: int, amount: int = 100, order_id: str = "") -> Event:
    """An order_completed event, the same whenever it is made from the same arguments."""
    key = f"user:{customer}"
    data = {
        "identity_keys": [key],
        "shop_source": "Web shop",
        "shop_source_kind": "web",
        "order_id": order_id or f"o-{number}",
        "amount": amount,
        "currency": "USD",
        "products": [],
    }
    at = datetime.now(UTC)
    return Event(derived_id("toy", str(number), order_id), "order_completed", "shop", key, at, at, encode(data))


def wait_until(condition: Callable[[], Any], seconds: float = 60.0, what: str = "the condition") -> Any:
    """The first true answer of `condition`; an assertion error at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


class System:
    """The toy service with its servers: publishes to it, starts and kills processes of it, reads what it holds."""

    def __init__(self, mongo_server: MongoServer, rabbit_server: RabbitServer, logs: Path) -> None:
        self.name = f"toy{os.getpid()}n{next(_numbers)}"
        self.mongo, self.rabbit, self.logs = mongo_server, rabbit_server, logs
        client: MongoClient[dict[str, Any]] = MongoClient(mongo_server.uri(), tz_aware=True)
        self.database = mongo.durable(client[f"sambandh_{self.name}"])
        self.processes: list[subprocess.Popen[bytes]] = []
        self._publisher = Publisher(rabbit_server.uri(), "test")
        self.declare()

    def declare(self) -> None:
        subscriptions = Inbox(CUSTOMERS).subscriptions(Toy)
        connection = broker.connect(self.rabbit.uri(), "test-topology")
        topology.declare(connection.channel(), topology.events() + topology.inbox(self.name, subscriptions, 4))
        broker.close(connection)

    def start(self, fault: str = "", **settings: str) -> subprocess.Popen[bytes]:
        """A process of the service."""
        environment = {
            **os.environ,
            "TOY_NAME": self.name,
            "AMQP_URI": self.rabbit.uri(),
            "MONGO_URI": self.mongo.uri(),
            "METRICS_PORT": str(free_ports(1)[0]),
            "FAULT": fault,
            "BATCH_SIZE": "50",
            **settings,
        }
        log = (self.logs / f"{self.name}-{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-W", "ignore", "-m", "tests.integration.runtime.toy"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        self.processes.append(process)
        return process

    def publish(self, events: Sequence[Event]) -> None:
        """Put events on their exchange as a relay does."""
        self.send([letter(event) for event in events])

    def send(self, letters: Sequence[Letter]) -> None:
        """Publish until the broker has taken everything; after an outage again, as a relay does.

        A broker that begins may return what it has no binding for yet, though the bindings are durable.
        """
        for start in range(0, len(letters), 500):
            wait_until(lambda window=letters[start : start + 500]: self._confirmed(window), what="confirmed letters")

    def _confirmed(self, letters: Sequence[Letter]) -> bool:
        try:
            receipt = self._publisher.publish(letters)
            return not receipt.refused and not receipt.returned
        except BrokerAway:
            return False

    def totals(self) -> tuple[int, int]:
        """(orders, revenue) as the running figures say."""
        rows = list(self.database["figures"].find())
        return sum(row["values"].get("orders", 0) for row in rows), sum(row["values"].get("revenue", 0) for row in rows)

    def recount(self) -> tuple[int, int]:
        """(orders, revenue) straight from the facts."""
        orders = [
            amount for row in self.database["customers_facts"].find() for amount in json.loads(row["state"])["orders"].values()
        ]
        return len(orders), sum(orders)

    def wait_for(self, orders: int, revenue: int, seconds: float = 60.0) -> None:
        """Until exactly this is counted, everything is published and nothing is in hand; and figures agree with facts."""
        try:
            wait_until(lambda: self.totals()[0] >= orders, seconds, f"{orders} orders of {self.name}")
        except AssertionError as late:
            late.add_note(f"{self.totals()} so far; {self.ready()} messages are ready; {self._last_words()}")
            raise
        assert self.totals() == (orders, revenue)
        assert self.recount() == (orders, revenue)
        wait_until(lambda: self.database["outbox"].count_documents({}) == 0, seconds, "an empty outbox")

    def ready(self) -> int:
        """Messages that wait in the queues of the inbox."""
        connection = broker.connect(self.rabbit.uri(), "test-depth")
        channel = connection.channel()
        names = [topology.inbox_queue(self.name, number) for number in range(4)]
        depth = sum(channel.queue_declare(name, passive=True).message_count for name in names)
        broker.close(connection)
        return depth

    def _last_words(self) -> str:
        """The end of each process's log."""
        logs = sorted(self.logs.glob(f"{self.name}-*.log"))
        return "\n".join([f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-20:]) for log in logs])

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        self._publisher.discard()
        connection = broker.connect(self.rabbit.uri(), "test-cleaning")
        channel = connection.channel()
        for queue in [*(topology.inbox_queue(self.name, n) for n in range(4)), topology.dead_queue(self.name)]:
            channel.queue_delete(queue)
        channel.exchange_delete(topology.inbox_exchange(self.name))
        broker.close(connection)
        self.database.client.drop_database(self.database.name)
        self.database.client.close()


@pytest.fixture
def system(mongo_server: MongoServer, rabbit_server: RabbitServer, tmp_path: Path) -> Iterator[System]:
    running = System(mongo_server, rabbit_server, tmp_path)
    yield running
    running.close()
