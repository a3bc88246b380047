"""What is looked at before anything is started, so that a person reads one clear line instead of a server's log."""

from __future__ import annotations

import errno
import shutil
import socket
from collections import Counter
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.settings import LOOPBACK, Settings

_NEEDED_BYTES = 1_000_000_000


def check_directory(run_dir: Path) -> None:
    """The run directory exists and can be written."""
    try:
        run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds customers and passwords
        probe = run_dir / "write-probe"
        probe.touch()
        probe.unlink()
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise StackError(f"cannot write to {run_dir} ({reason}): correct that, or set SAMBANDH_RUN_DIR elsewhere") from fault


def check_disk(run_dir: Path) -> None:
    """Room for the databases: MongoDB's journal and RabbitMQ's log alone take some hundred megabytes."""
    free = shutil.disk_usage(run_dir).free
    if free < _NEEDED_BYTES:
        raise StackError(
            f"only {free / 1e6:.0f} MB free for {run_dir}, {_NEEDED_BYTES / 1e6:.0f} MB are needed: "
            "free some space or set SAMBANDH_RUN_DIR to another disk"
        )


def check_ports(settings: Settings) -> None:
    """Every port is ours to take, and none is meant for two."""
    ports = settings.listeners()
    port, times = Counter(ports.values()).most_common(1)[0]
    if times > 1:
        names = " and ".join(name for name, number in ports.items() if number == port)
        raise StackError(f"port {port} is set for {names}: give each its own")
    for name, number in ports.items():
        address = settings.gateway_address if name == "GATEWAY_PORT" else LOOPBACK
        _check_port(name, address, number)


def _check_port(name: str, address: str, port: int) -> None:
    variable = name.split()[0]
    with socket.socket() as probe:
        # As the servers do it: a port that only has connections in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                problem = f"is in use by another program: stop that one or set {variable} to another port"
            else:
                problem = f"cannot be opened on {address} ({fault.strerror}): set {variable} to another port"
            raise StackError(f"port {port} ({name}) {problem}") from fault
