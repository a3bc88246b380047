"""`python -m demo`: the command behind `make demo`."""

import logging
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from demo import download
from demo.errors import DemoError
from demo.replay import Wishes, run
from demo.system import directory, running_system
from deploy.local.errors import StackError


def _limit(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """A number of orders; None for `all`."""
    return None if value == "all" else click.IntRange(1)(value, parameter, context)


@click.command()
@click.option(
    "--orders",
    metavar="NUMBER|all",
    callback=_limit,
    envvar="DEMO_ORDERS",
    default="20000",
    show_default=True,
    help="The first so many orders, by date and then by line; `all` for the whole log.",
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A log in CDNOW's format in place of the one from PyPI: `customer date(YYYYMMDD) number_of_cds dollar_value`.",
)
@click.option(
    "--patience",
    type=click.FloatRange(1),
    default=120,
    show_default=True,
    help="Give up waiting for what is missing once nothing has moved for so many seconds.",
)
@click.option(
    "--scenes/--no-scenes", default=True, show_default=True, help="Go on with segments, journey, search, merging, consent."
)
def main(orders: int | None, path: Path | None, patience: float, scenes: bool) -> None:
    """Replay real purchases through the whole system and check every total. Exit code 1 on any difference."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a system that was started for the demo is stopped in any case
        signal.signal(number, signal.default_int_handler)
    logging.getLogger("segment").setLevel(logging.CRITICAL)  # what its client gives up on is told by the demo itself
    console = Console(emoji=False)  # identity keys have colons, too
    try:
        log = download.from_file(path) if path else download.fetch(directory(), console.print)
        with running_system(console) as system:
            good = run(system, log, Wishes(orders, patience, scenes), console)
    except (DemoError, StackError) as fault:
        Console(stderr=True).print(f"demo: {fault}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped. Run the demo again at any time: nothing counts twice.")
        sys.exit(130)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
