"""The smallest of the benchmarks, run as a person would, with its results elsewhere."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from deploy.local.settings import REPOSITORY

pytestmark = pytest.mark.timeout(240)


def test_a_benchmark_measures_writes_its_result_and_shows_it(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "benchmarks" / "README.md", tmp_path)
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks", "relay", "--trials", "1", "--seconds", "0.1"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "results").glob("*.json")
    result = json.loads(path.read_text())
    relay, kombu, times = (row["figure"] for row in result["rows"])
    assert times == pytest.approx(relay / kombu, rel=0.02)
    assert result["raw"]["relay"][0]["spent"]["rabbitmq"] > 0
    shown = (tmp_path / "README.md").read_text().partition(report.BEGIN)[2]
    assert "| publish: relay beside kombu |" in shown
