"""The system under demonstration: the one that runs, or one that is started for the demo and stopped after it."""

import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from demo.errors import DemoError
from demo.reader import Reader
from deploy.local.broker_package import ensure_broker
from deploy.local.checks import check_directory
from deploy.local.credentials import write_private
from deploy.local.display import Progress
from deploy.local.settings import REPOSITORY, Settings
from deploy.local.stack import Stack

_COMMAND_SECONDS = 60
_KEY = "SAMBANDH_WRITE_KEY"  # not an argument: those show in `ps`


@dataclass(frozen=True)
class System:
    """Where the system is, and what opens it; `directory` is for files of the demo."""

    url: str
    api_token: str
    mongo_uri: str
    directory: Path

    @property
    def letters(self) -> Path:
        """Where the local system writes the mails that it sends."""
        return self.directory.parent / "mail"

    @property
    def reader(self) -> Reader:
        return Reader(self.url, self.api_token)

    def write_key(self, source: str, name: str, kind: str = "server") -> str:
        """The write key of a source of the demo's own, which is made, or gets its key back, by the collector's command line.

        A source of its own: analytics shows orders by source, so the demo's can be told from all others. `name` is that of the file
        which keeps the key. Raises DemoError.
        """
        key_file = self.directory / f"{name}.key"
        if not key_file.exists():
            write_private(key_file, f"wk_{secrets.token_urlsafe(32)}")
        key = key_file.read_text()
        _run(["services.collector", "sources", "ensure", source, "--kind", kind], {"MONGO_URI": self.mongo_uri, _KEY: key})
        return key


def _run(module: list[str], environment: Mapping[str, str]) -> None:
    command, merged = [sys.executable, "-m", *module], {**os.environ, **environment}
    done = subprocess.run(  # noqa: S603 - our own module
        command, env=merged, cwd=REPOSITORY, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise DemoError(f"the demo's source could not be made: {reason}")


def directory() -> Path:
    """Where the demo keeps its files: below the run directory, which is made if it is not there. Raises StackError."""
    run_dir = Settings.from_environment().run_dir
    check_directory(run_dir)
    (run_dir / "demo").mkdir(exist_ok=True)
    return run_dir / "demo"


@contextmanager
def running_system(console: Console) -> Iterator[System]:
    """The system that `.run/env` names if it answers; else one that is started, and stopped in the end. Raises DemoError, StackError."""
    settings = Settings.from_environment()
    known = _read_environment(settings.run_dir / "env")
    if known is not None and Reader(known["SAMBANDH_URL"], known["SAMBANDH_ADMIN_TOKEN"]).answers():
        yield _system(known)
        return
    if Stack(settings).supervisor() is not None:
        raise DemoError("the system is starting, stopping or unwell: see `make status`, and run the demo again when it is ready")
    with _started(settings, console) as stack:
        yield _system(stack.environment())


@contextmanager
def _started(settings: Settings, console: Console) -> Iterator[Stack]:
    console.print("Sambandh is not running: it is started for the demo and stopped after it; its data stay.", soft_wrap=True)
    if settings.amqp_uri is None:
        ensure_broker(settings.run_dir / "log" / "apt.log", console.print)
    progress = Progress(console)
    stack = Stack(settings, progress.report)
    with progress:
        stack.start()
    try:
        yield stack
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a second Ctrl-C must not leave half of it running
            signal.signal(number, signal.SIG_IGN)
        with progress:
            stack.stop()


def _system(environment: Mapping[str, str]) -> System:
    return System(environment["SAMBANDH_URL"], environment["SAMBANDH_ADMIN_TOKEN"], environment["MONGO_URI"], directory())


def _read_environment(file: Path) -> dict[str, str] | None:
    """The lines `NAME='value'` of the file that a running system leaves; None without one."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return None
    return {name: "".join(shlex.split(value)) for name, _, value in (line.partition("=") for line in lines)}
