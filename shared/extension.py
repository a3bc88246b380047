"""What the long-running parts of a worker have in common: a nameko extension with one thread, that never dies of an outage.

nameko kills the whole container when a managed thread raises. So `repeat` catches everything, waits longer after each failure, and
goes on; what fails is logged by class and place, since texts of exceptions may be personal.
"""

import random
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from nameko.extensions import DependencyProvider
from pymongo.database import Database

from shared import logs
from shared.config import Config
from shared.errors import BrokerAway, StoreAway
from shared.health import HEALTH
from shared.mongo import Document

if TYPE_CHECKING:
    from shared.unit_of_work import UnitOfWork

T = TypeVar("T")
_log = logs.get(__name__)
LONGEST_PAUSE = 5.0


class Worker(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Base of Inbox, Timers and Relay. Subclasses implement `run`, which returns soon after `stopping` is set."""

    config: Config
    database: Database[Document]

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._finished = threading.Event()
        self._last: dict[Callable[..., Any], tuple[float, Any]] = {}

    @property
    def title(self) -> str:
        return type(self).__name__.lower()

    def setup(self) -> None:
        self.config = self.container.config["SAMBANDH"]
        self.database = self.container.config["DATABASE"]
        HEALTH.expect(self.title)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._run, identifier=self.title)

    def _run(self) -> None:
        try:
            self.run()
        except Exception as error:  # leaving: nothing is lost, what was in hand is redelivered or still pending
            _log.warning("stopped in disorder", part=self.title, error=logs.place(error))
        finally:
            self._finished.set()

    def run(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Ask the thread to finish what it has in hand and wait for it, up to the drain limit."""
        self.stopping.set()
        self._finished.wait(self.config.drain_seconds)

    def kill(self) -> None:
        self.stopping.set()

    def repeat(self, round_: Callable[[], None], part: str = "") -> None:
        """Call `round_` until asked to stop; after a failure wait, up to five seconds, a little at random."""
        part, failures = part or self.title, 0
        while not self.stopping.is_set():
            try:
                round_()
                HEALTH.working(part)
                failures = 0
            except Exception as error:
                failures += 1
                pause = min(LONGEST_PAUSE, 0.1 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)
                expected = isinstance(error, (StoreAway, BrokerAway))
                HEALTH.failing(part, type(error).__name__)
                log = _log.warning if expected else _log.error
                log("waiting to try again", part=part, error=logs.place(error), seconds=round(pause, 2))
                self.wait(pause)

    def wait(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def every(self, seconds: float, ask: Callable[[], T]) -> T:
        """The answer of `ask`, asked again when the last answer is older than `seconds`."""
        asked, answer = self._last.get(ask, (0.0, None))
        if monotonic() - asked >= seconds or answer is None:
            self._last[ask] = (monotonic(), ask())
        answer_now: T = self._last[ask][1]
        return answer_now


class Work(DependencyProvider):  # type: ignore[misc]
    """Gives an HTTP class the unit of work of its service, for events that people cause."""

    def get_dependency(self, worker_ctx: Any) -> "UnitOfWork":
        work: UnitOfWork = self.container.config["UNIT_OF_WORK"]
        return work


class Environment(DependencyProvider):  # type: ignore[misc]
    """Gives an HTTP class the settings of its process."""

    def get_dependency(self, worker_ctx: Any) -> Config:
        config: Config = self.container.config["SAMBANDH"]
        return config


class Store(DependencyProvider):  # type: ignore[misc]
    """Gives an HTTP class the database of its service."""

    def get_dependency(self, worker_ctx: Any) -> Database[Document]:
        database: Database[Document] = self.container.config["DATABASE"]
        return database
