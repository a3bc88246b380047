"""The drill of the alerts: each process of a running local system is stopped for a minute, and its alert must fire and no other.

The supervisor is paused meanwhile: it would start what was stopped within a second. Everything is started again whatever happens.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from urllib.request import Request, urlopen

from deploy.local.errors import StackError
from deploy.local.stack import Stack
from deploy.prometheus.server import Alert, PrometheusServer

STOPPED_SECONDS = 60.0
_QUIET_SECONDS = 180.0
_POLL_SECONDS = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Exercise:
    """A process to stop and start again, and the alert that must fire meanwhile."""

    name: str
    expected: Alert
    stop: Callable[[], None]
    start: Callable[[], None]


@dataclass
class Outcome:
    """What fired, from the stop until all was quiet again, with the seconds after the stop at which each alert began."""

    exercise: Exercise
    fired: dict[Alert, float] = field(default_factory=dict)
    quiet_after: float | None = None

    @property
    def passed(self) -> bool:
        return set(self.fired) == {self.exercise.expected} and self.quiet_after is not None

    def line(self) -> str:
        """One line for a person."""
        own = self.fired.get(self.exercise.expected)
        told = (
            f"{self.exercise.expected.name} after {own:.0f} s"
            if own is not None
            else f"{self.exercise.expected.name} did not fire"
        )
        others = sorted(alert for alert in self.fired if alert != self.exercise.expected)
        more = "".join(f", also {other.name} {other.about} after {self.fired[other]:.0f} s" for other in others)
        end = f", quiet {self.quiet_after:.0f} s after the start" if self.quiet_after is not None else ", not quiet again"
        return f"{'passed' if self.passed else 'FAILED'}  {self.exercise.name:<13} {told}{more}{end}"


def exercises(stack: Stack) -> list[Exercise]:
    """One for each process of a local system; servers of the user's are left alone."""
    found = [
        Exercise(name, Alert("ServiceStopped", f"service={name}"), process.stop, process.start)
        for name, process in stack.services.items()
    ]
    if stack.rabbit is not None:
        found.append(Exercise("rabbitmq", Alert("BrokerAway"), stack.rabbit.process.stop, stack.rabbit.start))
    if stack.mongo is not None:
        found.append(Exercise("mongod", Alert("DatabaseAway"), stack.mongo.stop, stack.mongo.start))
    return [*found, Exercise("gateway", Alert("GatewayAway"), stack.gateway.process.stop, stack.gateway.start)]


def drill(prometheus: PrometheusServer, chosen: Sequence[Exercise], say: Say, seconds: float = STOPPED_SECONDS) -> list[Outcome]:
    """Do the exercises one after the other; each begins when nothing fires. Raises StackError if it is not quiet to begin with."""
    if not _until_quiet(prometheus, {}, monotonic()):
        firing = ", ".join(sorted(alert.name for alert in prometheus.firing())) or "a target is not scraped"
        raise StackError(f"the system is not well to begin with ({firing}): `./crm doctor` says more")
    outcomes = []
    for exercise in chosen:
        say(f"stopping {exercise.name} for {seconds:.0f} s")
        outcomes.append(_practise(prometheus, exercise, seconds))
        say(outcomes[-1].line())
    return outcomes


def _practise(prometheus: PrometheusServer, exercise: Exercise, seconds: float) -> Outcome:
    outcome = Outcome(exercise)
    began = monotonic()
    exercise.stop()
    try:
        while monotonic() - began < seconds:
            _note(prometheus, outcome.fired, began)
            sleep(_POLL_SECONDS)
    finally:
        exercise.start()
    started = monotonic()
    if _until_quiet(prometheus, outcome.fired, began):
        outcome.quiet_after = monotonic() - started
    return outcome


def _until_quiet(prometheus: PrometheusServer, fired: dict[Alert, float], began: float) -> bool:
    """Wait until every target is scraped and nothing fires; False when that takes too long. Notes what fires meanwhile."""
    deadline = monotonic() + _QUIET_SECONDS
    while monotonic() < deadline:
        firing = _note(prometheus, fired, began)
        if not firing and prometheus.value("min(up)") == 1 and prometheus.value("max(crm_task_failing_state)") == 0:
            return True
        sleep(_POLL_SECONDS)
    return False


def _note(prometheus: PrometheusServer, fired: dict[Alert, float], began: float) -> set[Alert]:
    firing = prometheus.firing()
    for alert in firing:
        fired.setdefault(alert, monotonic() - began)
    return firing


@contextmanager
def supervisor_paused(stack: Stack) -> Iterator[None]:
    """Nobody starts what was stopped until this is left."""
    supervisor = stack.supervisor()
    if supervisor is None:
        raise StackError("the local system does not run: `make start` starts it")
    os.kill(supervisor.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)


@contextmanager
def traffic(stack: Stack) -> Iterator[None]:
    """A purchase every second, so that there is something to be late or to fail; what cannot be sent is not sent again."""
    over = threading.Event()

    def send() -> None:
        number = 0
        while not over.wait(1.0):
            number += 1
            with suppress(OSError), urlopen(_purchase(stack, number), timeout=5) as answer:  # noqa: S310 - our own address only
                answer.read()

    thread = threading.Thread(target=send, name="traffic", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def _purchase(stack: Stack, number: int) -> Request:
    order = {"order_id": f"drill-{os.getpid()}-{number}", "total": 9.9, "currency": "EUR", "products": []}
    body = {
        "writeKey": stack.credentials.write_key,
        "userId": f"drill-{number % 10}",
        "event": "Order Completed",
        "properties": order,
    }
    url = f"{stack.settings.url}/v1/track"
    return Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - our own address only
