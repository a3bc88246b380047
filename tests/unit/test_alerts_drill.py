"""The drill's verdict: its own alert and no other, and quiet afterwards. Prometheus and the processes are played here."""

from collections.abc import Iterator

import pytest

from deploy.local.errors import StackError
from deploy.prometheus import drill as drilling
from deploy.prometheus.drill import Exercise, Outcome, drill
from deploy.prometheus.server import Alert, PrometheusServer
from deploy.prometheus.targets import Target

OWN, OTHER = Alert("ServiceStopped", "service=support"), Alert("OutboxStuck", "service=support")


class Played(PrometheusServer):
    """Says what is scripted: what fires in each second that somebody asks; the last word stays."""

    def __init__(self, *script: set[Alert]) -> None:
        self._script: Iterator[set[Alert]] = iter(script)
        self._now: set[Alert] = set()

    def firing(self) -> set[Alert]:
        self._now = next(self._script, self._now)
        return self._now

    def value(self, query: str) -> float | None:
        return 1 if query == "min(up)" else 0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever somebody sleeps."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(drilling, "monotonic", lambda: now[0])
    monkeypatch.setattr(drilling, "sleep", sleep)


def outcome_of(*script: set[Alert]) -> tuple[Outcome, list[str]]:
    done: list[str] = []
    exercise = Exercise("support", OWN, lambda: done.append("stop"), lambda: done.append("start"))
    (outcome,) = drill(Played(set(), *script), [exercise], done.append, seconds=4)
    return outcome, done


def test_its_own_alert_and_no_other_passes() -> None:
    outcome, done = outcome_of(set(), {OWN}, {OWN}, {OWN}, set())
    assert outcome.passed
    assert (outcome.fired, outcome.quiet_after) == ({OWN: 1.0}, 0.0)
    assert done[1:3] == ["stop", "start"]
    assert done[-1] == "passed  support       ServiceStopped after 1 s, quiet 0 s after the start"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([set()], "ServiceStopped did not fire"),
        ([{OWN}, {OWN, OTHER}, set()], "also OutboxStuck service=support after 1 s"),
        ([set(), {OWN}, {OWN}, {OWN}, {OTHER}, set()], "also OutboxStuck service=support after 4 s"),
        ([{OWN}], "not quiet again"),
    ],
)
def test_silence_another_alert_and_one_that_stays_fail(script: list[set[Alert]], said: str) -> None:
    outcome, _ = outcome_of(*script)
    assert not outcome.passed
    assert outcome.line().startswith("FAILED  support")
    assert said in outcome.line()


def test_what_was_stopped_is_started_again_whatever_happens() -> None:
    done: list[str] = []

    class Broken(Played):
        def firing(self) -> set[Alert]:
            if done:
                raise OSError("Prometheus is gone")
            return set()

    exercise = Exercise("support", OWN, lambda: done.append("stop"), lambda: done.append("start"))
    with pytest.raises(OSError, match="Prometheus is gone"):
        drill(Broken(), [exercise], lambda line: None)
    assert done == ["stop", "start"]


def test_a_system_that_is_not_well_is_not_drilled() -> None:
    exercise = Exercise("support", OWN, pytest.fail, pytest.fail)
    with pytest.raises(StackError, match=r"not well to begin with \(OutboxStuck\)"):
        drill(Played({OTHER}), [exercise], lambda line: None)


def test_a_page_of_queues_is_scraped_with_its_parameters() -> None:
    job = Target("http://127.0.0.1:15692/metrics/detailed?vhost=sambandh&family=a&family=b", {"job": "rabbitmq-queues"}).job()
    assert job["metrics_path"] == "/metrics/detailed"
    assert job["params"] == {"vhost": ["sambandh"], "family": ["a", "b"]}
    assert job["static_configs"] == [{"targets": ["127.0.0.1:15692"], "labels": {"job": "rabbitmq-queues"}}]
