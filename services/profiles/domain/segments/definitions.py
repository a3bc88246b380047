"""The segments of a shop, compiled once for each version of its settings."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.profiles.domain.segments.clock import Calendar
from services.profiles.domain.segments.language import Language
from services.profiles.domain.segments.nodes import Node, Reference

MOST_SEGMENTS = 500
EDITION = 1  # counted up when the code judges conditions otherwise; what was found out before is then found out anew
RULE_VERSION = "segments"  # a mark of the last look at a customer: the version of the segments that it went by
CONSENT_RULES = "segments_consent"  # those of the rules of consent
PROFILE_RULES = "segments_profile"  # and those of stages, affinities, traits and the shop's clock


@dataclass(frozen=True, slots=True)
class Segment:
    """A rule with a name. `rule_version` is that of the settings in which the rule was last changed, at `rule_since`.

    Visitors, who left no name of any kind and bought nothing, are in it only where `visitors` says so.
    """

    id: str
    name: str
    rule: Mapping[str, Any]
    description: str = ""
    visitors: bool = False
    version: int = 1
    rule_version: int = 0
    rule_since: datetime | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Definitions:
    """All segments, and how often any of them was changed."""

    version: int = 0
    segments: tuple[Segment, ...] = ()

    def get(self, segment_id: str) -> Segment | None:
        return next((one for one in self.segments if one.id == segment_id), None)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A segment with its condition, and since when and which version its rule, and those that it refers to, are as they are."""

    segment: Segment
    node: Node
    rule_version: int
    rule_since: datetime | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """The segments whose conditions read the same of a customer, so that all of them are to be judged again or none.

    The name is another as soon as one of them, or how segments are judged, is.
    """

    name: str
    topics: frozenset[str]
    compiled: tuple[Compiled, ...]
    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Segments:
    """What customers are judged by; `bundles` have `compiled`, `bundles_for_visitors` have `for_visitors`."""

    version: int = 0
    calendar: Calendar = field(default_factory=Calendar)
    compiled: tuple[Compiled, ...] = ()
    for_visitors: tuple[Compiled, ...] = ()
    by_id: Mapping[str, Compiled] = field(default_factory=dict)
    bundles: tuple[Bundle, ...] = ()
    bundles_for_visitors: tuple[Bundle, ...] = ()

    def get(self, segment_id: str) -> Compiled | None:
        return self.by_id.get(segment_id)


def compile_all(definitions: Definitions, events: Collection[str], time_zone: str) -> Segments:
    """Segments that were checked when they were stored, in the zone of the shop's clock. One that can no longer be read is left out."""
    workshop = Workshop(definitions, events, time_zone)
    compiled = tuple(one for segment in definitions.segments if (one := workshop.compiled(segment.id)))
    for_visitors = tuple(one for one in compiled if one.segment.visitors)
    return Segments(
        definitions.version,
        workshop.language.calendar,
        compiled,
        for_visitors,
        {one.segment.id: one for one in compiled},
        bundled(compiled),
        bundled(for_visitors),
    )


def bundled(compiled: Iterable[Compiled]) -> tuple[Bundle, ...]:
    """Segments by what they read."""
    found: dict[frozenset[str], list[Compiled]] = {}
    for one in compiled:
        found.setdefault(one.node.topics, []).append(one)
    return tuple(
        Bundle(_name(those), topics, tuple(those), frozenset(one.segment.id for one in those)) for topics, those in found.items()
    )


def _name(compiled: Iterable[Compiled]) -> str:
    told = [(one.segment.id, one.rule_version, one.segment.visitors) for one in compiled]
    return hashlib.blake2b(repr((EDITION, told)).encode(), digest_size=6).hexdigest()


class Workshop:
    """Compiles segments, each after those that it refers to."""

    def __init__(self, definitions: Definitions, events: Collection[str], time_zone: str) -> None:
        self._segments = {segment.id: segment for segment in definitions.segments}
        self._done: dict[str, Compiled | None] = {}
        self._open: list[str] = []
        self.language = Language(Calendar(time_zone), events, self._node)

    def compiled(self, segment_id: str) -> Compiled | None:
        """Raises nothing: what is wrong is in the problems of the language, under `/segment id`."""
        if segment_id not in self._done:
            self._open.append(segment_id)
            self._done[segment_id] = self._compile(self._segments[segment_id])
            self._open.pop()
        return self._done[segment_id]

    def _compile(self, segment: Segment) -> Compiled | None:
        node = self.language.rule(segment.rule, "/rule")
        if node is None:
            return None
        needed = [self._done[name] for name in references(segment.rule) if name in self._done]
        all_ = [(segment.rule_version, segment.rule_since), *((one.rule_version, one.rule_since) for one in needed if one)]
        version, since = max(all_, key=lambda one: one[0])
        return Compiled(segment, node, version, since)

    def _node(self, segment_id: str) -> Node | None:
        if segment_id in self._open or segment_id not in self._segments:
            return None
        found = self.compiled(segment_id)
        return Reference(found.node, found.segment.visitors) if found else None


def references(rule: Any) -> Iterator[str]:
    """The segments that a rule refers to, where it is one."""
    if isinstance(rule, Mapping):
        if isinstance(rule.get("segment"), str):
            yield rule["segment"]
        for value in rule.values():
            yield from references(value)
    elif isinstance(rule, list):
        for value in rule:
            yield from references(value)


def circle(segments: Sequence[Segment], segment_id: str) -> list[str] | None:
    """The way from a segment through references back to itself, None where there is none."""
    rules = {segment.id: segment.rule for segment in segments}
    ways = [[segment_id]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in references(rules.get(way[-1], {})):
            if name == segment_id:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None


def users(segments: Sequence[Segment], segment_id: str) -> list[str]:
    """The segments that refer to one."""
    return [one.id for one in segments if segment_id in references(one.rule)]
