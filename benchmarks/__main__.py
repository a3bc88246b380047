"""`python -m benchmarks [NAME ...]`: measure, write the results, and show them."""

import signal
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks import consume, flames, growth, ingest, latency, plot, relay, report, results, timers
from benchmarks.options import Options
from benchmarks.outcome import Outcome
from benchmarks.system import System
from deploy.local.settings import REPOSITORY

Benchmark = Callable[[System, Options], Outcome]
BENCHMARKS: dict[str, Benchmark] = {
    "consume": consume.run,
    "ingest": ingest.run,
    "latency": latency.run,
    "relay": relay.run,
    "timers": timers.run,
    "growth": growth.run,
}
FLAMES = "flames"
README = REPOSITORY / "benchmarks" / "README.md"
PLOT = results.FOLDER / "latest.svg"
_DEFAULT = Options()


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS, FLAMES]), metavar="[NAME]...")
@click.option("--trials", default=_DEFAULT.trials, show_default=True, help="Repetitions; the figures are their medians.")
@click.option("--seconds", default=_DEFAULT.seconds, show_default=True, help="How long about one trial of one side measures.")
@click.option("--timers", default=_DEFAULT.timers, show_default=True, help="Timers that are armed.")
@click.option(
    "--customers",
    default=",".join(map(str, _DEFAULT.customers)),
    show_default=True,
    help="Numbers of customers that growth compares, from small to large.",
)
@click.option("--report-only", is_flag=True, help="Measure nothing: write tables and plot from the newest results.")
def main(names: tuple[str, ...], trials: int, seconds: float, timers: int, customers: str, report_only: bool) -> None:
    """Measure how fast Sambandh is, side by side with others, on a MongoDB and a RabbitMQ of its own.

    Without NAME everything is measured, which takes about half an hour; only `flames`, which records flame graphs of the consume path
    with py-spy, has to be asked for. Each benchmark writes a file to benchmarks/results; the table of
    benchmarks/README.md and benchmarks/results/latest.svg are made of the newest file of each.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop what was started
    options = Options(trials, seconds, timers, tuple(int(size) for size in customers.split(",")))
    for name in [] if report_only else names or BENCHMARKS:
        click.echo(f"{name} ...", err=True)
        for path in _flames() if name == FLAMES else [_measure(name, options)]:
            click.echo(path.relative_to(REPOSITORY))
    show(README, PLOT)


def _flames() -> list[Path]:
    with System() as system:
        return flames.record(system)


def _measure(name: str, options: Options) -> Path:
    """Run one benchmark on fresh servers."""
    with System() as system:
        about = results.circumstances(system, options)
        outcome = BENCHMARKS[name](system, options)
    for row in outcome.rows:
        click.echo(f"  {row.what}: {row.figure:,.3g} {row.unit}")
    return results.write(name, about, outcome)


def show(readme: Path, picture: Path) -> None:
    """Write table and plot from the newest results."""
    newest = results.newest()
    readme.write_text(report.put_between(readme.read_text(), report.tables(newest)))
    if "consume" in newest:
        plot.consume(newest["consume"], picture)


if __name__ == "__main__":
    main()
