"""Processor time of processes, which says more than wall time on a machine that others use too."""

from collections.abc import Mapping, Sequence

import psutil

from deploy.local.processes import Process

Spent = dict[str, float]


def seconds_of(process: Process) -> float:
    """User and system time of a process and all below it since they started, in seconds."""
    if process.id is None:
        raise RuntimeError(f"{process.name} has stopped: see {process.log}")
    root = psutil.Process(process.id.pid)
    times = [each.cpu_times() for each in (root, *root.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


class Meter:
    """Processor seconds that named groups of processes spent since the meter was made."""

    def __init__(self, groups: Mapping[str, Sequence[Process]]) -> None:
        self._groups = groups
        self._before = self._now()

    def spent(self) -> Spent:
        now = self._now()
        return {name: now[name] - self._before[name] for name in now}

    def _now(self) -> Spent:
        return {name: sum(map(seconds_of, processes)) for name, processes in self._groups.items()}
