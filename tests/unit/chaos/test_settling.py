"""When a run counts as settled: at rest for a while, or without any change for too long."""

from collections.abc import Callable
from typing import Any

import pytest

from chaos import settling
from chaos.checker.evidence import Residue

_REST, _BUSY = Residue({"profiles": 0}), Residue({"profiles": 1})
_LONG = settling.STALE_SECONDS + 1.0  # at rest for so long is settled


@pytest.fixture
def settled_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], Residue | None]], tuple[float, float]]:
    """What `settle` returns and how long it waited, when what is left at a second is what a function says. Seconds are not waited."""
    seconds = 0.0

    def sleep(pause: float) -> None:
        nonlocal seconds
        seconds += pause

    monkeypatch.setattr(settling.time, "monotonic", lambda: seconds)
    monkeypatch.setattr(settling.time, "sleep", sleep)
    monkeypatch.setattr(settling, "Holdings", lambda client: None)

    class _System:
        def client(self) -> None:
            return None

    def settle(left: Callable[[float], Residue | None]) -> tuple[float, float]:
        monkeypatch.setattr(settling, "_left", lambda system, holdings: left(seconds))
        system: Any = _System()
        return settling.settle(system, 60.0), seconds

    return settle


def test_rest_that_lasts_is_the_end(settled_after: Any) -> None:
    took, waited = settled_after(lambda second: _BUSY if second < 20 else _REST)
    assert took == 20
    assert 20 + settling.STALE_SECONDS <= waited <= 20 + _LONG


def test_rest_between_two_steps_is_not_the_end(settled_after: Any) -> None:
    took, _ = settled_after(lambda second: _REST if 10 <= second < 10 + settling.STALE_SECONDS - 1 or second >= 40 else _BUSY)
    assert took == 40


def test_more_than_before_is_a_step_too(settled_after: Any) -> None:
    took, _ = settled_after(lambda second: Residue({"profiles": int(second)}) if second < 300 else _REST)
    assert took == 300


def test_what_does_not_change_for_long_is_left_to_the_checker(settled_after: Any) -> None:
    took, _ = settled_after(lambda second: Residue({"profiles": max(5, 50 - int(second))}))
    assert 45 + 60 <= took <= 45 + 60 + _LONG


def test_what_cannot_be_asked_is_not_at_rest(settled_after: Any) -> None:
    took, _ = settled_after(lambda second: None if 10 <= second < 30 else _REST if second >= 30 else _BUSY)
    assert took == 30
