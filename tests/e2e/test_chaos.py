"""A sample of the chaos run: a small system of its own is loaded and broken for a few minutes, and nothing is lost or doubled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.settings import REPOSITORY


@pytest.mark.timeout(420)
def test_a_system_that_is_killed_rolled_and_fed_poison_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chaos", "--plan", "sample", "--seed", "7", "--rebuilt", "0.3", "--results", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert (result["colour"], result["findings"], result["missing"]) == ("green", [], [])
    assert result["accepted"] > 100
