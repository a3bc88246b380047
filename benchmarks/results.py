"""Results as files: one a run, kept small; what is shown is the newest of each benchmark."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from benchmarks.outcome import Outcome
from benchmarks.system import System
from deploy.local.settings import REPOSITORY

_PACKAGES = ("nameko", "eventlet", "kombu", "amqp", "pymongo", "msgspec", "faststream")
Document = dict[str, Any]


def circumstances(system: System, options: Options) -> Document:
    """When, of which commit and on what. Nothing that tells whose machine it is."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed_since": bool(_git("status", "--porcelain", "--", "shared", "services", "deploy", "requirements.lock")),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3),
        "versions": {"python": platform.python_version(), **_servers(system), **{name: version(name) for name in _PACKAGES}},
        "trials": options.trials,
        "seconds": options.seconds,
    }


def write(folder: Path, name: str, about: Document, outcome: Outcome) -> Path:
    """A file for one benchmark of a run. Four digits are kept of what was measured: it never comes out the same in the third."""
    stamp = about["at"].replace(":", "").replace("-", "")[:13]
    path = folder / f"{stamp}-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"benchmark": name, **about, "load": [round(one, 1) for one in os.getloadavg()], **outcome.document()}
    path.write_text(json.dumps(_rounded(content), indent=1) + "\n")
    return path


def newest(folder: Path) -> dict[str, Document]:
    """The last result of each benchmark, by its name."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return {result["benchmark"]: result for result in sorted(found, key=lambda result: str(result["at"]))}


def _servers(system: System) -> Mapping[str, str]:
    return {"mongod": str(system.client.server_info()["version"]), "rabbitmq": system.broker_version()}


def _git(*arguments: str) -> str:
    """What git says; empty outside a repository."""
    return subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()


def _rounded(value: Any) -> Any:
    """All floats with four significant digits, at any depth."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
