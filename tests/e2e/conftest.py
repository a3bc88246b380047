"""The whole system for journeys through its public doors: servers, services and gateway, started once for a test run."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest

from deploy.local.broker_package import ensure_broker
from deploy.local.credentials import ADMIN
from deploy.local.settings import Settings
from deploy.local.stack import Stack
from tests.servers import Answer, HttpClient

pytest.register_assert_rewrite("tests.e2e.journeys")  # its comparisons show what differs, as those of tests do
T = TypeVar("T")


@dataclass(frozen=True)
class System:
    """A running system; `stack` has its processes, to be stopped and started again by whoever must."""

    stack: Stack

    @property
    def url(self) -> str:
        return self.stack.settings.url

    @property
    def run_dir(self) -> Path:
        return self.stack.settings.run_dir

    @property
    def write_key(self) -> str:
        return self.stack.credentials.write_key

    @property
    def admin_token(self) -> str:
        return self.stack.credentials.admin_token

    @property
    def amqp_uri(self) -> str:
        return self.stack.amqp_uri(ADMIN)

    @property
    def mongo_uri(self) -> str:
        return self.stack.mongo_uri(ADMIN)

    @property
    def client(self) -> HttpClient:
        """Speaks with the gateway, and bears the API token."""
        return HttpClient(self.stack.settings.ports["GATEWAY_PORT"], {"Authorization": f"Bearer {self.admin_token}"})

    def get(self, path: str, status: int = 200) -> Any:
        """The JSON of an answer, after its status was compared: `/api/profiles/customers/user:42`."""
        return self.call("GET", path, status=status)

    def find(self, path: str) -> Any:
        """The same; None where nothing is found (yet)."""
        answer: Answer = self.client.request("GET", path)
        if answer.status == 404:
            return None
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON; the JSON of the answer, after its status was compared."""
        sent = None if body is None else json.dumps(body).encode()
        answer: Answer = self.client.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
        assert answer.status == status, answer.body
        return json.loads(answer.body) if answer.body else None

    def wait_until(self, condition: Callable[[], T | None], what: str, seconds: float = 30) -> T:
        """The first answer of `condition` that counts as true; fails with `what` when the time is over."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
            time.sleep(0.1)
        return found


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The one system of a test run, on free ports and with data of its own. Tests use ids of their own and stop nothing for good."""
    directory = tmp_path_factory.mktemp("system")
    ensure_broker(directory / "apt.log", click.echo)
    stack = Stack(Settings.on_free_ports(directory))
    stack.start()
    try:
        yield System(stack)
    finally:
        stack.stop()
