"""Time: memberships against a brute-force evaluator, and the clock stepped from timer to timer."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.campaigns.domain.audiences import Audience, Audiences, Rule, RuleKind
from services.campaigns.domain.membership import lives_of, standing
from services.campaigns.service import Campaigns
from services.campaigns.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.timers import LOOK_AGAIN
from tests.order_free import NOW, History, timer
from tests.unit.campaigns.shop import bought, cancelled, grouped, left_cart, line, recovered_cart, refunded, updated

MOMENT = timedelta(milliseconds=1)
RULES = (
    Rule(kind=RuleKind.FIRST_TIME_BUYERS),
    Rule(kind=RuleKind.REPEAT_BUYERS, orders=2),
    Rule(kind=RuleKind.REPEAT_BUYERS, orders=3),
    Rule(kind=RuleKind.HIGH_SPENDERS, amount=50, currency="USD"),
    Rule(kind=RuleKind.HIGH_SPENDERS, amount=50, currency="USD", days=2),
    Rule(kind=RuleKind.BOUGHT_RECENTLY, days=3),
    Rule(kind=RuleKind.BOUGHT_RECENTLY, days=2, product_id="shirt"),
    Rule(kind=RuleKind.CART_ABANDONERS, days=2),
)
ALL = Audiences(tuple(Audience(str(number), str(number), rule) for number, rule in enumerate(RULES)))

hours = st.integers(0, 200).map(lambda back: NOW - timedelta(hours=back))
later = st.none() | hours
order = st.fixed_dictionaries(
    {
        "placed": hours,
        "amount": st.integers(-30, 90),
        "product": st.sampled_from(["shirt", "hat"]),
        "currency": st.sampled_from(["USD", "USD", "EUR"]),
        "updated": later,
        "new_amount": st.integers(0, 90),
        "cancelled": st.none() | st.none() | hours,
        "refunded": later,
        "back": st.none() | st.integers(1, 60),
    }
)
cart = st.tuples(hours, st.integers(0, 30).map(lambda more: timedelta(hours=more)), later)
customer = st.tuples(st.lists(order, max_size=5), st.lists(cart, max_size=3))
Facts = tuple[list[dict[str, Any]], list[tuple[datetime, timedelta, datetime | None]]]


def told(subject: str, facts: Facts) -> list[Event]:
    """The events that tell these facts."""
    happened = []
    for number, one in enumerate(facts[0]):
        name, same = f"{subject}/{number}", {"currency": one["currency"], "products": [line(one["product"])]}
        happened.append(bought(subject, name, one["placed"], one["amount"], **same))
        if one["updated"]:
            happened.append(updated(subject, name, one["updated"], one["new_amount"], **same))
        if one["cancelled"]:
            happened.append(cancelled(subject, name, one["cancelled"]))
        if one["refunded"]:
            happened.append(refunded(subject, name, one["refunded"], one["back"], currency=one["currency"]))
    for number, (left, wait, recovered) in enumerate(facts[1]):
        happened.append(left_cart(subject, f"{subject}/{number}", left, left + wait))
        if recovered:
            happened.append(recovered_cart(subject, f"{subject}/{number}", recovered))
    return happened


def happened_by(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def amounts(one: dict[str, Any], now: datetime) -> tuple[int, int]:
    """(amount, refunded) of an order by what happened until then."""
    amount = one["new_amount"] if happened_by(one["updated"], now) else one["amount"]
    if not happened_by(one["refunded"], now):
        return amount, 0
    return amount, max(0, min(amount, amount if one["back"] is None else one["back"]))


def belongs(rule: Rule, facts: Facts, now: datetime) -> bool:
    """The rule as a person would check it at a moment, with pencil and calendar."""
    since = now - timedelta(days=rule.days) if rule.days else datetime.min.replace(tzinfo=NOW.tzinfo)
    placed = [one for one in facts[0] if one["placed"] <= now]
    valid = [one for one in placed if not happened_by(one["cancelled"], now)]
    if rule.kind is RuleKind.FIRST_TIME_BUYERS:
        return len(valid) == 1
    if rule.kind is RuleKind.REPEAT_BUYERS:
        return len(valid) >= rule.orders
    recent = [one for one in valid if one["placed"] > since]
    if rule.kind is RuleKind.HIGH_SPENDERS:
        nets = [amounts(one, now) for one in recent if one["currency"] == rule.currency]
        return sum(amount - back for amount, back in nets) >= rule.amount
    if rule.kind is RuleKind.BOUGHT_RECENTLY:
        right = [one for one in recent if rule.product_id in (None, one["product"])]
        return any(
            not (happened_by(one["refunded"], now) and back >= amount) for one in right for amount, back in [amounts(one, now)]
        )
    return any(
        left > since
        and left + wait <= now
        and not any(left <= one["placed"] for one in placed)
        and not any(left <= again <= now for again in [recovered] if again)
        for left, wait, recovered in facts[1]
    )


def moments(facts: Facts, rule: Rule) -> list[datetime]:
    """Every moment at which anything can change, the present included."""
    fact_times: Iterable[Any] = [
        *(one[name] for one in facts[0] for name in ("placed", "updated", "cancelled", "refunded")),
        *(at for left, wait, recovered in facts[1] for at in (left, left + wait, recovered)),
    ]
    given_times = {at for at in fact_times if at is not None}
    ends = {at + timedelta(days=rule.days) for at in given_times} if rule.days else set()
    return sorted({*given_times, *ends, NOW})


def no_report_to_come(facts: Facts) -> bool:
    return all(left + wait <= NOW for left, wait, _ in facts[1])


@settings(max_examples=300, deadline=None)
@given(customer.filter(no_report_to_come), st.sampled_from(RULES))
def test_since_and_until_are_what_checking_every_moment_gives(facts: Facts, rule: Rule) -> None:
    history = History(Campaigns, [CUSTOMERS], Audiences(()), NOW).apply(*told("user:1", facts))
    state = history.customer("user:1")
    found = standing(rule, state, lives_of(state), NOW)
    checked = [(at, belongs(rule, facts, at)) for at in moments(facts, rule)]
    past, to_come = [one for one in checked if one[0] <= NOW], [one for one in checked if one[0] > NOW]
    now = belongs(rule, facts, NOW)
    outside = [number for number, (_, inside) in enumerate(past) if not inside]
    begun = past[outside[-1] + 1 if outside else 0][0] if now else None
    assert found.since == begun
    assert found.until == next((at for at, inside in to_come if inside != now), None)


def scratch(happened: list[Event], now: datetime) -> dict[str, Any]:
    return History(Campaigns, [CUSTOMERS], ALL, now).apply(*happened).state()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(customer.filter(no_report_to_come), customer.filter(no_report_to_come), st.booleans())
def test_stepping_from_timer_to_timer_is_evaluating_from_scratch_and_nothing_changes_in_between(
    jane: Facts, device: Facts, merged: bool
) -> None:
    happened = [*told("user:1", jane), *told("anon:x", device)]
    if merged:
        happened.append(grouped(events.PROFILE_MERGED, ["user:1", "anon:x"], 1))
    history = History(Campaigns, [CUSTOMERS], ALL, NOW).apply(*happened)
    while history.timers:
        armed = min(history.timers.values(), key=lambda one: one.due)
        assert armed.kind == LOOK_AGAIN
        assert armed.due > history.now
        just_before = scratch(happened, armed.due - MOMENT)
        assert (just_before["rows"], just_before["figures"]) == (history.state()["rows"], history.state()["figures"])
        rows = set(history.rows)
        due = [one for one in history.timers.values() if one.due == armed.due]
        history.now = armed.due
        history.apply(*(timer(one.kind, one.subject, one.data, one.due) for one in due))
        assert set(history.rows) != rows
        assert history.state() == scratch(happened, armed.due)
    assert history.now == NOW or history.now - NOW <= timedelta(days=3)
