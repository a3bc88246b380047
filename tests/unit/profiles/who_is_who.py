"""The rules of identity once more, written for clarity and for no other purpose: over all events at once, without any index or cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from services.profiles.domain.identity.kinds import kind_of
from services.profiles.domain.identity.rules import IdentityRules
from shared.envelope import Event

HALF_YEARS = 4
Stamp = tuple[datetime, str]
Pair = frozenset[str]


@dataclass
class WhoIsWho:
    """The customers as sets of keys, and (key, key it was to join) of what was refused."""

    customers: set[frozenset[str]] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)


Customer = dict[str, datetime | None]  # keys with the time when each was linked


class Town:
    """Customers while they are being found out."""

    def __init__(self, keys: Iterable[str], apart: Iterable[Pair]) -> None:
        self.customers: list[Customer] = [{key: None} for key in keys]
        self.apart = list(apart)
        self.refused: list[tuple[Stamp, str, str]] = []

    def home(self, key: str) -> Customer:
        return next(customer for customer in self.customers if key in customer)

    def join(self, left: str, right: str, at: datetime) -> None:
        one, other = self.home(left), self.home(right)
        if one is not other:
            self.customers = [customer for customer in self.customers if customer is not other]
            one.update(other)
            one.update({key: linked or at for key, linked in one.items()})

    def kept_apart(self, left: str, right: str) -> bool:
        one, other = self.home(left), self.home(right)
        return one is not other and any(pair <= {*one, *other} for pair in self.apart)


def who_is_who(story: Iterable[Event], rules: IdentityRules) -> WhoIsWho:
    """What follows from a story, whatever the order in which it is told."""
    events = sorted(set(story), key=lambda one: (one.time, one.id))
    together = sightings(events, rules)
    room = {key: takes(key, together, rules) for key in all_keys(events)}
    linking = {pair: stamps for pair, stamps in together.items() if all(pair - {key} <= room[key].keys() for key in pair)}
    decided = verdicts(events)
    town = Town(all_keys(events), [pair for pair, decision in decided.items() if decision == "keep_apart"])
    joined = vouched(events, decided, rules)
    for stamp in sorted({stamp for stamps in [*linking.values(), joined] for stamp in stamps}):
        for left, right in sorted(joined.get(stamp, [])):
            if town.kept_apart(left, right):
                town.refused.append((stamp, *by_priority((left, right), rules)))
            else:
                town.join(left, right, stamp[0])
        hear(town, stamp, [pair for pair in linking if happens(pair, stamp, linking[pair], room)], rules)
    town.refused += [(stamps[0], *by_priority(pair, rules)) for pair, stamps in together.items() if pair not in linking]
    standing = [refused for refused in town.refused if town.home(refused[1]) is not town.home(refused[2])]
    strongest: dict[tuple[Stamp, str], str] = {}
    for stamp, key, kept in standing:
        strongest[stamp, key] = min(strongest.get((stamp, key), kept), kept, key=rules.priority)
    return WhoIsWho({frozenset(one) for one in town.customers}, {(key, kept) for (_, key), kept in strongest.items()})


def by_priority(pair: Iterable[str], rules: IdentityRules) -> tuple[str, str]:
    """The key that is dropped, and the key that is kept."""
    kept, dropped = sorted(pair, key=rules.priority)
    return dropped, kept


def happens(pair: Pair, stamp: Stamp, stamps: Sequence[Stamp], room: dict[str, dict[str, Stamp]]) -> bool:
    """Whether an event names two keys that have room for each other by then."""
    left, right = pair
    return stamp in stamps and stamp >= room[left][right] and stamp >= room[right][left]


def hear(town: Town, stamp: Stamp, pairs: Sequence[Pair], rules: IdentityRules) -> None:
    """One event: its keys by priority, each joining the customer of those before it, or dropped."""
    kept: list[str] = []
    for key in sorted({key for pair in pairs for key in pair}, key=rules.priority):
        partners = [one for one in kept if frozenset((one, key)) in pairs]
        if kept and not partners:
            continue
        if partners:
            partner = partners[0]
            if town.kept_apart(partner, key) or too_many(town.home(partner), town.home(key), stamp[0], rules):
                town.refused.append((stamp, key, partner))
                continue
            town.join(partner, key, stamp[0])
        kept.append(key)


def all_keys(events: Sequence[Event]) -> list[str]:
    return sorted({key for one in events for key in [one.subject, *one.data().get("identity_keys", [])]})


def sightings(events: Sequence[Event], rules: IdentityRules) -> dict[Pair, list[Stamp]]:
    """When two keys were found together: the first time in each half-year, of the first few, and the first time by an order."""
    found: dict[Pair, list[Stamp]] = {}
    by_orders: dict[Pair, Stamp] = {}
    for one in events:
        if one.name == "order_matched":
            pair, stamp = frozenset(one.data()["identity_keys"]), (one.time, f"order:{one.data()['order_id']}")
            by_orders[pair] = min(by_orders.get(pair, stamp), stamp)
        if one.source != "shop":
            continue
        for left, right in combinations(sorted(set(one.data()["identity_keys"])), 2):
            stamps = found.setdefault(frozenset((left, right)), [])
            halves = [(at.year, at.month > 6) for at, _ in stamps]
            if (one.time.year, one.time.month > 6) not in halves and len(stamps) < HALF_YEARS:
                stamps.append((one.time, one.id))
    for pair, stamp in by_orders.items():
        found[pair] = sorted({*found.get(pair, []), stamp})
    return {pair: stamps for pair, stamps in found.items() if not any(rules.blocks(key) for key in pair)}


def takes(key: str, together: dict[Pair, list[Stamp]], rules: IdentityRules) -> dict[str, Stamp]:
    """The partners that a key has room for, and since when."""
    seen = sorted(
        (stamp, other) for pair, stamps in together.items() if key in pair for stamp in stamps for other in pair - {key}
    )
    room: dict[str, Stamp] = {}
    for stamp, other in seen:
        times = [at for one, (at, _) in room.items() if kind_of(one) == kind_of(other)]
        if kind_of(other) == kind_of(key):
            times.append(stamp[0])
        if other not in room and not exceeds(times, [stamp[0]], kind_of(other), rules):
            room[other] = stamp
    return room


def exceeds(one: Sequence[datetime], other: Sequence[datetime], kind: str, rules: IdentityRules) -> bool:
    """Whether in some span of time in which both sides have keys of a kind there are more than may be."""
    limit = rules.limit(kind)
    span = timedelta(days=limit.within_days or 100_000)
    for start in (*one, *other):
        ours = [at for at in one if start <= at < start + span]
        theirs = [at for at in other if start <= at < start + span]
        if ours and theirs and len(ours) + len(theirs) > limit.most:
            return True
    return False


def too_many(one: Customer, other: Customer, now: datetime, rules: IdentityRules) -> bool:
    if one is other:
        return False
    if len(one) + len(other) > rules.keys_per_customer:
        return True
    for kind in {kind_of(key) for key in one} & {kind_of(key) for key in other}:
        ours, theirs = ([linked or now for key, linked in each.items() if kind_of(key) == kind] for each in (one, other))
        if exceeds(ours, theirs, kind, rules):
            return True
    return False


def verdicts(events: Sequence[Event]) -> dict[Pair, Any]:
    """The latest decision about each pair."""
    found: dict[Pair, Any] = {}
    for one in events:
        if one.name == "identity_decided":
            data = one.data()
            found |= {frozenset((a, b)): (data["decision"], one) for a in data["left"] for b in data["right"] if a != b}
    return {pair: decision for pair, (decision, _) in found.items()}


def vouched(events: Sequence[Event], decided: dict[Pair, Any], rules: IdentityRules) -> dict[Stamp, list[tuple[str, str]]]:
    """Pairs that people merged and did not part since, and logins that shops declared the same, by the event that said so."""
    found: dict[Stamp, list[tuple[str, str]]] = {}
    merged: dict[Pair, Stamp] = {}
    declared: set[Pair] = set()
    for one in events:
        data = one.data()
        if one.name == "identity_decided":
            merged |= {frozenset((a, b)): (one.time, one.id) for a in data["left"] for b in data["right"] if a != b}
        if one.name == "identity_aliased":
            pair = frozenset((data["previous"], data["current"]))
            if len(pair) == 2 and all(kind_of(key) == "user" and not rules.blocks(key) for key in pair) and pair not in declared:
                declared.add(pair)
                found.setdefault((one.time, one.id), []).append(as_two(pair))
    for pair, stamp in merged.items():
        if decided[pair] == "merge":
            found.setdefault(stamp, []).append(as_two(pair))
    return found


def as_two(pair: Pair) -> tuple[str, str]:
    left, right = sorted(pair)
    return left, right
