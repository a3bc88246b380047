"""What pymongo's client and sessions are to this code base, over a simulated server: the same calls, the same errors with the same labels.

As the driver does, a read or write outside a transaction is tried once more when the connection breaks, and recognised by the
server if it was executed before; within a transaction nothing is tried again but the commit. `with_transaction` is the driver's own.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from pymongo import WriteConcern
from pymongo.errors import AutoReconnect, InvalidOperation, OperationFailure, ServerSelectionTimeoutError
from pymongo.synchronous.client_session import ClientSession

from tests.simulation.store.server import Server, Transaction
from tests.simulation.world import World

T = TypeVar("T")
SELECTION_SECONDS = 3.0  # serverSelectionTimeoutMS


class Network:
    """Between one process and the database: how long a round trip takes and which of them break. `breaks` is a probability."""

    def __init__(self, world: World, breaks: float = 0.0) -> None:
        self.world, self.breaks = world, breaks
        self.broken = 0

    def round_trip(self, server: Server, execute: Callable[[], T], attempts: int) -> T:
        """Have the server execute something, at most once. Raises what the driver raises when the connection breaks."""
        done: list[T] = []
        lost = server.rolled_back
        for _ in range(attempts):
            self.world.sleep(0.0002 + self.world.chance.random() * 0.002)
            if self.world.seconds < server.away_until:
                self._select(server)
            broken = self.world.chance.random() < self.breaks
            if broken and self.world.chance.random() < 0.5:
                self.broken += 1
                continue
            if server.rolled_back != lost:
                done, lost = [], server.rolled_back
            if not done:
                done.append(execute())
            if not broken:
                return done[0]
            self.broken += 1
        raise AutoReconnect("connection closed")

    def _select(self, server: Server) -> None:
        """Wait for a primary."""
        deadline = self.world.seconds + SELECTION_SECONDS
        while self.world.seconds < server.away_until:
            if self.world.seconds >= deadline:
                raise ServerSelectionTimeoutError("No primary available for writes")
            self.world.sleep(0.5)


class Client:
    def __init__(self, server: Server, network: Network) -> None:
        self.server, self.network = server, network
        self.admin = SimpleNamespace(command=self._command)

    def _command(self, name: str, **_: Any) -> dict[str, Any]:
        if name not in ("ping", "hello"):
            raise NotImplementedError(name)
        return self.network.round_trip(self.server, lambda: {"ok": 1.0, "localTime": self.server.world.now}, 2)

    def start_session(self) -> "Session":
        return Session(self)


class Session:
    """Life of a transaction as the driver's session keeps it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._server = client.server
        self._transaction: Transaction | None = None
        self._finished = True

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.end_session()

    def end_session(self) -> None:
        if self.in_transaction:
            self.abort_transaction()

    @property
    def in_transaction(self) -> bool:
        return not self._finished

    def with_transaction(self, callback: Callable[["Session"], T], **options: Any) -> T:
        return ClientSession.with_transaction(self, callback, **options)  # type: ignore[arg-type,return-value]

    def start_transaction(self, read_concern: Any, write_concern: Any, read_preference: Any, max_commit_time_ms: Any) -> None:
        if self.in_transaction:
            raise InvalidOperation("Transaction already in progress")
        self._transaction, self._finished, self._concern = None, False, write_concern

    def running(self) -> Transaction:
        """The server's side of it, begun with the first operation."""
        if self._transaction is None:
            self._transaction = self._server.begin()
        self._server.check(self._transaction)
        return self._transaction

    def commit_transaction(self) -> None:
        self._finished = True
        if self._transaction is None:
            return
        transaction = self._transaction
        try:
            self._client.network.round_trip(self._server, lambda: self._commit(transaction), 2)
        except AutoReconnect as error:
            error._add_error_label("UnknownTransactionCommitResult")
            raise

    def _commit(self, transaction: Transaction) -> None:
        wait_for_majority(self._server, self._server.commit(transaction), self._concern, transaction)

    def abort_transaction(self) -> None:
        self._finished = True
        if self._transaction is None:
            return
        transaction = self._transaction
        try:
            self._client.network.round_trip(self._server, lambda: self._server.abort(transaction), 2)
        except (AutoReconnect, OperationFailure):  # as the driver: what cannot be aborted expires
            return


def wait_for_majority(server: Server, moment: float, concern: WriteConcern, transaction: Transaction | None = None) -> None:
    """Wait until a majority has a write, where the concern asks for it. Raises where the primary changed first."""
    if concern.document.get("w") != "majority" or moment <= server.world.seconds:
        return
    lost = server.rolled_back
    server.world.sleep(moment - server.world.seconds)
    if server.rolled_back != lost and (transaction is None or transaction.state == "aborted"):
        raise AutoReconnect("the primary stepped down")
