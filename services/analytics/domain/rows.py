"""Rows of figures: which one a sale is added to, what it rolls up into, and which rows make up a stretch of time.

Every sale is booked in a quarter of an hour of UTC. Every time zone of today is a whole number of quarters from UTC (India 5:30, Nepal
5:45, Lord Howe with a summer time of half an hour), so a local hour, day, week or month in any zone is a sum of quarters, exactly, also
on the days of 23 and 25 hours. Quarters roll up into hours, days and months of UTC, so that a year is read from dozens of rows, not
from thousands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from urllib.parse import quote, unquote

QUARTER = timedelta(minutes=15)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_START = "%Y-%m-%dT%H:%M"


class By(StrEnum):
    """What a row is about."""

    ALL = "all"
    SOURCE = "source"
    CHANNEL = "channel"
    PRODUCT = "product"
    CATEGORY = "category"
    EVENT = "event"


class Span(StrEnum):
    """How much time a row covers, in UTC."""

    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    QUARTER = "quarter"


COARSE_FIRST = tuple(Span)


@dataclass(frozen=True, slots=True)
class Reach:
    """The rows of one span that start at `start` or later and before `end`."""

    span: Span
    start: datetime
    end: datetime


def quarter_of(at: datetime) -> datetime:
    """The quarter of an hour, in UTC, that a moment lies in; absurd times count in the first or last one that there is."""
    bounded = min(max(at, EARLIEST), LATEST - QUARTER).astimezone(UTC)
    return bounded.replace(minute=bounded.minute // 15 * 15, second=0, microsecond=0)


def row_id(by: By, quarter: datetime, currency: str, key: str) -> str:
    """The row of a quarter. It says everything about the row: what, span, start, currency, key."""
    return f"{by}|{Span.QUARTER}|{_text(quarter)}|{currency}|{quoted(key)}"


@lru_cache(maxsize=1 << 14)
def quoted(key: str) -> str:
    """A key as it stands in ids of rows, where `|` and `#` separate parts."""
    return quote(key, safe="")


def key_of(text: str) -> str:
    """The key of a row as it was given: a source, a product id, a category, an event."""
    return unquote(text)


def coarser(row: str) -> tuple[str, ...]:
    """The hour, the day and the month that the row of a quarter adds to; nothing for any other row."""
    by, _, rest = row.partition("|")
    if not rest.startswith(Span.QUARTER):
        return ()
    _, start, tail = rest.split("|", 2)
    hour, day, month = f"{start[:13]}:00", f"{start[:10]}T00:00", f"{start[:7]}-01T00:00"
    return (
        f"{by}|{Span.HOUR}|{hour}|{tail}",
        f"{by}|{Span.DAY}|{day}|{tail}",
        f"{by}|{Span.MONTH}|{month}|{tail}",
    )


def bounds(by: By, reach: Reach) -> tuple[str, str]:
    """Ids of the rows of a reach: from the first, inclusive, to the second, exclusive."""
    return f"{by}|{reach.span}|{_text(reach.start)}|", f"{by}|{reach.span}|{_text(reach.end)}|"


def start_from(text: str) -> datetime:
    """The start of a row out of its id."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cover(boundaries: Iterable[datetime]) -> list[Reach]:
    """The fewest rows that add up to the stretches between neighbouring boundaries, none of them reaching over a boundary."""
    merged: dict[Span, list[Reach]] = {span: [] for span in COARSE_FIRST}
    for start, end in pairwise(boundaries):
        for reach in _cover(start, end, 0):
            known = merged[reach.span]
            if known and known[-1].end == reach.start:
                known[-1] = replace(known[-1], end=reach.end)
            else:
                known.append(reach)
    return [reach for reaches in merged.values() for reach in reaches]


@lru_cache(maxsize=1 << 14)
def _text(start: datetime) -> str:
    return start.strftime(_START)


def _cover(start: datetime, end: datetime, level: int) -> Iterator[Reach]:
    if start >= end:
        return
    span = COARSE_FIRST[level]
    first, last = _up(start, span), _down(end, span)
    if span is Span.QUARTER:
        yield Reach(span, start, end)
    elif first < last:
        yield from _cover(start, first, level + 1)
        yield Reach(span, first, last)
        yield from _cover(last, end, level + 1)
    else:
        yield from _cover(start, end, level + 1)


def _down(at: datetime, span: Span) -> datetime:
    if span is Span.MONTH:
        return at.replace(day=1, hour=0, minute=0)
    if span is Span.DAY:
        return at.replace(hour=0, minute=0)
    return at.replace(minute=0) if span is Span.HOUR else at


def _up(at: datetime, span: Span) -> datetime:
    down = _down(at, span)
    if down == at:
        return at
    if span is Span.MONTH:
        return (down + timedelta(days=32)).replace(day=1)
    return down + (timedelta(days=1) if span is Span.DAY else timedelta(hours=1))
