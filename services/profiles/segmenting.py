"""What has to be so, given in which segments a customer is: rows of members, sizes, the timer for what time will change, and
announcements of who entered and who left.

An announcement is about a change, made in the transaction that writes or takes away the row. What changed because a rule was changed or
history was imported is told apart by asking what was so before: by the rule as it is now and the facts as they were. So the answer is
the same whether the sweep over all customers has been here or not.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property

from services.profiles.domain.customer import Customer
from services.profiles.domain.history import milliseconds
from services.profiles.domain.rules import Rules
from services.profiles.domain.segments.definitions import CONSENT_RULES, PROFILE_RULES, RULE_VERSION, Compiled
from services.profiles.domain.segments.membership import NOTHING_KNOWN, Judged, Standings, standings, would_be_member
from services.profiles.domain.segments.reading import Moment, Reading
from services.profiles.domain.segments.topics import changed
from services.profiles.stages import Look
from services.profiles.storage.membership import MEMBERS, SIZES, member_id, member_row
from shared.events import SEGMENT_ENTERED, SEGMENT_LEFT, EventKind
from shared.handlers import Announcement, Consequences, Figure, Timer
from shared.model import Before
from shared.timers import look_again

NOTHING = Consequences()
_TURN = "turn/"  # marks of when time alone next changes anything, by bundle


def segmented(look: Look, rules: Rules, before: Before) -> Consequences:
    """All that follows of a customer's segments."""
    segments = rules.segments
    if not segments.version:
        return NOTHING
    listed, versions = _listed(before), _versions(rules)
    reading = reading_of(look.customer_id, look.customer, rules, look.now)
    found = standings(segments, reading, _last(listed, versions, before))
    members = found.all
    return Consequences(
        timers=_timers(look, found),
        rows=tuple(member_row(segment_id, look.customer_id, since) for segment_id, since in found.members.items()),
        figures=tuple(Figure(SIZES, segment_id, {"members": 1}) for segment_id in members),
        announcements=_moves(look, _Formerly(look, rules, before), members, listed),
        marks={**versions, **{f"{_TURN}{name}": until for name, until in found.turns.items()}},
        same_rows=tuple(f"{MEMBERS}/{member_id(segment_id, look.customer_id)}" for segment_id in found.same),
    )


def _last(listed: frozenset[str], versions: Mapping[str, int], before: Before) -> Judged:
    """What the last look found out that may still hold: it was at these identity keys, and customers are judged by the same rules."""
    if before.changed is None or any(before.marks.get(name) != versions[name] for name in (CONSENT_RULES, PROFILE_RULES)):
        return NOTHING_KNOWN
    topics = changed(before.changed)
    if topics is None:
        return NOTHING_KNOWN
    turns = {name.removeprefix(_TURN): until for name, until in before.marks.items() if name.startswith(_TURN)}
    return Judged(listed, turns, topics)


def _timers(look: Look, found: Standings) -> tuple[Timer, ...]:
    """One timer, at the moment at which time alone next changes a membership."""
    keys = look.customer.identity_keys
    return (look_again(f"segments:{look.customer_id}", look.customer_id, keys, found.until),) if found.until and keys else ()


def reading_of(customer_id: str, customer: Customer, rules: Rules, now: datetime) -> Reading:
    """A customer as the conditions of segments read them."""
    return Reading(customer_id, customer, milliseconds(now), rules)


def _moves(look: Look, would_be: "_Formerly", members: frozenset[str], listed: frozenset[str]) -> tuple[Announcement, ...]:
    """Who is where they would not have been makes news; who merely is no longer listed is told of, marked as no news.

    Whoever was in a segment under any of the customers that the identity keys belonged to was in it.
    """
    moves = []
    for one in would_be.to_compare(members ^ listed):
        name = one.segment.id
        is_in, was_listed = name in members, name in listed
        if not would_be.is_no_news and is_in != would_be.member(one, was_listed):
            moves.append(_announcement(SEGMENT_ENTERED if is_in else SEGMENT_LEFT, one, look))
        elif was_listed and not is_in:
            moves.append(_announcement(SEGMENT_LEFT, one, look, backfill=True))
    return tuple(moves)


def _listed(before: Before) -> frozenset[str]:
    """The segments that the customers whom the identity keys belonged to were in."""
    begin = f"{MEMBERS}/"
    return frozenset(row[len(begin) :].rpartition(":")[0] for row in before.rows if row.startswith(begin))


class _Formerly:
    """What would be so by today's rules, had nothing led to this look but what makes no news.

    Facts as they were before it are judged at the moment when a rule was made. All of them had been heard by then, since there was no look
    since; so one reading of them serves all those moments.
    """

    def __init__(self, look: Look, rules: Rules, before: Before) -> None:
        self._look, self._rules, self._before = look, rules, before
        versions = _versions(rules)
        self._stale = [name for name in versions if before.marks.get(name) != versions[name]]
        self._moments: dict[datetime, list[Moment]] = {}

    @property
    def is_no_news(self) -> bool:
        """Whether nothing but imported history led to this look."""
        return self._before.backfill

    def to_compare(self, moved: Collection[str]) -> list[Compiled]:
        """The segments in which anything may be news: those with a change in the list, and all that were not judged like this before."""
        if not self._stale and not self._before.imported:
            return [one for name in sorted(moved) if (one := self._rules.segments.get(name))]
        return list(self._rules.segments.compiled)

    def member(self, one: Compiled, was_listed: bool) -> bool:
        """Whether the customer would be in a segment: as listed, unless its rule was not yet looked at, or history was imported."""
        at = self._look.now if self._before.imported else self._since(one)
        if at is None:
            return was_listed
        return any(would_be_member(one, moment) for moment in self._at(at))

    def _since(self, one: Compiled) -> datetime | None:
        """Since when a customer would be judged like this, if that is news to them; None if it is not."""
        changes = []
        if self._before.marks.get(RULE_VERSION, 0) < one.rule_version:
            changes.append(one.rule_since or self._look.now)
        if CONSENT_RULES in self._stale:
            changes.append(self._rules.consent_changed.at or one.rule_since or self._look.now)
        if PROFILE_RULES in self._stale:
            changes.append(self._rules.profile_changed.at or one.rule_since or self._look.now)
        return max(changes, default=None)

    def _at(self, at: datetime) -> list[Moment]:
        if at not in self._moments:
            self._moments[at] = [Moment(milliseconds(at), reading) for reading in self._readings]
        return self._moments[at]

    @cached_property
    def _readings(self) -> list[Reading]:
        return [reading_of(*who, self._rules, self._look.now) for who in self._before.formerly().items()]


def _versions(rules: Rules) -> dict[str, int]:
    """How often everything was changed that segments are judged by."""
    return {
        RULE_VERSION: rules.segments.version,
        CONSENT_RULES: rules.consent_changed.version,
        PROFILE_RULES: rules.profile_changed.version,
    }


def _announcement(kind: EventKind, one: Compiled, look: Look, backfill: bool = False) -> Announcement:
    """The key names this very change: its moment is that of the one transaction which makes it. The time of the announcement is that
    moment too, so that the latest statement is always the truth, also after a late fact corrected an earlier one.
    """
    data = {
        "customer_id": look.customer_id,
        "identity_keys": list(look.customer.identity_keys),
        "segment_id": one.segment.id,
        "segment_name": one.segment.name,
    }
    key = f"{one.segment.id}/{look.customer_id}/{look.now.isoformat()}"
    return Announcement(kind, key, look.customer.identity_keys[0], look.now, data, backfill)
