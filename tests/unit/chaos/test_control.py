"""Counting what the control lost and doubled."""

from datetime import UTC, datetime

from chaos.control.counting import Tally, tally, tally_of_sum
from chaos.ledger import Fact, Kind, Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = {f"{number:016x}": Fact(number, Kind.ORDER, "c-1", 100, NOW) for number in range(4)}
FIRST, SECOND, THIRD, UNKNOWN = FACTS
RECORD = Record(dict(FACTS), dict.fromkeys((FIRST, SECOND, THIRD), NOW))


def test_an_order_that_was_accepted_and_not_applied_is_lost_and_one_without_an_answer_is_not() -> None:
    assert tally(RECORD, {FIRST: 1, SECOND: 1}) == Tally(lost=1, doubled=0)
    assert tally(RECORD, {FIRST: 1, SECOND: 1, THIRD: 1, UNKNOWN: 1}) == Tally(lost=0, doubled=0)


def test_every_application_after_the_first_is_one_too_many() -> None:
    assert tally(RECORD, {FIRST: 3, SECOND: 2, THIRD: 1}) == Tally(lost=0, doubled=3)


def test_of_a_sum_only_the_least_that_must_have_happened_is_told() -> None:
    assert tally_of_sum(RECORD, 2) == Tally(lost=1, doubled=0)
    assert tally_of_sum(RECORD, 4) == Tally(lost=0, doubled=0)
    assert tally_of_sum(RECORD, 5) == Tally(lost=0, doubled=1)
