"""When an event happened, by clocks that are wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.collector.domain import clock
from services.collector.domain.refusal import Reason, Refused
from tests.unit.collector.given import NOW

HOUR = timedelta(hours=1)


def test_a_clock_that_is_wrong_is_corrected_by_its_own_difference() -> None:
    fast = NOW + 3 * HOUR
    assert clock.happened(fast - HOUR, fast, NOW, backfill=False) == NOW - HOUR


def test_without_a_time_of_sending_the_time_stands() -> None:
    assert clock.happened(NOW - HOUR, None, NOW, backfill=False) == NOW - HOUR


def test_without_a_time_it_happened_when_it_was_received() -> None:
    assert clock.happened(None, NOW - HOUR, NOW, backfill=False) == NOW


def test_nothing_happens_long_after_it_was_heard_of() -> None:
    assert clock.happened(NOW + HOUR, None, NOW, backfill=False) == NOW
    assert clock.happened(NOW + HOUR, None, NOW, backfill=True) == NOW


def test_a_few_minutes_ahead_are_no_reason_to_doubt() -> None:
    ahead = NOW + timedelta(minutes=5)
    assert clock.happened(ahead, None, NOW, backfill=False) == ahead


def test_history_keeps_its_own_times() -> None:
    long_ago = datetime(1997, 1, 2, tzinfo=UTC)
    assert clock.happened(long_ago, NOW - HOUR, NOW, backfill=True) == long_ago


@pytest.mark.parametrize(
    ("original", "sent_at"),
    [
        (datetime(1969, 12, 31, 23, 59, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)),
        (datetime(9999, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_absurd_times_are_refused(original: datetime, sent_at: datetime | None) -> None:
    with pytest.raises(Refused) as refusal:
        clock.happened(original, sent_at, NOW, backfill=False)
    assert refusal.value.code is Reason.INVALID_TIME


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-05-01T12:00:00.123456Z", datetime(2026, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)),
        ("2026-05-01T14:00:00+02:00", NOW),
        ("2026-05-01T12:00:00", NOW),
        (" 20260501T120000Z ", NOW),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_times_are_iso_8601_in_whole_milliseconds_of_utc(given: Any, expected: datetime | None) -> None:
    assert clock.parse(given, "timestamp") == expected


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "10000-01-01", "0001-01-01T00:00:00+23:00", 1714564800, True, {}])
def test_other_times_are_refused(given: Any) -> None:
    with pytest.raises(Refused) as refusal:
        clock.parse(given, "timestamp")
    assert refusal.value.code is Reason.INVALID_TIME


def test_a_senseless_time_of_sending_costs_nothing_but_the_correction() -> None:
    assert clock.parse_sent_at("whenever") is None


@pytest.mark.parametrize("given", [1777636800, 1777636800000, "2026-05-01T12:00:00Z"])
def test_a_moment_may_be_counted_from_1970(given: Any) -> None:
    assert clock.moment(given, "traits.createdAt") == "2026-05-01T12:00:00.000Z"


@pytest.mark.parametrize("given", [1e18, float("nan"), -1e18, True, []])
def test_a_moment_beyond_the_calendar_is_refused(given: Any) -> None:
    with pytest.raises(Refused):
        clock.moment(given, "traits.createdAt")


@pytest.mark.parametrize(
    ("given", "day"), [("1990-12-31", "1990-12-31"), ("1990-12-31T23:00:00-05:00", "1990-12-31"), (" ", None)]
)
def test_a_birthday_is_a_day(given: Any, day: str | None) -> None:
    assert clock.day(given, "traits.birthday") == day
