"""When a customer was seen, and how often they did what."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """The customer did something at that time; `backfill` where imported history says so."""

    at: datetime
    event_id: str
    backfill: bool = False


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
    return merge_activity(activity, Activity(sighting, sighting.at, {name: 1}))


def merge_activity(left: Activity, right: Activity) -> Activity:
    """What both saw, for facts of different identity keys, which share no event."""
    first = min((one.first for one in (left, right) if one.first), key=lambda s: (s.at, s.event_id), default=None)
    last = max((one.last for one in (left, right) if one.last), default=None)
    return Activity(first, last, dict(Counter(left.counts) + Counter(right.counts)))
