"""Indexes are made before a service starts, by the command that the cluster's job runs."""

import os
import subprocess
import sys
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from deploy.local.settings import REPOSITORY


def made_by(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared.indexes", *command],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("service", "collection", "index"), [("collector", "events", "pending"), ("support", "tickets", "number")]
)
def test_the_job_makes_the_indexes_of_a_service_and_may_be_repeated(
    mongo_server: MongoServer, service: str, collection: str, index: str
) -> None:
    name = f"prepared_{service}"
    environment = {"MONGO_URI": mongo_server.uri(), "MONGO_DATABASE": name}
    first = made_by([service], **environment)
    assert first.returncode == 0, first.stderr
    with MongoClient[Any](mongo_server.uri()) as client:
        assert index in client[name][collection].index_information()
        assert {"pending", "_id_"} <= client[name]["outbox"].index_information().keys()
        assert made_by([service], **environment).stdout == first.stdout
        client.drop_database(name)


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    done = made_by(["support"], MONGO_URI="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "MongoDB cannot be reached at MONGO_URI" in done.stderr
