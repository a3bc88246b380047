"""`python -m benchmarks [NAME ...]`: measure, write the results, and show them."""

import signal
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks import (
    access,
    consume,
    flames,
    growth,
    ingest,
    latency,
    plot,
    read,
    relay,
    report,
    results,
    segments,
    timeline,
    timers,
)
from benchmarks.options import Options
from benchmarks.outcome import Outcome
from benchmarks.system import System
from deploy.local.settings import REPOSITORY

Benchmark = Callable[[System, Options], Outcome]
BENCHMARKS: dict[str, Benchmark] = {
    "consume": consume.run,
    "ingest": ingest.run,
    "latency": latency.run,
    "read": read.run,
    "relay": relay.run,
    "timers": timers.run,
    "growth": growth.run,
    "segments": segments.run,
    "timeline": timeline.run,
    "access": access.run,
}
FLAMES, REPORT = "flames", "report"
HERE = REPOSITORY / "benchmarks"
_DEFAULT = Options()


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS, FLAMES, REPORT]), metavar="[NAME]...")
@click.option("--trials", default=_DEFAULT.trials, show_default=True, help="Repetitions; the figures are their medians.")
@click.option("--seconds", default=_DEFAULT.seconds, show_default=True, help="How long about one trial of one side measures.")
@click.option("--timers", default=_DEFAULT.timers, show_default=True, help="Timers that are armed.")
@click.option(
    "--customers",
    default=",".join(map(str, _DEFAULT.customers)),
    show_default=True,
    help="Numbers of customers that growth compares, from small to large; segments and timeline take the largest.",
)
@click.option(
    "--folder", default=HERE, type=click.Path(path_type=Path), help="Where README.md and results/ are.  [default: benchmarks]"
)
def main(names: tuple[str, ...], trials: int, seconds: float, timers: int, customers: str, folder: Path) -> None:
    """Measure how fast Sambandh is, side by side with others, on a MongoDB and a RabbitMQ of its own.

    \b
    NAME is one or more of
      consume   the four effects of a purchase, beside plain nameko, FastStream and the ceiling
      ingest    events over HTTP for each core of the collector
      latency   from the answer to a request until it shows in every service
      read      profiles read at 200 requests a second
      relay     publishing from an outbox, beside kombu
      timers    arming, cancelling, resting, firing
      growth    what an order costs with more and more customers
      segments  membership with 200 segments and the largest number of customers
      timeline  pages of timelines, with as many rows in all as the largest number of customers
      access    what verifying a token or an API key costs a request
      flames    flame graphs of the consume path, with py-spy (not unless asked for)
      report    nothing is measured, only shown anew

    Without NAME everything is measured, which takes about an hour. Each benchmark writes a file to benchmarks/results; the tables of
    benchmarks/README.md and benchmarks/results/latest.svg are made of the newest file of each.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop what was started
    options = Options(trials, seconds, timers, tuple(int(size) for size in customers.split(",")))
    for name in names or BENCHMARKS:
        if name in BENCHMARKS:
            _measure(name, options, folder)
        elif name == FLAMES:
            _record()
    show(folder)


def _record() -> None:
    with System() as system:
        for path in flames.record(system):
            click.echo(path)


def _measure(name: str, options: Options, folder: Path) -> None:
    """Run one benchmark on fresh servers."""
    click.echo(f"{name} ...")
    with System() as system:
        about = results.circumstances(system, options)
        outcome = BENCHMARKS[name](system, options)
    for row in outcome.rows:
        click.echo(f"  {row.what}: {row.figure:,.3g} {row.unit}")
    written = results.write(folder / "results", name, about, outcome)
    click.echo(f"  {written}")


def show(folder: Path) -> None:
    """Write tables and plot from the newest results; in our own folder also what the README of the repository shows of them."""
    newest = results.newest(folder / "results")
    _rewrite(folder / "README.md", report.tables(newest))
    if "consume" in newest:
        plot.consume(newest["consume"], folder / "results" / "latest.svg")
    if folder == HERE:
        _rewrite(REPOSITORY / "README.md", report.summary(newest))


def _rewrite(page: Path, content: str) -> None:
    page.write_text(report.put_between(page.read_text(), content))


if __name__ == "__main__":
    main()
