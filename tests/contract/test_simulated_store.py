"""The simulated MongoDB answers as the real one does: the same operations on both, the same results and errors."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import ASCENDING, DeleteOne, InsertOne, MongoClient, ReadPreference, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from deploy.local.mongod import MongoServer
from shared import mongo
from shared.lease import Lease
from shared.mongo import DURABLE
from tests.simulation.alone import place

MOMENT = datetime(2026, 6, 1, 12, tzinfo=UTC)
Script = Callable[["Notes", Any], None]
NAME = "simulated_store_under_test"


class Notes(list[Any]):
    """What a script saw: results, and errors by class, code and labels; and the sessions that it leaves open."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[Any] = []

    def begin(self, database: Any) -> Any:
        """A session within a transaction."""
        session = database.client.start_session()
        session.start_transaction(ReadConcern("snapshot"), DURABLE, ReadPreference.PRIMARY, None)
        self.sessions.append(session)
        return session

    def write(self, execute: Callable[[], Any]) -> Any:
        try:
            answer = execute()
        except PyMongoError as error:
            labels = [label for label in ("TransientTransactionError",) if error.has_error_label(label)]
            details = getattr(error, "details", None) or {}
            failed = [(one["index"], one["code"]) for one in details.get("writeErrors", ())]
            self.append((type(error).__name__, getattr(error, "code", None), labels, failed))
            return None
        counts = ("matched_count", "modified_count", "deleted_count")
        named = {name: getattr(answer, name) for name in counts if hasattr(answer, name)}
        self.append(named or (answer if isinstance(answer, (dict, list, int)) else None))
        return answer


def reads(notes: Notes, database: Any) -> None:
    rows = [
        {"_id": "a", "n": 1, "at": MOMENT, "inner": {"x": 1}},
        {"_id": "b", "n": 2, "at": MOMENT + timedelta(seconds=1), "names": ["u", "v"]},
        {"_id": "c", "at": MOMENT + timedelta(microseconds=1999), "n": "text"},
    ]
    database["c"].insert_many(rows)
    queries: list[Any] = [
        {},
        {"_id": "b"},
        {"_id": {"$in": ["c", "a", "none"]}},
        {"_id": {"$gt": "a"}},
        {"n": {"$gte": 1}},
        {"n": {"$ne": 1}},
        {"names": "u"},
        {"names": {"$exists": False}},
        {"inner.x": 1},
        {"gone": None},
        {"at": {"$lte": MOMENT + timedelta(milliseconds=1)}},
        {"$or": [{"n": 2}, {"_id": "a"}]},
        {"$and": [{"n": 1}, {"_id": "a"}], "at": MOMENT},
        {"$expr": {"$gt": ["$at", {"$subtract": ["$at", 1]}]}},
    ]
    for query in queries:
        notes.write(lambda query=query: list(database["c"].find(query).sort("_id", ASCENDING)))
    notes.write(lambda: list(database["c"].find({}, {"n": 1}).sort("at", ASCENDING).limit(2)))
    notes.write(lambda: list(database["c"].find({}, {"n": 0}).sort([("at", -1), ("_id", 1)])))
    notes.write(lambda: database["c"].find_one({"_id": "none"}))
    notes.write(lambda: database["c"].find_one({}, {"_id": 1}, sort=[("_id", -1)]))
    notes.write(lambda: database["c"].count_documents({"n": {"$exists": True}}, limit=2))


