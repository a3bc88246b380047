"""What the image contains is known by name, version, hash and licence."""

import re
import tomllib

import pytest

from deploy.licences import LOCK, Licence, licences
from deploy.local.settings import REPOSITORY

# Licences under which everything may be passed on with the image; MPL asks no more of files that are not changed.
FREE = r"(MIT|BSD|ISC|Apache|PSF|Mozilla Public License 2\.0|MPL)"


@pytest.mark.parametrize("one", licences(), ids=lambda one: one.package)
def test_everything_in_the_image_may_be_passed_on(one: Licence) -> None:
    assert re.match(FREE, one.licence), f"{one.package} says of its licence: {one.licence!r}"
    assert "GPL" not in one.licence


def test_everything_in_the_image_is_pinned_with_hashes() -> None:
    text = LOCK.read_text()
    entries = re.split(r"\n(?=[\w.-]+==)", text.strip())
    assert len(entries) == len(licences()) > 20
    assert all("--hash=sha256:" in entry for entry in entries)


def test_direct_dependencies_are_locked_as_they_are_stated() -> None:
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = {f"{one.package}=={one.version}" for one in licences()}
    assert set(stated) <= locked


def test_the_image_installs_that_lock_and_nothing_else() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert re.findall(r"pip install (.*?)(?: \\)?$", dockerfile, re.MULTILINE) == [
        "--disable-pip-version-check --require-hashes -r requirements.lock"
    ]
    assert "apt-get" not in dockerfile
