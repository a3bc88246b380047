"""Segments as a large shop has them: every ready-made one, and what its marketers made beside them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from services.profiles.domain.lifecycle import Stage
from services.profiles.domain.segments.definitions import Definitions, Segment
from services.profiles.domain.segments.templates import TEMPLATES

Rule = Mapping[str, Any]
CATEGORIES = tuple(f"Category {number}" for number in range(10))
WHAT_VISITORS_DO = ("page_viewed", "product_viewed", "product_added", "order_completed", "customer_identified")
_PARAMETERS = {"currency": "EUR", "amount": 50_000, "category": CATEGORIES[0]}


def definitions(count: int, made: datetime) -> Definitions:
    """So many segments, all made at that time."""
    rules = dict(islice(_rules(), count))
    segments = (Segment(name, name, rule, rule_version=1, rule_since=made) for name, rule in rules.items())
    return Definitions(1, tuple(segments))


def _rules() -> Iterator[tuple[str, Rule]]:
    """By id. What a visitor does within a week comes first: whoever was away enters a segment by whatever they do."""
    for name in WHAT_VISITORS_DO:
        yield f"{name}-7", {"event": name, "within": {"days": 7}}
    for minutes in (1, 30, 120, 240):  # one minute, so that windows end while somebody watches
        yield f"cart-left-{minutes}", TEMPLATES["cart-abandoners"].rule({"minutes": minutes})
    for template in TEMPLATES.values():
        yield template.id, template.rule(_PARAMETERS)
    yield from _of_people()
    yield from _of_goods()
    yield from _of_orders()
    yield from _of_time()


def _of_people() -> Iterator[tuple[str, Rule]]:
    for stage in Stage:
        yield f"stage-{stage}", {"stage": stage.value}
        yield f"reachable-{stage}", {"all": [{"stage": stage.value}, {"consent": "email"}]}
    for channel in ("email", "sms", "push"):
        yield f"{channel}-granted", {"consent": channel}
        yield f"{channel}-denied", {"consent": channel, "is": "denied"}
    for plan in ("free", "silver", "gold"):
        yield f"plan-{plan}", {"trait": "plan", "equals": plan}
        yield f"plan-{plan}-buying", {"all": [{"trait": "plan", "equals": plan}, {"segment": "repeat"}]}
        yield f"plan-{plan}-away", {"all": [{"trait": "plan", "equals": plan}, {"none": [{"segment": "page_viewed-7"}]}]}
    for days in (14, 30):
        yield f"birthday-{days}", {"trait": "birthday", "anniversary_within": {"days": days}}


def _of_goods() -> Iterator[tuple[str, Rule]]:
    for number, category in enumerate(CATEGORIES):
        where = [{"property": "category", "equals": category}]
        yield f"fans-{number}", TEMPLATES["category-fans"].rule({"category": category, "orders": 2})
        yield f"bought-{number}", {"orders": "count", "gte": 1, "where": where, "within": {"days": 180}}
        for days in (7, 30, 90):
            yield f"viewed-{number}-{days}", {"event": "product_viewed", "gte": 2, "where": where, "within": {"days": days}}


def _of_orders() -> Iterator[tuple[str, Rule]]:
    for days in (30, 90, 365):
        for amount in (1_000, 5_000, 10_000, 20_000, 50_000):
            yield f"spent-{amount}-{days}", {"orders": "spend", "currency": "EUR", "gte": amount, "within": {"days": days}}
        for count in range(1, 6):
            yield f"orders-{count}-{days}", {"orders": "count", "gte": count, "within": {"days": days}}
    for count in range(2, 12):
        yield f"orders-{count}", {"orders": "count", "gte": count}
    for amount in (2_000, 3_000, 5_000, 7_000, 10_000):
        yield f"average-{amount}", {"orders": "average", "currency": "EUR", "gte": amount}
    for days in (7, 14, 30, 60, 90, 120, 180, 365):
        yield f"last-{days}", {"orders": "last", "within_last": {"days": days}}
        yield f"away-{days}", {"orders": "last", "more_than_ago": {"days": days}}


def _of_time() -> Iterator[tuple[str, Rule]]:
    for name in WHAT_VISITORS_DO:
        for days in (1, 14, 30, 60):
            yield f"{name}-{days}", {"event": name, "within": {"days": days}}
        yield f"{name}-often", {"event": name, "gte": 5, "within": {"days": 30, "calendar": True}}
        yield f"{name}-not", {"all": [{"event": name}, {"event": name, "did": False, "within": {"days": 30}}]}
