"""File systems of a few hundred megabytes, so that a disk can be full without the machine's being so. They take root to mount."""

import os
import subprocess
from pathlib import Path

MEGABYTES = {"mongod": 900, "rabbitmq": 400}


def may_mount() -> bool:
    return os.geteuid() == 0


def mount(place: Path, megabytes: int) -> None:
    """A file system in memory at `place`."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "chaos", str(place)], check=True, timeout=30)


def unmount(place: Path) -> None:
    """Undo it; whoever still uses it keeps it until the end."""
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=30)
