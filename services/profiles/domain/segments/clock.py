"""Spans of time, and the shop's calendar. Instants are milliseconds since 1970 here, as they are stored.

A day is 24 hours, so that a window of 30 days is as long in spring as in autumn. Where a window counts calendar days it ends at midnight
by the shop's clock, also on the days on which that is set forward or back.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = 1_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS, FOREVER = -(2**53), 2**53
_FIRST_DAY, _LAST_DAY = date(1800, 1, 1).toordinal(), date(9990, 1, 1).toordinal()


class Calendar:
    """The days of a time zone."""

    def __init__(self, name: str = "UTC") -> None:
        self.name, self._zone = name, ZoneInfo(name)
        self._midnights: dict[int, int] = {}

    def day(self, at: int) -> int:
        """The day of an instant, as an ordinal."""
        bounded = min(max(at, self.midnight(_FIRST_DAY)), self.midnight(_LAST_DAY))
        return datetime.fromtimestamp(bounded / 1000, self._zone).toordinal()

    def midnight(self, day: int) -> int:
        """When a day begins: its first instant, also where the clock is set forward at midnight."""
        known = self._midnights.get(day)
        if known is None:
            begins = datetime.fromordinal(min(max(day, _FIRST_DAY), _LAST_DAY)).replace(tzinfo=self._zone)
            known = self._midnights[day] = round(begins.timestamp()) * 1000
        return known

    def instant(self, value: date | datetime) -> int:
        """When a date begins, or a time is; one without an offset is meant by the shop's clock."""
        if not isinstance(value, datetime):
            return self.midnight(value.toordinal())
        aware = value if value.tzinfo else value.replace(tzinfo=self._zone)
        return round(aware.timestamp() * 1000)

    def after(self, value: date | datetime) -> int:
        """When a date is over, or a time is."""
        return self.instant(value) if isinstance(value, datetime) else self.midnight(value.toordinal() + 1)


@dataclass(eq=False, slots=True)
class Window:
    """So many milliseconds, or so many calendar days, the present one included. One object stands for all windows of that length."""

    length: int = 0
    days: int = 0

    def end(self, at: int, calendar: Calendar) -> int:
        """When what happened at `at` is no longer within. Later ones never end earlier."""
        return calendar.midnight(calendar.day(at) + self.days) if self.days else at + self.length

    def begin(self, at: int, calendar: Calendar) -> int:
        """When what is to happen at `at` comes within."""
        return calendar.midnight(calendar.day(at) - self.days + 1) if self.days else at - self.length


def to_datetime(at: int) -> datetime:
    """An instant as an aware time, exactly."""
    return _EPOCH + timedelta(milliseconds=at)


def parsed(text: str) -> date | datetime:
    """A date (`2026-05-01`) or time (`2026-05-01T08:00:00+02:00`) out of text. Raises ValueError."""
    stripped = text.strip()
    return date.fromisoformat(stripped) if len(stripped) == 10 else datetime.fromisoformat(stripped)


def next_anniversaries(born: date, day: int) -> list[int]:
    """The anniversaries of a date in the year of `day`, the one before and the one after, as ordinals; of 29 February on the 28th."""
    year = date.fromordinal(day).year
    years = [one for one in (year - 1, year, year + 1) if one >= max(1, born.year)]
    return [_on(born, one).toordinal() for one in years]


def _on(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return born.replace(year=year, day=28)
