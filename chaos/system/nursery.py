"""Service processes that are forked from one which has imported the libraries: a kill then costs a third of the processor time."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.processes import Process, ProcessId, rotate
from deploy.local.settings import REPOSITORY


class Nursery:
    """The process that forks, from the side of those who want one forked."""

    def __init__(self, directory: Path) -> None:
        self.exits = directory / "exits"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.exits.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-W", "ignore", "-m", "chaos.system.forking", str(self.exits)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True, bufsize=1, start_new_session=True
        )

    def stop(self) -> None:
        """End it; what it forked should have ended before."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()

    def kill(self) -> None:
        """End it without a word."""
        if self._process:
            self._process.kill()

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """A process that runs a module with arguments; returns its pid."""
        process = self._process
        assert process is not None, "the nursery was started"
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        with self._lock:
            process.stdin.write(json.dumps(order) + "\n")
            return int(process.stdout.readline())


class ForkedProcess(Process):
    """A process of the stack that comes out of a nursery, unless something has to be loaded before all libraries."""

    nursery: Nursery
    _pid: int = 0

    def start(self) -> None:
        if "LD_PRELOAD" in self.environment:
            self._pid = 0
            super().start()
            return
        rotate(self.log)
        self._child = None
        self._pid = self.nursery.fork(self.command[2:], self.environment, self.log)
        started = ProcessId.of(self._pid)
        if started is not None:
            started.write(self.pid_file)

    @property
    def id(self) -> ProcessId | None:
        if not self._pid:
            return super().id
        return None if self._exit.exists() else ProcessId.read(self.pid_file)

    @property
    def exit_code(self) -> int | None:
        if not self._pid:
            return super().exit_code
        return int(self._exit.read_text()) if self._exit.exists() else None

    @property
    def _exit(self) -> Path:
        return self.nursery.exits / str(self._pid)
