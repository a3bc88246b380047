"""The page about the language of rules shows rules that can be used; templates make rules that can be used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.segments.checking import problems_of
from services.profiles.domain.segments.definitions import MOST_SEGMENTS, Definitions, Segment, circle
from services.profiles.domain.segments.templates import TEMPLATES

PAGE = Path(__file__).parents[3] / "docs" / "segments.md"
VIP = Segment("vip", "VIP", {"orders": "count"})


def shown() -> list[Any]:
    text = PAGE.read_text()
    kinds = "trait|event|orders|segment|stage|affinity|consent|sample"
    return [
        json.loads(text.split("```json\n")[1].split("```")[0]),
        *map(json.loads, re.findall(rf'`({{"(?:{kinds})"[^`]*}})`', text)),
    ]


def problems(rule: Any) -> Any:
    return problems_of(Definitions(1, (VIP,)), Segment("one", "One", rule), EVENTS_TO_ASK_FOR, "Europe/Berlin")


def test_the_page_shows_a_rule_of_each_kind():
    kinds = {next(iter(rule)) for rule in shown()}
    assert kinds == {"all", "trait", "event", "orders", "segment", "stage", "affinity", "consent", "sample"}


@pytest.mark.parametrize("rule", shown(), ids=json.dumps)
def test_rules_on_the_page_can_be_used(rule):
    assert problems(rule) == {}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_templates_make_rules_that_can_be_used(template):
    assert problems(template.rule({"currency": "EUR", "category": "Shoes", "amount": 100})) == {}


def test_a_shop_has_only_so_many_segments():
    many = Definitions(1, tuple(Segment(f"s{number}", "S", {"orders": "count"}) for number in range(MOST_SEGMENTS)))
    assert "/id" in problems_of(many, Segment("more", "More", {"orders": "count"}), EVENTS_TO_ASK_FOR, "UTC")


def test_the_way_of_a_circle_is_told():
    segments = [
        Segment("a", "A", {"segment": "b"}),
        Segment("b", "B", {"none": [{"segment": "c"}]}),
        Segment("c", "C", {"segment": "a"}),
    ]
    assert circle(segments, "a") == ["a", "b", "c", "a"]
    assert circle(segments[:2], "a") is None
