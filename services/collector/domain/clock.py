"""When an event happened, told from clocks that are wrong.

Source of the correction: the Segment specification, `timestamp = receivedAt - (sentAt - originalTimestamp)`. What the client calls
`timestamp` is its own clock's reading; `sentAt` is the same clock at the moment of sending, so the difference of the two is
right however wrong the clock is.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.collector.domain.refusal import Reason, Refused

_AHEAD = timedelta(minutes=5)
_MILLISECONDS = 100_000_000_000  # seconds would be the year 5138: the number counts milliseconds
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def parse(value: Any, field: str) -> datetime | None:
    """An ISO 8601 time as UTC in whole milliseconds; without an offset it is UTC already. Blank means absent."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        raise Refused(Reason.INVALID_TIME, f"{field} must be text in ISO 8601, such as 2026-01-31T12:30:00.000Z")
    try:
        time = datetime.fromisoformat(value.strip())
        return truncated(time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Refused(Reason.INVALID_TIME, f"{field} must be a time in ISO 8601, such as 2026-01-31T12:30:00.000Z") from None


def parse_sent_at(value: Any) -> datetime | None:
    """When the client says it sent the request. It only helps to correct, so one that makes no sense counts as absent."""
    try:
        return parse(value, "sentAt")
    except Refused:
        return None


def happened(original: datetime | None, sent_at: datetime | None, received_at: datetime, *, backfill: bool) -> datetime:
    """The corrected time of an event, in whole milliseconds.

    History (`backfill`) keeps its own times. Nothing can have happened more than a few minutes after we heard of it: such a time
    becomes `received_at`. Raises Refused for a time before 1970.
    """
    if original is None:
        return truncated(received_at)
    try:
        time = original if backfill or sent_at is None else received_at - (sent_at - original)
    except OverflowError:
        raise Refused(Reason.INVALID_TIME, "timestamp and sentAt are thousands of years apart: set the client's clock") from None
    if time < _EARLIEST:
        raise Refused(Reason.INVALID_TIME, "timestamp must not be before 1970")
    return truncated(received_at if time > received_at + _AHEAD else time)


def day(value: Any, field: str) -> str | None:
    """A date as `1990-12-31`, also from a full timestamp, whose own day counts."""
    if not isinstance(value, str):
        raise Refused(Reason.INVALID_TIME, f"{field} must be a date such as 1990-12-31")
    if not value.strip():
        return None
    try:
        return datetime.fromisoformat(value.strip()).date().isoformat()
    except ValueError:
        raise Refused(Reason.INVALID_TIME, f"{field} must be a date such as 1990-12-31") from None


def moment(value: Any, field: str) -> str | None:
    """A time as RFC 3339 in UTC, from ISO 8601 or from seconds or milliseconds since 1970."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            time = datetime.fromtimestamp(value if abs(value) < _MILLISECONDS else value / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise Refused(Reason.INVALID_TIME, f"{field} must be a time between 1970 and 9999") from None
        return rfc3339(time)
    parsed = parse(value, field)
    return rfc3339(parsed) if parsed else None


def rfc3339(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def truncated(time: datetime) -> datetime:
    """Without the microseconds that MongoDB would drop: an event is the same before and after it is stored."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
