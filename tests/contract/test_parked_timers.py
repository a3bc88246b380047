"""Timers that could not be fired, as those who run the system see them and put them back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from shared.crm import crm

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asked(server: MongoServer, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(crm, ["parked", *words], env={"MONGO_URI": server.uri()})
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def timers(mongo_server: MongoServer) -> Any:
    """Two that were set aside, and one that is pending."""
    with MongoClient[Any](mongo_server.uri()) as client:
        rows = client["sambandh_reengagement"]["timers"]
        rows.delete_many({})
        aside = {"state": "parked", "reason": "ValueError at rules.py:7", "parked_at": AT, "due": AT}
        rows.insert_many(
            [
                {"_id": "first", "kind": "cart_idle", **aside},
                {"_id": "second", "kind": "lapse", **aside},
                {"_id": "third", "kind": "lapse", "state": "pending", "due": AT},
            ]
        )
        yield rows
        rows.delete_many({})


def states(timers: Any) -> dict[str, str]:
    return {row["_id"]: row["state"] for row in timers.find()}


def test_they_are_listed_with_their_reason(mongo_server: MongoServer, timers: Any) -> None:
    listed = asked(mongo_server, "list", "reengagement")
    assert "first" in listed
    assert "ValueError at rules.py:7" in listed
    assert "third" not in listed
    assert "second" not in asked(mongo_server, "list", "reengagement", "--event", "cart_idle")


def test_one_is_shown_whole(mongo_server: MongoServer, timers: Any) -> None:
    assert "kind: cart_idle\nstate: parked\nreason: ValueError at rules.py:7\n" in asked(
        mongo_server, "show", "reengagement", "first"
    )
    assert "no entry third" in asked(mongo_server, "show", "reengagement", "third", code=1)


def test_one_those_of_a_kind_or_all_are_fired_again(mongo_server: MongoServer, timers: Any) -> None:
    assert asked(mongo_server, "replay", "reengagement", "first").startswith("1 to be replayed")
    assert states(timers) == {"first": "pending", "second": "parked", "third": "pending"}
    assert asked(mongo_server, "replay", "reengagement", "--all", "--event", "cart_idle").startswith("0 to be replayed")
    assert asked(mongo_server, "replay", "reengagement", "--all").startswith("1 to be replayed")
    assert set(states(timers).values()) == {"pending"}
    assert timers.count_documents({"reason": {"$exists": True}}) == 0


def test_one_is_given_up_and_a_pending_one_is_not(mongo_server: MongoServer, timers: Any) -> None:
    assert asked(mongo_server, "discard", "reengagement", "first", "--yes") == "Deleted.\n"
    assert set(states(timers)) == {"second", "third"}
    assert "no entry third" in asked(mongo_server, "discard", "reengagement", "third", "--yes", code=1)
