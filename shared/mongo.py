"""The one place that makes a MongoDB client and decides how durable a write is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast

import pymongo
from bson.codec_options import CodecOptions
from pymongo import MongoClient, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    CollectionInvalid,
    ConnectionFailure,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference

from shared.config import Config
from shared.errors import StoreAway, TooMuchAtOnce

Document = dict[str, Any]
Session = ClientSession
T = TypeVar("T")

_NAMESPACE_EXISTS = 48
_TOO_SLOW = {50, 64, 202, 251, 262, 290}  # a time limit ran out: of an operation, a write concern, a connection, a transaction
TRANSACTION_SECONDS = 15.0  # below the broker's patience for heartbeats
DURABLE = WriteConcern(w="majority", j=True, wtimeout=20_000)
PASSING = WriteConcern(w=1)  # for leases and signs of life: lost with the primary, no harm done, and no disk write each time
AT_ONCE = 5_000  # rows in one answer: with the server's own 101 a batch of events took two round trips to read
_AWARE = cast("CodecOptions[Document]", CodecOptions(tz_aware=True))
_AWAY = (
    ServerSelectionTimeoutError,
    NetworkTimeout,
    NotPrimaryError,
    WaitQueueTimeoutError,
    AutoReconnect,
    ConnectionFailure,
)


def connect(config: Config) -> Database[Document]:
    """The database of a service. Connects lazily, so a service starts while MongoDB is away."""
    client: MongoClient[Document] = MongoClient(
        config.mongo_uri,
        appname=f"sambandh-{config.service}",
        tz_aware=True,
        retryWrites=True,
        serverSelectionTimeoutMS=3_000,
        connectTimeoutMS=3_000,
        socketTimeoutMS=30_000,
        maxPoolSize=50,
        waitQueueTimeoutMS=10_000,
    )
    return durable(client[config.database])


def durable(database: Database[Document]) -> Database[Document]:
    """`database` with majority reads and majority, journaled writes."""
    return database.with_options(
        codec_options=_AWARE,
        write_concern=DURABLE,
        read_concern=ReadConcern("majority"),
        read_preference=ReadPreference.PRIMARY,
    )


@contextmanager
def reachable() -> Iterator[None]:
    """Translate the driver's many words for "the database is away" into StoreAway."""
    try:
        yield
    except _AWAY as error:
        raise StoreAway(type(error).__name__) from error
    except PyMongoError as error:
        if error.timeout or getattr(error, "code", None) in _TOO_SLOW or isinstance(error, WriteConcernError):
            raise TooMuchAtOnce(type(error).__name__) from error
        if any(
            map(error.has_error_label, ("TransientTransactionError", "RetryableWriteError", "UnknownTransactionCommitResult"))
        ):
            raise StoreAway(type(error).__name__) from error
        raise


def transaction(database: Database[Document], work: Callable[[Session], T]) -> T:
    """Run `work(session)` in one snapshot, majority, journaled transaction and return what it returns.

    The driver repeats `work` after a write conflict and the commit after an unknown result, so `work` must have no effect outside
    its session. Raises StoreAway where the database cannot be reached, or conflicts go on: a process that was killed within a
    transaction blocks the rows that it wrote until the server ends it (transactionLifetimeLimitSeconds; set it to a few seconds).
    """
    with reachable(), pymongo.timeout(TRANSACTION_SECONDS), database.client.start_session() as session:
        return session.with_transaction(
            work,
            read_concern=ReadConcern("snapshot"),
            write_concern=DURABLE,
            read_preference=ReadPreference.PRIMARY,
        )


def ensure_collection(database: Database[Document], name: str) -> None:
    """Create a collection unless it is there: what is written first inside a transaction may only meet existing ones.

    Two replicas that start at the same moment may both find it missing. Not clustered by _id, though nearly everything is read by it:
    MongoDB 6.0 answers `$in` on a clustered key by scanning from the least to the greatest.
    """
    if name not in database.list_collection_names():
        try:
            database.create_collection(name)
        except (CollectionInvalid, OperationFailure) as error:
            if not isinstance(error, CollectionInvalid) and error.code != _NAMESPACE_EXISTS:
                raise


def keep_for(database: Database[Document], collection: str, field: str, days: int) -> None:
    """Keep rows for `days` after the time in `field`. The index is made anew where it had another age: changing one in place takes
    rights of an admin.
    """
    age = days * 86_400
    known = database[collection].index_information().get("retention")
    if known and known.get("expireAfterSeconds") != age:
        database[collection].drop_index("retention")
    database[collection].create_index([(field, pymongo.ASCENDING)], name="retention", expireAfterSeconds=age)


def put(rows: Collection[Document], documents: Sequence[Document], session: Session, gone: Iterable[str] = ()) -> None:
    """Write whole rows in a transaction, new ones or in place of old ones, and take away the `gone`: two statements for them all.

    A delete and an insert cost the server half of what as many replacements with upsert do (docs/decisions/0008).
    """
    ids = sorted({document["_id"] for document in documents}.union(gone))
    if ids:
        rows.delete_many({"_id": {"$in": ids}}, session=session)
    if documents:
        rows.insert_many(documents, ordered=False, session=session)


def add(rows: Collection[Document], documents: Sequence[Document], session: Session) -> None:
    """Write rows in a transaction unless they are there: what was written first stays."""
    if not documents:
        return
    wanted = {document["_id"]: document for document in documents}
    for known in rows.find({"_id": {"$in": sorted(wanted)}}, {"_id": 1}, session=session, batch_size=AT_ONCE):
        del wanted[known["_id"]]
    if wanted:
        rows.insert_many(list(wanted.values()), ordered=False, session=session)


def increase(rows: Collection[Document], sums: Mapping[str, Mapping[str, int]], session: Session) -> None:
    """Add to the numbers in `values` of rows by id, in a transaction. Rows that are not there yet begin at 0.

    Read, added to and put back: a row that is new costs the server a third of an `$inc` with upsert, one that is known as much.
    """
    if not sums:
        return
    known = {row["_id"]: row["values"] for row in rows.find({"_id": {"$in": sorted(sums)}}, session=session, batch_size=AT_ONCE)}
    put(rows, [{"_id": row, "values": _added(known.get(row, {}), values)} for row, values in sums.items()], session)


def _added(known: Mapping[str, int], values: Mapping[str, int]) -> dict[str, int]:
    return {**known, **{name: known.get(name, 0) + value for name, value in values.items()}}


def server_time(database: Database[Document]) -> datetime:
    """The database's clock: the only one that decides what is due and who holds a lease."""
    with reachable():
        return cast(datetime, database.client.admin.command("hello", codec_options=_AWARE)["localTime"])
