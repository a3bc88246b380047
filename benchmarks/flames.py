"""Flame graphs of the consume path: where the Python of each service spends its time while it drains full queues."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.consume import CUSTOMERS, drain
from benchmarks.sides import Sambandh
from benchmarks.system import System
from benchmarks.workload import Shop
from deploy.local.settings import REPOSITORY

FOLDER = REPOSITORY / "benchmarks" / "flames"
_ORDERS = 4_000
_PER_SECOND = 100


def record(system: System) -> list[Path]:
    """A graph for each of the four services."""
    FOLDER.mkdir(exist_ok=True)
    shop, side = Shop(CUSTOMERS), Sambandh(system)
    with side.running():
        drain(side, shop.first_orders(), 0)
        recorders = {FOLDER / f"{process.name}.svg": process for process in side.processes}
        running = [_spy(process.id.pid, path) for path, process in recorders.items() if process.id]
        time.sleep(1)
        drain(side, shop.orders(_ORDERS), CUSTOMERS)
        for recorder in running:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(60)
    return list(recorders)


def _spy(pid: int, path: Path) -> subprocess.Popen[bytes]:
    """py-spy on a process, until it is interrupted. The graph's title is this command, so it names no place on this machine."""
    spy, output = (os.path.relpath(one, REPOSITORY) for one in (Path(sys.executable).with_name("py-spy"), path))
    command = [spy, "record", "--pid", str(pid), "--rate", str(_PER_SECOND), "--duration", "600", "--output", output]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
