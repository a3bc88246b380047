"""Runbooks for every alert and for no other, whose commands exist: nobody wants to find out at night that they do not."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from deploy.k8s.kubectl import kubectl
from deploy.local.broker_package import ensure_broker
from deploy.local.settings import REPOSITORY
from shared.crm import crm
from tests.contract.watching.expressions import alerts

PAGES = {path.stem: path for path in (REPOSITORY / "docs" / "runbooks").glob("*.md") if path.stem != "README"}
WITH_COMMANDS = [*PAGES.values(), REPOSITORY / "docs" / "kubernetes.md"]
RABBITMQ = Path("/usr/lib/rabbitmq/bin")


def commands() -> set[tuple[str, ...]]:
    """Every command of the runbooks and of the page on Kubernetes, in words, without what is said beside it."""
    blocks = [block for page in WITH_COMMANDS for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line for block in blocks for line in block.splitlines()]
    return {tuple(shlex.split(line, comments=True)) for line in lines}


def test_there_is_a_page_for_each_alert_and_none_besides() -> None:
    assert {path.read_text().split(":")[0].removeprefix("# ") for path in PAGES.values()} == set(alerts())
    index = (REPOSITORY / "docs" / "runbooks" / "README.md").read_text()
    assert set(re.findall(r"\((\S+)\.md\)", index)) == set(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_says_how_it_shows_how_to_look_and_how_to_mend(name: str) -> None:
    text = PAGES[name].read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Symptom", "How to look", "How to mend"]
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGES[name].parent / link).exists(), link


def test_commands_of_ours_exist() -> None:
    asked = [command for command in commands() if command[0] in ("./crm", "make")]
    assert asked
    for program, *words in asked:
        if program == "make":
            subprocess.run(["make", "--dry-run", *words], cwd=REPOSITORY, capture_output=True, check=True)
            continue
        command: click.Command = crm
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        given = {word for word in words if word.startswith("--")}
        assert given <= {option for parameter in command.params for option in parameter.opts}, words


def test_commands_of_the_cluster_exist() -> None:
    asked = [command for command in commands() if command[0] == "kubectl"]
    verbs = {command[1:3] if command[1] in ("rollout", "top") else command[1:2] for command in asked}
    assert len(verbs) > 5
    for verb in verbs:
        options = subprocess.run([kubectl(), *verb, "--help"], capture_output=True, text=True, check=True).stdout
        common = subprocess.run([kubectl(), "options"], capture_output=True, text=True, check=True).stdout
        for command in asked:
            if command[1 : 1 + len(verb)] == verb:
                own = command[: command.index("--")] if "--" in command else command
                for option in (word.partition("=")[0] for word in own if word.startswith("--")):
                    assert f"{option}=" in options + common, command


def test_commands_of_the_broker_exist(tmp_path: Path) -> None:
    """Looked for in the command line tools of the broker that the tests run on."""
    ensure_broker(tmp_path / "apt.log", click.echo)
    asked = {command[command.index("--") + 1 :] for command in commands() if "--" in command}
    assert asked
    for program, name, *_ in asked:
        said = subprocess.run(["sh", RABBITMQ / program, "help", name], capture_output=True, text=True, timeout=60, check=False)
        assert f"{program} [--node <node>]" in said.stdout.replace("  ", " "), (program, name, said.stdout[:300])


def test_there_are_no_other_commands() -> None:
    assert {command[0] for command in commands()} == {"./crm", "make", "kubectl", "docker"}
