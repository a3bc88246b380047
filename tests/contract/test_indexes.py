"""Indexes are made before a service starts, by the command that the cluster's job runs."""

import os
import subprocess
import sys
from typing import Any

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


def test_the_job_makes_the_indexes_of_a_service(mongo_server: MongoServer) -> None:
    """The end-to-end test of the containers runs it for every service, where all is there already."""
    done = made_by(["support"], MONGO_URI=mongo_server.uri(), MONGO_DATABASE="prepared_support")
    assert done.returncode == 0, done.stderr
    with MongoClient[Any](mongo_server.uri()) as client:
        assert "number" in client["prepared_support"]["tickets"].index_information()
        assert "pending" in client["prepared_support"]["outbox"].index_information()
        client.drop_database("prepared_support")


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    done = made_by(["support"], MONGO_URI="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "MongoDB cannot be reached at MONGO_URI" in done.stderr
