"""Whether a segment can be stored: what is wrong with its rule and where, and what others have to do with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from services.profiles.domain.segments.definitions import MOST_SEGMENTS, Definitions, Segment, Workshop, circle

MOST_TEXT = 4_000_000  # characters of all segments together: every batch of events reads them


def problems_of(
    definitions: Definitions, wanted: Segment, events: Collection[str], time_zone: str
) -> Mapping[str, Sequence[str]]:
    """What is wrong with a segment among others, by JSON pointer; nothing where it can be stored."""
    among = with_segment(definitions, wanted)
    if len(among.segments) > MOST_SEGMENTS:
        return {"/id": [f"A shop has at most {MOST_SEGMENTS} segments: delete one first."]}
    way = circle(among.segments, wanted.id)
    if way:
        return {"/rule": [f"Segments must not refer to themselves, as it would be here: {' > '.join(way)}."]}
    workshop = Workshop(among, events, time_zone)
    workshop.compiled(wanted.id)
    return workshop.language.problems.found


def with_segment(definitions: Definitions, wanted: Segment) -> Definitions:
    """All segments with this one in the place of that of its id."""
    others = [wanted if one.id == wanted.id else one for one in definitions.segments]
    return replace(definitions, segments=tuple(others if wanted in others else [*others, wanted]))
