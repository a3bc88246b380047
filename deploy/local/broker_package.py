"""RabbitMQ comes from the distribution, since no package index carries it: installed where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.processes import last_line, rotate
from deploy.local.rabbitmq import installed

_PACKAGE = "rabbitmq-server"
_OTHER_BROKER = "set AMQP_URI to use a broker of yours"
_BY_HAND = f"install it with `apt-get install {_PACKAGE}` as root, or {_OTHER_BROKER}"
_APART = "the system's own broker service is not started"


def ensure_broker(log: Path, say: Callable[[str], None]) -> None:
    """Install RabbitMQ unless it is there; `say` tells what is about to happen, above all that sudo will be used."""
    if installed():
        return
    if shutil.which("apt-get") is None:
        raise StackError(f"RabbitMQ is missing and there is no apt-get: install it, or {_OTHER_BROKER}")
    prefix = _as_root(say)
    rotate(log)
    # A fresh machine has no package lists yet; stale ones make the install fail, not this step.
    _run([*prefix, "apt-get", "update"], log)
    # RUNLEVEL=1 keeps Debian's scripts from starting the system's own broker: ours is separate.
    quiet = ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"]
    if _run([*prefix, *quiet, "apt-get", "install", "-y", "--no-install-recommends", _PACKAGE], log) or not installed():
        raise StackError(f"RabbitMQ could not be installed: {last_line(log)} (see {log}); {_BY_HAND}")


def _as_root(say: Callable[[str], None]) -> list[str]:
    """The words to put before a command that needs root."""
    if os.geteuid() == 0:
        say(f"RabbitMQ is missing: installing {_PACKAGE} with apt-get; {_APART}")
        return []
    if shutil.which("sudo") is None:
        raise StackError(f"RabbitMQ is missing and there is no sudo to install it with: {_BY_HAND}")
    say(f"RabbitMQ is missing: installing {_PACKAGE} with `sudo apt-get`, which may ask for your password; {_APART}")
    return ["sudo"]


def _run(command: list[str], log: Path) -> int:
    with log.open("ab") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
