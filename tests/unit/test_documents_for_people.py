"""README and CONTRIBUTING name only what exists: make targets, files, settings, services."""

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from shared.config import Config
from shared.events import CATALOGUE
from shared.registry import service_names

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md"]


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_exists(document: str) -> None:
    named = set(re.findall(r"make ([a-z][a-z0-9-]*)", text(document))) - {"it"}
    assert named, "the document tells how to run things"
    for target in sorted(named):
        asked = subprocess.run(["make", "--dry-run", target, "EVENT=order_completed"], cwd=ROOT, capture_output=True, check=False)
        assert asked.returncode == 0, f"make {target}: {asked.stderr.decode()}"


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text(document)):
        assert (ROOT / target).exists(), f"{document} links to {target}"


def test_the_table_of_services_is_complete() -> None:
    assert re.findall(r"^\| \[(\w+)\]\(services/\w+\)", text("README.md"), re.MULTILINE) == [
        "collector",
        "profiles",
        "reengagement",
        "campaigns",
        "support",
        "social",
        "analytics",
    ]
    assert len(service_names()) == 7


def test_the_settings_have_the_defaults_that_the_table_says() -> None:
    defaults = {field.name.upper(): field.default for field in fields(Config)}
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \| ([^|]+) \|", text("README.md"), re.MULTILINE)
    for names, values in rows:
        said = dict(zip(re.findall(r"[A-Z_\d]+", names), [value.strip() for value in values.split(",")], strict=False))
        for name, value in said.items():
            assert name in defaults, f"{name} is no setting"
            if value.isdigit():
                assert defaults[name] == int(value), f"{name} is {defaults[name]} by default"


def test_the_number_of_events_is_right() -> None:
    assert f"\n{len(CATALOGUE)} events, each with a schema" in text("README.md")
