"""Faults of service processes: killed, killed at a named point, killed in pairs, paused past their leases, rolled."""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from chaos.faults.fault import Passing
from chaos.system.testbed import Testbed, wait_for
from chaos.system.whole import System

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
OWNER_KILLED = "kill -9 of the owner of timers"
_PATIENCE_SECONDS = 6.0
_DEATH_SECONDS = 120.0
_OWNER_SECONDS = 60.0
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
class KillOwner(Passing):
    """SIGKILL of the process that holds the lease on the timers of re-engagement, whichever of its replicas that is now.

    With `point` its next life ends there, should it come to fire timers again.
    """

    point: str
    target: str = "reengagement"
    kind: ClassVar[str] = OWNER_KILLED

    def inject(self, system: System) -> None:
        wait_for(lambda: bool(_owner(system)), "an owner of the timers that lives", _OWNER_SECONDS)
        system.fleet.kill(_owner(system) or self.target, self.point)


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


def _owner(system: System) -> str:
    """The name of the living process that holds the lease; empty while there is none."""
    lease = system.client()["sambandh_reengagement"]["leases"].find_one({"_id": "timers"})
    holder = lease["holder"] if lease else ""
    living = {name: member.process.id for name, member in system.fleet.members.items() if member.service == "reengagement"}
    return next((name for name, found in living.items() if found is not None and f"-{found.pid}-" in holder), "")


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


def kill_owner(random: Random, names: Sequence[str]) -> KillOwner:
    """A kill of the one who fires timers, every other time within a firing."""
    return KillOwner(random.choice(["", "timers.before_commit:2"]))


def kill_pair(random: Random, names: Sequence[str]) -> KillPair:
    return KillPair(names[0], random.choice(names[1:]))


def pause(random: Random, names: Sequence[str]) -> Pause:
    return Pause(names[0], random.uniform(8.0, 12.0))


def roll(random: Random, names: Sequence[str]) -> Roll:
    return Roll(names[0])
