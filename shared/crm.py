"""The command line of those who run the system: `./crm doctor`, `backup`, `restore`, `replay-archive`, `token`, and `./crm parked`.

It reads AMQP_URI and MONGO_URI of administrators (`set -a; . .run/env; set +a` sets them for a local system).
"""

import os
import string
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from pymongo import MongoClient
from pymongo.database import Database
from rich.console import Console
from rich.table import Table

from shared import backup, mongo, parked, timers
from shared.access.scopes import ROLES, is_grant
from shared.access.signing import LOCAL_ISSUER, SigningKey
from shared.doctor import Verdict
from shared.doctor.examination import examine
from shared.errors import BrokerAway, ConfigurationError, StoreAway
from shared.mongo import Document
from shared.registry import service_names

SERVICE = click.argument("service", type=click.Choice(service_names()))
_PAGE = 200
_MARKS = {Verdict.GOOD: "✓", Verdict.LOOK: "?", Verdict.WRONG: "✗"}


@contextmanager
def administrator() -> Iterator[MongoClient[Document]]:
    """A client of MONGO_URI; what goes wrong on the way ends the command with what to do."""
    uri = os.environ.get("MONGO_URI")
    if not uri:
        raise click.ClickException("MONGO_URI is not set: for a local system run `set -a; . .run/env; set +a` first.")
    client: MongoClient[Document] = MongoClient(uri, tz_aware=True, serverSelectionTimeoutMS=3_000)
    try:
        with mongo.reachable():
            yield client
    except StoreAway as error:
        raise click.ClickException(f"MongoDB does not answer at MONGO_URI ({error}): is the system running?") from None
    except (BrokerAway, backup.UnusableBackup) as error:
        raise click.ClickException(str(error)) from None
    finally:
        client.close()


@contextmanager
def database_of(service: str) -> Iterator[Database[Document]]:
    """The database of a service."""
    with administrator() as client:
        yield mongo.durable(client[f"sambandh_{service}"])


@click.group(help=__doc__)
def crm() -> None:
    pass


@crm.command()
@click.option("--all", "everything", is_flag=True, help="Also what is as it should be.")
def doctor(everything: bool) -> None:
    """Look at a deployment and say what is wrong with it and what to do. Changes nothing; exit code 1 if something is wrong.

    Looks at what AMQP_URI, RABBITMQ_MANAGEMENT_URL, MONGO_URI and SAMBANDH_URL name.
    """
    counted = Counter[Verdict]()
    try:
        for finding in examine(os.environ):
            counted[finding.verdict] += 1
            if everything or finding.verdict is not Verdict.GOOD:
                click.echo(f"{_MARKS[finding.verdict]} {finding.about}: {finding.found}")
                if finding.remedy:
                    click.echo(f"    {finding.remedy}")
    except ConfigurationError as error:
        raise click.ClickException(f"the environment is not right: {error}") from None
    click.echo(f"{counted[Verdict.WRONG]} wrong, {counted[Verdict.LOOK]} to look at, {counted[Verdict.GOOD]} good")
    sys.exit(1 if counted[Verdict.WRONG] else 0)


@crm.command("backup")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def back_up(directory: Path) -> None:
    """Back up the databases of all services, as they are at one moment, into DIRECTORY, which is made."""
    with administrator() as client:
        try:
            for made in backup.back_up(client, service_names(), directory):
                click.echo(f"{made.service}: {made.documents} documents of {made.taken_at.isoformat(timespec='seconds')}")
        except FileExistsError:
            raise click.ClickException(f"{directory} holds a backup already: name a new directory") from None


@crm.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("services", nargs=-1, required=True, type=click.Choice(service_names()))
def restore(directory: Path, services: tuple[str, ...]) -> None:
    """Fill the empty databases of SERVICES from the backup in DIRECTORY. The services must be stopped."""
    with administrator() as client:
        for service in services:
            made = backup.restore(client, service, directory)
            click.echo(f"{service}: {made.documents} documents; now run `./crm replay-archive {service} --since {_minute(made)}`")


@crm.command("replay-archive")
@SERVICE
@click.option("--since", required=True, type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="UTC: the time of the backup, or before.")
def replay_archive(service: str, since: datetime) -> None:
    """Send what the doors accepted since then to SERVICE again. What it had applied by then changes nothing."""
    uri = os.environ.get("AMQP_URI")
    if not uri:
        raise click.ClickException("AMQP_URI is not set: for a local system run `set -a; . .run/env; set +a` first.")
    with administrator() as client:
        count = backup.replay(client, uri, service, since.replace(tzinfo=UTC), lambda sent: click.echo(f"{sent} sent", err=True))
    click.echo(f"{service}: {count} events sent again; they are applied as they are read.")


