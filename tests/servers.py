"""Real servers for tests: started on free ports with their own data, users and rights, as `make run` starts them."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from deploy.local.broker_package import ensure_broker
from deploy.local.credentials import Credentials
from deploy.local.mongod import MongoServer
from deploy.local.rabbitmq import RabbitPorts, RabbitServer
from deploy.local.settings import free_ports


def start_mongo(directory: Path) -> MongoServer:
    """A started MongoDB below `directory`; `uri("profiles")` is what that service would be given, `uri()` is the admin's."""
    secrets = Credentials.generate()
    server = MongoServer(directory, free_ports(1)[0], secrets.mongo, secrets.mongo_key)
    server.start()
    return server


def start_rabbit(directory: Path) -> RabbitServer:
    """A started broker below `directory`, with every user of `deploy/local/permissions.py` and nothing declared yet."""
    ensure_broker(directory / "apt.log", click.echo)
    secrets = Credentials.generate()
    server = RabbitServer(directory, RabbitPorts(*free_ports(5)), secrets.rabbit, secrets.erlang_cookie)
    server.start()
    return server


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpClient:
    """Sends a path exactly as written: other clients tidy it first, and hide what a gateway has to stand."""

    port: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()
