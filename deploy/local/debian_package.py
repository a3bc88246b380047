"""Programs that no package index carries come from the distribution: installed where they are missing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.processes import last_line, rotate


@dataclass(frozen=True)
class DebianPackage:
    """A package by its name, what it is to a person, whether it is there, and what else one can do."""

    name: str
    title: str
    installed: Callable[[], bool]
    otherwise: str

    def ensure(self, log: Path, say: Callable[[str], None]) -> None:
        """Install it unless it is there; `say` tells what is about to happen, above all that sudo will be used."""
        with _one_at_a_time():
            if not self.installed():
                self._install(log, say)

    def _install(self, log: Path, say: Callable[[str], None]) -> None:
        if shutil.which("apt-get") is None:
            raise StackError(f"{self.title} is missing and there is no apt-get: install it, or {self.otherwise}")
        prefix = self._as_root(say)
        rotate(log)
        # A fresh machine has no package lists yet; stale ones make the install fail, not this step.
        _run([*prefix, "apt-get", "update"], log)
        # RUNLEVEL=1 keeps Debian's scripts from starting the system's own service: ours is separate.
        quiet = ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"]
        failed = _run([*prefix, *quiet, "apt-get", "install", "-y", "--no-install-recommends", self.name], log)
        if failed or not self.installed():
            raise StackError(f"{self.title} could not be installed: {last_line(log)} (see {log}); {self._by_hand}")

    @property
    def _by_hand(self) -> str:
        return f"install it with `apt-get install {self.name}` as root, or {self.otherwise}"

    def _as_root(self, say: Callable[[str], None]) -> list[str]:
        """The words to put before a command that needs root."""
        apart = "the system's own service is not started"
        if os.geteuid() == 0:
            say(f"{self.title} is missing: installing {self.name} with apt-get; {apart}")
            return []
        if shutil.which("sudo") is None:
            raise StackError(f"{self.title} is missing and there is no sudo to install it with: {self._by_hand}")
        say(f"{self.title} is missing: installing {self.name} with `sudo apt-get`, which may ask for your password; {apart}")
        return ["sudo"]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Tests run in two processes, and apt-get fails where another one is at work."""
    with (Path(tempfile.gettempdir()) / f"sambandh-apt-{os.geteuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str], log: Path) -> int:
    with log.open("ab") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
