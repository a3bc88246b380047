"""The whole system of one run: servers, services in one or more replicas, gateway; with a proxy between them where asked for."""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from pymongo import MongoClient

from chaos.history import History
from chaos.system.fleet import Fleet, Member
from chaos.system.links import HTTP, Proxy
from chaos.system.nursery import Nursery
from chaos.system.probes import broker_keeps, database_keeps
from chaos.system.small_disk import MEGABYTES, mount, unmount
from chaos.system.stack import ChaosStack
from chaos.system.testbed import Server, Testbed
from deploy.local.credentials import ADMIN
from deploy.local.gateway import answers
from deploy.local.mongod import MongoServer
from deploy.local.processes import ProcessId
from deploy.local.rabbitmq import RabbitServer
from deploy.local.settings import LOOPBACK, Settings, free_ports


@dataclass(frozen=True, slots=True)
class Layout:
    """What the system consists of: services with a second worker, members of MongoDB, and whether a proxy stands between the parts.

    With `small_disks` broker and database keep their data on file systems of a few hundred megabytes.
    """

    replicated: Sequence[str] = ()
    members: int = 1
    proxied: bool = False
    small_disks: bool = False


class System(Testbed):
    """A running system, and the handles that faults and the checker need."""

    def __init__(self, directory: Path, layout: Layout, history: History) -> None:
        self.directory, self.layout = directory, layout
        settings = Settings.on_free_ports(directory)
        self._proxy = Proxy(directory, settings) if layout.proxied else None
        self._nursery = Nursery(directory)
        self.stack = ChaosStack(settings, self._nursery, self._proxy, layout.members)
        places = {"mongod": directory / "mongo", "rabbitmq": directory / "rabbitmq" / "data"}
        self.small_disks: Mapping[str, Path] = places if layout.small_disks else {}
        super().__init__(Fleet([*self._firsts(), *map(self._second, layout.replicated)], history), history)

    def start(self) -> None:
        """Start everything and return when all of it is ready."""
        for name, place in self.small_disks.items():
            mount(place, MEGABYTES[name])
        self._nursery.start()
        if self._proxy:
            self._proxy.start()
        self.stack.start()
        for name in self.layout.replicated:
            self.fleet.members[_second_name(name)].process.start()
        self.await_ready()
        self.fleet.start()

    def stop(self) -> None:
        """End everything, whatever state it is in. The data go with the directory, so nobody is given time to say goodbye."""
        self.fleet.stop()
        for process in [*(member.process for member in self.fleet.members.values()), *self.stack.processes()]:
            process.kill()
        self.stack.stop()
        self._nursery.stop()
        if self._proxy:
            self._proxy.stop()
        for place in self.small_disks.values():
            unmount(place)

    def abandon(self) -> None:
        """SIGKILL to whatever was started, without waiting for anything: where `stop` did not come to an end."""
        for found in map(ProcessId.read, (self.stack.settings.run_dir / "pid").iterdir()):
            if found is not None and found.alive() and found.pid != os.getpid():
                os.killpg(found.pid, signal.SIGKILL)
        self._nursery.kill()
        for place in self.small_disks.values():
            unmount(place)

    @property
    def mongo(self) -> MongoServer:
        assert self.stack.mongo is not None, "a run has a database of its own"
        return self.stack.mongo

    @property
    def rabbit(self) -> RabbitServer:
        assert self.stack.rabbit is not None, "a run has a broker of its own"
        return self.stack.rabbit

    @property
    def servers(self) -> Mapping[str, Server]:
        return {"rabbitmq": self.rabbit, "mongod": self.mongo, "gateway": self.stack.gateway}

    def serves(self, server: str) -> bool:
        """Whether the broker or the database keeps what it is given."""
        return database_keeps(self.stack.mongo_uri(ADMIN)) if server == "mongod" else broker_keeps(self.amqp_uri())

    @property
    def door(self) -> int:
        """The port at which the outside finds the gateway, behind the proxy where there is one."""
        return self._proxy.ports[HTTP] if self._proxy else self.stack.settings.ports["GATEWAY_PORT"]

    @property
    def proxy(self) -> Proxy:
        assert self._proxy is not None, "the layout of this plan has a proxy"
        return self._proxy

    def client(self) -> MongoClient[dict[str, Any]]:
        """The database as its administrator, to look at everything."""
        uri = self.stack.mongo_uri(ADMIN)
        return MongoClient(uri, tz_aware=True, serverSelectionTimeoutMS=60_000, socketTimeoutMS=120_000)

    def amqp_uri(self) -> str:
        """The broker as its administrator."""
        return self.stack.amqp_uri(ADMIN)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call an API through the gateway, as an operator would."""
        headers = {"Authorization": f"Bearer {self.stack.credentials.admin_token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://{LOOPBACK}:{self.stack.settings.ports['GATEWAY_PORT']}{path}"
        with urlopen(Request(url, data, headers, method=method), timeout=30) as answer:
            return json.loads(answer.read())

    def ready(self, name: str) -> bool:
        return answers(f"http://{LOOPBACK}:{self.fleet.members[name].metrics}/health/ready")

    def _firsts(self) -> list[Member]:
        return [Member(process, self.stack.settings.services[name].metrics) for name, process in self.stack.services.items()]

    def _second(self, name: str) -> Member:
        api, metrics = free_ports(2)
        environment = self.stack.service_environment(name) | {"HTTP_PORT": str(api), "METRICS_PORT": str(metrics)}
        command = [sys.executable, "-m", "shared.run", name, "--part", "worker"]
        return Member(self.stack.service_process(_second_name(name), command, environment), metrics)


def _second_name(service: str) -> str:
    return f"{service}-2"
