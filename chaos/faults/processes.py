"""Faults of service processes: killed, killed at a named point, killed in pairs, paused past their leases, rolled."""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from chaos.faults.fault import Passing
from chaos.system.testbed import Testbed, wait_for

_WITHIN_TRANSACTION = ("unit_of_work.after_inbox", "unit_of_work.before_outbox", "unit_of_work.before_commit")
_CONSUMING = (*_WITHIN_TRANSACTION, "unit_of_work.after_commit", "consume.before_ack")
_PUBLISHING = ("relay.before_confirm", "relay.after_confirm")
POINTS = {
    "collector": _PUBLISHING,
    "profiles": (*_CONSUMING, *_PUBLISHING),
    "reengagement": (*_CONSUMING, *_PUBLISHING, "timers.before_commit"),
    "campaigns": (*_CONSUMING, *_PUBLISHING),
    "support": _CONSUMING,
    "social": _CONSUMING,
    "analytics": _CONSUMING,
}
UNCLEAN = "unclean stop"
_PATIENCE_SECONDS = 6.0
_DEATH_SECONDS = 120.0
TRANSACTION_POINTS = frozenset({*_WITHIN_TRANSACTION, "timers.before_commit"})


@dataclass(frozen=True)
class Kill(Passing):
    """SIGKILL from outside at any moment. With `point` the next life kills itself within the delivery path, at that point.

    It waits for a process that is at work: killing what is only starting proves nothing. A life that is to end at a point gets its time.
    """

    target: str
    point: str = ""
    kind: ClassVar[str] = "kill -9"

    def inject(self, system: Testbed) -> None:
        patience = time.monotonic() + _PATIENCE_SECONDS
        while not _at_work(system, self.target) and time.monotonic() < patience:
            time.sleep(0.1)
        system.fleet.kill(self.target, self.point)


@dataclass(frozen=True)
class KillWithin(Passing):
    """A process that dies at a point of the delivery path, with work in hand; the next fault waits until it has."""

    target: str
    point: str
    kind: ClassVar[str] = "kill -9"

    def inject(self, system: Testbed) -> None:
        system.fleet.kill(self.target, self.point)
        try:
            wait_for(lambda: not system.fleet.members[self.target].armed, f"{self.target} at {self.point}", _DEATH_SECONDS)
        except TimeoutError:
            system.history.add("note", "point not reached", self.target, self.point)


@dataclass(frozen=True)
class KillPair(Passing):
    """SIGKILL of two processes at the same moment."""

    first: str
    second: str
    kind: ClassVar[str] = "kill -9 of a pair"

    @property
    def target(self) -> str:
        return f"{self.first} and {self.second}"

    def inject(self, system: Testbed) -> None:
        with system.fleet.held():
            system.fleet.signal(self.first, signal.SIGKILL)
            system.fleet.signal(self.second, signal.SIGKILL)
            system.fleet.kill(self.first)
            system.fleet.kill(self.second)


@dataclass(frozen=True)
class Pause:
    """SIGSTOP for longer than a lease lasts, then SIGCONT: a process that does not know that its time is over."""

    target: str
    hold: float
    kind: ClassVar[str] = "SIGSTOP past a lease"

    def inject(self, system: Testbed) -> None:
        system.fleet.signal(self.target, signal.SIGSTOP)

    def heal(self, system: Testbed) -> None:
        system.fleet.signal(self.target, signal.SIGCONT)


@dataclass(frozen=True)
class Roll(Passing):
    """SIGTERM, wait for the process to finish what it holds, start it again: what a deployment does."""

    target: str
    kind: ClassVar[str] = "SIGTERM"

    def inject(self, system: Testbed) -> None:
        code = system.fleet.stop_and_start(self.target)
        if code != 0:
            system.history.add("note", UNCLEAN, self.target, f"exit code {code}")
        system.await_ready([self.target])


def _at_work(system: Testbed, name: str) -> bool:
    return not system.fleet.members[name].armed and system.ready(name)


def kill(random: Random, names: Sequence[str]) -> Kill:
    """A kill of any process; every other one is followed by a death at a named point."""
    name = names[0]
    points = POINTS.get(name.partition("-")[0], ())
    point = f"{random.choice(points)}:{random.randrange(1, 5)}" if points and random.random() < 0.5 else ""
    return Kill(name, point)


def kill_within_commit(random: Random, names: Sequence[str]) -> KillWithin:
    """A consumer that dies with a transaction in hand."""
    name = next(name for name in names if name.partition("-")[0] != "collector")
    return KillWithin(name, f"{random.choice(_WITHIN_TRANSACTION)}:{random.randrange(1, 3)}")


def kill_owner(random: Random, names: Sequence[str]) -> Kill:
    """A kill of one of those who fire timers, every other time within a firing."""
    owners = [name for name in names if name.partition("-")[0] == "reengagement"]
    return Kill(random.choice(owners), random.choice(["", "timers.before_commit:2"]))


def kill_pair(random: Random, names: Sequence[str]) -> KillPair:
    return KillPair(names[0], random.choice(names[1:]))


def pause(random: Random, names: Sequence[str]) -> Pause:
    return Pause(names[0], random.uniform(8.0, 12.0))


def roll(random: Random, names: Sequence[str]) -> Roll:
    return Roll(names[0])
