"""Who is who: which identity keys are one customer, as a function of the set of claims that were heard.

An event that names several keys claims that they belong together. Believing every claim would melt families that share a tablet, and
everyone who ever paid at one till, into one customer. So a key is *owned* by at most one stronger key:

- kinds are ranked: a login, then an e-mail address, a phone number, any other key, and last a device;
- a key belongs to the strongest kind that claimed it, and among claims of that kind to the earliest, by time and then event id;
- logins are owned by nobody. They are joined only where a shop says outright that they are one person (`identity_aliased`).

Hence two logins on one device, or with one e-mail address, stay two customers, and the device goes with the first. Each key keeps only
the one claim that counts, which is a minimum over a total order: any order and any repetition of events leaves the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

_RANKS: Mapping[str, int] = {"user": 0, "email": 1, "phone": 2, "anon": 4}
_LOGIN, _OTHER, _DEVICE = 0, 3, 4


@dataclass(frozen=True, slots=True)
class Claim:
    """Another key that named this one as its own, in an event of that time and id."""

    key: str
    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Links:
    """What ties one identity key to others: the claim that counts, and the logins that it was declared to be the same as."""

    owner: Claim | None = None
    joined: tuple[str, ...] = ()


def rank(key: str) -> int:
    """How strongly a key stands for one person; 0 is strongest."""
    return _RANKS.get(key.partition(":")[0], _OTHER)


def is_device(key: str) -> bool:
    """Whether the key stands for a visitor who has not said who they are."""
    return rank(key) == _DEVICE


def by_strength(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys, strongest first, then by text."""
    return tuple(sorted(keys, key=lambda key: (rank(key), key)))


def claimed(links: Links, key: str, named: Iterable[str], at: datetime, event_id: str) -> Links:
    """Hear an event that names `key` together with others. Returns the same object where that changes nothing."""
    return _strongest(links, [Claim(other, at, event_id) for other in named if rank(other) < rank(key)])


def aliased(links: Links, key: str, pair: tuple[str, str], at: datetime, event_id: str) -> Links:
    """Hear that the keys (`previous`, `current`) are one person.

    Two logins become one customer. Of two other keys of one kind the previous one belongs to the current one, unless something
    stronger claims it. Keys of different kinds are no special case: the stronger one claims the weaker as in any event.
    """
    previous, current = pair
    if previous == current or rank(previous) != rank(current) or key not in pair:
        return links
    if rank(key) == _LOGIN:
        joined = tuple(sorted({*links.joined, current if key == previous else previous}))
        return links if joined == links.joined else replace(links, joined=joined)
    return _strongest(links, [Claim(current, at, event_id)]) if key == previous else links


def groups(links: Mapping[str, Links]) -> list[frozenset[str]]:
    """The customers among these keys: those that are connected by ownership and by joined logins."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for key, tied in links.items():
        for other in [*tied.joined, *([tied.owner.key] if tied.owner else [])]:
            if other in links:
                neighbours[key].add(other)
                neighbours[other].add(key)
    found: list[frozenset[str]] = []
    left = set(links)
    while left:
        group = _reachable(left.pop(), neighbours)
        left -= group
        found.append(group)
    return found


def _reachable(start: str, neighbours: Mapping[str, set[str]]) -> frozenset[str]:
    group, ahead = {start}, [start]
    while ahead:
        new = neighbours.get(ahead.pop(), set()) - group
        group |= new
        ahead.extend(new)
    return frozenset(group)


def _strongest(links: Links, heard: list[Claim]) -> Links:
    claims = [links.owner, *heard] if links.owner else heard
    if not claims:
        return links
    owner = min(claims, key=lambda claim: (rank(claim.key), claim.at, claim.event_id, claim.key))
    return links if owner == links.owner else replace(links, owner=owner)
