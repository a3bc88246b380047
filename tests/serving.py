"""The HTTP class of a service, run in the test's process on a free port as the launcher would run it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nameko.containers import ServiceContainer

from deploy.local.mongod import MongoServer
from deploy.local.settings import free_ports
from shared.access.audit import Attempt
from shared.access.signing import LOCAL_ISSUER, SigningKey
from shared.config import Config
from shared.envelope import Event
from shared.outbox import waiting
from shared.registry import service_classes
from shared.run import create_indexes, prepare
from shared.unit_of_work import UnitOfWork
from tests.servers import Answer, HttpClient

SIGNING_KEY = SigningKey.generate()
DOORS = {"jwks": SIGNING_KEY.key_set, "jwt_issuer": LOCAL_ISSUER}  # settings of a service that takes the tests' tokens


def bearer(*roles: str, subject: str = "tests", scope: str = "") -> dict[str, str]:
    """The header of somebody with these roles, or these scopes."""
    return {"Authorization": f"Bearer {SIGNING_KEY.token(subject, roles=roles, scope=scope)}"}


ADMIN = bearer("admin")


class Remembered:
    """An audit log for doors without a database."""

    def __init__(self) -> None:
        self.entries: list[Attempt] = []
        self.outcomes: list[tuple[Attempt, int]] = []

    def begin(self, attempt: Attempt) -> str:
        self.entries.append(attempt)
        return str(len(self.entries) - 1)

    def finish(self, entry: str, status: int, made: Mapping[str, str]) -> None:
        self.outcomes.append((self.entries[int(entry)], status))


@dataclass(frozen=True)
class Served:
    """A running service: what it serves, its database, and the way by which events reach it."""

    client: HttpClient
    settings: Mapping[str, Any]

    @property
    def database(self) -> Any:
        return self.settings["DATABASE"]

    @property
    def work(self) -> UnitOfWork:
        work: UnitOfWork = self.settings["UNIT_OF_WORK"]
        return work

    def announced(self, *names: str) -> list[Event]:
        """What waits to be published, by the time of the event; only events of these names, where any are given."""
        found = [event for event in waiting(self.database) if not names or event.name in names]
        return sorted(found, key=lambda event: event.time)

    def get(self, path: str, status: int = 200) -> Any:
        return self.call("GET", path, status=status)

    def post(self, path: str, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
        return self.call("POST", path, body, status, headers)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON of an answer, after its status was compared."""
        sent = None if body is None else json.dumps(body).encode()
        answer: Answer = self.client.request(method, path, sent, headers)
        assert answer.status == status, answer.body
        return json.loads(answer.body)


@contextmanager
def listening(api: type, settings: Mapping[str, Any]) -> Iterator[HttpClient]:
    """An HTTP class on a free port; the client is an admin unless a request says otherwise."""
    port = free_ports(1)[0]
    container = ServiceContainer(api, {**settings, "WEB_SERVER_ADDRESS": f"127.0.0.1:{port}"})
    container.start()
    try:
        yield HttpClient(port, ADMIN)
    finally:
        container.stop()


@contextmanager
def serving(service: str, mongo: MongoServer, database: str) -> Iterator[Served]:
    """The service over a database of its own, with all its indexes."""
    config = Config(service, mongo_uri=mongo.uri(), mongo_database=database, **DOORS)
    classes = service_classes(service)
    settings = prepare(config, classes)
    create_indexes(settings)
    try:
        with listening(classes.api, settings) as client:
            yield Served(client, settings)
    finally:
        settings["DATABASE"].client.drop_database(database)
        settings["DATABASE"].client.close()
