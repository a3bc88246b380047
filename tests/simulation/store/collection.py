"""What pymongo's databases and collections are to this code base, over a simulated server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne, WriteConcern
from pymongo.errors import AutoReconnect, BulkWriteError, CollectionInvalid, DuplicateKeyError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from tests.simulation.store.client import Client, Session, wait_for_majority
from tests.simulation.store.operators import Document, changed, matches, value_of
from tests.simulation.store.server import AWARE, Row, Rows

T = TypeVar("T")
DUPLICATE = 11000


class Database:
    """`name` tells apart what several processes keep in their own memory about the same data."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name
        self.concern, self.read_concern = WriteConcern(w="majority", j=True), ReadConcern("majority")

    def with_options(
        self, codec_options: Any, write_concern: WriteConcern, read_concern: ReadConcern, read_preference: Any
    ) -> "Database":
        other = Database(self.client, self.name)
        other.concern, other.read_concern = write_concern, read_concern
        return other

    def __getitem__(self, name: str) -> "Collection":
        return Collection(self, name, self.concern, AWARE)

    def get_collection(
        self, name: str, codec_options: CodecOptions[Any] | None = None, write_concern: WriteConcern | None = None
    ) -> "Collection":
        return Collection(self, name, write_concern or self.concern, codec_options or AWARE)

    def list_collection_names(self) -> list[str]:
        return sorted(self.client.server.collections)

    def create_collection(self, name: str) -> None:
        if name in self.client.server.collections:
            raise CollectionInvalid(f"collection {name} already exists")
        self.client.server.rows(name)


class Cursor:
    def __init__(self, read: Callable[["Cursor"], list[Any]]) -> None:
        self._read = read
        self.order: list[tuple[str, int]] = []
        self.most = 0

    def sort(self, key: str | Sequence[tuple[str, int]], direction: int = 1) -> "Cursor":
        self.order = [(key, direction)] if isinstance(key, str) else list(key)
        return self

    def limit(self, most: int) -> "Cursor":
        self.most = most
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(self._read(self))


