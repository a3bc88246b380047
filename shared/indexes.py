"""Create the collections and indexes of a service before it starts: `python -m shared.indexes SERVICE`.

A service does the same at its start. On Kubernetes a job does it first, so that the first replica of a new version does not serve while
an index is being built. Reads MONGO_URI and MONGO_DATABASE as the service does.
"""

import sys

import click

from shared.config import load
from shared.errors import ConfigurationError, StoreAway
from shared.registry import service_classes, service_names
from shared.run import create_indexes, prepare


@click.command(help=__doc__)
@click.argument("service", type=click.Choice(service_names()))
def main(service: str) -> None:
    try:
        settings = prepare(load(service), service_classes(service))
        create_indexes(settings)
    except ConfigurationError as error:
        raise click.ClickException(f"the environment is not right: {error}") from None
    except StoreAway as error:
        raise click.ClickException(f"MongoDB cannot be reached at MONGO_URI ({error}): is it running?") from None
    database = settings["DATABASE"]
    indexes = sum(len(database[name].index_information()) for name in database.list_collection_names())
    database.client.close()
    click.echo(f"{service}: {indexes} indexes")


if __name__ == "__main__":
    main()
    sys.exit(0)
