"""promtool, which reads PromQL as Prometheus does."""

import subprocess
from collections.abc import Callable

import click
import pytest

from deploy.prometheus.programs import PROMTOOL, ensure_prometheus

Promtool = Callable[..., str]


@pytest.fixture(scope="session")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Promtool:
    """Calls promtool; fails with what it says."""
    ensure_prometheus(tmp_path_factory.mktemp("prometheus") / "apt.log", click.echo)

    def call(*words: object) -> str:
        done = subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call
