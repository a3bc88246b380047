"""What a person sees: progress, the checks, the last words."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from demo.checks import Check

_LINE_SECONDS = 5.0


class Watching:
    """Bars on a terminal; elsewhere a line for all of them, every few seconds and when one has come to its end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._figures: dict[str, tuple[int, int]] = {}
        self._tasks: dict[str, TaskID] = {}
        columns = (TextColumn("{task.description:<13}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console, refresh_per_second=4)
        self._began = self._told = time.monotonic()
        self._ended = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def done(self, name: str) -> int:
        """What was told of it last."""
        return self._figures.get(name, (0, 0))[0]

    def tell(self, name: str, done: int, of: int, unit: str) -> None:
        """Say how far something is."""
        self._ended |= done >= of and self._figures.get(name) != (done, of)
        self._figures[name] = done, of
        if self._console.is_terminal:
            self._bar(name, done, of, f"{done:,} of {of:,} {unit}")

    def round(self) -> None:
        """After everything was told once more: where there are no bars, print a line if it is time for one."""
        if not self._console.is_terminal and (self._ended or time.monotonic() - self._told > _LINE_SECONDS):
            self._ended = False
            self._line()

    def _bar(self, name: str, done: int, of: int, shown: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, shown="")
        self._bars.update(self._tasks[name], completed=done, total=of, shown=shown)

    def _line(self) -> None:
        self._told = time.monotonic()
        parts = (f"{name} {done:,}/{of:,}" for name, (done, of) in self._figures.items())
        line = f"{self._told - self._began:5.0f} s  {'  '.join(parts)}"
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_checks(console: Console, checks: list[Check]) -> None:
    """A line for each, with a mark; below a cross, what differs."""
    for check in checks:
        mark, style = ("✓", "green") if check.holds else ("✗", "bold red")
        console.print(f"  [{style}]{mark}[/] ", end="")
        console.print(f"{check.what}: {check.found}", highlight=False, markup=False, soft_wrap=True)
        for difference in check.differences:
            console.print(f"      {difference}", style="red", highlight=False, markup=False, soft_wrap=True)
    console.print()


def show_look(console: Console, url: str, paths: list[str]) -> None:
    """Where to look at it."""
    for path in paths:
        console.print(f"  {url}/api/{path}", style="dim", highlight=False, markup=False, soft_wrap=True)
