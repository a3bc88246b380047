"""Manage sources, import files of tills, and look into the quarantine: `python -m services.collector sources add "Web shop" --kind web`.

Reads MONGO_URI (and MONGO_DATABASE) as the service does.
"""

import json
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
from marshmallow import ValidationError
from rich.console import Console
from rich.table import Table

from services.collector.domain.refusal import Reason
from services.collector.domain.source import GRACE, KEY_BYTES, Source, SourceKind, hash_of, rotated, write_key
from services.collector.imports import new_import
from services.collector.storage import Storage, create_indexes
from services.collector.till_schemas import FORMATS, Settings
from shared import mongo
from shared.config import load
from shared.errors import ConfigurationError, StoreAway

_PART_BYTES = 1024 * 1024
_GRACE_HOURS = int(GRACE.total_seconds() // 3600)


@contextmanager
def _storage() -> Iterator[Storage]:
    """The collector's storage; an outage ends the command with one line."""
    try:
        config = load("collector")
        database = mongo.connect(config)
    except ConfigurationError as error:
        raise click.ClickException(f"the environment is not right: {error}") from None
    try:
        with mongo.reachable():
            create_indexes(database, config)
        yield Storage(database)
    except StoreAway as error:
        raise click.ClickException(f"MongoDB cannot be reached at MONGO_URI ({error}): is it running?") from None
    finally:
        database.client.close()


@click.group(help=__doc__)
def main() -> None:
    pass


@main.group()
def sources() -> None:
    """Who may send events."""


@sources.command()
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in SourceKind]), default="web", show_default=True)
def add(name: str, kind: str) -> None:
    """Add a source and print its write key, which is shown this once."""
    with _storage() as storage:
        key = _new_key()
        if not storage.sources.add(_source(name, kind, key)):
            raise click.ClickException(f"there is a source {name!r} already: rotate its key, or choose another name")
    click.echo(key)


@sources.command()
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in SourceKind]), default="web", show_default=True)
@click.option("--write-key", required=True, envvar="SAMBANDH_WRITE_KEY", help="The key that the source must have.")
def ensure(name: str, kind: str, write_key: str) -> None:
    """Make sure that a source exists, is enabled and has this write key: for installations that keep the key themselves."""
    with _storage() as storage:
        known = storage.sources.find(name)
        if known is None:
            storage.sources.add(_source(name, kind, write_key))
        elif not known.enabled or known.key_hash != hash_of(write_key):
            storage.sources.save(replace(known, enabled=True, key_hash=hash_of(write_key)))


@sources.command("list")
def list_sources() -> None:
    """List the sources."""
    table = Table("id", "name", "kind", "state", "created", "old key valid until")
    with _storage() as storage:
        for source in storage.sources.all():
            state = "enabled" if source.enabled else "disabled"
            until = _minute(source.previous_until) if source.previous_until else ""
            table.add_row(source.id, source.name, source.kind.value, state, _minute(source.created_at), until)
    Console().print(table)


@sources.command()
@click.argument("name")
@click.option(
    "--grace-hours", type=click.IntRange(0), default=_GRACE_HOURS, show_default=True, help="How long the old key stays valid."
)
def rotate(name: str, grace_hours: int) -> None:
    """Give a source a new write key and print it."""
    key = _new_key()
    with _storage() as storage:
        source = _known(storage, name)
        storage.sources.save(rotated(source, hash_of(key), datetime.now(UTC), timedelta(hours=grace_hours)))
    click.echo(key)


@sources.command()
@click.argument("name")
def disable(name: str) -> None:
    """Refuse events of a source from now on."""
    _switch(name, enabled=False)


@sources.command()
@click.argument("name")
def enable(name: str) -> None:
    """Take events of a source again."""
    _switch(name, enabled=True)


@main.group()
def quarantine() -> None:
    """Messages that were refused."""


@quarantine.command("list")
@click.option("--code", type=click.Choice([reason.value for reason in Reason]), help="Only this reason.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def list_quarantine(code: str | None, limit: int) -> None:
    """List the newest refused messages."""
    table = Table("id", "received", "source", "code", "what to do")
    with _storage() as storage:
        for row in storage.quarantine.newest({"code": code}, None, limit):
            table.add_row(row["_id"], _minute(row["received_at"]), row["source_id"] or "unknown", row["code"], row["message"])
    Console().print(table)


@quarantine.command()
@click.argument("entry_id")
def show(entry_id: str) -> None:
    """Show a refused message as it was received."""
    with _storage() as storage:
        row = storage.quarantine.find(entry_id)
    if row is None:
        raise click.ClickException("no refused message has this id; it may have been kept for its time already")
    click.echo(f"{row['code']}: {row['message']}", err=True)
    click.echo(row["raw"].decode("utf-8", "replace"))


@main.command("import-till")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="Name or id of the source that the till is.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="`json-lines`: a purchase a line."
)
@click.option(
    "--settings", "given", default="{}", help="How the file is meant, as JSON: see Settings of the collector's OpenAPI document."
)
@click.option("--wait/--no-wait", default=True, help="Follow it until it has ended.")
def import_till(path: Path, source: str, form: str, given: str, wait: bool) -> None:
    """Import a till's FILE in the background: a running collector takes it, a few hundred receipts at a time."""
    try:
        settings = Settings().load(json.loads(given))
    except (ValueError, ValidationError) as error:
        raise click.ClickException(f"--settings cannot be used: {error}") from None
    with _storage() as storage:
        row = new_import(
            _known(storage, source), {"filename": path.name, "format": form, "settings": settings}, datetime.now(UTC)
        )
        storage.imports.add(row)
        parts = _upload(storage, row["_id"], path)
        storage.imports.change(
            row["_id"], ("receiving",), {"status": "waiting", "parts": parts, "bytes_total": path.stat().st_size}
        )
        click.echo(f"import {row['_id']}: {parts} parts of {path.name} are waiting")
        if wait:
            _follow(storage, row["_id"])


def _upload(storage: Storage, import_id: str, path: Path) -> int:
    with path.open("rb") as file:
        parts = iter(partial(file.read, _PART_BYTES), b"")
        for number, part in enumerate(parts):
            storage.imports.put_part(import_id, number, part, datetime.now(UTC))
    return -(-path.stat().st_size // _PART_BYTES)


def _follow(storage: Storage, import_id: str) -> None:
    """Say how far an import is until it has ended. Exit code 1 where it failed."""
    while (row := storage.imports.find(import_id)) and row["status"] in ("waiting", "running"):
        time.sleep(1)
    counts = ", ".join(f"{count} {name}" for name, count in row["counts"].items()) if row else "it is gone"
    click.echo(f"{row['status'] if row else 'gone'}: {counts}")
    if row is None or row["status"] != "done":
        raise click.ClickException((row or {}).get("error") or "the import did not end well")


def _switch(name: str, *, enabled: bool) -> None:
    with _storage() as storage:
        storage.sources.save(replace(_known(storage, name), enabled=enabled))


def _known(storage: Storage, name: str) -> Source:
    source = storage.sources.find(name)
    if source is None:
        raise click.ClickException(f"there is no source {name!r}: see `sources list`")
    return source


def _source(name: str, kind: str, key: str) -> Source:
    now = datetime.now(UTC)
    return Source(uuid.uuid4().hex[:12], name, SourceKind(kind), True, now.replace(microsecond=0), hash_of(key))


def _new_key() -> str:
    return write_key(secrets.token_bytes(KEY_BYTES))


def _minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")


if __name__ == "__main__":
    main()