class Collection:
    def __init__(self, database: Database, name: str, concern: WriteConcern, codec: CodecOptions[Any]) -> None:
        self._database, self._name, self._concern, self._codec = database, name, concern, codec
        self._server = database.client.server
        self._network = database.client.network

    # reading

    def find(
        self, query: Mapping[str, Any] | None = None, projection: Any = None, session: Session | None = None, batch_size: int = 0
    ) -> Cursor:
        wanted = _plain(query or {})
        return Cursor(lambda cursor: [self._decode(row, projection) for row in self._select(wanted, cursor, session)])

    def find_one(
        self, query: Mapping[str, Any] | None = None, projection: Any = None, session: Session | None = None, sort: Any = None
    ) -> Any:
        cursor = self.find(query, projection, session).limit(1)
        return next(iter(cursor.sort(sort) if sort else cursor), None)

    def count_documents(self, query: Mapping[str, Any], limit: int = 0, hint: str = "", session: Session | None = None) -> int:
        return len(list(self.find(query, session=session).limit(limit)))

    def estimated_document_count(self) -> int:
        return self.count_documents({})

    def _select(self, query: Document, cursor: Cursor, session: Session | None) -> list[Row]:
        def read() -> list[Row]:
            rows = self._seen(session)
            found = self._matching(rows, query)
            for path, direction in reversed(cursor.order):
                found.sort(key=lambda row: value_of(row.document, path), reverse=direction < 0)
            return found[: cursor.most] if cursor.most else found

        return self._send(read, session, retryable=True)

    def _matching(self, rows: Rows, query: Document) -> list[Row]:
        now = self._server.world.now
        return [row for row in _candidates(rows, query) if matches(row.document, query, now)]

    def _seen(self, session: Session | None) -> Rows:
        if session is not None and session.in_transaction:
            return session.running().rows(self._name)
        return self._server.rows(self._name, majority=self._database.read_concern.level == "majority")

    def _decode(self, row: Row, projection: Any) -> Any:
        document = bson.decode(row.raw, self._codec)
        if not projection:
            return document
        if all(not shown for shown in projection.values()):
            return {name: value for name, value in document.items() if name not in projection}
        return {name: value for name, value in document.items() if name == "_id" or projection.get(name)}

    def _send(self, execute: Callable[[], T], session: Session | None, *, retryable: bool) -> T:
        within = session is not None and session.in_transaction
        try:
            return self._network.round_trip(self._server, execute, 2 if retryable and not within else 1)
        except (AutoReconnect, ServerSelectionTimeoutError) as error:
            if within:
                error._add_error_label("TransientTransactionError")
            raise

    # writing

    def bulk_write(
        self, requests: Sequence[Any], ordered: bool = True, session: Session | None = None, report: "_Report | None" = None
    ) -> SimpleNamespace:
        """Raises BulkWriteError that lists duplicate keys; `ordered` stops at the first."""
        retryable = not any(isinstance(request, (UpdateMany, DeleteMany)) for request in requests)
        report = report or _Report()

        def execute() -> None:
            moment = 0.0
            for number, request in enumerate(requests):
                moment = max(moment, self._one(number, request, session, report))
                if report.errors and (ordered or (session is not None and session.in_transaction)):
                    break
            if session is None or not session.in_transaction:
                wait_for_majority(self._server, moment, self._concern)

        self._send(execute, session, retryable=retryable)
        if report.errors:
            if session is not None and session.in_transaction:
                self._server.abort(session.running())
            raise BulkWriteError({"writeErrors": report.errors, "writeConcernErrors": [], "nInserted": report.inserted})
        return report.result()

    def _one(self, number: int, request: Any, session: Session | None, report: "_Report") -> float:
        try:
            return self._statement(request, session, report)
        except DuplicateKeyError as error:
            report.errors.append({"index": number, "code": DUPLICATE, "errmsg": str(error)})
            return 0.0

    def _statement(self, request: Any, session: Session | None, report: "_Report") -> float:
        if isinstance(request, InsertOne):
            document = dict(request._doc)
            report.inserted += 1
            return self._insert({"_id": document.pop("_id", ObjectId()), **document}, session)
        query = _plain(request._filter)
        many = isinstance(request, (UpdateMany, DeleteMany))
        rows = self._matching(self._rows(session), query)
        change = None if isinstance(request, (DeleteOne, DeleteMany)) else request._doc
        moment = 0.0
        for row in rows if many else rows[:1]:
            moment = max(moment, self._change(row, query, change, session, report))
        if not rows and change is not None and request._upsert:
            moment = self._upsert(query, change, session, report)
        return moment

    def _rows(self, session: Session | None) -> Rows:
        if session is not None and session.in_transaction:
            return session.running().rows(self._name)
        return self._server.rows(self._name)

    def _change(self, row: Row, query: Document, change: Any, session: Session | None, report: "_Report") -> float:
        """Write what the change makes of a row, unless it makes nothing of it."""
        if session is None or not session.in_transaction:
            unlocked = self._unlocked(row.document["_id"], query)
            if unlocked is None:
                return 0.0
            row = unlocked
        now = self._server.world.now
        new = None if change is None else Row(changed(row.document, change, now, inserting=False))
        if new is None:
            report.deleted += 1
            return self._put(row.document["_id"], None, session)
        report.matched += 1
        report.after = new
        if new.raw == row.raw and not _replaces(change):
            return 0.0
        report.modified += 1
        return self._put(row.document["_id"], new, session)

    def _unlocked(self, identity: Any, query: Document) -> Row | None:
        """Wait for a transaction that is writing this row; then the row, if it still matches."""
        while self._server.holder((self._name, identity)) is not None:
            self._server.world.sleep(0.01)
        row = self._server.rows(self._name).get(identity)
        return row if row is not None and matches(row.document, query, self._server.world.now) else None

    def _upsert(self, query: Document, change: Any, session: Session | None, report: "_Report") -> float:
        start = {name: value for name, value in query.items() if not name.startswith("$") and not isinstance(value, Mapping)}
        start.setdefault("_id", ObjectId())
        report.upserted += 1
        made = changed(start, change, self._server.world.now, inserting=True)
        report.after = Row(made)
        return self._insert(made, session)

    def _insert(self, document: Document, session: Session | None) -> float:
        if session is None or not session.in_transaction:
            self._unlocked(document["_id"], {})
        if document["_id"] in self._rows(session):
            raise DuplicateKeyError(f"E11000 duplicate key error collection: {self._name}", DUPLICATE, {"code": DUPLICATE})
        return self._put(document["_id"], Row(document), session)

    def _put(self, identity: Any, row: Row | None, session: Session | None) -> float:
        key = (self._name, identity)
        if session is not None and session.in_transaction:
            self._server.write_within(session.running(), key, row)
            return 0.0
        return self._server.write(key, row)

    def insert_many(self, documents: Sequence[Document], ordered: bool = True, session: Session | None = None) -> None:
        self.bulk_write([InsertOne(document) for document in documents], ordered, session)

    def insert_one(self, document: Document, session: Session | None = None) -> SimpleNamespace:
        return self._single(InsertOne(document), session)

    def update_one(self, query: Any, change: Any, upsert: bool = False, session: Session | None = None) -> SimpleNamespace:
        return self._single(UpdateOne(query, change, upsert=upsert), session)

    def replace_one(self, query: Any, new: Any, upsert: bool = False, session: Session | None = None) -> SimpleNamespace:
        return self._single(ReplaceOne(query, new, upsert=upsert), session)

    def update_many(self, query: Any, change: Any, session: Session | None = None) -> SimpleNamespace:
        return self._single(UpdateMany(query, change), session)

    def delete_one(self, query: Any, session: Session | None = None) -> SimpleNamespace:
        return self._single(DeleteOne(query), session)

    def delete_many(self, query: Any, session: Session | None = None) -> SimpleNamespace:
        return self._single(DeleteMany(query), session)

    def _single(self, request: Any, session: Session | None) -> SimpleNamespace:
        """As the driver, which tells about one duplicate in other words than about one of many."""
        try:
            self.bulk_write([request], session=session, report=(report := _Report()))
            return report.result(request)
        except BulkWriteError as error:
            raise DuplicateKeyError("E11000 duplicate key error", DUPLICATE, {"code": DUPLICATE}) from error

    def find_one_and_update(self, query: Any, change: Any, upsert: bool = False, return_document: bool = False) -> Any:
        """Only with the new document as answer, as leases ask for it."""
        if not return_document:
            raise NotImplementedError("the document before")
        row = self._single(UpdateOne(query, change, upsert=upsert), None).after
        return self._decode(row, None) if row is not None else None

    def create_index(self, keys: Any, *, unique: bool = False, **_: Any) -> None:
        """Indexes make nothing faster here, and only _id is unique."""
        if unique:
            raise NotImplementedError("unique indexes")
        self._server.rows(self._name)


