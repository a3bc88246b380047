"""The licences of everything that the image contains: `python -m deploy.licences`, behind `make licences`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from typing import cast

import click

from deploy.local.settings import REPOSITORY

LOCK = REPOSITORY / "requirements.lock"
_LONGEST_NAME = 60  # some packages state the whole text of their licence instead of its name


@dataclass(frozen=True)
class Licence:
    """A locked package, its version and what it says of its licence; empty where it says nothing or is not for this platform."""

    package: str
    version: str
    licence: str


def licences() -> list[Licence]:
    """One entry for each package of the runtime's lock."""
    locked = re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK.read_text(), re.MULTILINE)
    return [Licence(name, version, _licence_of(name)) for name, version in locked]


def _licence_of(package: str) -> str:
    """By the expression, else by the classifiers, else by the free text of its metadata."""
    try:
        stated = cast(Message, metadata(package))
    except PackageNotFoundError:
        return ""
    if expression := stated.get("License-Expression"):
        return str(expression)
    classifiers = [line.rpartition(" :: ")[2] for line in stated.get_all("Classifier", []) if line.startswith("License ::")]
    named = [name for name in classifiers if name != "OSI Approved"]
    if named:
        return " AND ".join(sorted(named))
    text = str(stated.get("License", "")).strip()
    return text if len(text) <= _LONGEST_NAME else ""


@click.command()
def main() -> None:
    """Print package, version and licence of everything that the image contains."""
    for one in licences():
        click.echo(f"{one.package}\t{one.version}\t{one.licence or 'see the package'}")


if __name__ == "__main__":
    main()
