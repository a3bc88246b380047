"""Hours, days, weeks and months of a time zone as stretches of UTC, on quarters of an hour.

An hour is what the clock on the wall calls one: when clocks go back it comes twice, and where they go by half an hour (Lord Howe) it
may last 30 minutes. A day begins when the wall first shows its date, so it lasts 23 to 25 hours where clocks change, and a day that a
country left out (Samoa, 2011-12-30) has no bucket. Weeks begin on Monday.

Before 1972 a few zones were no whole number of quarters from UTC, and Newfoundland changed its clocks at one minute past midnight until
2011: their boundaries are taken at the quarter of an hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from services.analytics.domain.rows import EARLIEST, LATEST, QUARTER, quarter_of

MOST_BUCKETS = 2_000
_DAY = timedelta(days=1)


class Bucket(StrEnum):
    """How finely time is divided in an answer."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


Starts = tuple[datetime, datetime, datetime, datetime]  # one for each Bucket


class PeriodError(ValueError):
    """A range that no answer can be given for; the text says what to do, `field` which parameter is wrong."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.text = text


@dataclass(frozen=True, slots=True)
class Periods:
    """The buckets of a range: neighbouring `boundaries` enclose one each. All in UTC."""

    bucket: Bucket
    timezone: str
    boundaries: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        return self.boundaries[0]

    @property
    def end(self) -> datetime:
        return self.boundaries[-1]

    def in_zone(self, moment: datetime) -> datetime:
        """The moment as the wall of this zone shows it."""
        return moment.astimezone(ZoneInfo(self.timezone))

    def aligned(self, timezone: str) -> list[bool]:
        """For each bucket whether it is one in another zone as well."""
        return [
            start_of(self.bucket, start, timezone) == start and next_start(self.bucket, start, timezone) == end
            for start, end in pairwise(self.boundaries)
        ]


@cache
def known_timezones() -> frozenset[str]:
    """Names of all IANA time zones."""
    return frozenset(available_timezones())


def moment_of(given: date | datetime, timezone: str) -> datetime:
    """A date is its beginning in the zone; a time without an offset is the wall clock of the zone. In UTC."""
    zone = ZoneInfo(timezone)
    if not isinstance(given, datetime):
        return midnight(given, timezone)
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)


def range_of(
    first: date | datetime | None, last: date | datetime | None, timezone: str, now: datetime, days: int = 30
) -> tuple[datetime, datetime]:
    """The moments that `from` and `to` mean. A date in `to` is that whole day; without `to` it is today, without `from` 30 days.

    Raises PeriodError for a range that is empty or outside of 1970 to 2199.
    """
    try:
        today = _day_of(quarter_of(now), timezone)
        to = last if last is not None else today
        end = moment_of(to, timezone) if isinstance(to, datetime) else midnight(to + _DAY, timezone)
        start = (
            moment_of(first, timezone)
            if first is not None
            else midnight(_day_of(end - QUARTER, timezone) - (days - 1) * _DAY, timezone)
        )
    except OverflowError:
        raise PeriodError("from", "Use dates from 1970 to 2199.") from None
    if start < EARLIEST - _DAY or end > LATEST - 32 * _DAY:
        raise PeriodError("from" if start < EARLIEST - _DAY else "to", "Use dates from 1970 to 2199.")
    if start >= end:
        raise PeriodError("from", "`from` must be before `to`.")
    return start, end


def divide(bucket: Bucket, start: datetime, end: datetime, timezone: str) -> Periods:
    """The buckets that a range touches: the first and the last are whole ones too.

    Raises PeriodError where there are more than MOST_BUCKETS.
    """
    boundaries = [start_of(bucket, quarter_of(start), timezone)]
    while boundaries[-1] < end:
        if len(boundaries) > MOST_BUCKETS:
            text = f"The range has more than {MOST_BUCKETS} buckets: use a coarser `bucket` or a shorter range."
            raise PeriodError("bucket", text)
        boundaries.append(next_start(bucket, boundaries[-1], timezone))
    return Periods(bucket, timezone, tuple(boundaries))


@lru_cache(maxsize=1 << 14)
def starts_of(quarter: datetime, timezone: str) -> Starts:
    """Where the hour, the day, the week and the month begin that a quarter of an hour lies in."""
    hour, day, week, month = (start_of(bucket, quarter, timezone) for bucket in Bucket)
    return hour, day, week, month


@lru_cache(maxsize=1 << 14)
def start_of(bucket: Bucket, quarter: datetime, timezone: str) -> datetime:
    """Where the bucket that a quarter of an hour lies in begins."""
    if bucket is Bucket.HOUR:
        while _hour(quarter - QUARTER, timezone) == _hour(quarter, timezone):
            quarter -= QUARTER
        return quarter
    day = _day_of(quarter, timezone)
    if bucket is Bucket.WEEK:
        return midnight(day - day.weekday() * _DAY, timezone)
    return midnight(day.replace(day=1) if bucket is Bucket.MONTH else day, timezone)


@lru_cache(maxsize=1 << 14)
def next_start(bucket: Bucket, start: datetime, timezone: str) -> datetime:
    """Where the bucket after the one that begins at `start` begins."""
    if bucket is Bucket.HOUR:
        return next(end for end in _quarters_after(start) if _hour(end, timezone) != _hour(start, timezone))
    day = _day_of(start, timezone)
    if bucket is Bucket.DAY:
        return midnight(day + _DAY, timezone)
    if bucket is Bucket.WEEK:
        return midnight(day + (7 - day.weekday()) * _DAY, timezone)
    return midnight((day.replace(day=1) + 32 * _DAY).replace(day=1), timezone)


def midnight(day: date, timezone: str) -> datetime:
    """When the wall first shows a date; for a date that was left out, when the next one begins."""
    return _floor(datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC))


def _day_of(quarter: datetime, timezone: str) -> date:
    """The day that a quarter of an hour belongs to: the last one that has begun, since clocks may be set back over midnight."""
    shown = quarter.astimezone(ZoneInfo(timezone)).date()
    return next(day for day in (shown + _DAY, shown, shown - _DAY) if midnight(day, timezone) <= quarter)


def _hour(quarter: datetime, timezone: str) -> tuple[date, int, timedelta | None]:
    """What tells two hours apart: the wall clock, and its offset where an hour comes twice."""
    shown = quarter.astimezone(ZoneInfo(timezone))
    return shown.date(), shown.hour, shown.utcoffset()


def _quarters_after(start: datetime) -> Iterator[datetime]:
    while True:
        start += QUARTER
        yield start


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