class _Report:
    """What a bulk write did."""

    def __init__(self) -> None:
        self.inserted = self.matched = self.modified = self.deleted = self.upserted = 0
        self.errors: list[Document] = []
        self.after: Row | None = None  # the row as the last update left it, whatever is done to it while the answer is on its way

    def result(self, request: Any = None) -> SimpleNamespace:
        """As the driver tells about one request, or about many."""
        if isinstance(request, (DeleteOne, DeleteMany)):
            return SimpleNamespace(deleted_count=self.deleted)
        changes = {"matched_count": self.matched, "modified_count": self.modified}
        if request is not None:
            return SimpleNamespace(**changes, after=self.after)
        return SimpleNamespace(**changes, deleted_count=self.deleted, inserted_count=self.inserted, upserted_count=self.upserted)


def _replaces(change: Any) -> bool:
    """Whether it is a whole document, which is written also where it is the same."""
    return isinstance(change, Mapping) and not any(name.startswith("$") for name in change)


def _candidates(rows: Rows, query: Document) -> list[Row]:
    """By _id where the query names it, else all."""
    wanted = query.get("_id")
    if isinstance(wanted, Mapping) and "$in" in wanted:
        return [rows[one] for one in dict.fromkeys(wanted["$in"]) if one in rows]
    if wanted is None or isinstance(wanted, Mapping):
        return list(rows.values())
    return [rows[wanted]] if wanted in rows else []


def _plain(query: Mapping[str, Any]) -> Document:
    """As the server reads it: times in whole milliseconds."""
    if all(type(value) is str for value in query.values()):
        return dict(query)
    return bson.decode(bson.encode(query), AWARE)
