"""The plain nameko services of `benchmarks/plain_nameko.py` as a testbed: a process each, on a broker and a database of their own."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pymongo import MongoClient

from benchmarks.effects import EFFECTS
from chaos.history import History
from chaos.system.fleet import Fleet, Member
from chaos.system.management import queues_of
from chaos.system.testbed import Server, Testbed
from deploy.local.credentials import ADMIN, Credentials
from deploy.local.mongod import MongoServer
from deploy.local.processes import Process
from deploy.local.rabbitmq import RabbitPorts, RabbitServer
from deploy.local.settings import free_ports

SHOP = "shop"


class PlainSystem(Testbed):
    """Broker, database, the shop at `port`, and a process for each of the four listeners."""

    def __init__(self, directory: Path, history: History) -> None:
        secrets = Credentials.generate()
        self.port, mongo_port, *rabbit_ports = free_ports(7)
        self._password = secrets.rabbit[ADMIN]
        self._mongo = MongoServer(directory, mongo_port, secrets.mongo, secrets.mongo_key)
        self._rabbit = RabbitServer(directory, RabbitPorts(*rabbit_ports), secrets.rabbit, secrets.erlang_cookie)
        self._environment = {"AMQP_URI": self._rabbit.uri(ADMIN), "MONGO_URI": self._mongo.uri(ADMIN)}
        names = [SHOP, *EFFECTS]
        super().__init__(Fleet([Member(self._process(name, directory), 0) for name in names], history), history)

    @property
    def servers(self) -> Mapping[str, Server]:
        return {"rabbitmq": self._rabbit, "mongod": self._mongo}

    def start(self) -> None:
        """Start everything and return when all of it is ready."""
        self._mongo.start()
        self._rabbit.start()
        for member in self.fleet.members.values():
            member.process.start()
        self.await_ready()
        self.fleet.start()

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        self.fleet.stop()
        servers = (self._rabbit.process, self._rabbit.port_mapper, self._mongo.process)
        for process in (*(member.process for member in self.fleet.members.values()), *servers):
            process.kill()

    def ready(self, name: str) -> bool:
        """A listener has its consumer on its queue; the shop answers."""
        if name == SHOP:
            return self._shop_answers()
        return any(f"--{name}." in queue["name"] and queue.get("consumers") for queue in self.queues())

    def queues(self) -> list[dict[str, Any]]:
        """What the broker says of its queues; nothing while it is away."""
        try:
            return queues_of(self._rabbit, self._password)
        except OSError:
            return []

    def rows(self, service: str) -> list[dict[str, Any]]:
        """The documents in which a listener's effect shows: whose they are, and for how many orders it was made."""
        with MongoClient[dict[str, Any]](self._mongo.uri(), serverSelectionTimeoutMS=60_000) as client:
            return list(client[f"plain_{service}"][EFFECTS[service].collection].find({}, {"orders": 1}))

    def _shop_answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/", timeout=2):
                return True
        except OSError as fault:
            return getattr(fault, "code", None) == 404  # nothing is served there, and that says it serves

    def _process(self, name: str, directory: Path) -> Process:
        command = [sys.executable, "-m", "benchmarks.plain_nameko", name, "--port", str(self.port)]
        return Process(name, command, directory, self._environment)
