"""Changing the audiences: names, versions and the limit."""

from dataclasses import replace

import pytest
from marshmallow import ValidationError

from services.campaigns.domain.audiences import (
    BUILT_IN,
    MOST_AUDIENCES,
    PARAMETERS,
    Audience,
    Audiences,
    ChangedMeanwhile,
    NameTaken,
    Rule,
    RuleKind,
    TooManyAudiences,
    UnknownAudience,
    add,
    change,
    remove,
)
from services.campaigns.schemas import RuleSchema
from services.campaigns.storage import audiences_of
from shared.documents import to_document
from tests.order_free import NOW

REPEAT = Rule(kind=RuleKind.REPEAT_BUYERS, orders=3)
LOYAL = Audience("loyal", "Loyal", REPEAT)


def test_the_built_in_audiences_have_rules_that_anybody_could_have_written() -> None:
    for audience in BUILT_IN:
        assert RuleSchema().load(RuleSchema().dump(audience.rule)) == audience.rule
    assert {audience.rule.kind for audience in BUILT_IN} == set(RuleKind) == set(PARAMETERS)


def test_the_audiences_are_stored_and_read_as_they_were() -> None:
    wanted = add(Audiences(), replace(LOYAL, created_at=NOW, rule_since=NOW))
    assert audiences_of({"_id": "customers", **to_document(wanted)}) == wanted
    assert audiences_of(None) == Audiences()


def test_a_changed_rule_counts_from_now_and_a_changed_name_does_not() -> None:
    known = add(Audiences(), LOYAL)
    renamed = change(known, replace(LOYAL, name="Faithful"), NOW)
    assert renamed.find("loyal") == replace(LOYAL, name="Faithful", version=2)
    assert renamed.rules == known.rules
    stricter = replace(renamed.find("loyal"), rule=replace(REPEAT, orders=5))
    assert change(renamed, stricter, NOW).find("loyal") == replace(stricter, version=3, rule_since=NOW)


def test_a_change_that_changes_nothing_keeps_the_version() -> None:
    known = add(Audiences(), LOYAL)
    assert change(known, LOYAL, NOW) is known


def test_a_change_based_on_an_older_version_is_refused_with_the_current_one() -> None:
    known = change(add(Audiences(), LOYAL), replace(LOYAL, name="Faithful"), NOW)
    with pytest.raises(ChangedMeanwhile) as refused:
        change(known, replace(LOYAL, name="True"), NOW)
    assert refused.value.current == 2
    with pytest.raises(ChangedMeanwhile):
        remove(known, "loyal", 1)
    assert remove(known, "loyal", 2) == remove(known, "loyal", None) == Audiences()


def test_a_name_is_given_once_capitals_aside_and_may_be_kept() -> None:
    known = add(Audiences(), LOYAL)
    with pytest.raises(NameTaken):
        add(known, Audience("other", "LOYAL", REPEAT))
    with pytest.raises(NameTaken):
        change(known, replace(LOYAL, name="repeat BUYERS"), NOW)
    assert change(known, replace(LOYAL, name="LOYAL"), NOW).find("loyal").name == "LOYAL"


def test_there_is_a_limit_and_deleting_makes_room() -> None:
    full = Audiences(tuple(Audience(str(number), str(number), REPEAT) for number in range(MOST_AUDIENCES)))
    with pytest.raises(TooManyAudiences):
        add(full, LOYAL)
    assert add(remove(full, "7", None), LOYAL).find("loyal") == LOYAL


def test_an_unknown_audience_cannot_be_changed_or_removed() -> None:
    with pytest.raises(UnknownAudience):
        change(Audiences(), LOYAL, NOW)
    with pytest.raises(UnknownAudience):
        remove(Audiences(), "loyal", None)


def test_audiences_are_listed_by_name_after_a_name_and_of_a_kind() -> None:
    known = add(Audiences(), replace(LOYAL, name="apostles"))
    assert [one.name for one in known.listed(None, "", 3)] == ["apostles", "Bought in the last 30 days", "Cart abandoners"]
    assert [one.name for one in known.listed(None, "cart ABANDONERS", 1)] == ["First-time buyers"]
    assert [one.id for one in known.listed(RuleKind.REPEAT_BUYERS, "", 9)] == ["loyal", "repeat-buyers"]


GOOD = [
    ({"kind": "first_time_buyers"}, Rule(kind=RuleKind.FIRST_TIME_BUYERS)),
    ({"kind": "repeat_buyers"}, Rule(kind=RuleKind.REPEAT_BUYERS, orders=2)),
    ({"kind": "repeat_buyers", "orders": 3, "days": None}, REPEAT),
    ({"kind": "cart_abandoners"}, Rule(kind=RuleKind.CART_ABANDONERS, days=7)),
    ({"kind": "bought_recently"}, Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30)),
    (
        {"kind": "bought_recently", "category": "Games", "days": 5},
        Rule(kind=RuleKind.BOUGHT_RECENTLY, days=5, category="Games"),
    ),
    (
        {"kind": "high_spenders", "amount": 1, "currency": "EUR"},
        Rule(kind=RuleKind.HIGH_SPENDERS, amount=1, currency="EUR"),
    ),
]


@pytest.mark.parametrize(("body", "rule"), GOOD)
def test_a_rule_is_read_with_its_defaults(body: dict[str, object], rule: Rule) -> None:
    assert RuleSchema().load(body) == rule


BAD = [
    ({}, {"kind"}),
    ({"kind": "whales"}, {"kind"}),
    ({"kind": "first_time_buyers", "days": 3}, {"days"}),
    ({"kind": "repeat_buyers", "orders": 1}, {"orders"}),
    ({"kind": "repeat_buyers", "orders": "3"}, {"orders"}),
    ({"kind": "repeat_buyers", "amount": 3, "days": 3}, {"amount", "days"}),
    ({"kind": "high_spenders", "days": 3}, {"amount", "currency"}),
    ({"kind": "high_spenders", "amount": 5.5, "currency": "usd"}, {"amount", "currency"}),
    ({"kind": "bought_recently", "days": 0}, {"days"}),
    ({"kind": "bought_recently", "product_id": "a", "category": "b"}, {"category"}),
    ({"kind": "bought_recently", "product_id": " "}, {"product_id"}),
    ({"kind": "cart_abandoners", "colour": "red"}, {"colour"}),
]


@pytest.mark.parametrize(("body", "wrong"), BAD)
def test_a_wrong_rule_is_refused_field_by_field(body: dict[str, object], wrong: set[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        RuleSchema().load(body)
    assert set(refused.value.messages) == wrong
