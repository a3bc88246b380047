"""Prometheus and promtool, which come from the distribution."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from deploy.local.debian_package import DebianPackage

PROMETHEUS, PROMTOOL = "prometheus", "promtool"


def installed() -> bool:
    """Whether this machine has both programs."""
    return all(shutil.which(program) for program in (PROMETHEUS, PROMTOOL))


def ensure_prometheus(log: Path, say: Callable[[str], None]) -> None:
    """Install Prometheus, and promtool with it, unless they are there."""
    DebianPackage("prometheus", "Prometheus", installed, "put prometheus and promtool on the PATH").ensure(log, say)
