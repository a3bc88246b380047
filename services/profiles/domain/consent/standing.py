"""What holds because of all words: a function of the words, the shop's rules and the time, and of nothing else.

Each identity key stands by itself: its latest effective word on a purpose and channel decides for it, and among the keys of a customer
the one whose word is the latest. So whoever keeps the latest word of each key has the right answer after every merge and split.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from services.profiles.domain.consent.rules import ALL, ConsentRules
from services.profiles.domain.consent.words import MOST_MONTHS, Consent, Line, Said, Scope, Span, Status, scope_of

AFTER = "+"  # behind an event id: right after that event
_PENDING, _GRANTS, _REFUSALS = Status.PENDING.value, f"{Status.GRANTED.value}/", f"{Status.DENIED.value}/"
_stamp = attrgetter("stamp")
Word = tuple[Said, Status]


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds for an identity key since the word `word_id`, by which it is told from others of the same moment."""

    scope: Scope
    status: Status
    at: datetime
    word_id: str
    identity_key: str
    backfill: bool = False

    @property
    def stamp(self) -> tuple[datetime, str, bool]:
        """Of two words of one event, which should not be, the one that forbids goes before."""
        return self.at, self.word_id, self.status is not Status.GRANTED

    @property
    def allows(self) -> bool:
        return self.status is Status.GRANTED


@dataclass(frozen=True, slots=True)
class Request:
    """A grant that waits to be confirmed before `expires_at`."""

    scope: Scope
    at: datetime
    request_id: str
    identity_key: str
    expires_at: datetime
    backfill: bool = False

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.request_id

    @property
    def id(self) -> str:
        """What tells it from all others: an event may state several words."""
        return f"{self.request_id}/{self.scope.line}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a customer stands: what holds by identity key, what holds for all keys together, and what waits for confirmation."""

    by_key: tuple[Holding, ...] = ()
    overall: Mapping[Scope, Holding] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()

    def open_requests(self, now: datetime) -> list[Request]:
        return [one for one in self.requests if now < one.expires_at]


def standing(consent: Consent, rules: ConsentRules) -> Standing:
    """How a customer of these words stands under these rules."""
    holdings: list[Holding] = []
    asked: dict[Scope, Request] = {}
    for key, lines in sorted(consent.items()):
        read = {name: _read(line, scope_of(name), rules) for name, line in lines.items()}
        holdings += _holdings(key, {name: word for name, (word, _) in read.items() if word}, rules)
        for name, (_, said) in read.items():
            if said:
                scope = scope_of(name)
                request = Request(scope, said.at, said.event_id, key, said.at + rules.opt_in_hold, said.backfill)
                asked[scope] = max(asked.get(scope, request), request, key=_stamp)
    overall: dict[Scope, Holding] = {}
    for holding in holdings:
        overall[holding.scope] = max(overall.get(holding.scope, holding), holding, key=_stamp)
    waiting = tuple(one for scope, one in sorted(asked.items()) if _still_asks(one, overall.get(scope)))
    return Standing(tuple(holdings), overall, waiting)


def _still_asks(request: Request, held: Holding | None) -> bool:
    """Nothing is asked of those who granted already, and whoever refused after asking withdrew the request as well."""
    return held is None or (not held.allows and held.stamp[:2] < request.stamp)


def _holdings(key: str, effective: Mapping[str, Word], rules: ConsentRules) -> Iterator[Holding]:
    """What holds for a key: on each purpose and channel its latest effective word, also of those about all purposes or channels."""
    general = any(ALL in scope_of(name) for name in effective)
    for scope in sorted(_scopes(effective, rules) if general else map(scope_of, effective)):
        names = _about(scope, rules) if general else (scope.line,)
        said, status = max((effective[name] for name in names if name in effective), key=_later)
        yield Holding(scope, status, said.at, said.event_id, key, said.backfill)


def _later(word: Word) -> tuple[datetime, str, bool]:
    said, status = word
    return said.at, said.event_id, status is not Status.GRANTED


