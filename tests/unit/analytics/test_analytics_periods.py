"""Buckets of time zones: exact on days of 23 and 25 hours, in zones off the full hour, and made up of the fewest rows."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.domain.periods import Bucket, PeriodError, divide, midnight, range_of, start_of
from services.analytics.domain.rows import QUARTER, Reach, Span, cover, quarter_of

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


def local(text: str, timezone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 6, 1), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Africa/Cairo", date(2026, 4, 24), 23),  # clocks go forward at midnight: the day begins at one
    ],
)
def test_a_day_lasts_as_long_as_the_wall_shows_its_date(timezone, day, hours):
    assert midnight(day + timedelta(days=1), timezone) - midnight(day, timezone) == timedelta(hours=hours)


def test_a_day_that_a_country_left_out_has_no_bucket():
    start, end = range_of(date(2011, 12, 29), date(2011, 12, 31), "Pacific/Apia", NOW)
    days = divide(Bucket.DAY, start, end, "Pacific/Apia")
    assert [days.in_zone(start).date().day for start in days.boundaries[:-1]] == [29, 31]


def test_an_hour_that_comes_twice_is_two_buckets():
    start, end = local("2026-10-25T01:00", "Europe/Berlin"), local("2026-10-25T04:00", "Europe/Berlin")
    hours = divide(Bucket.HOUR, start, end, "Europe/Berlin")
    shown = [hours.in_zone(start).isoformat() for start in hours.boundaries[:-1]]
    assert [text[11:13] + text[19:22] for text in shown] == ["01+02", "02+02", "02+01", "03+01"]


def test_a_summer_time_of_half_an_hour_makes_a_half_hour():
    start, end = local("2026-04-05T01:00", "Australia/Lord_Howe"), local("2026-04-05T03:00", "Australia/Lord_Howe")
    hours = divide(Bucket.HOUR, start, end, "Australia/Lord_Howe")
    lengths = [(end - start) / timedelta(minutes=1) for start, end in pairwise(hours.boundaries)]
    assert lengths == [60, 30, 60]


@settings(deadline=None)
@given(moments, st.sampled_from(ZONES))
def test_a_quarter_of_an_hour_lies_in_the_bucket_that_the_wall_shows(moment, timezone):
    quarter = quarter_of(moment)
    shown = quarter.astimezone(ZoneInfo(timezone))
    monday = shown.date() - timedelta(days=shown.weekday())
    starts = {bucket: start_of(bucket, quarter, timezone).astimezone(ZoneInfo(timezone)) for bucket in Bucket}
    assert (starts[Bucket.HOUR].date(), starts[Bucket.HOUR].hour) == (shown.date(), shown.hour)
    assert starts[Bucket.DAY].date() == shown.date()
    assert starts[Bucket.WEEK].date() == monday
    assert starts[Bucket.MONTH].date() == shown.date().replace(day=1)
    assert all(start <= quarter for start in starts.values())


def quarters(reaches: list[Reach]) -> list[datetime]:
    found = []
    for reach in reaches:
        moment = reach.start
        while moment < reach.end:
            found.append(moment)
            moment += QUARTER
    return sorted(found)


@settings(max_examples=60, deadline=None)
@given(moments, st.integers(1, 40), st.sampled_from(Bucket), st.sampled_from(ZONES))
def test_the_rows_of_an_answer_cover_every_quarter_once_and_cross_no_boundary(moment, days, bucket, timezone):
    periods = divide(bucket, moment, moment + timedelta(days=days), timezone)
    reaches = cover(periods.boundaries)
    expected = [periods.start + QUARTER * n for n in range(round((periods.end - periods.start) / QUARTER))]
    assert quarters(reaches) == expected
    length = {Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(days=1), Span.QUARTER: QUARTER}
    for reach in (one for one in reaches if one.span in length):
        within = [boundary for boundary in periods.boundaries if reach.start < boundary < reach.end]
        assert all((boundary - reach.start) % length[reach.span] == timedelta() for boundary in within)


def test_a_year_in_utc_is_twelve_rows_and_in_berlin_little_more():
    start, end = range_of(date(2025, 1, 1), date(2025, 12, 31), "UTC", NOW)
    assert cover((start, end)) == [Reach(Span.MONTH, start, end)]
    start, end = range_of(date(2025, 1, 1), date(2025, 12, 31), "Europe/Berlin", NOW)
    assert [(one.span, one.end - one.start) for one in cover((start, end))] == [
        (Span.MONTH, timedelta(days=334)),
        (Span.DAY, timedelta(days=30)),
        (Span.HOUR, timedelta(hours=1)),
        (Span.HOUR, timedelta(hours=23)),
    ]


def test_without_from_and_to_the_range_is_today_and_the_29_days_before():
    start, end = range_of(None, None, "Asia/Kolkata", NOW)
    assert (start, end) == (local("2026-05-03", "Asia/Kolkata"), local("2026-06-02", "Asia/Kolkata"))


def test_a_date_in_to_is_included_and_a_time_is_not():
    assert range_of(date(2026, 5, 1), date(2026, 5, 1), "UTC", NOW) == (
        datetime(2026, 5, 1, tzinfo=UTC),
        datetime(2026, 5, 2, tzinfo=UTC),
    )
    noon = datetime(2026, 5, 1, 12)
    assert range_of(date(2026, 5, 1), noon, "Europe/Berlin", NOW)[1] == local("2026-05-01T12:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        (date(2026, 5, 2), date(2026, 5, 1), "from"),
        (date(1, 1, 1), date(2026, 5, 1), "from"),
        (date(2026, 5, 1), date(9999, 12, 31), "from"),
        (date(2026, 5, 1), date(2300, 1, 1), "to"),
        (date(1960, 1, 1), date(2026, 5, 1), "from"),
    ],
)
def test_a_range_that_cannot_be_answered_says_which_end_is_wrong(first, last, field):
    with pytest.raises(PeriodError) as refused:
        range_of(first, last, "Europe/Berlin", NOW)
    assert refused.value.field == field


def test_more_than_two_thousand_buckets_are_refused():
    day = datetime(2020, 1, 1, tzinfo=UTC)
    assert len(divide(Bucket.DAY, day, day + timedelta(days=2000), "UTC").boundaries) == 2001
    with pytest.raises(PeriodError, match="coarser"):
        divide(Bucket.DAY, day, day + timedelta(days=2001), "UTC")