def writes(notes: Notes, database: Any) -> None:
    one = database["c"]
    notes.write(lambda: one.insert_one({"_id": 1, "n": 0}) and None)
    notes.write(lambda: one.insert_one({"_id": 1}))
    notes.write(lambda: one.insert_many([{"_id": 2}, {"_id": 1}, {"_id": 3}, {"_id": 2}], ordered=False))
    notes.write(lambda: one.insert_many([{"_id": 4}, {"_id": 1}, {"_id": 5}]))
    for change in (
        {"$set": {"n": 5, "inner.x": 1}},
        {"$set": {"n": 5}},
        {"$inc": {"n": 2, "inner.y": 7}},
        {"$unset": {"n": ""}},
        {"$setOnInsert": {"n": 9}},
    ):
        notes.write(lambda change=change: one.update_one({"_id": 1}, change, upsert=True))
    notes.write(lambda: one.update_one({"_id": 9, "state": "new"}, {"$setOnInsert": {"n": 9}, "$inc": {"m": 1}}, upsert=True))
    notes.write(lambda: one.replace_one({"_id": 2}, {"n": 1}))
    notes.write(lambda: one.replace_one({"_id": 2}, {"n": 1}, upsert=True))
    notes.write(lambda: one.replace_one({"_id": 8}, {"n": 1}, upsert=True))
    notes.write(lambda: one.update_many({"_id": {"$in": [2, 3, 77]}}, {"$set": {"many": True}}))
    notes.write(lambda: one.delete_one({"_id": 77}))
    notes.write(lambda: one.delete_many({"many": True}))
    requests = [
        InsertOne({"_id": 20}),
        UpdateOne({"_id": 20}, {"$set": {"n": 1}}),
        DeleteOne({"_id": 20}),
        InsertOne({"_id": 20}),
    ]
    notes.write(lambda: one.bulk_write([*requests, ReplaceOne({"_id": 21}, {"n": 1}, upsert=True)]) and None)
    notes.write(lambda: list(one.find().sort("_id", ASCENDING)))


def pipelines(notes: Notes, database: Any) -> None:
    leases = database["leases"]
    rule = {"$set": {"holder": {"$cond": [{"$or": [{"$eq": ["$holder", "me"]}, {"$not": ["$holder"]}]}, "me", "$holder"]}}}
    for row in ({"_id": 1}, {"_id": 2, "holder": "other"}, {"_id": 3, "holder": "me"}):
        leases.insert_one(row)
    for number in (1, 2, 3, 4):
        this = {"_id": number}
        notes.append(leases.find_one_and_update(this, [rule], upsert=True, return_document=ReturnDocument.AFTER))
    leases.update_one({"_id": 5}, [{"$set": {"at": "$$NOW"}}], upsert=True)
    for age in (-60_000, 60_000):
        recent = {"$expr": {"$gt": ["$at", {"$subtract": ["$$NOW", age]}]}}
        notes.write(lambda recent=recent: [row["_id"] for row in leases.find(recent)])
    lease = Lease(database, "job")
    notes.extend([lease.hold(), lease.hold()])
    leases.update_one({"_id": "job"}, {"$set": {"holder": "another"}})
    notes.append(lease.hold())
    leases.update_one({"_id": "job"}, {"$set": {"until": MOMENT - timedelta(days=3650)}})
    notes.append(lease.hold())


def snapshots(notes: Notes, database: Any) -> None:
    one = database["c"]
    one.insert_many([{"_id": number, "n": 0} for number in range(4)])
    session = notes.begin(database)
    notes.write(lambda: one.find_one({"_id": 0}, session=session))
    one.update_one({"_id": 0}, {"$set": {"n": 1}})
    one.insert_one({"_id": 9})
    notes.write(lambda: one.find_one({"_id": 0}, session=session))
    notes.write(lambda: one.find_one({"_id": 9}, session=session))
    notes.write(lambda: one.update_one({"_id": 1}, {"$set": {"n": 5}}, session=session))
    notes.write(lambda: one.find_one({"_id": 1}))
    notes.write(lambda: one.find_one({"_id": 1}, session=session))
    session.commit_transaction()
    session.commit_transaction()
    notes.write(lambda: one.find_one({"_id": 1}))
    session = notes.begin(database)
    one.delete_one({"_id": 2}, session=session)
    session.abort_transaction()
    notes.write(lambda: one.find_one({"_id": 2}))


def _meeting(before: Callable[[Any], Any], within: Callable[[Any, Any], Any]) -> Script:
    """A transaction reads, `before` happens outside, and then it does `within` and commits."""

    def script(notes: Notes, database: Any) -> None:
        one = database["c"]
        one.insert_many([{"_id": number, "n": 0} for number in range(4)])
        session = notes.begin(database)
        one.find_one({"_id": 3}, session=session)
        notes.write(lambda: before(one) and None)
        notes.write(lambda: within(one, session))
        notes.write(lambda: session.commit_transaction())
        notes.write(lambda: list(one.find().sort("_id", ASCENDING)))

    return script


