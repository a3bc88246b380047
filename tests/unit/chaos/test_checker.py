"""The checker held against histories made by hand: a clean one passes, and each that breaks a promise is refused for that promise."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.checker.evidence import Announced, Counters, Held, Holding, Observed, Residue, Timer
from chaos.checker.rules import recovered
from chaos.checker.timers import lateness
from chaos.checker.verdict import Colour, Verdict, judge
from chaos.ledger import Fact, Kind, Record

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = Fact(1, Kind.ORDER, "c-1", 500, NOON)
OTHER = Fact(2, Kind.ORDER, "c-1", 700, NOON)
REFUND = Fact(3, Kind.REFUND, "c-1", 100, NOON, ORDER.id)
LEFT = Fact(4, Kind.CART, "c-2", 900, NOON)
BOUGHT = Fact(5, Kind.CART, "c-2", 900, NOON)
CLOSING = Fact(6, Kind.ORDER, "c-2", 900, NOON, BOUGHT.id)
UNANSWERED = Fact(7, Kind.ORDER, "c-3", 300, NOON)
FACTS = (ORDER, OTHER, REFUND, LEFT, BOUGHT, CLOSING, UNANSWERED)
SALES = frozenset({Kind.ORDER.value, Kind.REFUND.value, Kind.CANCELLATION.value})
DUE = NOON + timedelta(hours=1)
HITS = {"redelivered": 3}

Change = Callable[[Observed], Observed]


def record() -> Record:
    """All but one were accepted."""
    return Record({fact.id: fact for fact in FACTS}, {fact.id: NOON for fact in FACTS if fact is not UNANSWERED})


def held(*facts: Fact) -> list[Held]:
    return [Held(fact.id, fact.customer, fact.amount) for fact in facts]


def clean() -> Observed:
    """What the system holds when all went well, and the request without an answer was never heard of."""
    return Observed(
        archived=frozenset(fact.id for fact in FACTS if fact is not UNANSWERED),
        holdings=[
            Holding("profiles", SALES, held(ORDER, OTHER, REFUND, CLOSING)),
            Holding("analytics", SALES, held(ORDER, OTHER, REFUND, CLOSING)),
        ],
        counters=Counters(
            {(Kind.ORDER, NOON): 3, (Kind.REFUND, NOON): 1, (Kind.CART, NOON): 2},
            {"c-1": 2, "c-2": 1},
            {"c-1": 1200, "c-2": 900},
            {"reengagement.cart_abandoned": 1},
        ),
        timers=[
            Timer(LEFT.id, "cart_idle", LEFT.id, "fired", DUE, DUE + timedelta(seconds=1)),
            Timer(ORDER.id, "lapse", ORDER.id, "pending", DUE),
        ],
        announced=[Announced("a-1", "reengagement.cart_abandoned", LEFT.id)],
        residue=Residue({"support.inbox.0": 0}, {"collector": 0}),
    )


def verdict(observed: Observed, hits: dict[str, int] | None = None) -> Verdict:
    return judge(record(), observed, HITS if hits is None else hits, {"redelivered": 1})


def in_profiles(change: Callable[[list[Held]], list[Held]]) -> Change:
    """What profiles holds, changed."""

    def changed(observed: Observed) -> Observed:
        first, *others = observed.holdings
        return replace(observed, holdings=[replace(first, held=change(list(first.held))), *others])

    return changed


def in_timers(**fields: object) -> Change:
    """The timer that fired, changed."""

    def changed(observed: Observed) -> Observed:
        fired, *others = observed.timers
        return replace(observed, timers=[replace(fired, **fields), *others])  # type: ignore[arg-type]  # fields of Timer

    return changed


def test_a_clean_run_is_green() -> None:
    assert verdict(clean()) == Verdict(Colour.GREEN, [], [])


def test_a_fact_whose_answer_was_lost_may_be_applied_and_is_counted_as_recovered() -> None:
    observed = replace(clean(), archived=clean().archived | {UNANSWERED.id})
    more = Holding("profiles", SALES, held(ORDER, OTHER, REFUND, CLOSING, UNANSWERED))
    counters = Counters(
        {(Kind.ORDER, NOON): 4, (Kind.REFUND, NOON): 1, (Kind.CART, NOON): 2},
        {"c-1": 2, "c-2": 1, "c-3": 1},
        {"c-1": 1200, "c-2": 900, "c-3": 300},
        observed.counters.heard,
    )
    observed = replace(observed, holdings=[more], counters=counters)
    assert verdict(observed).colour is Colour.GREEN
    assert recovered(record(), observed) == 1


def test_a_parked_event_is_not_lost() -> None:
    first, analytics = clean().holdings
    parked = replace(first, held=held(OTHER, REFUND, CLOSING), parked=frozenset({ORDER.id}))
    assert verdict(replace(clean(), holdings=[parked, analytics])).colour is Colour.GREEN


def test_a_run_that_hit_nothing_is_invalid_and_not_green() -> None:
    found = verdict(clean(), {"redelivered": 0})
    assert (found.colour, found.missing) == (Colour.INVALID, ["redelivered: 0 of 1"])


def test_a_run_in_which_nothing_was_accepted_is_invalid() -> None:
    nothing = Observed(frozenset(), [], Counters(), [], [], Residue())
    assert judge(Record(), nothing, {}, {}).colour is Colour.INVALID


def test_a_broken_promise_is_red_even_where_the_run_hit_nothing() -> None:
    assert verdict(in_profiles(lambda facts: facts[1:])(clean()), {}).colour is Colour.RED


BREACHES: dict[str, tuple[Change, set[str]]] = {
    "an accepted event is not in the archive": (
        lambda seen: replace(seen, archived=seen.archived - {REFUND.id}),
        {"lost by the archive", "volume of events"},
    ),
    "the archive has an event that nobody sent": (
        lambda seen: replace(seen, archived=seen.archived | {f"{99:016x}"}),
        {"made up by the archive"},
    ),
    "a service lost an order": (in_profiles(lambda facts: facts[1:]), {"lost by profiles", "sums of a customer in profiles"}),
    "a service has an order twice": (
        in_profiles(lambda facts: [*facts, facts[0]]),
        {"twice in profiles", "sums of a customer in profiles"},
    ),
    "a service has an order that nobody placed": (
        in_profiles(lambda facts: [*facts, Held(f"{99:016x}", "c-1", 5)]),
        {"made up by profiles", "sums of a customer in profiles"},
    ),
    "an amount changed": (
        in_profiles(lambda facts: [replace(facts[0], amount=501), *facts[1:]]),
        {"sums of a customer in profiles"},
    ),
    "an order lies with another customer": (
        in_profiles(lambda facts: [replace(facts[0], customer="c-2"), *facts[1:]]),
        {"sums of a customer in profiles"},
    ),
    "one order took the place of another": (
        in_profiles(lambda facts: [replace(facts[0], fact=facts[1].fact), *facts[1:]]),
        {"lost by profiles", "twice in profiles", "sums of a customer in profiles"},
    ),
    "an event counted twice": (
        lambda seen: replace(seen, counters=replace(seen.counters, volumes={**seen.counters.volumes, (Kind.ORDER, NOON): 4})),
        {"volume of events"},
    ),
    "an event counted at another time": (
        lambda seen: replace(seen, counters=replace(seen.counters, volumes={**seen.counters.volumes, (Kind.REFUND, DUE): 1})),
        {"volume of events"},
    ),
    "an order moved the figures twice": (
        lambda seen: replace(seen, counters=replace(seen.counters, orders={"c-1": 3, "c-2": 1}, gross={"c-1": 1700, "c-2": 900})),
        {"orders of a customer", "revenue of a customer"},
    ),
    "a reminder was announced twice": (
        lambda seen: replace(seen, announced=[*seen.announced, Announced("a-2", "reengagement.cart_abandoned", LEFT.id)]),
        {"announced twice", "announcements counted by analytics"},
    ),
    "an announcement did not arrive": (
        lambda seen: replace(seen, announced=[]),
        {"reminder not announced", "announcements counted by analytics"},
    ),
    "a timer fired early": (in_timers(fired_at=DUE - timedelta(milliseconds=1)), {"timer fired early"}),
    "a timer fired twice": (lambda seen: replace(seen, timers=[*seen.timers, seen.timers[0]]), {"timer fired twice"}),
    "a timer never fired": (in_timers(state="pending", fired_at=None), {"cart without its reminder"}),
    "a timer was set aside": (in_timers(state="parked"), {"timer set aside", "cart without its reminder"}),
    "a timer is lost": (lambda seen: replace(seen, timers=seen.timers[1:]), {"cart without its reminder"}),
    "the timer of a bought cart still waits": (
        lambda seen: replace(seen, timers=[*seen.timers, Timer(BOUGHT.id, "cart_idle", BOUGHT.id, "pending", DUE)]),
        {"cart bought and its timer pending"},
    ),
    "a cart that nobody left was announced": (
        lambda seen: replace(seen, timers=[*seen.timers, Timer("x", "cart_idle", f"{99:016x}", "fired", DUE, DUE)]),
        {"reminder of no cart"},
    ),
    "a queue is not empty": (lambda seen: replace(seen, residue=Residue({"unrouted": 1})), {"queue not empty"}),
    "an outbox is not empty": (lambda seen: replace(seen, residue=Residue({}, {"collector": 1})), {"outbox not empty"}),
    "a timer is overdue": (lambda seen: replace(seen, residue=Residue(overdue=1)), {"timer missed"}),
    "a process died by itself": (
        lambda seen: replace(seen, deaths=["social exit code 1"]),
        {"process ended by itself or in disorder"},
    ),
    "rebuilt state differs": (lambda seen: replace(seen, differences=["social: …"]), {"rebuilt state differs"}),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_history_is_refused_in_which(breach: str) -> None:
    change, rules = BREACHES[breach]
    found = verdict(change(clean()))
    assert found.colour is Colour.RED
    assert {finding.rule for finding in found.findings} == rules


def test_lateness_counts_from_the_due_time_and_leaves_out_what_was_heard_of_too_late() -> None:
    timely = [Timer(LEFT.id, "cart_idle", LEFT.id, "fired", DUE, DUE + timedelta(seconds=number)) for number in range(100)]
    late = Timer(BOUGHT.id, "cart_idle", BOUGHT.id, "fired", NOON - timedelta(hours=1), DUE)
    found = lateness(record(), [*timely, late])
    assert (found.timers, found.p50, found.p99, found.most) == (100, 50.0, 99.0, 99.0)


def test_what_is_still_under_way_is_not_called_lost() -> None:
    nothing_applied = replace(in_profiles(lambda facts: [])(clean()), residue=Residue({"profiles.inbox.0": 3}))
    found = verdict(nothing_applied)
    assert found.colour is Colour.RED
    assert [finding.rule for finding in found.findings] == ["queue not empty"]
