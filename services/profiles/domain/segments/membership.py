"""Who is in which segment: a function of facts, rules and time, and of nothing else."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.profiles.domain.customer import Customer
from services.profiles.domain.segments.clock import ALWAYS, FOREVER, to_datetime
from services.profiles.domain.segments.definitions import Bundle, Compiled, Segments
from services.profiles.domain.segments.nodes import Node, since, turning
from services.profiles.domain.segments.reading import Moment, Reading


@dataclass(frozen=True, slots=True)
class Judged:
    """What the last look at a customer found out: the segments that the customer was in, and by name of a bundle when time alone next
    changes any of its segments; and what `changed` of the customer since. Nothing is known of a bundle that is not named.
    """

    members: frozenset[str] = frozenset()
    turns: Mapping[str, int] = field(default_factory=dict)
    changed: Collection[str] = ()

    def still_holds(self, bundle: Bundle, now: int) -> bool:
        return self.turns.get(bundle.name, ALWAYS) > now and bundle.topics.isdisjoint(self.changed)


NOTHING_KNOWN = Judged()


@dataclass(frozen=True, slots=True)
class Standings:
    """The segments that a customer is in: `members`, each with since when, were judged, `same` are as they were at the last look. And by
    name of a bundle when time alone next changes any of its segments, FOREVER if it never does.
    """

    members: Mapping[str, datetime] = field(default_factory=dict)
    same: Collection[str] = ()
    turns: Mapping[str, int] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        return frozenset((*self.members, *self.same))

    @property
    def until(self) -> datetime | None:
        """When time alone will next change any of it."""
        soonest = min(self.turns.values(), default=FOREVER)
        return to_datetime(soonest) if soonest < FOREVER else None


def standings(segments: Segments, reading: Reading, last: Judged = NOTHING_KNOWN) -> Standings:
    """How a customer stands to all segments. What the last look found out is not found out again where it still holds."""
    moments = {reading.now: Moment(reading.now, reading)}
    members: dict[str, datetime] = {}
    same: list[str] = []
    turns: dict[str, int] = {}
    for bundle in concerned(segments, reading.customer):
        if last.still_holds(bundle, reading.now):
            same += bundle.ids & last.members
            turns[bundle.name] = last.turns[bundle.name]
        else:
            turns[bundle.name] = _judge(bundle, reading, moments, members)
    return Standings(members, same, turns)


def _judge(bundle: Bundle, reading: Reading, moments: dict[int, Moment], members: dict[str, datetime]) -> int:
    """Add the segments that a customer is in; when time alone next changes any of the bundle."""
    present = moments[reading.now]
    turns: list[tuple[int, Node]] = []
    for one in bundle.compiled:
        holds, until = one.node.span(present)
        if holds:
            members[one.segment.id] = to_datetime(_began(one.node, reading, moments))
        if until < FOREVER:
            turns.append((until, one.node))
    return _next_change(turns, reading, moments)


def concerned(segments: Segments, customer: Customer) -> Sequence[Bundle]:
    """The segments that a customer can be in at all."""
    if customer.activity.first is None:
        return ()
    return segments.bundles if customer.is_known else segments.bundles_for_visitors


def is_member(one: Compiled, reading: Reading) -> bool:
    """Whether a customer is in a segment."""
    return would_be_member(one, Moment(reading.now, reading))


def would_be_member(one: Compiled, moment: Moment) -> bool:
    """Whether a customer would be in a segment at a moment."""
    customer = moment.reading.customer
    if customer.activity.first is None or not (one.segment.visitors or customer.is_known):
        return False
    return one.node.span(moment)[0]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a customer stands to one segment: whether a member, since when, and until when unless something happens."""

    member: bool
    since: datetime | None
    until: datetime | None


def standing_to(one: Compiled, reading: Reading) -> Standing:
    """How a customer stands to a segment. Who cannot be in it at all, such as a nameless visitor, is not so since or until anything."""
    if not any(one in bundle.compiled for bundle in concerned(reading.rules.segments, reading.customer)):
        return Standing(False, None, None)
    until = turning(one.node, reading, {})
    began = to_datetime(_began(one.node, reading, {}))
    return Standing(is_member(one, reading), began, to_datetime(until) if until < FOREVER else None)


def explained(one: Compiled, reading: Reading) -> dict[str, Any]:
    """Why a customer is in a segment or not: its rule, and of each condition whether it holds."""
    return _told(one.node, Moment(reading.now, reading))


def _told(node: Node, moment: Moment) -> dict[str, Any]:
    told = {**node.said, "holds": node.span(moment)[0]}
    kind = next(iter(node.said))
    if kind in ("all", "any", "none"):
        told[kind] = [_told(part, moment) for part in node.parts]
    return told


def _began(node: Node, reading: Reading, moments: dict[int, Moment]) -> int:
    return max(since(node, reading, moments), reading.first_seen)


def _next_change(turns: Iterable[tuple[int, Node]], reading: Reading, moments: dict[int, Moment]) -> int:
    """The first of the moments at which a condition turns. Most are later than the first one that does and need not be followed."""
    best = FOREVER
    for until, node in sorted(turns, key=lambda turn: turn[0]):
        if until >= best:
            break
        best = min(best, turning(node, reading, moments))
    return best
