"""How customers wish to be contacted: about which topics, how often, on which channel, in which language. The latest word counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

CHANNEL, LANGUAGE, PACE, PER_WEEK = "channel", "language", "pace", "per_week"
TOPIC = "topic:"
MOST_PREFERENCES = 120
_FIRST = (CHANNEL, LANGUAGE, PACE, PER_WEEK)


class Pace(StrEnum):
    """How often marketing may arrive: as it comes, gathered by week or month, or `at_most` so many messages a week."""

    ALL = "all"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    AT_MOST = "at_most"


class Preference(NamedTuple):
    """A word on one preference: text, number or boolean, None where it was taken back."""

    value: Any
    at: datetime
    event_id: str

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


Preferences = dict[str, Preference]  # by name; a topic is `topic:new_arrivals`


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a customer prefers; None and topics that are missing: nothing was said. `per_week` comes with the pace `at_most`."""

    topics: Mapping[str, bool]
    pace: Pace | None = None
    per_week: int | None = None
    channel: str | None = None
    language: str | None = None


def state_preferences(known: Preferences, stated: Mapping[str, Any], at: datetime, event_id: str) -> Preferences:
    """Hear preferences. Returns the same object where nothing in them is news."""
    heard = merge_preferences(known, {name: Preference(value, at, event_id) for name, value in stated.items()})
    return known if heard == known else heard


def merge_preferences(left: Preferences, right: Preferences) -> Preferences:
    """The latest word on each. Of too many names those stay that come first, which depends on no order of hearing."""
    if not left or not right:
        return left or right
    latest = dict(left)
    for name, word in right.items():
        if name not in latest or latest[name].stamp < word.stamp:
            latest[name] = word
    if len(latest) <= MOST_PREFERENCES:
        return latest
    kept = sorted(latest, key=lambda name: (name not in _FIRST, name))[:MOST_PREFERENCES]
    return {name: latest[name] for name in kept}


def wishes_of(preferences: Preferences) -> Wishes:
    """What the words come to."""
    said = {name: word.value for name, word in preferences.items() if word.value is not None}
    topics = {name.removeprefix(TOPIC): bool(value) for name, value in sorted(said.items()) if name.startswith(TOPIC)}
    pace = Pace(said[PACE]) if said.get(PACE) in list(Pace) else None
    per_week = said.get(PER_WEEK) if pace is Pace.AT_MOST else None
    return Wishes(topics, pace, per_week, said.get(CHANNEL), said.get(LANGUAGE))
