"""When a customer was seen, and how often they did what."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """The customer did something at that time; `backfill` where imported history says so."""

    at: datetime
    event_id: str
    backfill: bool = False

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


@dataclass(frozen=True, slots=True)
class Activity:
    """The first sighting and the time of the last, and how many events of each name there were.

    The runtime applies each event once, so counting them is a function of the set of events.
    """

    first: Sighting | None = None
    last: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)


def see(activity: Activity, name: str, sighting: Sighting) -> Activity:
    """The customer did `name`."""
    first, last = activity.first, activity.last
    if first is None or sighting.stamp < first.stamp:
        first = sighting
    if last is None or sighting.at > last:
        last = sighting.at
    return Activity(first, last, {**activity.counts, name: activity.counts.get(name, 0) + 1})


def merge_activity(left: Activity, right: Activity) -> Activity:
    """What both saw, for facts of different identity keys, which share no event."""
    last = max((one.last for one in (left, right) if one.last), default=None)
    counts = {**left.counts, **{name: left.counts.get(name, 0) + count for name, count in right.counts.items()}}
    return Activity(earliest(left.first, right.first), last, counts)


def earliest(left: Sighting | None, right: Sighting | None) -> Sighting | None:
    """The sighting that was first; of one and none, the one."""
    if left is None or right is None:
        return left or right
    return min(left, right, key=lambda sighting: sighting.stamp)
