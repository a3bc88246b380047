"""One mutation in a copy of the tree: applied, tested, taken back."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mutants.mutation import ROOT, DoesNotApply, Mutation

SEEDS = "150"  # of each scenario: more than the unit tests look at, since a survivor costs a person's time
LIMIT = 300  # seconds for the tests of one mutation
_FAILED = 1  # pytest's exit code where tests ran and some failed


class Outcome(StrEnum):
    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    EQUIVALENT = "equivalent"
    ERROR = "error"


@dataclass(frozen=True)
class Result:
    """What became of a mutation; `seconds` is wall time, `detail` the test that caught it or what went wrong."""

    name: str
    outcome: Outcome
    seconds: float
    detail: str

    @property
    def good(self) -> bool:
        return self.outcome in (Outcome.CAUGHT, Outcome.EQUIVALENT)


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """A directory with every file that git knows here, as it is now, and the environment beside it."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - nothing of it comes from outside
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        for path in filter(None, listed.stdout.decode().split("\0")):
            if path.endswith((".py", ".toml", ".json")) and (ROOT / path).is_file():
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / path, copy / path)
        yield copy


def try_out(mutation: Mutation, copy: Path) -> Result:
    """Whether the tests of a mutation notice it."""
    began = time.perf_counter()
    file = copy / mutation.file
    original = file.read_text()
    try:
        file.write_text(mutation.applied_to(original))
        outcome, detail = _outcome(mutation, copy)
    except DoesNotApply as error:
        outcome, detail = Outcome.ERROR, str(error)
    finally:
        file.write_text(original)
    return Result(mutation.name, outcome, round(time.perf_counter() - began, 1), detail)


def _outcome(mutation: Mutation, copy: Path) -> tuple[Outcome, str]:
    if mutation.equivalent:
        return Outcome.EQUIVALENT, mutation.equivalent
    code, output = run_tests(mutation.tests, copy)
    if code == 0:
        return Outcome.SURVIVED, ", ".join(mutation.tests)
    failed = [line.removeprefix("FAILED ").split(" - ")[0] for line in output.splitlines() if line.startswith("FAILED ")]
    if code != _FAILED or not failed:
        return Outcome.ERROR, output[-2000:]
    return Outcome.CAUGHT, failed[0]


def run_tests(tests: Sequence[str], copy: Path, limit: int = LIMIT) -> tuple[int, str]:
    """pytest's exit code and output for some tests of the copy, until the first failure or for `limit` seconds."""
    environment = {**os.environ, "SIMULATION_SEEDS": SEEDS, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", str(limit)]
    try:
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            [*command, *tests], cwd=copy, env=environment, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return _FAILED, "FAILED by taking too long\n"
    return done.returncode, done.stdout + done.stderr
