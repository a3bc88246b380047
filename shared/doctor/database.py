"""The database: reachable, new enough, a healthy replica set, with the indexes of the code and the rights that were meant."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from shared import indexes
from shared.config import Config
from shared.doctor import Finding, good, look, wrong
from shared.mongo import Document
from shared.registry import service_classes, service_names

OLDEST = (6, 0)
LONGEST_TRANSACTION = 15  # seconds
LAGGING = 10.0  # seconds behind the primary
_OPTIONS = ("unique", "expireAfterSeconds", "partialFilterExpression")
_ADMINISTRATOR = "give MONGO_URI of an administrator"
Client = MongoClient[Document]


@contextmanager
def connected(uri: str) -> Iterator[Client]:
    client: Client = MongoClient(uri, tz_aware=True, serverSelectionTimeoutMS=3_000, appname="sambandh-doctor")
    try:
        yield client
    finally:
        client.close()


def check_reachable(client: Client) -> Iterator[Finding]:
    try:
        client.admin.command("ping")
        yield good("database", "answers at MONGO_URI")
    except PyMongoError as error:
        yield wrong(
            "database", f"does not let us in at MONGO_URI ({type(error).__name__})", "start it, or correct address and password"
        )


def check_version(client: Client) -> Iterator[Finding]:
    version = client.server_info()["version"]
    if tuple(int(number) for number in version.split(".")[:2]) < OLDEST:
        yield wrong("database version", version, "MongoDB 6.0 is the oldest that we are tested with: upgrade")
    else:
        yield good("database version", version)


def check_replica_set(client: Client) -> Iterator[Finding]:
    """A set with a primary, whose members are well and near."""
    if "setName" not in client.admin.command("hello"):
        yield wrong("replica set", "the server is none", "transactions need one: start mongod with --replSet and initiate it")
        return
    try:
        status = client.admin.command("replSetGetStatus")
    except OperationFailure:
        yield look("replica set", "we may not look at its members", _ADMINISTRATOR)
        return
    members = status["members"]
    newest = max(member["optimeDate"] for member in members if "optimeDate" in member)
    for member in members:
        yield from _check_member(member, newest)
    if len(members) < 3:
        yield look(
            "replica set", f"{len(members)} member(s): losing one stops all writing", "fine on one machine; three elsewhere"
        )
    else:
        yield good("replica set", f"{len(members)} members")


def _check_member(member: Mapping[str, Any], newest: datetime) -> Iterator[Finding]:
    about = f"member {member['name']}"
    if member["stateStr"] not in ("PRIMARY", "SECONDARY", "ARBITER"):
        yield wrong(about, f"is {member['stateStr']}", "bring it back: see the runbook DatabaseMemberAway")
    elif "optimeDate" in member and (newest - member["optimeDate"]).total_seconds() > LAGGING:
        behind = (newest - member["optimeDate"]).total_seconds()
        yield look(about, f"is {behind:.0f} s behind the primary", "look at its disk and its network")


def check_transactions(client: Client) -> Iterator[Finding]:
    """A process killed within a transaction blocks the rows that it wrote until the server ends it."""
    name = "transactionLifetimeLimitSeconds"
    try:
        seconds = client.admin.command({"getParameter": 1, name: 1})[name]
    except OperationFailure:
        yield look("transactions", "we may not look at the server's parameters", _ADMINISTRATOR)
        return
    if seconds > LONGEST_TRANSACTION:
        remedy = f"start mongod with `--setParameter {name}=5`"
        yield look("transactions", f"rows of a killed process are blocked for up to {seconds} s", remedy)
    else:
        yield good("transactions", f"end after {seconds} s")


def check_rights(client: Client) -> Iterator[Finding]:
    """Each service reads and writes its own database and no other."""
    try:
        users = {user["user"]: user for user in client.admin.command("usersInfo")["users"]}
    except OperationFailure:
        yield look("rights at the database", "we may not look at users", _ADMINISTRATOR)
        return
    as_meant = 0
    for service in service_names():
        meant = [{"role": "readWrite", "db": f"sambandh_{service}"}]
        if service not in users:
            yield look(f"database user {service}", "does not exist", f"make it, with readWrite on sambandh_{service} alone")
        elif users[service]["roles"] != meant:
            yield wrong(
                f"database user {service}", "has not just its own database", f"grant readWrite on sambandh_{service} alone"
            )
        else:
            as_meant += 1
    if as_meant:
        yield good("rights at the database", f"{as_meant} services have their own and no more")


def check_access_control(uri: str) -> Iterator[Finding]:
    """Whether the server asks for a password at all."""
    hosts = urlsplit(uri).netloc.rpartition("@")[2]
    with connected(f"mongodb://{hosts}/?directConnection={'true' if ',' not in hosts else 'false'}") as client:
        try:
            client.admin.command("listDatabases")
        except OperationFailure:
            yield good("access to the database", "needs a password")
        else:
            yield wrong(
                "access to the database", "needs no password", "start mongod with --auth and give each service its own user"
            )


class _Collection:
    """Keeps what is asked of a collection when its indexes are made."""

    def __init__(self) -> None:
        self.indexes: dict[str, tuple[list[Any], dict[str, Any]]] = {}

    def create_index(self, keys: list[Any], name: str, **options: Any) -> str:
        self.indexes[name] = (list(keys), {option: options[option] for option in _OPTIONS if option in options})
        return name

    def index_information(self) -> dict[str, Any]:
        return {}

    def update_one(self, *given: Any, **options: Any) -> None:
        """A row that a service makes beside its indexes."""


class _Recorder:
    """A database that only keeps what is asked of it, so that the code itself says which indexes it needs."""

    def __init__(self) -> None:
        self.collections: dict[str, _Collection] = defaultdict(_Collection)

    def __getitem__(self, name: str) -> _Collection:
        return self.collections[name]

    def list_collection_names(self) -> list[str]:
        return list(self.collections)

    def create_collection(self, name: str) -> _Collection:
        return self.collections[name]


def declared_indexes(service: str) -> dict[str, dict[str, tuple[list[Any], dict[str, Any]]]]:
    """Keys and options by collection and name, as the code would make them with default settings."""
    recorder: Any = _Recorder()
    indexes.declare(indexes.unit_of_work(recorder, service_classes(service)), Config(service))
    return {name: collection.indexes for name, collection in recorder.collections.items()}


def check_indexes(client: Client) -> Iterator[Finding]:
    """Every index that the code would make is there, as the code would make it."""
    count, faults = 0, 0
    try:
        for service in service_names():
            for collection, wanted in declared_indexes(service).items():
                there = client[f"sambandh_{service}"][collection].index_information()
                for name, (keys, options) in wanted.items():
                    found = list(_check_index(f"index {service}.{collection}.{name}", keys, options, there.get(name)))
                    yield from found
                    count, faults = count + 1, faults + len(found)
    except OperationFailure:
        yield look("indexes", "we may not look at those of every service", _ADMINISTRATOR)
        return
    if not faults:
        yield good("indexes", f"all {count} are there")


def _check_index(about: str, keys: list[Any], options: Mapping[str, Any], actual: Mapping[str, Any] | None) -> Iterator[Finding]:
    service = about.split()[1].split(".")[0]
    if actual is None:
        yield wrong(about, "is missing", f"run `python -m shared.indexes {service}` with that service's MONGO_URI")
        return
    if [tuple(key) for key in actual["key"]] != [tuple(key) for key in keys]:
        yield wrong(about, "has other keys", f"drop it, then run `python -m shared.indexes {service}`")
    for option in _OPTIONS:
        if actual.get(option) != options.get(option):
            hint = "fine if a retention setting of the service says so; otherwise drop it and start the service"
            yield look(about, f"has {option} {actual.get(option)}, by default it is {options.get(option)}", hint)
