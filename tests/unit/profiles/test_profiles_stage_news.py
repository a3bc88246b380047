"""Which changes of stage are told: what holds now, what was so a moment ago, and not what was over long before it was heard of."""

from typing import Any

from shared import events
from tests.order_free import NOW, History
from tests.unit.profiles.given import bought, history, hour, viewed

ANN = "user:ann"
DAY = 24.0


def told(heard: History) -> list[Any]:
    found = heard.announcements(events.LIFECYCLE_STAGE_CHANGED)
    return [(one["stage"], one["previous"]) for one in found]


def test_an_order_that_is_heard_months_late_tells_of_the_stage_that_it_led_to_and_not_of_those_in_between() -> None:
    assert told(history(bought("a", 100, ANN, at=-200 * DAY))) == [("lapsed", "at_risk")]


def test_changes_of_the_same_day_are_all_told() -> None:
    today = (NOW - hour(0)).total_seconds() / 3600
    heard = history(viewed(ANN, at=today - 3), bought("a", 100, ANN, at=today - 2), bought("b", 100, ANN, at=today - 1))
    assert told(heard) == [("lead", None), ("first_time", "lead"), ("active", "first_time")]


def test_the_same_stage_is_told_once() -> None:
    heard = history(bought("a", 100, ANN, at=-200 * DAY))
    heard.apply(viewed(ANN, at=1), viewed(ANN, at=2))
    assert told(heard) == [("lapsed", "at_risk")]
