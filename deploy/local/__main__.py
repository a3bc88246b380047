"""`python -m deploy.local up|down|status`: the commands behind `make run`, `make stop` and `make status`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from deploy.local.broker_package import ensure_broker
from deploy.local.checks import check_directory
from deploy.local.display import Progress, status_table, welcome
from deploy.local.errors import StackError
from deploy.local.processes import ProcessId, rotate
from deploy.local.settings import REPOSITORY, Settings
from deploy.local.stack import Stack
from deploy.local.supervisor import supervise

_STOP_SECONDS = 180.0  # more than every grace on the way together


@click.group()
def main() -> None:
    """Run Sambandh on this machine."""


@main.command()
@click.option("--detach", is_flag=True, help="Return once everything is ready; a supervisor stays behind.")
def up(detach: bool) -> None:
    """Start everything, keep it running, stop it on Ctrl-C."""
    with one_line_errors():
        settings = Settings.from_environment()
        check_directory(settings.run_dir)
        if settings.amqp_uri is None:
            # Here and not in the stack: sudo may have to ask on this terminal, without a progress display over it.
            ensure_broker(settings.run_dir / "log" / "apt.log", click.echo)
        if detach:
            _detached(settings)
        else:
            _attached(settings)


@main.command()
def down() -> None:
    """Stop everything that `up` started."""
    console = Console()
    with one_line_errors(), Progress(console) as progress:
        stack = Stack(Settings.from_environment(), progress.report)
        supervisor = stack.supervisor()
        if supervisor is not None:
            os.kill(supervisor.pid, signal.SIGTERM)
            _wait_for_end(supervisor)
        stack.stop()  # nothing is left, unless the supervisor was killed
    console.print("Sambandh is stopped; its data stay.")


@main.command()
def status() -> None:
    """Show each part; exit code 1 unless all of them run."""
    with one_line_errors():
        stack = Stack(Settings.from_environment())
        Console().print(status_table(stack))
        sys.exit(0 if all(process.id for process in stack.processes()) else 1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What a person has to put right ends in one line and exit code 1, never in a traceback."""
    try:
        yield
    except StackError as fault:
        Console(stderr=True).print(f"sambandh: {fault}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


def _attached(settings: Settings) -> None:
    # Ctrl-C too: a shell script's background job starts with it ignored. And a closed terminal stops everything.
    _on_signals(_interrupt)
    console = Console()
    progress = Progress(console)
    stack = Stack(settings, progress.report)
    try:
        with progress:
            stack.start()
        welcome(console, stack)
        _ready_marker(settings).touch()
        console.print("Ctrl-C stops everything." if console.is_terminal else "`make stop` stops everything.")
        supervise(stack.processes(), lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
    except KeyboardInterrupt:
        # A second Ctrl-C must not leave half of it running.
        _on_signals(signal.SIG_IGN)
        console.print("Stopping: services finish what they hold, up to 30 s.", highlight=False)
        with progress:
            stack.stop()
        _ready_marker(settings).unlink(missing_ok=True)


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _detached(settings: Settings) -> None:
    """Start `up` in a session of its own and show what it says until it is ready or has failed."""
    log = settings.run_dir / "log" / "supervisor.log"
    other = Stack(settings).supervisor()
    if other is not None:
        raise StackError(f"already running (process {other.pid}): `make status` shows it, `make stop` stops it")
    _ready_marker(settings).unlink(missing_ok=True)  # a supervisor that was killed left it
    rotate(log)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up"],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with log.open(errors="replace") as text:
        while child.poll() is None and not _ready_marker(settings).exists():
            click.echo(text.read(), nl=False)
            time.sleep(0.1)
        click.echo(text.read(), nl=False)
    sys.exit(child.poll() or 0)


def _ready_marker(settings: Settings) -> Path:
    """Exists while the stack is up and supervised."""
    return settings.run_dir / "ready"


def _wait_for_end(supervisor: ProcessId) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while supervisor.alive():
        if time.monotonic() > deadline:
            raise StackError(f"the supervisor (process {supervisor.pid}) does not end: kill it, then stop again")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
