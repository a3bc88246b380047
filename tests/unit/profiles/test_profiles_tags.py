"""What is shown of a customer stays the same until the moment that its tag names, whatever happens to the clock before that."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.profiles.domain.picture import picture_of
from services.profiles.domain.rules import Rules
from services.profiles.reading_routes import until_of
from services.profiles.storage.reading import Reading
from tests.unit.profiles.given import bought, history, hour, identified, line, viewed

RULES = Rules()
CUSTOMER = history(
    identified("user:1", at=0, name="Ann"),
    viewed("user:1", at=1),
    bought("a", 500, "user:1", at=2, products=[line("p1", category="Kitchen"), line("p2", brand="Acme")]),
    bought("b", 300, "user:1", at=40, products=[line("p1", category="Kitchen")]),
).customer("user:1")


@settings(max_examples=60)
@given(st.integers(41 * 60, 24 * 60 * 800), st.floats(0, 1))
def test_nothing_changes_by_time_before_the_tag_ends(minute: int, share: float) -> None:
    now = hour(minute / 60)
    until = until_of(Reading("c", CUSTOMER, RULES, ""), now)
    assert now < until <= now + timedelta(hours=1)
    later = now + (until - now) * min(share, 0.999)
    assert picture_of(CUSTOMER, RULES, later) == picture_of(CUSTOMER, RULES, now)


def test_a_stage_that_time_changes_ends_a_tag_at_that_moment() -> None:
    turns = picture_of(CUSTOMER, RULES, hour(41)).journey.until
    assert turns is not None
    before = turns - timedelta(seconds=30)
    assert until_of(Reading("c", CUSTOMER, RULES, ""), before) <= turns
    assert picture_of(CUSTOMER, RULES, before).journey != picture_of(CUSTOMER, RULES, turns).journey
    assert picture_of(CUSTOMER, RULES, turns).journey.since == turns
