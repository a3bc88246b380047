"""Segments are what their rules say: compared with the plain evaluator over rules and stories drawn at random, through DST changes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.domain.consent.standing import standing
from services.profiles.domain.consent.words import Scope
from services.profiles.domain.customer import Customer
from services.profiles.domain.history import milliseconds
from services.profiles.domain.lifecycle import LifecycleRules, Stage, lifecycle_of
from services.profiles.domain.rules import Rules
from services.profiles.domain.segments.definitions import Definitions, Segment, Segments, bundled, compile_all
from services.profiles.domain.segments.membership import standings
from services.profiles.domain.segments.reading import Reading
from shared import events
from shared.envelope import Event
from tests.order_free import event
from tests.unit.profiles.given import history
from tests.unit.profiles.judged_plainly import Story, holds, length

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana")
NOW = datetime(2026, 4, 6, 9, 30, tzinfo=UTC)  # within days of the changes of all these clocks
CATEGORIES = ("Shoes", "shoes", "Bags", "Hüte")
MILLISECOND = timedelta(milliseconds=1)


def moments() -> st.SearchStrategy[datetime]:
    """Mostly full hours, so that things coincide with the ends of windows."""
    hours = st.integers(0, 24 * 60).map(lambda hour: NOW - timedelta(hours=hour))
    return hours | st.builds(lambda at, ms: at - timedelta(milliseconds=ms), hours, st.integers(0, 3_600_000))


def viewed(at: datetime, category: str, price: int) -> Event:
    data = {"product_id": "p", "category": category, "price": price, "currency": "EUR", "quantity": 1}
    return event(events.PRODUCT_VIEWED, "user:1", data, at)


def ordered(at: datetime, number: int, category: str, amount: int) -> Event:
    lines = [{"product_id": "p", "category": category, "price": amount, "quantity": 1}]
    data = {"order_id": str(number), "amount": amount, "currency": "EUR", "products": lines}
    return event(events.ORDER_COMPLETED, "user:1", data, at)


def stated(at: datetime, traits: dict[str, Any], consent: str | None) -> Event:
    said = {"consent": {"email": consent}} if consent else {}
    return event(events.CUSTOMER_IDENTIFIED, "user:1", {"traits": traits, **said}, at)


def cancelled(at: datetime, number: int) -> Event:
    return event(events.ORDER_CANCELLED, "user:1", {"order_id": str(number), "products": []}, at)


DATES = st.dates(datetime(2026, 2, 1).date(), datetime(2026, 5, 31).date()).map(str)
BIRTHDAYS = st.dates(datetime(1960, 1, 1).date(), datetime(2026, 4, 30).date()).map(str) | st.just("2000-02-29")
TRAITS = st.fixed_dictionaries(
    {}, optional={"plan": st.sampled_from(("gold", "Silver")), "points": st.integers(0, 9), "birthday": BIRTHDAYS}
)
HAPPENINGS = st.one_of(
    st.builds(viewed, moments(), st.sampled_from(CATEGORIES), st.integers(0, 5)),
    st.builds(ordered, moments(), st.integers(1, 5), st.sampled_from(CATEGORIES), st.integers(0, 5)),
    st.builds(cancelled, moments(), st.integers(1, 5)),
    st.builds(stated, moments(), TRAITS, st.sampled_from((None, "granted", "denied"))),
    st.builds(lambda at: event(events.PAGE_VIEWED, "user:1", {"path": "/"}, at), moments()),
)
STORIES = st.lists(HAPPENINGS, min_size=1, max_size=12)

SPANS = st.one_of(
    st.builds(lambda days: {"days": days}, st.integers(1, 60)),
    st.builds(lambda days: {"days": days, "calendar": True}, st.integers(1, 40)),
    st.builds(lambda hours: {"hours": hours}, st.integers(1, 72)),
    st.just({"weeks": 2}),
)
AMOUNTS = st.one_of(
    st.builds(lambda name, number: {name: number}, st.sampled_from(("equals", "gt", "gte", "lt", "lte")), st.integers(0, 6)),
    st.builds(lambda low, more: {"between": [low, low + more]}, st.integers(0, 4), st.integers(0, 3)),
)
PERIODS = st.builds(lambda one, other: [min(one, other), max(one, other)], DATES, DATES) | DATES.map(lambda one: [one, None])
TIMES = st.one_of(
    st.builds(lambda name, span: {name: span}, st.sampled_from(("within_last", "more_than_ago")), SPANS),
    st.builds(lambda name, day: {name: day}, st.sampled_from(("before", "after")), DATES),
)
WHERE = st.sampled_from(
    (
        {"property": "category", "equals": "SHOES"},
        {"property": "category", "not_equals": "bags"},
        {"property": "category", "in": ["hüte", "Bags"]},
        {"property": "price", "gte": 3},
    )
)
CHOICE = st.fixed_dictionaries(
    {}, optional={"within": SPANS, "during": PERIODS, "where": st.lists(WHERE, min_size=1, max_size=2)}
)
ONLY_CHOSEN = st.fixed_dictionaries({}, optional={"during": PERIODS, "where": st.lists(WHERE, min_size=1, max_size=1)})


def said(*parts: Any) -> Any:
    return {name: value for part in parts for name, value in part.items()}


ORDERS_COUNTED = st.builds(lambda how, choice, range_: said({"orders": how}, choice, range_), st.just("count"), CHOICE, AMOUNTS)
ORDERS_WORTH = st.builds(
    lambda how, choice, range_: said({"orders": how, "currency": "EUR"}, choice, range_),
    st.sampled_from(("spend", "average", "min", "max")),
    CHOICE,
    AMOUNTS,
)
ORDERS_IN_TIME = st.builds(
    lambda how, choice, time: said({"orders": how}, choice, time), st.sampled_from(("first", "last")), ONLY_CHOSEN, TIMES
)
EVENTS = st.builds(
    lambda choice, how, since: said({"event": "product_viewed"}, choice, how, since),
    CHOICE,
    st.one_of(AMOUNTS, st.sampled_from(({}, {"did": True}, {"did": False}))),
    st.sampled_from(({}, {}, {"since_last_order": True})),
)
EVENTS_SUMMED = st.builds(
    lambda choice, how, range_: said({"event": "product_viewed", "measure": how, "of": "price"}, choice, range_),
    CHOICE,
    st.sampled_from(("sum", "average", "min", "max")),
    AMOUNTS,
)
EVENTS_IN_TIME = st.builds(
    lambda how, choice, time: said({"event": "product_viewed", "measure": how}, choice, time),
    st.sampled_from(("first", "last")),
    ONLY_CHOSEN,
    TIMES,
)
ON_TRAITS = st.one_of(
    st.sampled_from(
        (
            {"trait": "plan", "equals": "Gold"},
            {"trait": "plan", "not_equals": "gold"},
            {"trait": "plan", "in": ["silver", "bronze"]},
            {"trait": "plan", "contains": "ILV"},
            {"trait": "plan", "starts_with": "g"},
            {"trait": "plan", "exists": True},
            {"trait": "plan", "exists": False},
        )
    ),
    AMOUNTS.map(lambda range_: {"trait": "points", **range_}),
    st.builds(
        lambda name, span: {"trait": "birthday", name: span},
        st.sampled_from(("within_last", "within_next", "more_than_ago")),
        SPANS,
    ),
    st.builds(lambda name, day: {"trait": "birthday", name: day}, st.sampled_from(("before", "after")), DATES),
    st.integers(1, 40).map(lambda days: {"trait": "birthday", "anniversary_within": {"days": days}}),
)
CONSENT = st.sampled_from(("granted", "denied", "unknown")).map(lambda status: {"consent": "email", "is": status})
STAGES = st.lists(st.sampled_from([stage.value for stage in Stage]), min_size=1, max_size=3).map(lambda stages: {"stage": stages})
CONDITIONS = st.one_of(
    STAGES,
    ORDERS_COUNTED,
    ORDERS_WORTH,
    ORDERS_IN_TIME,
    EVENTS,
    EVENTS_SUMMED,
    EVENTS_IN_TIME,
    ON_TRAITS,
    CONSENT,
    st.just({"segment": "other"}),
)
RULES = st.recursive(
    CONDITIONS,
    lambda inner: st.builds(
        lambda kind, parts: {kind: parts}, st.sampled_from(("all", "any", "none")), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)
OTHERS = st.one_of(ORDERS_COUNTED, EVENTS, ON_TRAITS)


def compiled(rule: Any, other: Any, zone: str) -> Segments:
    definitions = Definitions(1, (Segment("one", "One", rule, rule_version=1), Segment("other", "Other", other, rule_version=1)))
    found = compile_all(definitions, EVENTS_TO_ASK_FOR, zone)
    assert [one.segment.id for one in found.compiled] == ["one", "other"], rule
    return found


def consent_of(customer: Customer) -> tuple[str, datetime | None]:
    held = standing(customer.consent, ConsentRules()).overall.get(Scope("marketing", "email"))
    return (held.status.value, held.at) if held else ("unknown", None)


def stages_of(customer: Customer) -> Callable[[datetime], str]:
    """The stage at any time, in the knowledge of NOW."""
    changes = lifecycle_of(customer, LifecycleRules(), NOW).changes

    def stage(t: datetime) -> str:
        known = lifecycle_of(customer, LifecycleRules(), t).changes if t >= NOW else changes
        past = [one.stage.value for one in known if one.at <= t or t >= NOW]
        return past[-1] if past else "visitor"

    return stage


def instants(story: Story, spans: list[timedelta]) -> Iterator[datetime]:
    """Moments around which something may change."""
    for one in story.events:
        for span in (timedelta(0), timedelta(days=90), timedelta(days=180), *spans):  # 90 and 180: what changes stages
            yield from (one.time + span + near for near in (-MILLISECOND, timedelta(0), MILLISECOND))
    for days in range(-70, 130):
        midnight = datetime(2026, 4, 6, tzinfo=story.zone) + timedelta(days=days)
        yield from (midnight.astimezone(UTC) + near for near in (-MILLISECOND, timedelta(0)))
    yield from (NOW + timedelta(days=days) for days in (1, 10, 100, 1_000))


def spans_of(rule: Any) -> list[timedelta]:
    if isinstance(rule, dict):
        own = [length(rule)] if any(unit in rule for unit in ("days", "hours", "weeks")) else []
        return [*own, *(span for part in rule.values() for span in spans_of(part))]
    return [span for part in rule for span in spans_of(part)] if isinstance(rule, list) else []


GOLD = {"trait": "plan", "equals": "Gold"}
TWO_ORDERS = [ordered(NOW - timedelta(hours=hours), hours, "Shoes", 1) for hours in (0, 3)]


@given(STORIES, RULES, OTHERS, st.sampled_from(ZONES))
@example(TWO_ORDERS, {"orders": "count", "within": {"days": 1}, "gt": 0}, GOLD, "UTC")
@example(TWO_ORDERS, {"orders": "count", "within": {"days": 1}, "lt": 1}, GOLD, "UTC")
@settings(max_examples=150)
def test_a_segment_has_who_meets_its_rule_since_when_and_until_when_exactly(told, rule, other, zone):
    customer = history(*told).customer("user:1")
    if customer.activity.first is None:
        return
    story = Story(told, ZoneInfo(zone), {"other": other}, NOW, consent_of(customer), stages_of(customer))
    segments = compiled(rule, other, zone)
    alone = Segments(1, segments.calendar, segments.compiled[:1], bundles=bundled(segments.compiled[:1]))
    found = standings(alone, Reading("cus_1", customer, milliseconds(NOW), Rules(segments=alone)))
    inside = holds(rule, story, NOW)
    assert ("one" in found.members) == inside
    around = list(instants(story, spans_of([rule, other])))
    first_seen = customer.activity.first.at
    if inside:
        since = found.members["one"]
        assert since == first_seen or not holds(rule, story, since - MILLISECOND)
        assert all(holds(rule, story, at) for at in around if since <= at <= NOW)
    ends = found.until or NOW + timedelta(days=2_000)
    assert all(holds(rule, story, at) == inside for at in around if NOW <= at < ends)
    if found.until and found.until < NOW + timedelta(
        days=5_000
    ):  # after that, contradictions on birthdays are no longer followed
        assert holds(rule, story, found.until) != inside
