"""`python -m shared.flow order_completed`: what happens when an event is published, read from the code that does it."""

import inspect
import sys
import textwrap

import click

from shared.events import CATALOGUE
from shared.handlers import handlers_of
from shared.registry import service_classes, service_names


def flow(name: str) -> list[str]:
    """Lines that say when an event is sent and what each service does with it, with the place of each handler."""
    kind = CATALOGUE[name]
    lines = [f"{name}  ({kind.exchange})", *_indented(f"sent: {kind.sent}"), *_indented(f"not sent: {kind.not_sent}")]
    for service in service_names():
        worker = service_classes(service).worker
        sources = service_names() if kind.by_every_service else [kind.source]
        methods = [one.method for one in handlers_of(worker) if one.event == kind.name and one.source in sources]
        for method in dict.fromkeys(methods):
            lines += ["", f"{service}: {_place(worker, method)}", *_indented(_effect(worker, method))]
    return lines


def _place(worker: type, method: str) -> str:
    function = inspect.unwrap(getattr(worker, method))
    file = inspect.getsourcefile(function) or ""
    return f"{method}  services/{file.rpartition('/services/')[2]}:{function.__code__.co_firstlineno}"


def _effect(worker: type, method: str) -> str:
    return inspect.getdoc(getattr(worker, method)) or ""


def _indented(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), 110, initial_indent="    ", subsequent_indent="    ")


@click.command(help=__doc__)
@click.argument("event")
def main(event: str) -> None:
    if event not in CATALOGUE:
        close = [name for name in sorted(CATALOGUE) if event.split("_")[0] in name]
        raise click.ClickException(
            f"no event {event!r} in the catalogue. Close to it: {', '.join(close) or 'see docs/events.md'}"
        )
    click.echo("\n".join(flow(event)))


if __name__ == "__main__":
    sys.exit(main())
