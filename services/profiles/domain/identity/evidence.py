"""What an identity key remembers of others: when they were named together, and which logins were declared to be the same person.

Of all events that name two keys together the first of each half-year counts: the first to link them, the later ones to try again where a
limit refused it. So an event that names keys which are known to belong together changes nothing. Memory is bounded by keeping what is
earliest, and what is earliest of a set does not depend on the order in which one hears of it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.profiles.domain.identity.kinds import is_login, kind_of

MOST_STAMPS = 4  # half-years for which two keys are remembered together
MOST_REMEMBERED = 150  # stamps of partners of one kind
MOST_VOUCHED = 50  # logins that were declared to be the same, and keys that an order was reported under as well


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """Where an event stands in the total order of events."""

    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Links:
    """By partner: the events that named it together with this key, earliest first; since when both are known to have reported one
    order; and the event that declared both to be one login.
    """

    met: dict[str, tuple[Stamp, ...]] = field(default_factory=dict)
    matched: dict[str, Stamp] = field(default_factory=dict)
    declared: dict[str, Stamp] = field(default_factory=dict)

    @property
    def evidence(self) -> dict[str, tuple[Stamp, ...]]:
        """By partner all moments at which both were found together, earliest first."""
        by_orders = {other: tuple(sorted({*self.met.get(other, ()), stamp})) for other, stamp in self.matched.items()}
        return {**self.met, **by_orders}


def meet(links: Links, key: str, named: Iterable[str], stamp: Stamp) -> Links:
    """Hear an event that names `key` together with others. Returns the same object where that says nothing new."""
    met = links.met
    for other in named:
        if other != key:
            met = _remember(met, other, stamp)
    return links if met is links.met else replace(links, met=met)


def declare(links: Links, key: str, pair: tuple[str, str], stamp: Stamp) -> Links:
    """Hear that the keys (previous, current) are one person. Of logins that says more than being named together."""
    if key not in pair or pair[0] == pair[1] or not all(is_login(one) for one in pair):
        return links
    other = pair[1] if key == pair[0] else pair[0]
    declared = _earliest(links.declared, other, stamp)
    return links if declared is links.declared else replace(links, declared=declared)


def match(links: Links, key: str, named: Iterable[str], stamp: Stamp) -> Links:
    """Hear that an order was reported under `key` and others. Of all orders of two keys the earliest match counts."""
    matched = links.matched
    for other in named:
        if other != key:
            matched = _earliest(matched, other, stamp)
    return links if matched is links.matched else replace(links, matched=matched)


def partners(links: Links) -> set[str]:
    """Every key that was ever tied to this one."""
    return {*links.met, *links.matched, *links.declared}


def without(links: Links, keys: Collection[str]) -> Links:
    """What is left when some partners are forgotten."""
    return Links(
        {other: stamps for other, stamps in links.met.items() if other not in keys},
        {other: stamp for other, stamp in links.matched.items() if other not in keys},
        {other: stamp for other, stamp in links.declared.items() if other not in keys},
    )


def first_heard(links: Links) -> Stamp | None:
    """The earliest event that tied the key to another."""
    stamps = (stamps[0] for stamps in links.met.values())
    return min([*stamps, *links.matched.values(), *links.declared.values()], default=None)


def _earliest(known: dict[str, Stamp], other: str, stamp: Stamp) -> dict[str, Stamp]:
    """The first stamp of each partner, of the partners whose first is earliest."""
    if other in known and known[other] <= stamp:
        return known
    firsts = {**known, other: stamp}
    kept = sorted(firsts, key=lambda one: (firsts[one], one))[:MOST_VOUCHED]
    bounded = {one: firsts[one] for one in kept}
    return known if bounded == known else bounded


def _remember(met: dict[str, tuple[Stamp, ...]], other: str, stamp: Stamp) -> dict[str, tuple[Stamp, ...]]:
    known = met.get(other, ())
    stamps = _firsts(known, stamp)
    if stamps == known:
        return met
    return _bounded({**met, other: stamps}, kind_of(other), met)


def _firsts(known: tuple[Stamp, ...], stamp: Stamp) -> tuple[Stamp, ...]:
    """The first stamp of each half-year, of the earliest half-years."""
    same = next((one for one in known if _half(one) == _half(stamp)), None)
    if same is not None and same <= stamp:
        return known
    return tuple(sorted([*(one for one in known if one is not same), stamp])[:MOST_STAMPS])


def _half(stamp: Stamp) -> tuple[int, bool]:
    return stamp.at.year, stamp.at.month > 6


def _bounded(met: dict[str, tuple[Stamp, ...]], kind: str, before: dict[str, tuple[Stamp, ...]]) -> dict[str, tuple[Stamp, ...]]:
    """Forget what is latest of a kind beyond what is remembered."""
    of_kind = [(stamp, other) for other, stamps in met.items() if kind_of(other) == kind for stamp in stamps]
    if len(of_kind) <= MOST_REMEMBERED:
        return met
    kept = _by_partner(sorted(of_kind)[:MOST_REMEMBERED])
    bounded = {other: stamps for other, stamps in met.items() if kind_of(other) != kind}
    bounded |= {other: tuple(stamps) for other, stamps in kept.items()}
    return before if bounded == before else bounded


def _by_partner(stamped: Iterable[tuple[Stamp, str]]) -> dict[str, list[Stamp]]:
    found: dict[str, list[Stamp]] = {}
    for stamp, other in stamped:
        found.setdefault(other, []).append(stamp)
    return found
