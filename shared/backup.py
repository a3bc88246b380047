"""Backups of the services' databases, all as they were at one moment, and what closes the gap after a restore.

A backup is a directory for each service: `<collection>.bson` holds the documents one after the other, as MongoDB's own tools write and read
them, `<collection>.json` options and indexes, `backup.json` the moment and what there must be. All is read in one snapshot, which the
server keeps for `minSnapshotHistoryWindowInSeconds` (300 unless told): a backup that takes longer fails and says so.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, cast

import bson
from bson import json_util
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, MongoClient
from pymongo.client_session import ClientSession

from shared import mongo
from shared.access import key_book
from shared.broker import Publisher, letter
from shared.envelope import Event, from_document
from shared.errors import BrokerAway, SambandhError
from shared.mongo import Document
from shared.topology import inbox_exchange, subscriptions_of

_RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
_MANIFEST = "backup.json"
_BATCH = 1_000
_WINDOW = 500
Client = MongoClient[Document]


class UnusableBackup(SambandhError):
    """A backup that is damaged or not of this service, or a database that must not be written over."""


@dataclass(frozen=True)
class Backup:
    """What the backup of one service holds."""

    service: str
    taken_at: datetime
    documents: int


def database_name(service: str) -> str:
    return f"sambandh_{service}"


def back_up(client: Client, services: Sequence[str], directory: Path) -> list[Backup]:
    """Copy the databases of `services` as they are at one moment below `directory`. Raises StoreAway; FileExistsError for a used one."""
    with mongo.reachable(), client.start_session(snapshot=True) as session:
        moment = cast(datetime, client.admin.command("hello")["localTime"]).replace(tzinfo=UTC)
        return [_back_up(client, service, directory / service, session, moment) for service in services]


def _back_up(client: Client, service: str, directory: Path, session: ClientSession, moment: datetime) -> Backup:
    directory.mkdir(parents=True, mode=0o700)  # it holds customers
    database = client.get_database(database_name(service), codec_options=_RAW)
    collections: dict[str, dict[str, Any]] = {}
    for described in client[database_name(service)].list_collections(filter={"type": "collection"}):
        name = described["name"]
        count, digest = _write(directory / f"{name}.bson", database[name].find({}, session=session))
        indexes = [dict(index) for index in client[database_name(service)][name].list_indexes()]
        (directory / f"{name}.json").write_text(json_util.dumps({"options": described["options"], "indexes": indexes}))
        collections[name] = {"documents": count, "sha256": digest}
    manifest = {"service": service, "taken_at": moment.isoformat(), "collections": collections}
    (directory / _MANIFEST).write_text(json.dumps(manifest, indent=1))
    return Backup(service, moment, sum(entry["documents"] for entry in collections.values()))


def _write(file: Path, documents: Iterable[Any]) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    with file.open("wb") as out:
        for document in documents:
            out.write(document.raw)
            digest.update(document.raw)
            count += 1
    return count, digest.hexdigest()


def restore(client: Client, service: str, directory: Path) -> Backup:
    """Fill the empty database of `service` from a backup. Raises UnusableBackup before anything is written, StoreAway."""
    source = directory / service
    manifest = _manifest(source, service)
    database = mongo.durable(client[database_name(service)])
    with mongo.reachable():
        if database.list_collection_names():
            raise UnusableBackup(
                f"{database.name} is not empty: stop the service and drop the database first, or restore elsewhere"
            )
        for name in manifest["collections"]:
            described = json_util.loads((source / f"{name}.json").read_text())
            database.create_collection(name, **described["options"])
            for batch in _batches(source / f"{name}.bson"):
                database[name].insert_many(batch, ordered=False)
            for index in described["indexes"]:
                if index["name"] != "_id_":
                    options = {key: value for key, value in index.items() if key not in ("key", "v", "ns")}
                    database[name].create_index(list(index["key"].items()), **options)
    documents = sum(entry["documents"] for entry in manifest["collections"].values())
    return Backup(service, datetime.fromisoformat(manifest["taken_at"]), documents)


def _manifest(directory: Path, service: str) -> dict[str, Any]:
    """The manifest of a backup whose files are all there and unchanged."""
    try:
        manifest: dict[str, Any] = json.loads((directory / _MANIFEST).read_text())
        if manifest["service"] != service:
            raise UnusableBackup(f"{directory} is a backup of {manifest['service']}")
        for name, entry in manifest["collections"].items():
            with (directory / f"{name}.bson").open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    raise UnusableBackup(f"{directory / name}.bson is not what was backed up")
    except (OSError, ValueError, KeyError) as fault:
        raise UnusableBackup(f"{directory} is no whole backup: {type(fault).__name__}") from fault
    return manifest


def _batches(file: Path) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    with file.open("rb") as source:
        for document in bson.decode_file_iter(source, codec_options=_RAW):
            batch.append(document)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def replay(client: Client, amqp_uri: str, service: str, since: datetime, say: Callable[[int], None]) -> int:
    """Send every archived shop event that the system heard of since `since` into the inbox of `service` again, and what is so of API keys.

    Returns how many. A key that was revoked after the backup must not be good again.

    What the service had applied by then is recognised and changes nothing. `say` is told the count after each window. Raises
    BrokerAway and StoreAway; doing it again is harmless.
    """
    names = [name for source, name in subscriptions_of(service) if source == "shop"]
    wanted = {"received_at": {"$gte": since}, "name": {"$in": names}}
    publisher = Publisher(amqp_uri, "sambandh-replay")
    sent = 0
    try:
        with mongo.reachable():
            archive = mongo.durable(client[database_name("collector")])["events"]
            keys = key_book.statements(archive.database, datetime.now(UTC))
            for window in chain(
                _windows(keys), _windows(map(from_document, archive.find(wanted).sort("received_at", ASCENDING)))
            ):
                sent += _send(publisher, service, window)
                say(sent)
    finally:
        publisher.discard()
    return sent


def _windows(events: Iterable[Event]) -> Iterator[list[Event]]:
    window: list[Event] = []
    for event in events:
        window.append(event)
        if len(window) == _WINDOW:
            yield window
            window = []
    if window:
        yield window


def _send(publisher: Publisher, service: str, window: Sequence[Event]) -> int:
    letters = [replace(letter(event), exchange=inbox_exchange(service)) for event in window]
    receipt = publisher.publish(letters)
    if len(receipt.confirmed) < len(letters):
        raise BrokerAway(f"the broker did not take {len(letters) - len(receipt.confirmed)} events: is the topology declared?")
    return len(letters)
