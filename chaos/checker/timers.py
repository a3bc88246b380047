"""Timers: fired, disarmed or pending, never twice, never early; and how late they were."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chaos.checker.evidence import Finding, Observed, Timer
from chaos.checker.findings import named
from chaos.ledger import Kind, Record

FIRED, PENDING = "fired", "pending"
_ABANDONED = "cart_abandoned"
_DUE_AGAIN = "replenishment_due"


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late timers fired, in seconds after they were due and known: how many, the middle one, the 99th of a hundred, the last."""

    timers: int = 0
    p50: float = 0.0
    p99: float = 0.0
    most: float = 0.0


def check_timers(record: Record, observed: Observed) -> Iterator[Finding]:
    """Of every cart that was left and not bought there is one reminder, and of one that was bought none is pending."""
    early = [timer.key for timer in observed.timers if timer.fired_at is not None and timer.fired_at < timer.due]
    yield from named("timer fired early", early)
    firings = Counter((timer.kind, timer.key) for timer in observed.timers if timer.state == FIRED)
    yield from named("timer fired twice", [key for (_, key), times in firings.items() if times > 1])
    strange = [timer.key for timer in observed.timers if timer.state not in (FIRED, PENDING)]
    yield from named("timer set aside", strange)
    yield from _check_carts(record, observed)
    yield from _check_consumables(record, observed)


def lateness(record: Record, timers: Sequence[Timer]) -> Lateness:
    """How late the timers of carts and consumables fired, leaving out those whose fact came after they were due."""
    late = sorted(
        (timer.fired_at - timer.due).total_seconds()
        for timer in timers
        if timer.fired_at is not None and timer.fact in record.accepted and record.accepted[timer.fact] < timer.due
    )
    if not late:
        return Lateness()
    return Lateness(len(late), late[len(late) // 2], late[int(len(late) * 0.99)], late[-1])


def bought(record: Record, observed: Observed) -> set[str]:
    """Ids of carts that an order closed."""
    orders = (record.attempted[fact] for fact in observed.archived & record.attempted.keys())
    return {fact.about for fact in orders if fact.kind is Kind.ORDER and fact.about}


def _check_carts(record: Record, observed: Observed) -> Iterator[Finding]:
    arrived = observed.archived & record.attempted.keys()
    carts = {fact for fact in arrived if record.attempted[fact].kind is Kind.CART}
    left = carts - bought(record, observed)
    fired = {timer.fact for timer in observed.timers if timer.kind == "cart_idle" and timer.state == FIRED}
    pending = {timer.fact for timer in observed.timers if timer.kind == "cart_idle" and timer.state == PENDING}
    announced = {said.about for said in observed.announced if said.name.endswith(_ABANDONED)}
    yield from named("cart without its reminder", left - fired)
    yield from named("reminder not announced", left & fired - announced)
    yield from named("reminder of no cart", (fired | announced) - carts)
    yield from named("cart bought and its timer pending", pending & (carts - left))


def _check_consumables(record: Record, observed: Observed) -> Iterator[Finding]:
    arrived = [record.attempted[fact] for fact in observed.archived & record.attempted.keys()]
    expected = Counter({fact.id: fact.lines for fact in arrived if fact.lines > 1})
    fired = Counter(timer.fact for timer in observed.timers if timer.kind == "replenishment" and timer.state == FIRED)
    announced = Counter(said.about.partition("/")[0] for said in observed.announced if said.name.endswith(_DUE_AGAIN))
    yield from named("consumables without their reminders", (expected - fired).keys())
    yield from named("reminders of no consumables", (fired - expected).keys())
    if announced.total() or expected.total():
        yield from named("reminder of consumables not announced", (expected - announced).keys())
