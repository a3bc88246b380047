"""Nothing lost, nothing twice, nothing made up: what each service holds against what the outside tried."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import xor

from chaos.checker.evidence import Finding, Held, Holding, Observed
from chaos.checker.findings import compared, named
from chaos.ledger import Fact, Kind, Record
from chaos.workload.shop import QUARTER


@dataclass(frozen=True, slots=True)
class Sums:
    """The algebra of a customer: how many facts, what they come to, and the exclusive or of their weights."""

    count: int
    amount: int
    weights: int


def check_facts(record: Record, observed: Observed) -> Iterator[Finding]:
    """Every rule about single facts, for the archive and for each service."""
    yield from named("lost by the archive", record.accepted.keys() - observed.archived)
    yield from named("made up by the archive", observed.archived - record.attempted.keys())
    for holding in observed.holdings:
        yield from _check_holding(record, observed.archived, holding)


def check_counters(record: Record, observed: Observed) -> Iterator[Finding]:
    """What is only ever added to: an event that counted twice shows here, whatever a table of seen ids may say."""
    parked = _parked_by(observed, "analytics")
    applied = [record.attempted[fact] for fact in sorted((observed.archived & record.attempted.keys()) - parked)]
    yield from compared("volume of events", _volumes(applied), observed.counters.volumes)
    orders, gross = _sales(applied)
    yield from compared("orders of a customer", orders, observed.counters.orders)
    yield from compared("revenue of a customer", gross, observed.counters.gross)


def check_announcements(observed: Observed) -> Iterator[Finding]:
    """Each thing is said once, however often it is delivered; and who counts what is said counts it once."""
    ids: dict[tuple[str, str], set[str]] = {}
    for said in observed.announced:
        ids.setdefault((said.name, said.about), set()).add(said.id)
    twice = [f"{name} about {about}" for (name, about), known in ids.items() if about and len(known) > 1]
    yield from named("announced twice", twice)
    said_once = Counter(name for said_id, name in {(said.id, said.name) for said in observed.announced})
    yield from compared("announcements counted by analytics", said_once, observed.counters.heard)


def check_residue(observed: Observed) -> Iterator[Finding]:
    """Nothing is left under way."""
    yield from named("queue not empty", (f"{name}: {left}" for name, left in observed.residue.queues.items() if left))
    yield from named("outbox not empty", (f"{name}: {left}" for name, left in observed.residue.outboxes.items() if left))
    if observed.residue.overdue:
        yield Finding("timer missed", f"{observed.residue.overdue} timers are due and pending")
    yield from named("rebuilt state differs", observed.differences)
    yield from named("process ended by itself or in disorder", observed.deaths)
    yield from check_done(observed.undone)


def check_done(undone: Iterable[str]) -> Iterator[Finding]:
    """Faults are done and healed in their time, and then the system comes to rest in its."""
    yield from named("part of the run not done", undone)


def recovered(record: Record, observed: Observed) -> int:
    """Facts that were applied although their answer was lost: allowed, and worth knowing."""
    return len(observed.archived - record.accepted.keys())


def tallies(record: Record, observed: Observed) -> dict[str, tuple[int, int]]:
    """For each service how many accepted facts it lost, and how often it applied one again; the latter also by its counters."""
    found = {}
    for holding in observed.holdings:
        known = Counter(held.fact for held in holding.held)
        concerned = {fact for fact in record.accepted if record.attempted[fact].kind in holding.kinds}
        found[holding.service] = (len(concerned - known.keys() - holding.parked), known.total() - len(known))
    if "analytics" in found:
        applied = (record.attempted[fact] for fact in observed.archived & record.attempted.keys())
        surplus = Counter(observed.counters.volumes) - _volumes(applied)
        found["analytics"] = (found["analytics"][0], found["analytics"][1] + surplus.total())
    return found


def _check_holding(record: Record, archived: frozenset[str], holding: Holding) -> Iterator[Finding]:
    known = Counter(held.fact for held in holding.held)
    concerned = {fact.id for fact in record.attempted.values() if fact.kind in holding.kinds}
    due = concerned & (record.accepted.keys() | archived)
    name = holding.service
    yield from named(f"lost by {name}", due - known.keys() - holding.parked)
    yield from named(f"made up by {name}", known.keys() - concerned)
    yield from named(f"twice in {name}", (fact for fact, count in known.items() if count > 1))
    yield from named(f"applied and parked by {name}", known.keys() & holding.parked)
    expected = [_as_held(record.attempted[fact]) for fact in due - holding.parked]
    yield from compared(f"sums of a customer in {name}", _sums(expected), _sums(holding.held))


def _as_held(fact: Fact) -> Held:
    return Held(fact.id, fact.customer, 0 if fact.kind is Kind.CART else fact.amount)


def _sums(held: Iterable[Held]) -> dict[str, Sums]:
    by_customer: dict[str, list[Held]] = {}
    for one in held:
        by_customer.setdefault(one.customer, []).append(one)
    return {
        customer: Sums(len(facts), sum(one.amount for one in facts), reduce(xor, (int(one.fact, 16) for one in facts)))
        for customer, facts in by_customer.items()
    }


def _volumes(facts: Iterable[Fact]) -> Counter[tuple[str, datetime]]:
    return Counter((fact.kind.value, quarter_of(fact.at)) for fact in facts)


def _sales(facts: Sequence[Fact]) -> tuple[dict[str, int], dict[str, int]]:
    """Orders and revenue by customer; cancelled orders and those of many products count in neither."""
    cancelled = {fact.about for fact in facts if fact.kind is Kind.CANCELLATION}
    orders, gross = Counter[str](), Counter[str]()
    for fact in facts:
        if fact.kind is Kind.ORDER and fact.id not in cancelled and fact.lines == 1:
            orders[fact.customer] += 1
            gross[fact.customer] += fact.amount
    return orders, gross


def quarter_of(at: datetime) -> datetime:
    """The start of the quarter of an hour that a moment lies in."""
    return at - (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) % QUARTER


def _parked_by(observed: Observed, service: str) -> frozenset[str]:
    return next((holding.parked for holding in observed.holdings if holding.service == service), frozenset())
