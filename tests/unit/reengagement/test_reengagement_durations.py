"""Durations are read and written in ISO 8601, and bodies of policies are refused with a reason per field."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from services.reengagement.schemas.policies import CartChange, LapseChange, ReplenishmentChange
from services.reengagement.schemas.words import Duration, in_words

ANY = Duration(timedelta(0), timedelta(days=10_000), "Any.")
CART = {"version": 0, "enabled": True, "delay": "PT1H", "expires_after": "P7D"}
LAPSE = {**CART, "delay": "P90D"}
REPLENISHMENT = {"version": 0, "enabled": True, "expires_after": "P7D"}


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P90D", timedelta(days=90)),
        ("P2W", timedelta(weeks=2)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT90M", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, duration: timedelta):
    assert ANY.deserialize(text) == duration


@pytest.mark.parametrize("text", ["", "P", "PT", "1h", "-P1D", "P1Y", "PT1.5S", "PT+1H", 3600, None, True, ["PT1H"]])
def test_what_is_no_duration_in_whole_seconds_is_refused(text: Any):
    with pytest.raises(ValidationError):
        ANY.deserialize(text)


@given(st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_that_was_written_is_read_as_the_same(duration: timedelta):
    assert ANY.deserialize(in_words(duration)) == duration


def test_a_duration_is_written_as_short_as_possible():
    written = [in_words(timedelta(**part)) for part in ({"hours": 1}, {"days": 90}, {"hours": 36}, {"seconds": 61}, {})]
    assert written == ["PT1H", "P90D", "P1DT12H", "PT1M1S", "PT0S"]


@pytest.mark.parametrize(
    ("schema", "body", "field"),
    [
        (CartChange(), {**CART, "delay": "PT0S"}, "delay"),
        (CartChange(), {**CART, "delay": "P31D"}, "delay"),
        (CartChange(), {**CART, "expires_after": "PT1M"}, "expires_after"),
        (CartChange(), {**CART, "enabled": "yes"}, "enabled"),
        (CartChange(), {**CART, "version": "0"}, "version"),
        (CartChange(), {**CART, "minimum_amounts": {"euro": 1}}, "minimum_amounts"),
        (CartChange(), {**CART, "minimum_amounts": {"EUR": -1}}, "minimum_amounts"),
        (CartChange(), {**CART, "minimum_amounts": {"EUR": 1.5}}, "minimum_amounts"),
        (CartChange(), {**CART, "again_after": "PT1S"}, "again_after"),
        (CartChange(), {**CART, "delya": "PT1H"}, "delya"),
        (CartChange(), {}, "delay"),
        (CartChange(), [], "_schema"),
        (LapseChange(), {**LAPSE, "delay": "PT1S"}, "delay"),
        (ReplenishmentChange(), {**REPLENISHMENT, "min_purchases": 1}, "min_purchases"),
        (ReplenishmentChange(), {**REPLENISHMENT, "shortest_interval": "P400D"}, "shortest_interval"),
        (ReplenishmentChange(), {**REPLENISHMENT, "overrides": [{"days": 3}]}, "overrides"),
        (ReplenishmentChange(), {**REPLENISHMENT, "overrides": [{"product_id": "p", "category": "c", "days": 3}]}, "overrides"),
        (ReplenishmentChange(), {**REPLENISHMENT, "overrides": [{"product_id": "p", "days": 0}]}, "overrides"),
        (
            ReplenishmentChange(),
            {**REPLENISHMENT, "overrides": [{"category": "C", "days": 1}, {"category": "c", "days": 2}]},
            "overrides",
        ),
    ],
)
def test_a_change_of_a_policy_that_makes_no_sense_names_the_field(schema: Schema, body: Any, field: str):
    with pytest.raises(ValidationError) as refused:
        schema.load(body)
    assert list(refused.value.messages) == [field] if body else field in refused.value.messages


def test_what_was_read_may_be_sent_back():
    read = {**CART, "changed_at": None, "changed_by": None, "reevaluation": {"done": 1, "total": 2}}
    assert CartChange().load(read)["delay"] == timedelta(hours=1)
