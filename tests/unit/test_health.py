"""What a process says of itself, to those who probe it and to those who count."""

import pytest

from shared import metrics
from shared.health import Health


def causes(task: str) -> set[str]:
    """The causes by which a task counts as failing."""
    samples = [sample for family in metrics.TASK_FAILING.collect() for sample in family.samples]
    return {one.labels["cause"] for one in samples if one.labels["task"] == task and one.value}


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("StoreAway", "database"),
        ("ServerSelectionTimeoutError", "database"),
        ("BrokerAway", "broker"),
        ("KeyError", "other"),
    ],
)
def test_a_failing_task_is_counted_by_its_cause_until_it_works_again(reason: str, cause: str) -> None:
    health = Health()
    health.expect("relay of a test")
    assert (health.waiting_for, causes("relay of a test")) == ({"relay of a test": "starting"}, {"starting"})
    health.failing("relay of a test", reason)
    assert (health.waiting_for, causes("relay of a test")) == ({"relay of a test": reason}, {cause})
    health.failing("relay of a test", "StoreAway")
    assert causes("relay of a test") == {"database"}
    health.working("relay of a test")
    assert (health.waiting_for, causes("relay of a test")) == ({}, set())


def test_a_task_that_works_is_not_expected_anew() -> None:
    health = Health()
    health.working("timers of a test")
    health.expect("timers of a test")
    assert health.waiting_for == {}
