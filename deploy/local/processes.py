"""One operating-system process of the stack: started with a log and a pid file, stopped without hitting a stranger."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.settings import REPOSITORY

POLL_SECONDS = 0.05
_TAIL_BYTES = 8192
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ProcessId:
    """A process that no later process can be taken for: pids are reused, a pid with start time and boot is not.

    The command line is no part of it because it changes: rabbitmq-server is a shell script that becomes `erl`, which
    becomes the Erlang machine, all under one pid.
    """

    pid: int
    started: str
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of the process that has this pid now; None if there is none or it is a zombie."""
        try:
            # The second field, the program's name, may hold blanks and brackets; the rest follows its last bracket.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, started = fields[0], fields[19]
        return None if state == "Z" else cls(pid, started, _BOOT_ID.read_text().strip())

    def alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{self.pid} {self.started} {self.boot}\n")

    @classmethod
    def read(cls, path: Path) -> ProcessId | None:
        """What the pid file says; None without a file or with a damaged one."""
        try:
            pid, started, boot = path.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return cls(int(pid), started, boot)


@dataclass
class Process:
    """A command with its environment, log and pid file.

    It knows a process that an earlier run of the stack left behind as well as its own child, and treats both alike.
    """

    name: str
    command: Sequence[str]
    run_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 30.0
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def log(self) -> Path:
        return self.run_dir / "log" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.run_dir / "pid" / self.name

    @property
    def id(self) -> ProcessId | None:
        """The running process, ours or an earlier run's; None when it is not running."""
        found = ProcessId.read(self.pid_file)
        if found is not None and self._child is not None and self._child.pid == found.pid:
            # Not by its state: a killed process shows as a zombie while its other threads still hold its ports.
            return found if self._child.poll() is None else None
        return found if found is not None and found.alive() else None

    @property
    def exit_code(self) -> int | None:
        """How our child ended; None while it runs and for a process that another run started."""
        return self._child.poll() if self._child is not None else None

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C must reach the supervisor alone, which stops things in order."""
        rotate(self.log)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = ProcessId.of(self._child.pid)
        if started is not None:
            started.write(self.pid_file)

    def terminate(self) -> None:
        """Ask it to stop; `wait` to see it gone."""
        self._signal(signal.SIGTERM)

    def wait(self) -> None:
        """Wait until it is gone; after the grace it is killed."""
        deadline = time.monotonic() + self.grace_seconds
        while self.id is not None:
            if time.monotonic() > deadline:
                self.kill()
                return
            time.sleep(POLL_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def stop(self) -> None:
        self.terminate()
        self.wait()

    def kill(self) -> None:
        """End it at once with everything it started, as a crash would."""
        self._signal(signal.SIGKILL, group=True)
        while self.id is not None:
            time.sleep(POLL_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def failure(self) -> StackError:
        """What to tell a person when it died while it was needed."""
        code = "" if self.exit_code is None else f" (exit code {self.exit_code})"
        return StackError(f"{self.name} stopped while starting{code}: {last_line(self.log)} — see {self.log}")

    def _signal(self, number: signal.Signals, group: bool = False) -> None:
        found = self.id
        if found is None:
            return
        try:
            (os.killpg if group else os.kill)(found.pid, number)
        except ProcessLookupError:
            return


def rotate(log: Path) -> None:
    """Keep the log of the run before as `.1`, and no more."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))


def last_line(log: Path) -> str:
    """The last line of a log that says something, looked for in its last few kilobytes."""
    if not log.exists():
        return "it has no log"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")


def wait_until(ready: Callable[[], bool], process: Process, seconds: float) -> None:
    """Poll `ready()` until it is true; a `StackError` if the process dies first or the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.id is None:
            raise process.failure()
        if time.monotonic() > deadline:
            raise StackError(f"{process.name} was not ready within {seconds:.0f} s: see {process.log}")
        time.sleep(POLL_SECONDS)
