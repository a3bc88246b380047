"""Who is in which segment: a function of facts, rules and time, and of nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.profiles.domain.customer import Customer
from services.profiles.domain.segments.clock import FOREVER, to_datetime
from services.profiles.domain.segments.definitions import Compiled, Segments
from services.profiles.domain.segments.nodes import Node, since, turning
from services.profiles.domain.segments.reading import Moment, Reading


@dataclass(frozen=True, slots=True)
class Standings:
    """The segments that a customer is in, each with since when, and when time alone will next change any of that."""

    members: Mapping[str, datetime] = field(default_factory=dict)
    until: datetime | None = None


def standings(segments: Segments, reading: Reading) -> Standings:
    """How a customer stands to all segments."""
    judged = concerned(segments, reading.customer)
    if not judged:
        return Standings()
    moments = {reading.now: Moment(reading.now, reading)}
    present = moments[reading.now]
    inside: list[Compiled] = []
    turns: list[tuple[int, Node]] = []
    for one in judged:
        holds, until = one.node.span(present)
        if holds:
            inside.append(one)
        if until < FOREVER:
            turns.append((until, one.node))
    members = {one.segment.id: to_datetime(_began(one.node, reading, moments)) for one in inside}
    return Standings(members, _next_change(turns, reading, moments))


def concerned(segments: Segments, customer: Customer) -> Sequence[Compiled]:
    """The segments that a customer can be in at all."""
    if customer.activity.first is None:
        return ()
    return segments.compiled if customer.is_known else segments.for_visitors


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
    if one not in concerned(reading.rules.segments, reading.customer):
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


def _next_change(turns: Iterable[tuple[int, Node]], reading: Reading, moments: dict[int, Moment]) -> datetime | None:
    """The first of the moments at which a condition turns. Most are later than the first one that does and need not be followed."""
    best = FOREVER
    for until, node in sorted(turns, key=lambda turn: turn[0]):
        if until >= best:
            break
        best = min(best, turning(node, reading, moments))
    return to_datetime(best) if best < FOREVER else None
