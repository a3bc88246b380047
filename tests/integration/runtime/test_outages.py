"""Broker and database come and go, at start and under load: everything waits, nothing is lost, nothing is parked."""

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
