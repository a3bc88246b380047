"""Create the collections and indexes of a service before it starts: `python -m shared.indexes SERVICE`.

A service does the same at its start. On Kubernetes a job does it first, so that the first replica of a new version does not serve while
an index is being built. Reads MONGO_URI and MONGO_DATABASE as the service does.
"""

import importlib
import sys

import click
from pymongo.database import Database

from shared import editions, mongo, parked, privacy, suspects
from shared.access import audit, machines
from shared.config import Config, load
from shared.consume import Inbox
from shared.errors import ConfigurationError, StoreAway
from shared.mongo import Document
from shared.registry import Classes, service_classes, service_names
from shared.unit_of_work import UnitOfWork


def unit_of_work(database: Database[Document], classes: Classes, seconds: float = 0) -> UnitOfWork:
    """The unit of work of a service, with the models that its inbox feeds; `seconds` as UnitOfWork takes it."""
    inbox = getattr(classes.worker, "inbox", None)
    return UnitOfWork(database, classes.worker, inbox.models if isinstance(inbox, Inbox) else (), seconds)


def create(work: UnitOfWork, config: Config) -> None:
    """Collections and indexes of the runtime and of the service, and what a new edition of it has to catch up with. Raises StoreAway."""
    with mongo.reachable():
        declare(work, config)
        editions.catch_up(work.database, work.models)


def declare(work: UnitOfWork, config: Config) -> None:
    """Collections and indexes of the runtime and of the service, and nothing else."""
    storage = importlib.import_module(f"services.{config.service}.storage")
    work.create_indexes(config.inbox_retention_days)
    parked.create_indexes(work.database)
    suspects.create_indexes(work.database)
    audit.create_indexes(work.database, config.audit_retention_days)
    machines.create_indexes(work)
    privacy.create_indexes(work.database)
    storage.create_indexes(work.database, config)


@click.command(help=__doc__)
@click.argument("service", type=click.Choice(service_names()))
def main(service: str) -> None:
    try:
        config = load(service)
        database = mongo.connect(config)
        create(unit_of_work(database, service_classes(service)), config)
    except ConfigurationError as error:
        raise click.ClickException(f"the environment is not right: {error}") from None
    except StoreAway as error:
        raise click.ClickException(f"MongoDB cannot be reached at MONGO_URI ({error}): is it running?") from None
    count = sum(len(database[name].index_information()) for name in database.list_collection_names())
    database.client.close()
    click.echo(f"{service}: {count} indexes")


if __name__ == "__main__":
    main()
    sys.exit(0)
