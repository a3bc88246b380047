"""How a customer comes to the shop: through which channels, on which devices, at which hours, in which language, and looking for what.

It is worked out of what the customer did last, whenever somebody asks. Hours are those of one time zone, summer and winter as they were.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DEVICES = frozenset({"android", "desktop", "ios", "mobile", "tablet", "tv", "watch", "web"})
MOST_SEARCHES = 20
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Doing:
    """Something that the customer did, with what the client said of itself, and what was searched for if that is what it was."""

    at: datetime
    channel: str | None = None
    device: str | None = None
    locale: str | None = None
    timezone: str | None = None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched for, without regard to case and blanks, how often, and when last."""

    query: str
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Habits:
    """Counts over `events` doings since `since`. `hours` are 24 counts in `timezone`."""

    events: int
    since: datetime | None
    channels: Mapping[str, int]
    devices: Mapping[str, int]
    locale: str | None
    timezone: str
    hours: Sequence[int]
    preferred_hour: int | None
    searches: Sequence[Search]


def habits_of(doings: Sequence[Doing], zone: ZoneInfo | None, shop: ZoneInfo) -> Habits:
    """Habits out of what a customer did, the latest first. Hours are in `zone`; else in that of the customer's client, else the shop's."""
    said = (zone_of(doing.timezone) for doing in doings if doing.timezone)
    place = zone or next((known for known in said if known), shop)
    hours = Counter(doing.at.astimezone(place).hour for doing in doings)
    counts = [hours[hour] for hour in range(24)]
    return Habits(
        events=len(doings),
        since=doings[-1].at if doings else None,
        channels=_counted(doing.channel for doing in doings),
        devices=_counted(_device(doing.device) for doing in doings if doing.device),
        locale=next((doing.locale for doing in doings if doing.locale), None),
        timezone=place.key,
        hours=counts,
        preferred_hour=preferred_hour(counts),
        searches=_searches(doings),
    )


def preferred_hour(hours: Sequence[int]) -> int | None:
    """The hour at which the customer is here most, with half of the hours beside it; the earlier of two. None for nobody."""
    if not any(hours):
        return None
    return max(range(24), key=lambda hour: (2 * hours[hour] + hours[hour - 1] + hours[(hour + 1) % 24], -hour))


@lru_cache(maxsize=1_000)
def zone_of(name: str) -> ZoneInfo | None:
    """An IANA time zone, None for a name that is none."""
    try:
        return ZoneInfo(name) if len(name) <= LONGEST_NAME else None
    except (KeyError, OSError, ValueError):  # an unknown name, or a path to something else
        return None


def _searches(doings: Iterable[Doing]) -> list[Search]:
    """What was searched for last, first."""
    found: dict[str, Search] = {}
    for doing in doings:
        folded = " ".join((doing.query or "").split()).casefold()
        if folded:
            known = found.get(folded)
            found[folded] = Search(folded, known.times + 1 if known else 1, known.last_at if known else doing.at)
    return list(found.values())[:MOST_SEARCHES]


def _device(named: str) -> str:
    """The kind of device in a closed list of words: clients write what they like."""
    word = named.strip().casefold()
    return word if word in DEVICES else "other"


def _counted(words: Iterable[str | None]) -> dict[str, int]:
    """By how often, most first."""
    return dict(sorted(Counter(word for word in words if word).items(), key=lambda entry: (-entry[1], entry[0])))
