"""The journey of all customers: how many came into each stage, where they went on to and how soon, and where they stopped.

Each stay of a customer in a stage counts on the day on which it began, in the shop's time zone: once as entered, and once by the stage that
followed, with the days until then. Whoever entered and did not go on is still there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from services.profiles.domain.lifecycle import Change, Stage

ENTERED = "entered"


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in a stage that began on `day`: the stage that followed and after how many days, both None while it lasts."""

    day: date
    stage: Stage
    next: Stage | None = None
    days: int | None = None

    @property
    def counts(self) -> dict[str, int]:
        """What the stay adds to the figures of its day and stage."""
        if self.next is None or self.days is None:
            return {ENTERED: 1}
        return {ENTERED: 1, f"{self.next.value}_{_bucket(self.days)}": 1}


def stays(changes: Sequence[Change], zone: ZoneInfo) -> Iterator[Stay]:
    """All stays of a customer."""
    for place, change in enumerate(changes, 1):
        day = change.at.astimezone(zone).date()
        if place < len(changes):
            following = changes[place]
            yield Stay(day, change.stage, following.stage, (following.at - change.at).days)
        else:
            yield Stay(day, change.stage)


@dataclass(frozen=True, slots=True)
class Passage:
    """How many went on to `stage`, and after how many days half of them had; of times beyond a month that is about right."""

    stage: Stage
    customers: int
    median_days: float


@dataclass(frozen=True, slots=True)
class StageFlow:
    """What became of those who entered a stage. `stopped` have not gone on."""

    stage: Stage
    entered: int
    stopped: int
    passed: Sequence[Passage]


def flow(stage: Stage, sums: Mapping[str, int]) -> StageFlow:
    """What the summed figures of a stage say."""
    passed = [_passage(following, sums) for following in Stage]
    gone = [one for one in passed if one]
    entered = sums.get(ENTERED, 0)
    ordered = sorted(gone, key=lambda one: (-one.customers, list(Stage).index(one.stage)))
    return StageFlow(stage, entered, entered - sum(one.customers for one in gone), ordered)


def added(sums: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Several figures as one."""
    total: dict[str, int] = {}
    for values in sums:
        for name, value in values.items():
            total[name] = total.get(name, 0) + value
    return total


def _passage(following: Stage, sums: Mapping[str, int]) -> Passage | None:
    prefix = f"{following}_"
    counts = {int(name.removeprefix(prefix)): n for name, n in sums.items() if name.startswith(prefix) and n > 0}
    customers = sum(counts.values())
    return Passage(following, customers, _median(counts, customers)) if customers else None


def _median(counts: Mapping[int, int], customers: int) -> float:
    """The middle of the bucket in which the one in the middle is; between two, the middle of both."""
    middles = [(_middle(bucket), counts[bucket]) for bucket in sorted(counts)]
    return (_nth(middles, (customers - 1) // 2) + _nth(middles, customers // 2)) / 2


def _nth(middles: Iterable[tuple[float, int]], place: int) -> float:
    passed = 0
    for middle, count in middles:
        passed += count
        if passed > place:
            return middle
    raise IndexError(place)


def _width(days: int) -> int:
    """Days are told apart up to a month, then weeks up to half a year, then months."""
    return 1 if days < 28 else 7 if days < 182 else 28


def _bucket(days: int) -> int:
    """The first day of the bucket that a number of days is in."""
    return days // _width(days) * _width(days)


def _middle(bucket: int) -> float:
    return bucket + (_width(bucket) - 1) / 2
