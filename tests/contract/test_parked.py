"""Entries that wait for a replay, on the real database."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from shared import mongo, parked


@pytest.fixture
def database(mongo_server: MongoServer) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_server.uri(), tz_aware=True)
    yield mongo.durable(client["parked_under_test"])
    client.drop_database("parked_under_test")
    client.close()


def test_what_fails_again_before_its_sending_was_noted_is_sent_when_asked_for_again(database: Any) -> None:
    headers = {"ce-id": "e-1", "ce-type": "order_completed"}
    parked.park(database, headers, b"{}", "a bug")
    assert parked.ask_for_replay(database) == 1
    first = parked.to_replay(database, "toy", 10)
    parked.park(database, headers, b"{}", "the same bug")
    assert parked.ask_for_replay(database) == 1
    parked.sent(database, first)
    (second,) = parked.to_replay(database, "toy", 10)
    assert (second.letter.id, second.attempts) == ("e-1", 2)


def test_what_was_sent_is_not_sent_again_unless_it_is_asked_for(database: Any) -> None:
    parked.park(database, {"ce-id": "e-1"}, b"{}", "a bug")
    parked.ask_for_replay(database)
    parked.sent(database, parked.to_replay(database, "toy", 10))
    assert parked.to_replay(database, "toy", 10) == []
