"""Faults of what the services stand on: broker, database and gateway killed, away for long, out of memory or of disk."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from chaos.faults.fault import Passing
from chaos.system.replica_set import ReplicaSet
from chaos.system.testbed import Testbed
from chaos.system.whole import System

OUTAGE, BACKLOG = "outage", "backlog when it came back"
RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_USUAL_WATERMARK = "0.4"
_CHUNK = 1 << 20
_DYING_SECONDS = 30.0


@dataclass(frozen=True)
class KillServer(Passing):
    """SIGKILL of the broker, the database or the gateway, which starts again at once."""

    target: str
    kind: ClassVar[str] = "kill -9"

    def inject(self, system: Testbed) -> None:
        system.servers[self.target].process.kill()
        system.servers[self.target].start()


@dataclass(frozen=True)
class KillServerAndService(Passing):
    """SIGKILL of a server and of a service at the same moment."""

    server: str
    service: str
    kind: ClassVar[str] = "kill -9 of a pair"

    @property
    def target(self) -> str:
        return f"{self.server} and {self.service}"

    def inject(self, system: Testbed) -> None:
        system.servers[self.server].process.kill()
        system.fleet.kill(self.service)
        system.servers[self.server].start()


@dataclass(frozen=True)
class Away:
    """A server that is killed and stays away while the load goes on."""

    target: str
    hold: float
    kind: ClassVar[str] = "away under load"

    def inject(self, system: Testbed) -> None:
        system.servers[self.target].process.kill()

    def heal(self, system: Testbed) -> None:
        system.servers[self.target].start()


@dataclass(frozen=True)
class Outage:
    """The broker away for minutes. What was accepted meanwhile is noted just before it comes back, to see how fast that drains."""

    hold: float
    target: str = "rabbitmq"
    kind: ClassVar[str] = OUTAGE

    def inject(self, system: System) -> None:
        system.rabbit.kill()

    def heal(self, system: System) -> None:
        pending = {"pending_since": {"$exists": True}}
        backlog = system.client()["sambandh_collector"]["events"].count_documents(pending, hint="pending")
        system.history.add("note", BACKLOG, self.target, str(backlog))
        system.rabbit.start()


@dataclass(frozen=True)
class MemoryAlarm:
    """The broker finds that it has no memory left, and blocks everybody who publishes."""

    hold: float
    target: str = "rabbitmq"
    kind: ClassVar[str] = "memory alarm"

    def inject(self, system: System) -> None:
        _set_watermark(system, "0.00001")

    def heal(self, system: System) -> None:
        _set_watermark(system, _USUAL_WATERMARK)


@dataclass(frozen=True)
class DiskFull:
    """The file system of a server's data is filled to the last byte; healed, the file that filled it is gone."""

    target: str
    hold: float
    kind: ClassVar[str] = "disk full"

    def inject(self, system: System) -> None:
        filler = system.small_disks[self.target] / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(_CHUNK)):
                    pass
            except OSError:
                return

    def heal(self, system: System) -> None:
        """Room again; a server that did not survive is started, and one that has not decided yet is given the time to."""
        (system.small_disks[self.target] / "filler").unlink()
        server = system.servers[self.target]
        patience = time.monotonic() + _DYING_SECONDS
        while server.process.id is not None and not system.serves(self.target) and time.monotonic() < patience:
            time.sleep(0.5)
        if server.process.id is None or not system.serves(self.target):
            system.history.add("note", "did not survive", self.target)
            server.process.kill()
            server.start()


@dataclass(frozen=True)
class KillPrimary(Passing):
    """SIGKILL of whichever of three members is primary; it starts again, and the next fault waits until the set is whole."""

    target: str = "mongod primary"
    kind: ClassVar[str] = "kill -9"

    def inject(self, system: System) -> None:
        assert isinstance(system.mongo, ReplicaSet), "the layout of this plan has three members"
        killed = system.mongo.kill_primary()
        time.sleep(1.0)
        killed.start()
        system.mongo.await_whole()


def kill_with_service(random: Random, names: Sequence[str]) -> KillServerAndService:
    return KillServerAndService(random.choice(["rabbitmq", "mongod"]), names[0])


def _set_watermark(system: System, fraction: str) -> None:
    process = system.rabbit.process
    environment = {**os.environ, **process.environment}
    command = [RABBITMQCTL, "-q", "set_vm_memory_high_watermark", fraction]
    subprocess.run(command, env=environment, check=True, timeout=60, capture_output=True)


def database_away(random: Random, names: Sequence[str]) -> Away:
    """For longer than a client of MongoDB waits for it by default."""
    return Away("mongod", random.uniform(35.0, 45.0))


def broker_away(random: Random, names: Sequence[str]) -> Away:
    return Away("rabbitmq", random.uniform(15.0, 25.0))
