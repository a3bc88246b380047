"""Events that were merely prefetched while processes died are not to be parked, and what was applied is not parked either."""

import signal

from tests.integration.runtime.conftest import System, order, wait_until


def test_events_that_were_in_hand_when_processes_died_are_applied_and_not_parked(system: System) -> None:
    for life in range(6):
        system.publish([order(100 * life + number, number % 40) for number in range(100)])
        assert system.start(fault="unit_of_work.before_commit:kill:4").wait(timeout=60) == -signal.SIGKILL
    system.start()
    wait_until(lambda: system.ready() == 0, what="an empty inbox")
    assert system.database["parked"].count_documents({}) == 0
    system.wait_for(600, 60_000)


def test_what_was_applied_is_not_parked_however_often_it_comes_back(system: System) -> None:
    system.publish([order(1, 1)])
    for _ in range(6):
        assert system.start(fault="consume.before_ack:kill").wait(timeout=60) == -signal.SIGKILL
    system.start()
    wait_until(lambda: system.ready() == 0, what="an empty inbox")
    system.wait_for(1, 100)
    assert system.database["parked"].count_documents({}) == 0
