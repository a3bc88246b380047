"""What building state anew from the archive finds out about the live state, and what it lets pass."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from chaos import rebuild
from deploy.local.mongod import MongoServer
from shared import indexes, mongo
from shared.config import Config
from shared.envelope import Event
from shared.identity import id_of
from shared.outbox import waiting
from shared.registry import service_classes
from tests.unit.campaigns.shop import bought, left_cart, recovered_cart

BUYER, LEAVER = "user:buyer", "user:leaver"
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
ARCHIVED = [bought(BUYER, "1", BEGAN), bought(BUYER, "2", BEGAN + timedelta(hours=1), amount=25_00)]
TOLD = [left_cart(LEAVER, "cart", BEGAN), recovered_cart(LEAVER, "cart", BEGAN + timedelta(hours=2))]  # by reengagement


@pytest.fixture
def client(mongo_server: MongoServer) -> Iterator[MongoClient[Any]]:
    """The databases of all services after these events, each applied by itself and in order."""
    with MongoClient[Any](mongo_server.uri(), tz_aware=True) as client:
        _drop(client)
        client["sambandh_collector"]["events"].insert_many([event.document() for event in ARCHIVED])
        for service in rebuild._ORDER:
            work = indexes.unit_of_work(mongo.durable(client[f"sambandh_{service}"]), service_classes(service))
            indexes.declare(work, Config(service))
            for event in [*ARCHIVED, *TOLD]:
                if (event.source, event.name) in work.subscriptions:
                    work.apply([event])
        yield client
        _drop(client)


def _drop(client: MongoClient[Any]) -> None:
    for name in client.list_database_names():
        if name.startswith(("sambandh_", "rebuilt_")):
            client.drop_database(name)


def _differences(client: MongoClient[Any]) -> list[str]:
    announced: list[Event] = [*TOLD]
    for service in rebuild._ORDER:
        announced += waiting(client[f"sambandh_{service}"])
    return rebuild.differences(client, announced, 1.0)


def test_state_that_follows_from_the_archive_is_as_it_should_be(client: MongoClient[Any]) -> None:
    assert _differences(client) == []


def test_a_fact_that_is_not_archived_is_found(client: MongoClient[Any]) -> None:
    client["sambandh_collector"]["events"].delete_one({"_id": ARCHIVED[0].id})
    found = _differences(client)
    assert {line.split(":")[0] for line in found} >= {
        f"{service}.customers_facts" for service in ("profiles", "support", "analytics")
    }


def test_a_change_of_the_live_state_is_found(client: MongoClient[Any]) -> None:
    facts = client["sambandh_campaigns"]["customers_facts"]
    row = facts.find_one({"_id": id_of(BUYER)})
    assert row is not None
    state = json.loads(row["state"])
    state["orders"].popitem()
    facts.update_one({"_id": row["_id"]}, {"$set": {"state": json.dumps(state)}})
    found = _differences(client)
    assert len(found) == 1
    assert found[0].startswith(f"campaigns.customers_facts: 1 of 2, such as ['{row['_id']}']: .state.orders.")
