"""Time and interleaving of a simulated system: greenlets that switch only where real processes wait for the outside.

Everything runs in one thread. Whoever waits is given a moment at which it goes on; the latest waiter of the same moment is drawn by
the seed. So a seed decides every interleaving, and hours pass in the time that the work itself takes.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlet import getcurrent, greenlet

BEGIN = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Killed(BaseException):
    """Thrown into what a process was doing when it is killed; whatever it still tries to reach raises this again."""


class Process:
    """What dies together. `skew` is how far its wall clock is off, `paused_until` when it goes on after a SIGSTOP."""

    def __init__(self, world: "World", name: str, skew: timedelta = timedelta(0)) -> None:
        self.world, self.name, self.skew = world, name, skew
        self.alive = True
        self.paused_until = 0.0
        self.tasks: list[Task] = []
        self.at_death: list[Callable[[], None]] = []

    def install(self) -> None:
        """Called before any of its tasks goes on: the place to put its own globals in place."""

    def kill(self) -> None:
        """End it at once, as SIGKILL does: nothing of it runs any further, and its connections break."""
        if not self.alive:
            return
        self.alive = False
        for last_word in self.at_death:
            last_word()
        for task in self.tasks:
            self.world.wake(task)


class Task:
    """A thread of a process."""

    def __init__(self, process: Process, run: Callable[[], None], name: str) -> None:
        self.process, self.name = process, name
        self.ticket = 0
        self.finished = False
        self.greenlet = greenlet(self._run, process.world.main)
        self._function = run

    def _run(self) -> None:
        try:
            self._function()
        except Killed:
            pass
        except Exception as error:
            self.process.world.crashes.append(error)
        finally:
            self.finished = True

    def wait(self) -> None:
        """Until it is finished."""
        while not self.finished:
            self.process.world.sleep(0.05)


class World:
    """The clock, the order in which things happen, and the chance that decides it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seconds = 0.0  # since BEGIN
        self.crashes: list[Exception] = []
        self.surprises: list[str] = []  # errors that the code under test lived through but should not have met
        self.steps = 0
        self._agenda: list[tuple[float, float, int, Task, int]] = []
        self._numbers = itertools.count()
        self._running: dict[greenlet, Task] = {}
        self.main = getcurrent()

    @property
    def now(self) -> datetime:
        """What a clock that is right says, in whole milliseconds."""
        return BEGIN + timedelta(milliseconds=int(self.seconds * 1000))

    @property
    def task(self) -> Task:
        """Who is running."""
        return self._running[getcurrent()]

    @property
    def process(self) -> Process:
        return self.task.process

    def spawn(self, process: Process, run: Callable[[], None], name: str) -> Task:
        task = Task(process, run, name)
        process.tasks.append(task)
        self._running[task.greenlet] = task
        self._schedule(task, self.seconds)
        return task

    def _schedule(self, task: Task, at: float) -> None:
        task.ticket += 1
        heapq.heappush(self._agenda, (at, self.chance.random(), next(self._numbers), task, task.ticket))

    def wake(self, task: Task) -> None:
        """Let a waiting task go on now."""
        if not task.finished:
            self._schedule(task, self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let others run; go on after `seconds`, or when woken. Raises Killed where the process has ended."""
        task = self.task
        if not task.process.alive:
            raise Killed
        self._schedule(task, self.seconds + seconds)
        self.main.switch()
        if not task.process.alive:
            raise Killed

    def run(self, seconds: float) -> None:
        """Let `seconds` pass. A crash of the code under test, other than by order, ends the run."""
        end = self.seconds + seconds
        while self._agenda and self._agenda[0][0] <= end and not self.crashes:
            at, _, _, task, ticket = heapq.heappop(self._agenda)
            if task.finished or ticket != task.ticket:
                continue
            self.seconds = max(self.seconds, at)
            if task.process.alive and task.process.paused_until > self.seconds:
                self._schedule(task, task.process.paused_until)
                continue
            self.steps += 1
            task.process.install()
            task.greenlet.switch()
            if task.finished:
                del self._running[task.greenlet]
        if self.crashes:
            raise self.crashes[0]
        self.seconds = max(self.seconds, end)

    def end(self) -> None:
        """Unwind every task, so that no greenlet is left behind."""
        for task in list(self._running.values()):
            task.process.alive = False
            task.process.install()
            task.greenlet.switch()
        self._running.clear()


class Signal:
    """What `threading.Event` is to threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        for task in self._waiting:
            self._world.wake(task)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        if self._set:
            return True
        task = self._world.task
        self._waiting.append(task)
        try:
            self._world.sleep(3600.0 if timeout is None else max(0.0, timeout))
        finally:
            self._waiting.remove(task)
        return self._set


class Clock:
    """Stands in for the module `time` where code under test or the driver looks at it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        return 1000.0 + self._world.seconds

    def sleep(self, seconds: float) -> None:
        self._world.sleep(seconds)


def skewed(world: World) -> Any:
    """Stands in for the class `datetime`: what the wall clock of the running process says."""

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return (BEGIN + timedelta(seconds=world.seconds) + world.process.skew).astimezone(tz or UTC)

    return Skewed