def _scopes(lines: Iterable[str], rules: ConsentRules) -> set[Scope]:
    """What the words of these lines are about, where they say `all` everything that this stands for."""
    found: set[Scope] = set()
    for name in lines:
        said = scope_of(name)
        purposes = [one for one in rules.purposes if one.needs_consent] if said.purpose == ALL else [rules.purpose(said.purpose)]
        for purpose in purposes:
            wanted = rules.channels_of(purpose) if said.channel == ALL else (said.channel,)
            if said.purpose != ALL or purpose.by_channel or said.channel == ALL:
                found |= {Scope(purpose.id, channel) for channel in wanted}
    return found


def _about(scope: Scope, rules: ConsentRules) -> Sequence[str]:
    """The lines whose words decide. What needs no consent is refused by its name only: an order is still confirmed by mail."""
    named = [Scope(scope.purpose, scope.channel).line, Scope(scope.purpose, ALL).line]
    general = [Scope(ALL, scope.channel).line, Scope(ALL, ALL).line]
    return list(dict.fromkeys([*named, *general] if rules.purpose(scope.purpose).needs_consent else named))


def _read(line: Line, scope: Scope, rules: ConsentRules) -> tuple[Word | None, Said | None]:
    """The latest word of a line that counts, and the latest that waits to be confirmed."""
    stated = [(said, Status(status)) for status, said in line.stated.items() if status != _PENDING]
    reported, waiting = _reported(line.reported, scope.channel, rules) if line.reported else (None, None)
    asked = [said for said in (line.stated.get(_PENDING), waiting) if said]
    counted = [*stated, reported] if reported else stated
    return max(counted, key=_later, default=None), max(asked, default=None)


def _reported(reported: Mapping[str, Span], channel: str, rules: ConsentRules) -> tuple[Word | None, Said | None]:
    """What the reports of a line come to, and the grant among them that waits to be confirmed.

    While that waits, what was reported before it holds. Imported history was confirmed, or not, where it comes from.
    """
    grants, refusals = _of(reported, _GRANTS), _of(reported, _REFUSALS)
    contrary = max((span.last for span in refusals), default=None)
    if not grants or (contrary and contrary.stamp > max(span.last for span in grants).stamp):
        return _run(refusals, grants, Status.DENIED), None
    since = _begin(grants, contrary, Status.GRANTED)
    heard = max(since, _month(grants, contrary)[1].first)  # where months are forgotten, better ask once more than never
    if since.backfill or not rules.must_be_confirmed(channel, heard.at):
        return (since, Status.GRANTED), None
    return _run(refusals, _until(grants, contrary), Status.DENIED), since


def _until(spans: Sequence[Span], end: Said | None) -> list[Span]:
    """What was reported before `end`, of its own month at least the first."""
    before = [span for span in spans if end and span.first.stamp < end.stamp]
    return [span if end and span.last.stamp < end.stamp else Span(span.first, span.first) for span in before]


def _of(reported: Mapping[str, Span], beginning: str) -> list[Span]:
    return [reported[name] for name in sorted(reported) if name.startswith(beginning)]


def _run(spans: Sequence[Span], others: Sequence[Span], status: Status) -> Word | None:
    contrary = max((span.last for span in others), default=None)
    return (_begin(spans, contrary, status), status) if spans else None


def _begin(spans: Sequence[Span], contrary: Said | None, status: Status) -> Said:
    """Since when it is reported, after the last report to the contrary.

    Where a month has both, or months were forgotten, so that it is not known which report came first after that, a grant counts from
    the earliest moment that it can be, a refusal from the latest: what was said in between goes before a grant, not before a refusal.
    """
    place, month = _month(spans, contrary)
    forgotten = place == 1 and len(spans) == MOST_MONTHS  # between the first month and the latest ones there may have been others
    if contrary is None or (month.first.stamp > contrary.stamp and not (forgotten and status is Status.GRANTED)):
        return month.first
    return month.last if status is Status.DENIED else Said(contrary.at, contrary.event_id + AFTER, month.last.backfill)


def _month(spans: Sequence[Span], contrary: Said | None) -> tuple[int, Span]:
    """The first month with a report after the last one to the contrary, and its place among those that are kept."""
    return next((place, span) for place, span in enumerate(spans) if contrary is None or span.last.stamp > contrary.stamp)
