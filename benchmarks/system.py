"""The servers of a run: the MongoDB and RabbitMQ of the local system on free ports, with nothing of anybody else on them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import amqp
import click
import requests
from pymongo import MongoClient

from deploy.local.broker_package import ensure_broker
from deploy.local.credentials import ADMIN, TOPOLOGY
from deploy.local.processes import Process
from deploy.local.settings import REPOSITORY, Settings
from deploy.local.stack import Stack
from shared import broker, topology
from shared.config import Config
from shared.mongo import Document

DEFAULTS = Config("bench")
POLL_SECONDS = 0.1
PATIENCE_SECONDS = 300.0


class System:
    """Broker and database, started on entering; services are started one by one by whoever measures them."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="sambandh-bench-", ignore_cleanup_errors=True)
        self.run_dir = Path(self._directory.name)
        self.stack = Stack(Settings.on_free_ports(self.run_dir))
        self._started: list[Process] = []

    def __enter__(self) -> Self:
        ensure_broker(self.run_dir / "apt.log", click.echo)
        assert self.stack.mongo is not None, "settings on free ports name no server of the user's"
        assert self.stack.rabbit is not None, "settings on free ports name no server of the user's"
        self.mongo, self.rabbit = self.stack.mongo, self.stack.rabbit
        try:
            self.mongo.start()
            self.rabbit.start()
        except BaseException:
            self._stop()
            raise
        self.client: MongoClient[Document] = MongoClient(self.mongo.uri(), tz_aware=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        self._stop()

    def _stop(self) -> None:
        self.stop(self._started)
        self.rabbit.stop()
        self.mongo.stop()
        self._directory.cleanup()

    def run(self, name: str, module: Sequence[str], environment: dict[str, str]) -> Process:
        """Start `python -m MODULE ...` and remember to stop it."""
        process = Process(name, [sys.executable, "-W", "ignore", "-m", *module], self.run_dir, environment)
        process.start()
        self._started.append(process)
        return process

    def service(self, name: str, part: str = "worker") -> Process:
        """Start a service of ours: `worker`, `api` or `all`."""
        return self.run(name, ["shared.run", name, "--part", part], self.stack.service_environment(name))

    def open_source(self) -> str:
        """Let events in, as every start of the local system does; the write key."""
        write_key = self.stack.credentials.write_key
        environment = {**os.environ, **self.stack.service_environment("collector"), "SAMBANDH_WRITE_KEY": write_key}
        command = [sys.executable, "-W", "ignore", "-m", "services.collector", "sources", "ensure", "Web shop", "--kind", "web"]
        subprocess.run(command, env=environment, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
        return write_key

    def await_ready(self, services: Sequence[str]) -> None:
        """Until these services say that they are ready."""
        wait_until(lambda: all(map(self.stack.ready, services)), f"{', '.join(services)} ready")

    def stop(self, processes: Sequence[Process]) -> None:
        """Ask them all, then wait for each."""
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        self._started = [process for process in self._started if process not in processes]

    def declare(self, services: Sequence[str]) -> None:
        """The exchanges of the system, and the inboxes of these services alone."""
        wanted = topology.events()
        for service in services:
            if subscriptions := topology.subscriptions_of(service):
                wanted += topology.inbox(service, subscriptions, DEFAULTS.inbox_partitions)
        connection = broker.connect(self.rabbit.uri(TOPOLOGY), "bench-topology")
        topology.declare(connection.channel(), wanted)
        broker.close(connection)

    def vhost(self, name: str) -> str:
        """Make an empty virtual host and return its address for the administrator: no message of another side comes there."""
        self._manage("PUT", f"vhosts/{name}", {})
        self._manage("PUT", f"permissions/{name}/{ADMIN}", {"configure": ".*", "write": ".*", "read": ".*"})
        return f"{self.rabbit.uri().rpartition('/')[0]}/{name}"

    def broker_version(self) -> str:
        """The version of RabbitMQ."""
        return str(self._manage("GET", "overview").json()["rabbitmq_version"])

    def _manage(self, method: str, path: str, body: dict[str, str] | None = None) -> requests.Response:
        login = (ADMIN, self.stack.credentials.rabbit[ADMIN])
        url = f"{self.rabbit.management_url}/api/{path}"
        answer = requests.request(method, url, json=body, auth=login, timeout=30)
        answer.raise_for_status()
        return answer


class Queues:
    """Some queues of a virtual host, asked passively."""

    def __init__(self, uri: str, names: Sequence[str]) -> None:
        self._connection = broker.connect(uri, "bench-queues")
        self._names = names

    def waiting(self) -> int:
        """Messages that no consumer has been given yet."""
        return sum(count for count, _ in self._counts())

    def served(self) -> bool:
        """Whether every queue exists and has a consumer."""
        try:
            return all(consumers for _, consumers in self._counts())
        except amqp.NotFound:
            return False

    def _counts(self) -> list[tuple[int, int]]:
        with self._connection.channel() as channel:
            answers: list[Any] = [channel.queue_declare(name, passive=True) for name in self._names]
        return [(answer.message_count, answer.consumer_count) for answer in answers]

    def close(self) -> None:
        broker.close(self._connection)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS, poll: float = POLL_SECONDS) -> Any:
    """The first true answer of `condition`. Raises TimeoutError that says what did not come true."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(poll)
    return answer