def two_writers(notes: Notes, database: Any) -> None:
    one = database["c"]
    one.insert_many([{"_id": number, "n": 0} for number in range(3)])
    first, second = notes.begin(database), notes.begin(database)
    notes.write(lambda: one.update_one({"_id": 0}, {"$set": {"n": 1}}, session=first))
    notes.write(lambda: one.insert_one({"_id": "new"}, session=first) and None)
    notes.write(lambda: one.update_one({"_id": 0}, {"$set": {"n": 2}}, session=second))
    notes.write(lambda: second.commit_transaction())
    third = notes.begin(database)
    notes.write(lambda: one.insert_one({"_id": "new"}, session=third))
    fourth = notes.begin(database)
    notes.write(lambda: one.update_one({"_id": "new"}, {"$set": {"n": 1}}, upsert=True, session=fourth))
    fifth = notes.begin(database)
    notes.write(lambda: one.bulk_write([DeleteOne({"_id": 1}), DeleteOne({"_id": 0})], session=fifth))
    notes.write(lambda: first.commit_transaction())
    for number in (0, 1, "new"):
        notes.append(one.find_one({"_id": number}))


def repeated(notes: Notes, database: Any) -> None:
    """The driver's own loop repeats what met a conflict."""
    one = database["c"]
    one.insert_one({"_id": 0, "n": 0})
    tries = []

    def work(session: Any) -> str:
        tries.append(one.find_one({"_id": 0}, session=session)["n"])
        if len(tries) == 1:
            one.update_one({"_id": 0}, {"$inc": {"n": 10}})
        one.update_one({"_id": 0}, {"$inc": {"n": 1}}, session=session)
        return "done"

    notes.write(lambda: mongo.transaction(database, work))
    notes.write(lambda: one.find_one({"_id": 0}))
    notes.append(tries)


def duplicate(one: Any, session: Any) -> Any:
    return one.insert_many([{"_id": 7}, {"_id": 1}, {"_id": 8}], ordered=False, session=session)


SCRIPTS: dict[str, Script] = {
    "reads": reads,
    "writes": writes,
    "pipelines": pipelines,
    "snapshots": snapshots,
    "two transactions that write the same": two_writers,
    "a transaction that is repeated": repeated,
    "an update of what was updated since": _meeting(
        lambda one: one.update_one({"_id": 1}, {"$set": {"n": 1}}),
        lambda one, session: one.update_one({"_id": 1}, {"$set": {"n": 2}}, session=session),
    ),
    "an update of what was deleted since": _meeting(
        lambda one: one.delete_one({"_id": 1}),
        lambda one, session: one.update_one({"_id": 1}, {"$set": {"n": 2}}, session=session),
    ),
    "a delete of what was deleted since": _meeting(
        lambda one: one.delete_one({"_id": 1}), lambda one, session: one.delete_many({"_id": 1}, session=session)
    ),
    "an insert of what was inserted since": _meeting(
        lambda one: one.insert_one({"_id": 9}), lambda one, session: one.insert_many([{"_id": 9}], ordered=False, session=session)
    ),
    "an insert of what was inserted and deleted since": _meeting(
        lambda one: one.insert_one({"_id": 9}) and one.delete_one({"_id": 9}),
        lambda one, session: one.insert_many([{"_id": 9}], ordered=False, session=session),
    ),
    "an upsert of what was inserted since": _meeting(
        lambda one: one.insert_one({"_id": 9}),
        lambda one, session: one.bulk_write([UpdateOne({"_id": 9}, {"$set": {"n": 2}}, upsert=True)], session=session),
    ),
    "an update that changes nothing of what was updated since": _meeting(
        lambda one: one.update_one({"_id": 1}, {"$set": {"n": 1}}),
        lambda one, session: one.update_one({"_id": 1}, {"$setOnInsert": {"n": 2}}, upsert=True, session=session),
    ),
    "a duplicate": _meeting(lambda one: True, duplicate),
}


@pytest.fixture
def real(mongo_server: MongoServer) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_server.uri(), tz_aware=True)
    yield mongo.durable(client[NAME])
    client.drop_database(NAME)
    client.close()


def simulated(script: Script, notes: Notes) -> None:
    """Run a script as a process of a simulated world."""
    with place() as here:
        here.server.rows("c")
        here.do(here.process(NAME), lambda database: script(notes, database))


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_simulated_store_answers_as_the_real_one(real: Any, name: str) -> None:
    for collection in ("c", "leases"):
        mongo.ensure_collection(real, collection)
    expected, seen = Notes(), Notes()
    SCRIPTS[name](expected, real)
    for session in expected.sessions:
        session.end_session()
    simulated(SCRIPTS[name], seen)
    assert len(expected) > 0
    assert list(seen) == list(expected)
