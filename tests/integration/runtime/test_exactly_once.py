"""Each effect once, whatever is delivered twice and whoever dies in between."""

import json
import signal

import pytest

from shared import broker
from tests.integration.runtime.conftest import System, order, wait_until

POINTS = [
    "unit_of_work.after_inbox",
    "unit_of_work.before_outbox",
    "unit_of_work.before_commit",
    "unit_of_work.after_commit",
    "consume.before_ack",
    "relay.before_confirm",
    "relay.after_confirm",
]


def announced(system: System, into: str) -> list[str]:
    """Ids of the events that reached a subscriber's queue bound to profile_created."""
    connection = broker.connect(system.rabbit.uri(), "subscriber")
    channel = connection.channel()
    ids = []
    while (message := channel.basic_get(into, no_ack=True)) is not None:
        ids.append(message.properties["application_headers"]["ce-id"])
    broker.close(connection)
    return ids


def subscribe(system: System) -> str:
    connection = broker.connect(system.rabbit.uri(), "subscriber")
    channel = connection.channel()
    queue = f"evt-{system.name}"
    channel.queue_declare(queue, durable=True, exclusive=False, auto_delete=False, arguments={"x-expires": 120_000})
    channel.queue_bind(queue, "profiles.events", "profile_created")
    broker.close(connection)
    return queue


def test_three_deliveries_of_each_event_count_once(system: System) -> None:
    events = [order(number, number % 40) for number in range(300)]
    system.start()
    system.publish(events * 3)
    system.wait_for(300, 30_000)
    wait_until(lambda: system.ready() == 0, what="an empty inbox")
    assert system.totals() == (300, 30_000)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(system: System, point: str) -> None:
    queue = subscribe(system)
    system.publish([order(number, number % 60) for number in range(200)])
    first = system.start(fault=f"{point}:kill:2")
    assert first.wait(timeout=60) == -signal.SIGKILL
    system.start()
    system.wait_for(200, 20_000)
    ids = announced(system, queue)
    assert len(set(ids)) == 60, "every customer is announced, under one id however often it is published"


def test_batches_that_were_applied_but_not_acknowledged_change_nothing_when_they_come_again(system: System) -> None:
    system.publish([order(number, number % 30) for number in range(150)])
    for _ in range(3):
        assert system.start(fault="consume.before_ack:kill:2").wait(timeout=60) == -signal.SIGKILL
    system.start()
    system.wait_for(150, 15_000)


def test_two_replicas_share_the_partitions_and_the_second_takes_over_when_one_is_killed(system: System) -> None:
    first, second = system.start(), system.start()
    wait_until(lambda: system.database["replicas"].count_documents({}) == 2, what="two replicas")
    for round_ in range(4):
        system.publish([order(number, number % 80) for number in range(round_ * 200, round_ * 200 + 200)])
    first.kill()
    system.publish([order(number, number % 80) for number in range(800, 1000)])
    system.wait_for(1000, 100_000)
    assert second.poll() is None


def test_a_stop_under_load_finishes_what_is_in_hand_and_nothing_is_handled_twice(system: System) -> None:
    process = system.start()
    system.publish([order(number, number % 80) for number in range(500)])
    wait_until(lambda: system.totals()[0] > 0, what="the first order")
    system.publish([order(number, number % 80) for number in range(500, 2000)])
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    applied = system.database["inbox"].count_documents({})
    assert system.totals() == (applied, applied * 100)
    restarted = system.start()
    system.wait_for(2000, 200_000)
    restarted.send_signal(signal.SIGTERM)
    assert restarted.wait(timeout=30) == 0
    log = (system.logs / f"{system.name}-1.log").read_text()
    assert '"duplicates": 0' in log
    assert '"duplicates": 1' not in log, "a drained consumer acknowledges all that it handled"


def test_a_timer_fires_once_and_never_early_with_two_replicas(system: System) -> None:
    system.start()
    system.start()
    system.publish([order(number, number) for number in range(100)])
    system.wait_for(100, 10_000)
    fired = wait_until(lambda: _fired(system) if len(_fired(system)) == 100 else None, what="100 fired timers")
    assert all(timer["fired_at"] >= timer["due"] for timer in fired)
    assert all(json.loads(row["state"])["pings"] == 1 for row in system.database["customers_facts"].find())


def test_a_timer_whose_owner_is_killed_while_firing_is_fired_by_the_next(system: System) -> None:
    system.publish([order(1, 1)])
    system.start(fault="timers.before_commit:kill").wait(timeout=60)
    system.start()
    wait_until(lambda: len(_fired(system)) == 1, what="the fired timer")
    assert json.loads(system.database["customers_facts"].find_one()["state"])["pings"] == 1


def _fired(system: System) -> list[dict[str, object]]:
    return list(system.database["timers"].find({"state": "fired"}))
