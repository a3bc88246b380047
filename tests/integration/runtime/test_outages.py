"""Broker and database come and go, at start and under load: everything waits, nothing is lost, nothing is parked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.local.settings import REPOSITORY, free_ports
from tests.integration.runtime.conftest import System, order, wait_until


def test_the_database_goes_away_under_load(system: System) -> None:
    system.start()
    system.publish([order(number, number % 50) for number in range(300)])
    wait_until(lambda: system.totals()[0] > 0, what="the first order")
    system.mongo.kill()
    system.publish([order(number, number % 50) for number in range(300, 600)])
    system.mongo.start()
    system.wait_for(600, 60_000)
    assert system.database["parked"].count_documents({}) == 0


def test_the_broker_goes_away_under_load(system: System) -> None:
    system.start()
    system.publish([order(number, number % 50) for number in range(300)])
    wait_until(lambda: system.totals()[0] > 0, what="the first order")
    system.rabbit.kill()
    system.rabbit.start()
    system.publish([order(number, number % 50) for number in range(250, 600)])
    system.wait_for(600, 60_000)
    assert system.database["parked"].count_documents({}) == 0


def test_a_service_that_starts_before_its_broker_connects_when_it_comes(system: System) -> None:
    system.publish([order(number, number % 50) for number in range(100)])
    system.rabbit.stop()
    process = system.start()
    wait_until(lambda: b"waiting to try again" in (system.logs / f"{system.name}-0.log").read_bytes(), what="a first try")
    system.rabbit.start()
    system.wait_for(100, 10_000)
    assert process.poll() is None


def test_a_service_that_still_waits_for_its_database_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    nobody, api, metrics = free_ports(3)
    away = {"MONGO_URI": f"mongodb://127.0.0.1:{nobody}/?directConnection=true", "AMQP_URI": f"amqp://127.0.0.1:{nobody}//"}
    environment = {**os.environ, **away, "HTTP_PORT": str(api), "METRICS_PORT": str(metrics)}
    log = tmp_path / "support.log"
    command = [sys.executable, "-W", "ignore", "-m", "shared.run", "support"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: b"waiting for the database" in log.read_bytes(), what="a first try")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
