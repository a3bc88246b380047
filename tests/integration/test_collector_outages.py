"""An event answered with 200 is never lost: the collector while its servers, or it itself, go away."""

import json
import signal
import time
from pathlib import Path

import pytest

from deploy.local.mongod import MongoServer
from deploy.local.rabbitmq import RabbitServer
from tests.integration.collector_process import Collector, about, collector_over, order
from tests.servers import Answer


@pytest.fixture(scope="module")
def collector(mongo_server: MongoServer, rabbit_server: RabbitServer) -> Collector:
    return collector_over(mongo_server, rabbit_server, "Outages under test")


def taken(collector: Collector, order_id: str, seconds: float = 30) -> Answer:
    """Send an order as a client does: again, until it is taken."""
    deadline = time.monotonic() + seconds
    while (answer := collector.post("/v1/track", order(order_id))).status == 429 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert answer.status == 200, answer
    return answer


def test_events_are_taken_while_the_broker_is_away_and_published_when_it_is_back(collector: Collector, tmp_path: Path) -> None:
    with collector.running(tmp_path / "log"):
        collector.rabbit.stop()
        try:
            assert collector.post("/v1/track", order("no-broker")).status == 200
        finally:
            collector.rabbit.start()
        assert len(collector.published(about("no-broker"))) == 1


def test_without_its_database_it_asks_clients_to_come_again_and_goes_on_when_it_is_back(
    collector: Collector, tmp_path: Path
) -> None:
    with collector.running(tmp_path / "log"):
        taken(collector, "before")
        collector.mongo.stop()
        try:
            answer = collector.post("/v1/track", order("no-database"))
        finally:
            collector.mongo.start()
        assert (answer.status, json.loads(answer.body)["code"]) == (429, "busy")
        assert int(answer.headers["retry-after"]) > 0
        taken(collector, "no-database")
        assert collector.published(about("no-database"))


def test_what_was_answered_before_a_crash_is_published_after_it(collector: Collector, tmp_path: Path) -> None:
    with collector.running(tmp_path / "api", part="api") as process:
        taken(collector, "crash")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with collector.running(tmp_path / "worker", part="worker"):
        assert len(collector.published(about("crash"))) == 1


def test_the_doors_are_open_without_a_broker_from_the_start(collector: Collector, tmp_path: Path) -> None:
    collector.rabbit.stop()
    try:
        with collector.running(tmp_path / "api", part="api"):
            assert collector.post("/v1/track", order("api-alone")).status == 200
    finally:
        collector.rabbit.start()
