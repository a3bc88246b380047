"""A service loses its database: the backup brings it back, the archive what came since, and nothing counts twice."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo import MongoClient

from deploy.local.settings import REPOSITORY, SERVICES
from tests.e2e.conftest import System

SERVICE = "support"


def crm(system: System, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **system.stack.environment()}
    command = [str(word) for word in (REPOSITORY / "crm", *words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def buy(system: System, user: str, number: int) -> None:
    order = {"order_id": f"{user}-{number}", "total": 10, "currency": "EUR", "products": []}
    message = {"userId": user, "event": "Order Completed", "properties": order, "writeKey": system.write_key}
    system.call("POST", "/v1/track", message)


def orders(system: System, user: str) -> list[str]:
    """Orders that support shows beside a ticket."""
    context = system.find(f"/api/{SERVICE}/customers/user:{user}/context") or {"orders": []}
    return sorted(order["order_id"] for order in context["orders"])


@pytest.fixture(scope="module")
def user() -> str:
    return f"kept-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def backup(stack: System, user: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup of all services, taken after the first purchase of `user` was applied."""
    buy(stack, user, 1)
    stack.wait_until(lambda: orders(stack, user) == [f"{user}-1"], "the first purchase", 60)
    directory = tmp_path_factory.mktemp("backup") / "made"
    done = crm(stack, "backup", directory)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == sorted(SERVICES)
    yield directory
    shutil.rmtree(directory)


def database(system: System) -> MongoClient[Any]:
    return MongoClient(system.mongo_uri)


def content(system: System) -> dict[str, Any]:
    """Indexes of every collection."""
    with database(system) as client:
        found = client[f"sambandh_{SERVICE}"]
        return {name: found[name].index_information() for name in sorted(found.list_collection_names())}


def test_what_was_lost_comes_back_and_nothing_counts_twice(stack: System, backup: Path, user: str) -> None:
    buy(stack, user, 2)
    stack.wait_until(lambda: len(orders(stack, user)) == 2, "the second purchase", 60)
    indexes = content(stack)
    process = stack.stack.services[SERVICE]
    process.stop()
    try:
        with database(stack) as client:
            client.drop_database(f"sambandh_{SERVICE}")
        done = crm(stack, "restore", backup, SERVICE)
        assert done.returncode == 0, done.stderr
        assert content(stack) == indexes
    finally:
        process.start()
    stack.wait_until(lambda: stack.stack.ready(SERVICE), "support is ready", 90)
    assert orders(stack, user) == [f"{user}-1"]
    since = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M")
    for _ in range(2):
        replayed = crm(stack, "replay-archive", SERVICE, "--since", since)
        assert replayed.returncode == 0, replayed.stderr
    stack.wait_until(lambda: orders(stack, user) == [f"{user}-1", f"{user}-2"], "what came after the backup", 60)


def test_a_backup_is_what_the_tools_of_mongodb_read_and_write(backup: Path, user: str) -> None:
    documents = bson.decode_all((backup / "profiles" / "inbox.bson").read_bytes())
    assert documents
    assert oct(backup.joinpath("profiles").stat().st_mode)[-3:] == "700", "it holds customers"


def test_a_database_that_holds_something_is_not_written_over(stack: System, backup: Path) -> None:
    refused = crm(stack, "restore", backup, SERVICE)
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)


def test_a_backup_is_not_written_over(stack: System, backup: Path) -> None:
    refused = crm(stack, "backup", backup)
    assert (refused.returncode, "name a new directory" in refused.stderr) == (1, True)


@pytest.mark.parametrize("damage", ["cut", "missing", "of another"])
def test_a_damaged_backup_is_refused_before_anything_is_written(stack: System, backup: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    file = copy / SERVICE / "inbox.bson"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "missing":
        file.unlink()
    else:
        shutil.rmtree(copy / SERVICE)
        shutil.copytree(backup / "social", copy / SERVICE)
    refused = crm(stack, "restore", copy, SERVICE)
    assert refused.returncode == 1
    assert "is no" in refused.stderr or "is a backup of social" in refused.stderr
