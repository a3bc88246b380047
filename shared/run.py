"""Start one service: `python -m shared.run SERVICE [--part all|api|worker]`.

On a laptop one process runs both classes of a service; on Kubernetes the API and the worker are processes of their own, so that slow
HTTP cannot starve events. Green threads are patched in before anything else is imported.
"""

import shared.green  # noqa: F401, I001 - first: it patches what the others import

import gc
import os
import signal
import sys
from functools import partial
from typing import Any

import click
import eventlet
from nameko.runners import ServiceRunner
from pymongo import MongoClient

from shared import faults, health, indexes, logs, metrics, mongo, tracing
from shared.access import audit, guard, machines
from shared.config import Config, load
from shared.errors import ConfigurationError, StoreAway
from shared.health import HEALTH
from shared.http import Server
from shared.registry import Classes, service_classes
from shared.tracing import Tracing

_log = logs.get(__name__)


def prepare(config: Config, classes: Classes) -> dict[str, Any]:
    """nameko's configuration of a process, with the database and the unit of work that its extensions share."""
    database = mongo.connect(config)
    work = indexes.unit_of_work(database, classes, config.handling_seconds)
    return {
        "WEB_SERVER_ADDRESS": f"{config.http_host}:{config.http_port}",
        "max_workers": 100,
        "SAMBANDH": config,
        "DATABASE": database,
        guard.SETTING: guard.Guard(config, machines.Machines(work).caller),
        audit.SETTING: audit.AuditLog(database),
        "UNIT_OF_WORK": work,
    }


def create_indexes(settings: dict[str, Any]) -> None:
    """Collections and indexes of the runtime and of the service. Raises StoreAway."""
    indexes.create(settings["UNIT_OF_WORK"], settings["SAMBANDH"])


def create_indexes_patiently(settings: dict[str, Any]) -> None:
    """As create_indexes, for as long as the database is away: a service starts before its database does. Asked to stop, it gives up."""
    while not HEALTH.draining:
        try:
            create_indexes(settings)
            HEALTH.working("indexes")
            return
        except StoreAway as error:
            HEALTH.failing("indexes", type(error).__name__)
            _log.warning("waiting for the database", error=logs.place(error))
            eventlet.sleep(1)


def watch_members(client: MongoClient[Any]) -> None:
    """Have metrics say which members of the replica set this process knows; asked when they are read, without a word to the database."""
    roles = {"primary": {"RSPrimary", "Mongos"}, "secondary": {"RSSecondary"}, "unreachable": {"Unknown", "RSOther"}}

    def members(kinds: set[str]) -> int:
        known = client.topology_description.server_descriptions().values()
        return sum(member.server_type_name in kinds for member in known)

    for state, kinds in roles.items():
        metrics.DATABASE_MEMBERS.labels(state).set_function(partial(members, kinds))


def trace(service: str, settings: dict[str, Any]) -> Tracing | None:
    """Put tracing around requests and events, where the environment asks for it."""
    try:
        traces = tracing.start(service, os.environ)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    if traces is not None:
        Server.around = traces.served
        work: Any = settings["UNIT_OF_WORK"]
        work.apply = traces.applied(work.apply)
    return traces


def stop_on_signals(runner: ServiceRunner) -> None:
    """SIGTERM and SIGINT drain: unready at once, no new work, finish what is in hand. A second one leaves at once."""

    def stop(number: int, frame: Any) -> None:
        if HEALTH.draining:
            sys.exit(1)
        HEALTH.draining = True
        eventlet.spawn_n(runner.stop)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def collect_seldom() -> None:
    """Look for cyclic garbage a thirtieth as often, and never among what was there at the start.

    A batch makes a hundred thousand objects that all go by themselves when it is done; looking through them again and again took a sixth of
    the processor's time (docs/decisions/0008).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@click.command(help=__doc__)
@click.argument("service")
@click.option("--part", type=click.Choice(["all", "api", "worker"]), default="all", help="Which class to run.")
def main(service: str, part: str) -> None:
    try:
        config = load(service)
    except ConfigurationError as error:
        raise click.ClickException(f"the environment is not right: {error}") from None
    logs.setup(service, config.log_level)
    if config.allow_faults:
        faults.arm_from_environment()
    classes = service_classes(service)
    settings = prepare(config, classes)
    watch_members(settings["DATABASE"].client)
    traces = trace(service, settings)
    HEALTH.expect("indexes")
    HEALTH.expect("start")
    health.serve(config.metrics_host, config.metrics_port)
    runner = ServiceRunner(settings)
    for cls in {"all": (classes.worker, classes.api), "api": (classes.api,), "worker": (classes.worker,)}[part]:
        runner.add_service(cls)
    stop_on_signals(runner)
    create_indexes_patiently(settings)
    if HEALTH.draining:
        return
    runner.start()
    HEALTH.working("start")
    collect_seldom()
    _log.info("started", part=part, http_port=config.http_port, metrics_port=config.metrics_port)
    runner.wait()
    if traces:
        traces.stop()
    _log.info("stopped")


if __name__ == "__main__":
    main()
    sys.exit(0)
