"""Whatever happens to processes and servers while orders come in: what the shop was answered for counts, and counts once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.processes import Process
from deploy.local.settings import free_ports
from tests.e2e.conftest import System
from tests.e2e.journeys import Customer, becomes, order
from tests.e2e.load import Load
from tests.servers import HttpClient

pytestmark = pytest.mark.timeout(240)
_START_SECONDS = 60


def status(port: int, path: str) -> int:
    """Of the listener that only operations see; 0 where nobody listens."""
    try:
        return HttpClient(port).request("GET", path).status
    except OSError:
        return 0


def applied(port: int) -> float:
    """How many events a process has applied, as its metrics say."""
    text = HttpClient(port).request("GET", "/metrics").body.decode()
    families = text_string_to_metric_families(text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == "crm_events_applied_total")


def wait_until_ready(system: System) -> None:
    waiting = system.stack.services
    system.wait_until(lambda: all(map(system.stack.ready, waiting)), "every service is ready", _START_SECONDS)


@contextmanager
def second_replica(system: System, service: str) -> Iterator[tuple[Process, int]]:
    """One more process of a service, as a second pod would be, with the port of its metrics."""
    http_port, metrics_port = free_ports(2)
    environment = system.stack.service_environment(service)
    environment |= {"HTTP_PORT": str(http_port), "METRICS_PORT": str(metrics_port)}
    command = [sys.executable, "-m", "shared.run", service]
    process = Process(f"{service}-2", command, system.run_dir, environment)
    process.start()
    try:
        system.wait_until(lambda: status(metrics_port, "/health/ready") == 200, "the replica is ready", _START_SECONDS)
        yield process, metrics_port
    finally:
        process.stop()


def test_two_replicas_share_the_work_and_one_of_them_may_die_in_the_middle_of_it(stack: System) -> None:
    first = stack.stack.settings.services["profiles"].metrics
    with second_replica(stack, "profiles") as (process, second), Load(stack) as load:
        stack.wait_until(lambda: applied(second) > 0, "the second replica has a share")
        before = applied(first), applied(second)
        stack.wait_until(lambda: applied(first) > before[0] and applied(second) > before[1], "both go on working")
        process.kill()
        load.goes_on()
    load.arrived()


def test_while_the_broker_is_away_orders_are_accepted_and_they_count_when_it_is_back(stack: System) -> None:
    rabbit = stack.stack.rabbit
    assert rabbit is not None
    with Load(stack) as load:
        load.goes_on()
        rabbit.kill()
        try:
            meanwhile = _order_over_http(stack, f"away-{load.tracked}")
            stack.wait_until(lambda: not any(map(stack.stack.ready, stack.stack.services)), "no service is ready")
            alive = {name: status(ports.metrics, "/health/live") for name, ports in stack.stack.settings.services.items()}
            assert set(alive.values()) == {200}, alive
            load.goes_on()
        finally:
            rabbit.start()
    wait_until_ready(stack)
    becomes(lambda: (meanwhile.profile or {}).get("orders"), 1, 60)
    load.arrived()


def _order_over_http(system: System, tag: str) -> Customer:
    """An order that is answered with 200; nobody but the collector can know of it yet."""
    message = {"type": "track", "event": "Order Completed", "userId": f"user-{tag}", "properties": order(f"O-{tag}")}
    answer = system.call("POST", "/v1/track", {**message, "writeKey": system.write_key})
    assert answer["accepted"] == 1
    customer = Customer(system, f"user:user-{tag}")
    assert customer.profile is None
    return customer


def test_every_service_may_be_asked_to_stop_at_any_time(stack: System) -> None:
    services = stack.stack.services.values()
    with Load(stack) as load:
        load.goes_on()
        for process in services:
            process.terminate()
        try:
            for process in services:
                process.wait()
            codes = {process.name: process.exit_code for process in services}
        finally:
            for process in services:
                process.start()
            wait_until_ready(stack)
        load.goes_on()
    assert set(codes.values()) == {0}, codes
    load.arrived()
