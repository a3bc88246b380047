"""A replica that reads what is another's steps back, again and again until the other has it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from shared import mongo, replicas
from shared.lease import PROCESS
from shared.replicas import STEP_BACK_SECONDS, Replicas, shares

QUEUES = [f"toy.inbox.{number}" for number in range(4)]
OTHER = "another-replica"


@pytest.fixture
def database(mongo_server: MongoServer) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_server.uri(), tz_aware=True)
    yield mongo.durable(client["replicas_under_test"])
    client.drop_database("replicas_under_test")
    client.close()


def test_alone_it_keeps_everything(database: Any) -> None:
    own = Replicas(database, QUEUES)
    assert not any(map(own.wants_out, QUEUES)), "before it has counted"
    own.count()
    assert (own.rank, [queue for queue in QUEUES if own.wants_out(queue)]) == (0, [])


def test_it_steps_back_from_the_other_half_every_few_seconds(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(replicas, "monotonic", lambda: clock[0])
    own = Replicas(database, QUEUES)
    own.count()
    database["replicas"].insert_one({"_id": OTHER, "seen_at": datetime.now(UTC)})
    own.count()
    readers = shares([PROCESS, OTHER], QUEUES)
    of_the_other = [queue for queue in QUEUES if readers[queue] == OTHER]
    assert len(of_the_other) == 2
    assert [queue for queue in QUEUES if own.wants_out(queue)] == of_the_other
    assert not any(map(own.wants_out, QUEUES))
    clock[0] += STEP_BACK_SECONDS
    assert [queue for queue in QUEUES if own.wants_out(queue)] == of_the_other
    database["replicas"].delete_one({"_id": OTHER})
    own.count()
    clock[0] += STEP_BACK_SECONDS
    assert not any(map(own.wants_out, QUEUES))
