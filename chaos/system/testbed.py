"""What a fault acts upon: service processes and the servers behind them. The product is one such thing, the control another."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from chaos.history import History
from chaos.system.fleet import Fleet
from deploy.local.processes import Process

READY_SECONDS = 120.0


class Server(Protocol):
    """A server process that can be killed and started again."""

    process: Process

    def start(self) -> None: ...


class Testbed(ABC):
    """Service processes in a fleet, servers by name, and the history that faults are written to."""

    def __init__(self, fleet: Fleet, history: History) -> None:
        self.fleet, self.history = fleet, history

    @property
    @abstractmethod
    def servers(self) -> Mapping[str, Server]:
        """The servers by name: rabbitmq, mongod and, where there is one, gateway."""

    @abstractmethod
    def ready(self, name: str) -> bool:
        """Whether a service process does its work."""

    def await_ready(self, names: Sequence[str] | None = None) -> None:
        """Until these processes, or all, are ready. Raises TimeoutError."""
        waiting = list(names if names is not None else self.fleet.members)
        wait_for(lambda: all(map(self.ready, waiting)), f"ready: {', '.join(waiting)}", READY_SECONDS)


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Poll until `condition()`; raises TimeoutError that says what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.2)
