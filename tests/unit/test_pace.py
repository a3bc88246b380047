"""The size of batches, by machines that are quick, slow for every message, or slow for every batch."""

from collections.abc import Callable

import pytest

from shared.pace import SLOW_SECONDS, Pace


def _sizes(pace: Pace, seconds: Callable[[int], float], batches: int) -> list[int]:
    """The sizes of so many full batches, of which each takes what `seconds` says for its size."""
    sizes = []
    for _ in range(batches):
        sizes.append(pace.size)
        pace.took(pace.size, seconds(pace.size))
    return sizes


def test_quick_batches_are_as_large_as_they_may_be() -> None:
    assert set(_sizes(Pace(300), lambda size: 0.001 * size, 20)) == {300}


def test_where_every_message_takes_its_time_batches_become_smaller_until_they_are_quick_enough() -> None:
    sizes = _sizes(Pace(300), lambda size: 0.1 * size, 60)[10:]
    assert max(sizes) * 0.1 < 2 * SLOW_SECONDS
    assert min(sizes) > 5


@pytest.mark.parametrize("seconds", [3.5, 8.0, 14.0])
def test_where_every_batch_takes_its_time_batches_stay_large(seconds: float) -> None:
    sizes = _sizes(Pace(300), lambda size: seconds + 0.001 * size, 60)
    assert min(sizes) > 70


def test_a_queue_without_much_in_it_makes_no_batch_smaller() -> None:
    pace = Pace(300)
    for _ in range(20):
        pace.took(2, 4.0)
    assert pace.size == 300


def test_batches_become_large_again_after_an_hour_of_slowness() -> None:
    pace = Pace(300)
    _sizes(pace, lambda size: 0.5 * size, 50)
    assert pace.size < 20
    assert _sizes(pace, lambda size: 0.001 * size, 30)[-1] == 300


def test_at_least_one_message_is_handled() -> None:
    assert min(_sizes(Pace(1), lambda size: 60.0, 10)) == 1
    assert min(_sizes(Pace(300), lambda size: 60.0 * size, 60)) >= 1
