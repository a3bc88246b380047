"""Times as tills write them: ISO 8601, or dates of three numbers with a clock beside them, in the zone of the store."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.till.settings import Dates

_DATE = re.compile(r"(\d{1,4})[./\- ](\d{1,2})[./\- ](\d{1,4})(?:[ T,]+(.+))?")
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[.,]\d+)?\s*([AaPp]\.?[Mm]\.?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2})(\d{2})(\d{2})?)?")


def moment_of(day: str | None, clock: str | None, dates: Dates, zone: ZoneInfo) -> datetime:
    """When it was, in UTC. `clock` may hold the date as well. Raises Refused for what is no time, or is not there."""
    text = " ".join(part for part in (day, clock) if part)
    if not text:
        raise Refused(Reason.MISSING_FIELD, "time is required: when the receipt was printed")
    found = _iso(text) or _local(text, dates)
    if found is None:
        raise Refused(Reason.INVALID_TIME, "time is none that `dates` describes: use ISO 8601, such as 2026-01-31T12:30:00+05:30")
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def day_of(text: str, dates: Dates) -> date:
    """A date alone. Raises Refused."""
    found = _iso(text) or _local(text, dates)
    if found is None:
        raise Refused(Reason.INVALID_TIME, "original_date is no date that `dates` describes: use ISO 8601, such as 2026-01-31")
    return found.date()


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _local(text: str, dates: Dates) -> datetime | None:
    compact = _COMPACT.fullmatch(text)
    parts = _DATE.fullmatch(text)
    try:
        if compact:
            year, month, day, hour, minute, second = (int(part or 0) for part in compact.groups())
            return datetime(year, month, day, hour, minute, second)
        if parts:
            first, middle, last, clock = parts.groups()
            return datetime.combine(_date(first, middle, last, dates), _clock(clock))
    except ValueError:
        return None
    return None


def _date(first: str, second: str, third: str, dates: Dates) -> date:
    if len(first) == 4 or dates is Dates.YMD:
        year, month, day = first, second, third
    else:
        day, month = (first, second) if dates is Dates.DMY else (second, first)
        year = third
    return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))


def _clock(text: str | None) -> time:
    if not text:
        return time()
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError("no clock")
    hour, minute, second, half = int(found[1]), int(found[2]), int(found[3] or 0), (found[4] or "").lower()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return time(hour, minute, second)
