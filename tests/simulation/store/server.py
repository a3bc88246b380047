"""A replica set in memory: what is committed, what a majority has, and transactions that read a snapshot and meet conflicts.

From the MongoDB manual ("Transactions", "Read Isolation, Consistency, and Recency", "Rollbacks During Replica Set Failover"): a transaction
reads what was committed when it began; it fails with WriteConflict where it writes what somebody else wrote since or is writing now; a
write outside waits for it. What no majority has is lost when the primary changes, and only majority reads do not see it before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import OperationFailure

from tests.simulation.world import World

Key = tuple[str, Any]  # collection and _id
TRANSACTION_LIFETIME = 5.0  # transactionLifetimeLimitSeconds of the local system
WRITE_CONFLICT, NO_SUCH_TRANSACTION, TIME_LIMIT_EXCEEDED = 112, 251, 262
_TRANSIENT = "TransientTransactionError"
AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


class Row:
    """A document as it is stored; nobody changes one, a write makes another."""

    __slots__ = ("document", "raw")

    def __init__(self, document: Mapping[str, Any]) -> None:
        ordered = document if next(iter(document)) == "_id" else {"_id": document["_id"], **document}
        self.raw = bson.encode(ordered)
        self.document = bson.decode(self.raw, AWARE)


Rows = dict[Any, Row]


@dataclass(slots=True)
class _Write:
    """One change of the primary that the secondaries may not have yet."""

    key: Key
    before: Row | None
    replicated_at: float
    transaction: "Transaction | None"


@dataclass(eq=False, slots=True)
class Transaction:
    """What a session has read and wants to write. `state`: open, committed or aborted."""

    began: float
    snapshot: dict[str, Rows]
    sees: int  # how many writes there had been when it began
    writes: dict[Key, Row | None] = field(default_factory=dict)
    state: str = "open"

    def rows(self, collection: str) -> Rows:
        rows = dict(self.snapshot.get(collection, {}))
        for (name, identity), row in self.writes.items():
            if name == collection:
                _put(rows, identity, row)
        return rows


def _put(rows: Rows, identity: Any, row: Row | None) -> None:
    if row is None:
        rows.pop(identity, None)
    else:
        rows[identity] = row


def conflict() -> OperationFailure:
    return _failure("WriteConflict", WRITE_CONFLICT, _TRANSIENT)


def _failure(name: str, code: int, *labels: str) -> OperationFailure:
    details = {"ok": 0.0, "errmsg": name, "code": code, "codeName": name, "errorLabels": list(labels)}
    return OperationFailure(name, code, details)


class Server:
    """The data of one service. `lag` is how long, at most, a secondary takes to have what the primary wrote."""

    def __init__(self, world: World, lag: float = 0.004) -> None:
        self.world, self.lag = world, lag
        self.collections: dict[str, Rows] = {}
        self.away_until = 0.0
        self.most_writes = 10_000  # of one transaction, before its time is up
        self.rolled_back = 0
        self.conflicts = self.expired = 0
        self._open: set[Transaction] = set()
        self._log: list[_Write] = []
        self._writes = 0
        self._last_write: dict[Key, int] = {}

    # reading

    def rows(self, collection: str, *, majority: bool = False) -> Rows:
        rows = self.collections.setdefault(collection, {})
        self._replicate()
        if majority and self._log:
            rows = dict(rows)
            for write in reversed(self._log):
                if write.key[0] == collection:
                    _put(rows, write.key[1], write.before)
        return rows

    def begin(self) -> Transaction:
        snapshot = {name: dict(rows) for name, rows in self.collections.items()}
        transaction = Transaction(self.world.seconds, snapshot, self._writes)
        self._open.add(transaction)
        return transaction

    def check(self, transaction: Transaction) -> None:
        """Raises where the server has ended this transaction meanwhile."""
        self._expire()
        if transaction.state != "open":
            raise _failure("NoSuchTransaction", NO_SUCH_TRANSACTION, _TRANSIENT)

    # writing

    def holder(self, key: Key) -> Transaction | None:
        """The open transaction that wrote this document, if there is one."""
        self._expire()
        return next((one for one in self._open if key in one.writes), None)

    def write_within(self, transaction: Transaction, key: Key, row: Row | None) -> None:
        """Raises WriteConflict, and ends the transaction, where somebody else wrote the document since or is writing it."""
        if self.holder(key) not in (None, transaction) or self._last_write.get(key, 0) > transaction.sees:
            self.conflicts += 1
            self.abort(transaction)
            raise conflict()
        if len(transaction.writes) >= self.most_writes:
            self.abort(transaction)
            raise _failure("ExceededTimeLimit", TIME_LIMIT_EXCEEDED)
        transaction.writes[key] = row

    def write(self, key: Key, row: Row | None) -> float:
        """Change the primary; returns when a majority will have it."""
        replicated_at = self._replication()
        self._apply(_Write(key, self.rows(key[0]).get(key[1]), replicated_at, None), row)
        return replicated_at

    def _replication(self) -> float:
        """When a write of now has reached a majority: in the order of the primary, and a transaction as a whole."""
        moment = self.world.seconds + self.world.chance.random() * self.lag
        return max([moment, *(write.replicated_at for write in self._log[-1:])])

    def _apply(self, write: _Write, row: Row | None) -> None:
        self._log.append(write)
        self._writes += 1
        self._last_write[write.key] = self._writes
        _put(self.collections[write.key[0]], write.key[1], row)

    def commit(self, transaction: Transaction) -> float:
        """Apply a transaction, once; returns when a majority will have it."""
        if transaction.state == "committed":
            return max([self.world.seconds, *(w.replicated_at for w in self._log if w.transaction is transaction)])
        self.check(transaction)
        self._close(transaction, "committed")
        replicated_at = self._replication()
        for key, row in transaction.writes.items():
            self._apply(_Write(key, self.rows(key[0]).get(key[1]), replicated_at, transaction), row)
        return replicated_at

    def abort(self, transaction: Transaction) -> None:
        if transaction.state == "open":
            self._close(transaction, "aborted")

    def _close(self, transaction: Transaction, state: str) -> None:
        transaction.state = state
        self._open.discard(transaction)

    def _expire(self) -> None:
        for transaction in [one for one in self._open if self.world.seconds - one.began > TRANSACTION_LIFETIME]:
            self.expired += 1
            self.abort(transaction)

    def _replicate(self) -> None:
        self._log = [write for write in self._log if write.replicated_at > self.world.seconds] if self._log else self._log

    # faults

    def fail_over(self, seconds: float) -> None:
        """Another member becomes primary after `seconds`: what no majority had is gone, and every transaction with it."""
        self._replicate()
        for write in reversed(self._log):
            _put(self.collections[write.key[0]], write.key[1], write.before)
            self.rolled_back += 1
            if write.transaction is not None:
                write.transaction.state = "aborted"
        self._log = []
        for transaction in list(self._open):
            self.abort(transaction)
        self.away_until = self.world.seconds + seconds

    def documents(self, collection: str) -> Iterable[dict[str, Any]]:
        """What it holds, for a look from outside."""
        return [row.document for row in self.collections.get(collection, {}).values()]
