"""Words about consent: what was said under each identity key, by purpose and channel, as much of it as decides.

There are two sorts of words. *Stated* words were said by the customer or for them at one moment: a form, a till, a preference centre,
an unsubscription. Each counts from its own time, and of each status the latest is kept. *Reports* are what a shop says of its
accounts, again with every login. A report counts from when the shop began to say so, else a flag that nobody touched would undo an
unsubscription at the next login. To know that whatever the order of hearing, the first and the last report of each status are kept for
every month.

Everything here is a maximum or minimum over a total order, by identity key, so that joining is commutative, associative and idempotent.
Bounds for one key: 50 lines, of each at most four stated words, and of reports of either status 24 months, the first and the latest. A
month takes about 160 bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from services.profiles.domain.consent.rules import CHANNELS, PURPOSES

MOST_LINES = 50
MOST_MONTHS = 24
LONGEST_NAME = 50


class Status(StrEnum):
    """What a word says. `pending` is a grant that counts only once it is confirmed."""

    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    PENDING = "pending"


class Said(NamedTuple):
    """When something was said, and by which event; `backfill` where it is imported history."""

    at: datetime
    event_id: str
    backfill: bool = False

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


class Span(NamedTuple):
    """The first and the last report of a status in a month."""

    first: Said
    last: Said


@dataclass(frozen=True, slots=True)
class Line:
    """What was said under one identity key about one purpose and channel: `stated` by status, `reported` by status and month
    (`granted/2026-05`).
    """

    stated: dict[str, Said] = field(default_factory=dict)
    reported: dict[str, Span] = field(default_factory=dict)


Lines = dict[str, Line]  # by `purpose/channel`
Consent = dict[str, Lines]  # by identity key


class Scope(NamedTuple):
    """What a word is about; `all` in the place of either means every one of them."""

    purpose: str
    channel: str

    @property
    def line(self) -> str:
        return f"{self.purpose}/{self.channel}"

    @property
    def is_sound(self) -> bool:
        """Whether the names are of a length that can be kept."""
        return 0 < len(self.purpose) <= LONGEST_NAME and 0 < len(self.channel) <= LONGEST_NAME


@lru_cache(maxsize=1000)
def scope_of(line: str) -> Scope:
    purpose, _, channel = line.partition("/")
    return Scope(purpose, channel)


def state_words(consent: Consent, key: str, words: Mapping[Scope, Status], said: Said) -> Consent:
    """Hear words that count from their own time. Returns the same object where nothing in them is news."""
    lines = {scope.line: Line(stated={status.value: said}) for scope, status in words.items() if scope.is_sound}
    return _heard(consent, key, lines)


def report_words(consent: Consent, key: str, words: Mapping[Scope, Status], said: Said) -> Consent:
    """Hear what a shop says of its accounts. Returns the same object where nothing in it is news."""
    span = Span(said, said)
    lines = {
        scope.line: Line(reported={f"{status.value}/{said.at:%Y-%m}": span}) for scope, status in words.items() if scope.is_sound
    }
    return _heard(consent, key, lines)


def merge_consent(left: Consent, right: Consent) -> Consent:
    """The words of both, by identity key. Commutative, associative, idempotent, also in what it forgets."""
    if not left or not right:
        return left or right
    return {key: _lines(left.get(key, {}), right.get(key, {})) for key in {**left, **right}}


def _heard(consent: Consent, key: str, lines: Lines) -> Consent:
    known = consent.get(key, {})
    heard = _lines(known, lines)
    return consent if heard == known else {**consent, key: heard}


def _lines(left: Lines, right: Lines) -> Lines:
    """The lines of both. Of too many those stay that come first by name, the usual ones before all: that depends on no order."""
    joined = {**left, **{name: _joined(left[name], line) if name in left else line for name, line in right.items()}}
    if len(joined) <= MOST_LINES:
        return joined
    return {name: joined[name] for name in sorted(joined, key=_rank)[:MOST_LINES]}


def _rank(line: str) -> tuple[bool, str]:
    purpose, channel = scope_of(line)
    return purpose not in PURPOSES or channel not in CHANNELS, line


def _joined(left: Line, right: Line) -> Line:
    stated = {**left.stated, **{name: max(left.stated.get(name, said), said) for name, said in right.stated.items()}}
    spans = {**left.reported, **{name: _span(left.reported.get(name, span), span) for name, span in right.reported.items()}}
    return Line(stated, spans if len(spans) <= MOST_MONTHS else _kept(spans))


def _span(left: Span, right: Span) -> Span:
    return Span(min(left.first, right.first), max(left.last, right.last))


def _kept(spans: dict[str, Span]) -> dict[str, Span]:
    """Of each status the first month and the latest ones: that depends on no order."""
    kept: dict[str, Span] = {}
    for status in sorted({name.partition("/")[0] for name in spans}):
        months = sorted(name for name in spans if name.startswith(f"{status}/"))
        kept |= {name: spans[name] for name in {*months[:1], *months[1 - MOST_MONTHS :]}}
    return kept
