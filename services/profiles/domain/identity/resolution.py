"""Customers out of what keys remember of one another: the same for any order in which it was heard, since all of it is weighed anew.

1. Each key has room for as many partners of a kind as a customer may have keys of it, those first who came first. Two keys *link* where
   each has room for the other. So whatever thousands share, such as a device at a till, links a few of them and connects no crowd.
2. Events are weighed in the order in which they happened. Of those that link, an event takes its keys by priority, and each joins the
   customer of those before it. One that would break a rule is dropped, and the next is tried: so it is the weakest keys that go, and a
   second login on a device switches to another customer instead of melting two.
3. Two customers that a person merged, or logins that a shop declared to be one, are joined at that moment whatever limits say. Whom a
   person keeps apart never are.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.profiles.domain.identity.decisions import Decision, Verdicts
from services.profiles.domain.identity.evidence import Links, Stamp, first_heard
from services.profiles.domain.identity.kinds import kind_of, rank
from services.profiles.domain.identity.refusals import Broken, Refusal, Rule, bounded
from services.profiles.domain.identity.rules import IdentityRules

_NEVER = Stamp(datetime.max.replace(tzinfo=UTC), "")


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one key knows of its belonging."""

    links: Links = field(default_factory=Links)
    verdicts: Verdicts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Whose a key is: the key that its customer is named after, and the links that were refused to it."""

    name: str
    refused: tuple[Refusal, ...] = ()


def neighbours(key: str, evidence: Evidence, rules: IdentityRules) -> set[str]:
    """The keys with which this one may be one customer, as far as it knows itself."""
    merged = {verdict.other(key) for verdict in evidence.verdicts.values() if verdict.decision is Decision.MERGE}
    return merged | evidence.links.declared.keys() | room(key, evidence.links, rules).keys()


def room(key: str, links: Links, rules: IdentityRules) -> dict[str, Stamp]:
    """The partners that a key has room for, each with the event by which it was let in."""
    if rules.blocks(key):
        return {}
    let_in: dict[str, Stamp] = {}
    times: dict[str, list[datetime]] = defaultdict(list)
    partners = {other: stamps for other, stamps in links.evidence.items() if not rules.blocks(other)}
    for stamp, other in sorted((stamp, other) for other, stamps in partners.items() for stamp in stamps):
        kind = kind_of(other)
        if other not in let_in and rules.limit(kind).has_room(times[kind], stamp.at, own=kind == kind_of(key)):
            let_in[other] = stamp
            times[kind].append(stamp.at)
    return let_in


def resolve(evidence: Mapping[str, Evidence], rules: IdentityRules) -> dict[str, Resolved]:
    """The customers among these keys. A key is rightly judged if all that it links with are among them."""
    return _Resolution(evidence, rules).outcome()


@dataclass(slots=True)
class _Group:
    """Keys found to be one customer, each with the time when it was linked; None for a key on its own."""

    keys: dict[str, datetime | None]

    def times(self, kind: str, now: datetime) -> list[datetime]:
        return [linked or now for key, linked in self.keys.items() if kind_of(key) == kind]


class _Resolution:
    """One run over the evidence of connected keys."""

    def __init__(self, evidence: Mapping[str, Evidence], rules: IdentityRules) -> None:
        self._evidence, self._rules = evidence, rules
        self._groups = {key: _Group({key: None}) for key in evidence}
        self._room = {key: room(key, one.links, rules) for key, one in evidence.items()}
        self._apart: dict[str, set[str]] = defaultdict(set)
        self._refused: dict[str, list[Refusal]] = defaultdict(list)

    def outcome(self) -> dict[str, Resolved]:
        self._keep_apart()
        named = self._named()
        vouched = self._vouched()
        for stamp in sorted(named.keys() | vouched.keys()):
            self._join_vouched(stamp, vouched.get(stamp, ()))
            self._weigh(stamp, named.get(stamp, ()))
        self._note_lack_of_room()
        names = {id(group): self._name(group) for group in self._groups.values()}
        return {key: Resolved(names[id(group)], self._refusals(key)) for key, group in self._groups.items()}

    def _keep_apart(self) -> None:
        for left, right in self._decided(Decision.KEEP_APART).values():
            self._apart[left].add(right)
            self._apart[right].add(left)

    def _decided(self, decision: Decision) -> dict[str, tuple[str, str]]:
        """Pairs of keys, by name, of which this was decided last."""
        verdicts = {pair: verdict for one in self._evidence.values() for pair, verdict in one.verdicts.items()}
        return {pair: verdict.identity_keys for pair, verdict in verdicts.items() if verdict.decision is decision}

    def _vouched(self) -> dict[Stamp, list[tuple[str, str]]]:
        """Pairs of keys that somebody vouches for: people who merged them, shops that declared two logins the same."""
        found: dict[Stamp, list[tuple[str, str]]] = defaultdict(list)
        merged = self._decided(Decision.MERGE)
        for key, one in self._evidence.items():
            for pair in one.verdicts.keys() & merged.keys():
                if merged[pair][0] == key and merged[pair][1] in self._evidence:
                    found[Stamp(*one.verdicts[pair].stamp)].append(merged[pair])
            for other, stamp in one.links.declared.items():
                if key < other and self._declares(other, key):
                    found[stamp].append((key, other))
        return found

    def _declares(self, key: str, other: str) -> bool:
        if self._rules.blocks(key) or self._rules.blocks(other) or key not in self._evidence:
            return False
        return other in self._evidence[key].links.declared

    def _join_vouched(self, stamp: Stamp, pairs: Sequence[tuple[str, str]]) -> None:
        """Limits do not count, but what is kept apart stays apart."""
        for left, right in sorted(pairs):
            if self._are_apart(left, right):
                kept, dropped = sorted((left, right), key=self._rules.priority)
                self._refuse(Broken(Rule.KEPT_APART), dropped, kept, stamp)
            else:
                self._join(left, right, stamp.at)

    def _named(self) -> dict[Stamp, list[tuple[str, str]]]:
        """The pairs of keys that events link, by event."""
        found: dict[Stamp, list[tuple[str, str]]] = defaultdict(list)
        for key, other, stamps in self._pairs():
            since = self._linked(key, other) if key < other else _NEVER
            for stamp in stamps:
                if since <= stamp:
                    found[stamp].append((key, other))
        return found

    def _pairs(self) -> Iterator[tuple[str, str, tuple[Stamp, ...]]]:
        for key, one in self._evidence.items():
            for other, stamps in one.links.evidence.items():
                yield key, other, stamps

    def _linked(self, key: str, other: str) -> Stamp:
        """The event by which each of two keys had room for the other."""
        return max(self._room[key].get(other, _NEVER), self._room.get(other, {}).get(key, _NEVER))

    def _weigh(self, stamp: Stamp, pairs: Sequence[tuple[str, str]]) -> None:
        linked: dict[str, set[str]] = defaultdict(set)
        for left, right in pairs:
            linked[left].add(right)
            linked[right].add(left)
        kept: list[str] = []
        for key in sorted(linked, key=self._rules.priority):
            partner = next((one for one in kept if one in linked[key]), None)
            broken = self._broken_by(partner, key, stamp.at) if partner else None
            if broken and partner:
                self._refuse(broken, key, partner, stamp)
                continue
            if partner:
                self._join(partner, key, stamp.at)
            if partner or not kept:
                kept.append(key)

    def _broken_by(self, left: str, right: str, now: datetime) -> Broken | None:
        """The rule that forbids the customers of two keys to be one."""
        one, other = self._groups[left], self._groups[right]
        if one is other:
            return None
        if self._are_apart(left, right):
            return Broken(Rule.KEPT_APART)
        for kind in sorted({kind_of(key) for key in one.keys} & {kind_of(key) for key in other.keys}):
            if not self._rules.limit(kind).allows(one.times(kind, now), other.times(kind, now)):
                return Broken(Rule.TOO_MANY_OF_KIND, kind)
        if len(one.keys) + len(other.keys) > self._rules.keys_per_customer:
            return Broken(Rule.TOO_MANY_KEYS)
        return None

    def _are_apart(self, left: str, right: str) -> bool:
        if not self._apart:
            return False
        other = self._groups[right].keys
        return any(not self._apart[key].isdisjoint(other) for key in self._groups[left].keys if key in self._apart)

    def _join(self, left: str, right: str, now: datetime) -> None:
        one, other = self._groups[left], self._groups[right]
        if one is not other:
            one.keys = {key: linked or now for key, linked in {**one.keys, **other.keys}.items()}
            for key in other.keys:
                self._groups[key] = one

    def _note_lack_of_room(self) -> None:
        """Pairs of which one had no room for the other: the one that comes later in priority was refused."""
        for key, other, stamps in self._pairs():
            if self._rules.priority(other) < self._rules.priority(key):
                full = self._without_room(key, other)
                if full:
                    self._refuse(Broken(Rule.TOO_MANY_OF_KIND, full), key, other, stamps[0])

    def _without_room(self, key: str, other: str) -> str | None:
        """The kind of which one of two keys has too many for the other."""
        if self._rules.blocks(key) or self._rules.blocks(other):
            return None
        if other not in self._room[key]:
            return kind_of(other)
        return kind_of(key) if other in self._room and key not in self._room[other] else None

    def _refuse(self, broken: Broken, key: str, kept: str, stamp: Stamp) -> None:
        self._refused[key].append(Refusal(broken.rule, broken.kind, key, kept, stamp.at, stamp.event_id))

    def _refusals(self, key: str) -> tuple[Refusal, ...]:
        """What was refused to a key and still is, of each event the strongest that it was refused."""
        group = self._groups[key].keys
        standing = [refusal for refusal in self._refused.get(key, ()) if refusal.kept_key not in group]
        standing.sort(key=lambda refusal: self._rules.priority(refusal.kept_key), reverse=True)
        return bounded({(refusal.at, refusal.event_id): refusal for refusal in standing}.values())

    def _name(self, group: _Group) -> str:
        def first(key: str) -> tuple[float, Stamp, str]:
            return rank(key), first_heard(self._evidence[key].links) or _NEVER, key

        return min(group.keys, key=first)