def _minute(made: backup.Backup) -> str:
    """The minute before a backup began, as `--since` reads it."""
    return (made.taken_at - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")


@crm.command("issuer")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def make_issuer(directory: Path) -> None:
    """Make a key that signs access tokens, for a system without an identity provider: DIRECTORY/signing-key.json, jwks.json."""
    key = SigningKey.generate()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(directory / "signing-key.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.text)
    except FileExistsError:
        raise click.ClickException(f"{directory} has a signing key already: name another directory") from None
    (directory / "jwks.json").write_text(key.key_set)
    click.echo(
        f"JWKS={directory / 'jwks.json'}\nJWT_ISSUER={LOCAL_ISSUER}\nSAMBANDH_SIGNING_KEY={directory / 'signing-key.json'}"
    )


@crm.command()
@click.option("--role", "roles", multiple=True, type=click.Choice(sorted(ROLES)), help="What the person is; may be repeated.")
@click.option("--scope", "scopes", multiple=True, metavar="SERVICE:WHAT", help="Only this, of what the roles allow.")
@click.option("--subject", default="", help="Who it is, as audit logs will have it.  [default: the role]")
@click.option("--hours", type=click.IntRange(1, 24 * 365), default=12, show_default=True, help="How long it is good.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), envvar="SAMBANDH_SIGNING_KEY", help="Signs it."
)
def token(roles: tuple[str, ...], scopes: tuple[str, ...], subject: str, hours: int, key: Path | None) -> None:
    """Print an access token for a person, signed by the system's own issuer: SAMBANDH_SIGNING_KEY names its key."""
    if key is None:
        raise click.ClickException("SAMBANDH_SIGNING_KEY is not set: for a local system run `set -a; . .run/env; set +a` first.")
    if not roles and not scopes:
        raise click.UsageError("say what it is to allow: --role or --scope")
    wrong = [scope for scope in scopes if not is_grant(scope)]
    if wrong:
        raise click.UsageError(f"no scope: {', '.join(wrong)}. They look like support:read, or *:read")
    try:
        signing = SigningKey.read(key.read_text())
    except ConfigurationError as error:
        raise click.ClickException(f"{key}: {error}") from None
    named = subject or "-".join(roles) or "scoped"
    click.echo(signing.token(named, roles=roles, scope=" ".join(scopes), lifetime=timedelta(hours=hours)))


@crm.group("parked")
def parked_group() -> None:
    """Events and timers that were set aside because no retry would help them."""


@parked_group.command("list")
@click.argument("services", nargs=-1, type=click.Choice(service_names()))
@click.option("--event", help="Only events of this name, only timers of this kind.")
def list_entries(services: tuple[str, ...], event: str | None) -> None:
    """List entries of SERVICES, of all services if none is named."""
    table = Table("service", "id", "event", "state", "attempts", "parked at", "reason")
    for service in services or service_names():
        with database_of(service) as database:
            for entry in _all(database, event):
                at = entry["parked_at"].isoformat(timespec="seconds")
                table.add_row(service, entry["_id"], entry["event"], entry["state"], str(entry["attempts"]), at, entry["reason"])
            for timer in timers.set_aside(database, event):
                at = timer["parked_at"].isoformat(timespec="seconds")
                table.add_row(service, timer["_id"], timer["kind"], "timer", "", at, timer["reason"])
    width = None if sys.stdout.isatty() else 240
    Console(width=width).print(table if table.row_count else "Nothing is parked.")


@parked_group.command()
@SERVICE
@click.argument("entry_id")
def show(service: str, entry_id: str) -> None:
    """Show one entry whole: an event's reason, headers and body, or a timer. Both may hold personal data."""
    with database_of(service) as database:
        timer = next((one for one in timers.set_aside(database) if one["_id"] == entry_id), None)
        entry = {} if timer else _existing(database, entry_id)
    if timer:
        click.echo("\n".join(f"{name}: {_printable(str(value))}" for name, value in timer.items()))
        return
    for name in ("_id", "event", "event_id", "state", "attempts", "parked_at", "reason", "routing_key"):
        click.echo(f"{name}: {entry.get(name)}")
    for name, value in entry["headers"].items():
        click.echo(f"header {name}: {_printable(str(value))}")
    click.echo(f"body ({len(entry['body'])} bytes):\n{_printable(bytes(entry['body']).decode('utf-8', 'backslashreplace'))}")


@parked_group.command()
@SERVICE
@click.argument("entry_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Replay every open entry, and fire every timer.")
@click.option("--event", help="With --all: only events of this name, only timers of this kind.")
def replay(service: str, entry_id: str | None, everything: bool, event: str | None) -> None:
    """Send events through the inbox of SERVICE again, as if they had just arrived, and fire timers again."""
    if bool(entry_id) == everything:
        raise click.UsageError("name one entry, or use --all")
    with database_of(service) as database:
        count = timers.fire_again(database, entry_id, event)
        if entry_id and not count:
            _existing(database, entry_id)
        count += parked.ask_for_replay(database, entry_id, event)
    click.echo(f"{count} to be replayed within seconds, if {service} runs; those that fail again are parked again.")


@parked_group.command()
@SERVICE
@click.argument("entry_id")
@click.confirmation_option(prompt="Delete it for good?")
def discard(service: str, entry_id: str) -> None:
    """Delete an entry for good."""
    with database_of(service) as database:
        if not timers.discard(database, entry_id):
            _existing(database, entry_id)
            parked.discard(database, entry_id)
    click.echo("Deleted.")


def _all(database: Database[Document], event: str | None) -> Iterator[Document]:
    after = None
    while page := parked.entries(database, event, after, _PAGE):
        yield from page
        after = page[-1]["_id"]


def _existing(database: Database[Document], entry_id: str) -> dict[str, Any]:
    entry = parked.entry(database, entry_id)
    if entry is None:
        raise click.ClickException(f"no entry {entry_id}: `crm parked list` shows what there is.")
    return entry


def _printable(text: str) -> str:
    """Without control characters, which could drive the reader's terminal."""
    return "".join(c if c.isprintable() or c in string.whitespace else f"\\x{ord(c):02x}" for c in text)


if __name__ == "__main__":
    crm(prog_name="crm")
