"""How a customer comes to the shop: through which channels, on which devices, at which hours, in which language and time zone.

Hours are counted in the client's time zone where it tells one. Others are counted in UTC, apart for the two halves of the year, so that
a zone with daylight saving time can be applied to them when somebody asks; around the change of the clocks that may be an hour off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DEVICES = frozenset({"android", "desktop", "ios", "mobile", "tablet", "tv", "watch", "web"})
LONGEST_TEXT = 64
_SUMMER = range(4, 11)  # April to October


@dataclass(frozen=True, slots=True)
class Client:
    """The language and time zone that a client named last, by the time of the event and then its id."""

    at: datetime
    event_id: str
    locale: str | None = None
    timezone: str | None = None

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


@dataclass(frozen=True, slots=True)
class Habits:
    """Counts of what the customer did by channel, kind of device and hour.

    Hours are `09` in the client's time zone, and `s09` or `w09` in UTC in summer and winter.
    """

    channels: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)
    client: Client | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which an event came about, as far as the client told."""

    channel: str | None = None
    device: str | None = None
    locale: str | None = None
    timezone: str | None = None


def observe(habits: Habits, now: Circumstances, at: datetime, event_id: str) -> Habits:
    """Hear of something that the customer did."""
    zone = zone_of(now.timezone) if now.timezone else None
    client = habits.client
    if (now.locale or zone) and (client is None or client.stamp < (at, event_id)):
        client = Client(at, event_id, now.locale and now.locale[:LONGEST_TEXT], now.timezone if zone else None)
    return Habits(
        _one_more(habits.channels, now.channel) if now.channel else habits.channels,
        _one_more(habits.devices, _device(now.device)) if now.device else habits.devices,
        _one_more(habits.hours, _hour(at, zone)),
        client,
    )


def merge_habits(left: Habits, right: Habits) -> Habits:
    """The habits of both, for facts of different identity keys, which share no event."""
    clients = [client for client in (left.client, right.client) if client]
    return Habits(
        _added(left.channels, right.channels),
        _added(left.devices, right.devices),
        _added(left.hours, right.hours),
        max(clients, key=lambda client: client.stamp, default=None),
    )


def hours_in(habits: Habits, zone: ZoneInfo, year: int) -> list[int]:
    """How often the customer was here at each hour of the day, 0 to 23, those told in UTC in the zone with its times of that year."""
    counts = [0] * 24
    summer, winter = (round(_offset(zone, year, month)) for month in (7, 1))
    shifts = {"s": summer, "w": winter}
    for hour, count in habits.hours.items():
        counts[(int(hour[-2:]) + shifts.get(hour[0], 0)) % 24] += count
    return counts


def preferred_hour(hours: list[int]) -> int | None:
    """The hour at which the customer is here most, with half of the hours beside it; the earlier of two. None for nobody."""
    if not any(hours):
        return None
    return max(range(24), key=lambda hour: (2 * hours[hour] + hours[hour - 1] + hours[(hour + 1) % 24], -hour))


@lru_cache(maxsize=1_000)
def zone_of(name: str) -> ZoneInfo | None:
    """An IANA time zone, None for a name that is none."""
    try:
        return ZoneInfo(name) if len(name) <= LONGEST_TEXT else None
    except (KeyError, OSError, ValueError):  # an unknown name, or a path to something else
        return None


def _hour(at: datetime, zone: ZoneInfo | None) -> str:
    if zone:
        return f"{at.astimezone(zone).hour:02d}"
    moment = at.astimezone(UTC)
    return f"{'s' if moment.month in _SUMMER else 'w'}{moment.hour:02d}"


def _offset(zone: ZoneInfo, year: int, month: int) -> float:
    offset = datetime(year, month, 1, 12, tzinfo=zone).utcoffset()
    return offset.total_seconds() / 3600 if offset else 0.0


def _device(named: str) -> str:
    """The kind of device in a closed list of words: clients write what they like."""
    word = named.strip().casefold()
    return word if word in DEVICES else "other"


def _one_more(counts: dict[str, int], name: str) -> dict[str, int]:
    return {**counts, name: counts.get(name, 0) + 1}


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {**left, **{name: left.get(name, 0) + count for name, count in right.items()}}
