"""What a run came to, as one JSON file that is kept: the figures of `docs/proof.md` are sums over these files."""

import gzip
import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos.checker.timers import Lateness
from deploy.local.settings import REPOSITORY

DIRECTORY = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Result:
    """One run of the product as of `commit`. Seconds are wall time.

    `faults` counts what was injected by kind and target, `deaths` those at a fault point by point. `services` says of each service how
    many accepted facts it lost and how often it applied one again; `figures` what else a plan measures.
    """

    plan: str
    title: str
    seed: int
    date: str
    command: str
    commit: str
    seconds: float
    colour: str
    findings: Sequence[str]
    missing: Sequence[str]
    attempted: int
    accepted: int
    recovered: int
    faults: Mapping[str, Mapping[str, int]]
    deaths: Mapping[str, int]
    hits: Mapping[str, int]
    lateness: Lateness = field(default_factory=Lateness)
    timers: Mapping[str, int] = field(default_factory=dict)
    settle_seconds: float = 0.0
    services: Mapping[str, Sequence[int]] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.date.replace(':', '').replace('-', '')[:15]}-{self.plan}-{self.seed}"

    @property
    def fired(self) -> int:
        """How many timers fired."""
        return sum(times for state, times in self.timers.items() if state.endswith(" fired"))


def commit() -> str:
    """The commit that is checked out, shortened; empty where there is no repository."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def save(result: Result, history: Path, directory: Path = DIRECTORY) -> Path:
    """Write a result, and beside it the history of the run, compressed."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{result.name}.json"
    path.write_text(json.dumps(asdict(result), indent=1) + "\n")
    path.with_suffix(".history.gz").write_bytes(gzip.compress(history.read_bytes(), mtime=0))
    return path


def load(directory: Path = DIRECTORY) -> list[Result]:
    """Every result that is kept, the oldest first."""
    return [_read(json.loads(path.read_text())) for path in sorted(directory.glob("*.json"))]


def faults_of(results: Sequence[Result]) -> dict[str, Counter[str]]:
    """How often each kind of fault hit each target, over several runs."""
    sums: dict[str, Counter[str]] = {}
    for result in results:
        for kind, targets in result.faults.items():
            sums.setdefault(kind, Counter()).update(targets)
    return sums


def _read(values: dict[str, Any]) -> Result:
    return Result(**{**values, "lateness": Lateness(**values["lateness"])})
