"""Keeps a started stack running: what dies is started again, after a pause that grows while it keeps dying."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.processes import Process

_LOOK_SECONDS = 0.5
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0  # a process that ran this long before it died starts over with the first pause


@dataclass
class Watch:
    """One process under supervision. Times are seconds of a monotonic clock."""

    process: Process
    started: float
    pause: float = _FIRST_PAUSE
    due: float | None = None

    def look(self, now: float) -> str | None:
        """Do what is due at `now`; returns a line for a person when something happened."""
        if self.due is not None:
            return self._restart(now) if now >= self.due else None
        if self.process.id is not None:
            return None
        if now - self.started > _STEADY_SECONDS:
            self.pause = _FIRST_PAUSE
        self.due = now + self.pause
        code = "" if self.process.exit_code is None else f" (exit code {self.process.exit_code})"
        return f"{self.process.name} stopped{code}: starting it again in {self.pause:.0f} s"

    def _restart(self, now: float) -> str:
        self.process.start()
        self.started, self.due = now, None
        self.pause = min(self.pause * 2, _LONGEST_PAUSE)
        return f"{self.process.name} started again; what it said before it stopped is in {self.process.log}.1"


def supervise(processes: list[Process], say: Callable[[str], None]) -> None:
    """Watch for ever; ends by the exception that a signal raises."""
    watches = [Watch(process, time.monotonic()) for process in processes]
    while True:
        for watch in watches:
            line = watch.look(time.monotonic())
            if line:
                say(line)
        time.sleep(_LOOK_SECONDS)
