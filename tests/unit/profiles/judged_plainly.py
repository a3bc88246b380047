"""The language of segments once more, written for clarity and for no other purpose: over all events at once, without any index or cache.

`holds` tells whether a rule holds at `t` in the knowledge of `now`; up to then what happens counts from when it happens, from `now` on
all that is known.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.envelope import Event

UNITS = {"minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
NUMBERS = {"equals": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
BY_THE_SHOP = {"order_updated", "order_cancelled", "order_refunded"}


@dataclass
class Story:
    """What all happened to one customer, the zone of the shop, other segments by id, what holds of consent since when, and the stage.

    How words come to a consent that holds, and orders to a stage, is judged elsewhere.
    """

    events: Sequence[Event]
    zone: ZoneInfo
    segments: Mapping[str, Any]
    now: datetime
    consent: tuple[str, datetime | None] = ("unknown", None)
    stage: Callable[[datetime], str] = lambda t: "visitor"

    def upto(self, t: datetime) -> list[tuple[datetime, str, dict[str, Any]]]:
        told = sorted({one.id: one for one in self.events}.values(), key=lambda one: (one.time, one.id))
        return [(one.time, one.name, msgspec.json.decode(one.body)) for one in told if one.time <= t or t >= self.now]

    def local(self, t: datetime) -> datetime:
        return t.astimezone(self.zone)

    def instant(self, text: str, end: bool = False) -> datetime:
        if len(text) > 10:
            return datetime.fromisoformat(text)
        day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)

    def within(self, at: datetime, t: datetime, span: Mapping[str, Any]) -> bool:
        """Whether what happened at `at` is no longer ago than a span."""
        if span.get("calendar"):
            return (self.local(t).date() - self.local(at).date()).days < span["days"]
        return t - at < length(span)


def length(span: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=sum(UNITS[name] * number for name, number in span.items() if name in UNITS))


def holds(rule: Any, story: Story, t: datetime) -> bool:
    if "all" in rule:
        return all(holds(one, story, t) for one in rule["all"])
    if "any" in rule:
        return any(holds(one, story, t) for one in rule["any"])
    if "none" in rule:
        return not any(holds(one, story, t) for one in rule["none"])
    if "segment" in rule:
        return holds(story.segments[rule["segment"]], story, t)
    if "stage" in rule:
        return story.stage(t) in rule["stage"]
    if "consent" in rule:
        return consent(rule, story, t)
    if "trait" in rule:
        return trait(rule, story, t)
    happened = placed_orders(rule, story, t) if "orders" in rule else occurrences(rule, story, t)
    return measured(rule, happened, story, t)


def consent(rule: Any, story: Story, t: datetime) -> bool:
    """What holds now, from when it holds; of before nothing is kept."""
    status, since = story.consent
    known = since is not None and (since <= t or t >= story.now)
    return (status if known else "unknown") == rule.get("is", "granted")


def trait(rule: Any, story: Story, t: datetime) -> bool:
    """Known from its first statement, or from the latest, where it had other values before: more is not kept."""
    stated = [
        (at, data["traits"][rule["trait"]])
        for at, name, data in story.upto(story.now)
        if name == "customer_identified" and rule["trait"] in data["traits"]
    ]
    since = stated[0 if all(value == stated[-1][1] for _, value in stated) else -1][0] if stated else None
    value = stated[-1][1] if since and (since <= t or t >= story.now) else None
    for name in ("before", "after", "within_last", "within_next", "more_than_ago", "anniversary_within"):
        if name in rule:
            return value is not None and dated(name, rule[name], story, value, t)
    return says(rule, value)


def dated(name: str, wanted: Any, story: Story, value: str, t: datetime) -> bool:
    at, today = story.instant(value), story.local(t).date()
    if name in ("before", "after"):
        return (at < story.instant(wanted)) == (name == "before")
    if name == "anniversary_within":
        born = date.fromisoformat(value[:10])
        coming = [today + timedelta(days=number) for number in range(wanted["days"])]
        return any((day.month, day.day) == same_day(born, day.year) and day.year >= born.year for day in coming)
    if name == "within_last":
        return at <= t and story.within(at, t, wanted)
    if name == "more_than_ago":
        return not story.within(at, t, wanted)
    if wanted.get("calendar"):
        return 0 <= (story.local(at).date() - today).days < wanted["days"]
    return t < at <= t + length(wanted)


def same_day(born: date, year: int) -> tuple[int, int]:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (2, 28) if (born.month, born.day) == (2, 29) and not leap else (born.month, born.day)


def says(rule: Any, value: Any) -> bool:
    text = value.casefold() if isinstance(value, str) else None
    if "exists" in rule:
        return (value is not None) == rule["exists"]
    if "equals" in rule:
        return same(value, rule["equals"])
    if "not_equals" in rule:
        return not same(value, rule["not_equals"])
    if "in" in rule:
        return any(same(value, one) for one in rule["in"])
    if "contains" in rule:
        return text is not None and rule["contains"].casefold() in text
    if "starts_with" in rule:
        return text is not None and text.startswith(rule["starts_with"].casefold())
    return isinstance(value, int) and in_range(rule, value)


def same(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(same(one, wanted) for one in value)
    return (value.casefold() if isinstance(value, str) else value) == (wanted.casefold() if isinstance(wanted, str) else wanted)


def in_range(rule: Any, value: float) -> bool:
    if "between" in rule:
        return bool(rule["between"][0] <= value <= rule["between"][1])
    return all(compare(value, rule[name]) for name, compare in NUMBERS.items() if name in rule)


def placed_orders(rule: Any, story: Story, t: datetime) -> list[tuple[datetime, float]]:
    """Orders by what is known of them today, from the time of their placing."""
    cancelled = {data["order_id"] for _, name, data in story.upto(story.now) if name == "order_cancelled"}
    placed: dict[str, tuple[datetime, dict[str, Any]]] = {}
    for at, name, data in story.upto(t):
        if name == "order_completed" and data["order_id"] not in cancelled:
            placed.setdefault(data["order_id"], (at, data))
    found = []
    for at, order in placed.values():
        lines = [line for line in order["products"] if all(says(one, line.get(one["property"])) for one in rule.get("where", ()))]
        if order["currency"] == rule.get("currency", order["currency"]) and (lines or "where" not in rule):
            money = sum(line["price"] * line["quantity"] for line in lines) if "where" in rule else order["amount"]
            found.append((at, money if rule["orders"] in ("spend", "average", "min", "max") else 1))
    return sorted(found)


def occurrences(rule: Any, story: Story, t: datetime) -> list[tuple[datetime, float]]:
    orders = [at for at, _ in placed_orders({"orders": "count"}, story, t)]
    found = []
    for at, name, data in story.upto(t):
        if name != rule["event"] or not all(says(one, data.get(one["property"])) for one in rule.get("where", ())):
            continue
        if rule.get("since_last_order") and orders and at <= max(orders):
            continue
        if "of" in rule and data.get(rule["of"]) is None:
            continue
        found.append((at, data[rule["of"]] if "of" in rule else 1))
    return found


def measured(rule: Any, happened: list[tuple[datetime, float]], story: Story, t: datetime) -> bool:
    measure = rule["orders"] if "orders" in rule else rule.get("measure", "count")
    if "during" in rule:
        begin, end = rule["during"]
        happened = [
            (at, worth)
            for at, worth in happened
            if (begin is None or at >= story.instant(begin)) and (end is None or at < story.instant(end, end=True))
        ]
    if measure in ("first", "last"):
        return bool(happened) and in_time(rule, happened[0 if measure == "first" else -1][0], story, t)
    values = [worth for at, worth in happened if "within" not in rule or story.within(at, t, rule["within"])]
    if measure in ("average", "min", "max"):
        value = {"average": lambda all_: sum(all_) / len(all_), "min": min, "max": max}[measure](values) if values else None
        return value is not None and in_range(rule, value)
    if "did" in rule:
        return bool(values) == rule["did"]
    asked = any(name in rule for name in (*NUMBERS, "between"))
    return in_range(rule, sum(values)) if asked else bool(values)


def in_time(rule: Any, at: datetime, story: Story, t: datetime) -> bool:
    if "within_last" in rule:
        return story.within(at, t, rule["within_last"])
    if "more_than_ago" in rule:
        return not story.within(at, t, rule["more_than_ago"])
    return at < story.instant(rule["before"]) if "before" in rule else at >= story.instant(rule["after"])
