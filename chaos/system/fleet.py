"""The service processes: started, killed, and started again by a keeper, as Kubernetes would."""

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from chaos.history import History
from deploy.local.processes import Process

_LOOK_SECONDS = 0.1
INSIDE, BY_ITSELF = "kill inside", "died by itself"
_CODES = {"kill": -signal.SIGKILL, "hang": 1}  # the watchdog ends a process with 1


@dataclass(slots=True)
class Member:
    """A service process. `metrics` is its port for operations; `armed` the fault point at which this life and `lives - 1` more end.

    `action` is how they end there (shared/faults.py), and `environment` what they are started with beside the usual.
    """

    process: Process
    metrics: int
    armed: str = ""
    lives: int = 1
    action: str = "kill"
    environment: Mapping[str, str] = field(default_factory=dict)
    down: bool = False  # on purpose: the keeper leaves it alone

    @property
    def service(self) -> str:
        return self.process.name.partition("-")[0]


class Fleet:
    """All service processes by name, and the thread that keeps them running. Its methods may be called from any thread."""

    def __init__(self, members: Sequence[Member], history: History) -> None:
        self.members = {member.process.name: member for member in members}
        self._plain: Mapping[str, Mapping[str, str]] = {name: dict(m.process.environment) for name, m in self.members.items()}
        self._history = history
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        self._keeper.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._keeper.ident is not None:  # it was started
            self._keeper.join()

    def held(self) -> AbstractContextManager[bool]:
        """While this is held the keeper does nothing."""
        return self._lock

    def kill(
        self, name: str, point: str = "", *, lives: int = 1, action: str = "kill", environment: Mapping[str, str] | None = None
    ) -> None:
        """SIGKILL, and a new life at once; with `point` (`name:nth`) that life, and as many as `lives`, ends when it gets there."""
        with self._lock:
            member = self.members[name]
            member.process.kill()
            member.lives, member.action, member.environment = lives, action, environment or {}
            self._start(name, point)

    def stop_and_start(self, name: str) -> int | None:
        """SIGTERM, wait for the end, start again; returns the exit code."""
        with self._lock:
            process = self.members[name].process
            process.stop()
            code = process.exit_code
            self.members[name].environment = {}
            self._start(name)
        return code

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal and nothing more."""
        found = self.members[name].process.id
        if found is not None:
            os.kill(found.pid, number)

    def disarm(self) -> None:
        """End every armed life, so that nothing more happens by itself."""
        with self._lock:
            for name in [name for name, member in self.members.items() if member.armed]:
                self.kill(name)

    def _start(self, name: str, point: str = "") -> None:
        member = self.members[name]
        fault = {"ALLOW_FAULTS": "true", "FAULT": _specification(point, member.action)} if point else {}
        member.process.environment = {**self._plain[name], **fault, **member.environment}
        member.armed = point
        member.process.start()

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            with self._lock:
                for name, member in self.members.items():
                    if not member.down and member.process.id is None:
                        self._revive(name, member)

    def _revive(self, name: str, member: Member) -> None:
        code, point = member.process.exit_code, ""
        if member.armed and code == _CODES[member.action]:
            self._history.add("died", INSIDE, name, member.armed.partition(":")[0])
            member.lives -= 1
            point = member.armed if member.lives > 0 else ""
        else:
            self._history.add("died", BY_ITSELF, name, f"exit code {code}")
            time.sleep(0.5)  # what dies at once is not to be started in a tight loop
        if not point:
            member.action, member.environment = "kill", {}
        self._start(name, point)


def _specification(point: str, action: str) -> str:
    name, _, nth = point.partition(":")
    return f"{name}:{action}:{nth or 1}"
