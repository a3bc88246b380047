"""`python -m deploy.prometheus`: the drill behind `make alerts-drill`."""

from __future__ import annotations

import sys

import click

from deploy.local.errors import StackError
from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack
from deploy.prometheus.drill import STOPPED_SECONDS, drill, exercises, supervisor_paused, traffic
from deploy.prometheus.programs import ensure_prometheus
from deploy.prometheus.server import PrometheusServer
from deploy.prometheus.targets import targets


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seconds", default=STOPPED_SECONDS, show_default=True, help="How long each process is stopped.")
def main(names: tuple[str, ...], seconds: float) -> None:
    """Stop each process of the running local system, or those in NAMES, and see that its alert fires and no other."""
    try:
        stack = Stack(Settings.from_environment())
        chosen = [exercise for exercise in exercises(stack) if not names or exercise.name in names]
        unknown = set(names) - {exercise.name for exercise in chosen}
        if unknown:
            raise StackError(f"there is no process {', '.join(sorted(unknown))}: `make status` shows them")
        ensure_prometheus(stack.settings.run_dir / "log" / "apt.log", click.echo)
        prometheus = PrometheusServer(stack.settings.run_dir, free_ports(1)[0], targets(stack))
        with supervisor_paused(stack):
            prometheus.start()
            click.echo(
                f"Prometheus is at {prometheus.url}; the drill takes about {len(chosen) * (seconds + 60) / 60:.0f} minutes"
            )
            try:
                with traffic(stack):
                    outcomes = drill(prometheus, chosen, click.echo, seconds)
            finally:
                prometheus.stop()
    except StackError as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()
