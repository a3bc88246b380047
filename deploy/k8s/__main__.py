"""`python -m deploy.k8s manifests|dev-secrets|render`: what is generated, and what kustomize makes of it all."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.k8s import generated, kubectl, secrets
from deploy.local.errors import StackError
from deploy.local.settings import REPOSITORY


@click.group()
def main() -> None:
    """Work on the manifests for Kubernetes."""


@main.command()
def manifests() -> None:
    """Write the generated manifests."""
    for path, text in generated.files().items():
        path.write_text(text)
        click.echo(path.relative_to(REPOSITORY))


@main.command("dev-secrets")
def dev_secrets() -> None:
    """Generate the secrets of the overlay `dev`, once."""
    place = secrets.DIRECTORY.relative_to(REPOSITORY)
    written = secrets.write()
    click.echo(f"{'Written to' if written else 'Kept, as they are there already:'} {place}; your own keys: {place}/person.env")


@main.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def render(directory: Path) -> None:
    """Print what `kubectl kustomize` makes of DIRECTORY, with the pinned kubectl."""
    try:
        click.echo(kubectl.render(directory), nl=False)
    except StackError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
