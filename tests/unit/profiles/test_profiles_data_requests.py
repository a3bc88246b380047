"""Requests about people's data: who has answered, who is reminded, and when somebody inactive goes."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.domain.privacy.requests import (
    REMIND_EVERY,
    Answer,
    Question,
    Request,
    Wish,
    answer,
    ask,
    merge_requests,
    remind,
)
from services.profiles.domain.privacy.retention import SPREAD, Retention, erased_at
from services.profiles.dossier import page
from tests.order_free import NOW

SERVICES = ("profiles", "support")
QUESTION = Question(Wish.EXPORT, NOW, "e1", "cus_1", ("user:1",), SERVICES, "Mia")


def minute(after: int) -> datetime:
    return NOW + timedelta(minutes=after)


FACTS = [
    lambda request: ask(request, "r", QUESTION),
    lambda request: ask(request, "r", Question(Wish.EXPORT, minute(9), "e2", "cus_1", ("user:1",), SERVICES, "Mia")),
    lambda request: answer(request, "r", "profiles", Answer({1: minute(1)}, of=2)),
    lambda request: answer(request, "r", "profiles", Answer({2: minute(2)}, of=2)),
    lambda request: answer(request, "r", "profiles", Answer({2: minute(5)}, of=2)),
    lambda request: answer(request, "r", "support", Answer({1: minute(3)}, erased=4)),
    lambda request: answer(request, "r", "support", Answer({1: minute(4)}, erased=0)),
    lambda request: remind(request, minute(360)),
]


def told(facts: Any, request: Request = Request()) -> Request:  # noqa: B008 - a frozen value
    for fact in facts:
        request = fact(request)
    return request


@given(st.permutations(FACTS))
def test_a_request_is_the_same_in_whatever_order_it_is_heard(facts: Any) -> None:
    assert told(facts) == told(FACTS)


@given(st.permutations(FACTS), st.integers(0, len(FACTS)))
def test_what_two_heard_of_a_request_joins_to_what_one_would_have(facts: Any, half: int) -> None:
    parts = [told(facts[:half]), told(facts[half:])]
    assert merge_requests(parts) == merge_requests(parts[::-1]) == merge_requests([*parts, parts[0]]) == told(FACTS)


def test_a_request_is_completed_by_the_last_part_of_the_last_answer() -> None:
    request = told(FACTS[:3])
    assert (request.missing, request.completed_at) == (["profiles", "support"], None)
    request = told(FACTS[3:4], request)
    assert request.missing == ["support"]
    assert told(FACTS[5:6], request).completed_at == minute(3)


def test_who_was_asked_about_is_known_only_while_somebody_may_have_to_be_asked_again() -> None:
    assert told(FACTS[:5]).question == QUESTION
    done = told(FACTS)
    assert done.question is not None
    assert done.question.identity_keys == ()
    assert done.next_reminder is None


def test_services_that_do_not_answer_are_reminded_again_and_again() -> None:
    request = told(FACTS[:1])
    dues = []
    for _ in range(3):
        due = request.next_reminder
        assert due is not None
        dues.append(due)
        request = remind(request, due)
    assert [later - earlier for earlier, later in itertools.pairwise([NOW, *dues])] == [REMIND_EVERY] * 3


@pytest.mark.parametrize(
    ("known", "terms", "expected"),
    [
        (True, Retention(), None),
        (True, Retention(visitor_days=10), None),
        (True, Retention(customer_days=10), NOW + timedelta(days=10)),
        (False, Retention(customer_days=10, visitor_days=2), NOW + timedelta(days=2)),
        (True, Retention(customer_days=10, since=NOW), NOW + timedelta(days=10)),
    ],
)
def test_somebody_goes_when_the_term_after_their_last_sign_of_life_ends(
    known: bool, terms: Retention, expected: datetime | None
) -> None:
    assert erased_at(terms, "cus_1", known, NOW) == expected


def test_who_is_overdue_when_terms_are_set_goes_at_a_moment_of_their_own_within_a_week() -> None:
    since = NOW + timedelta(days=400)
    moments = [erased_at(Retention(30, since=since), f"cus_{number}", True, NOW) for number in range(500)]
    assert all(moment and since <= moment < since + SPREAD for moment in moments)
    assert len({moment.date() for moment in moments if moment}) >= 7
    assert moments == [erased_at(Retention(30, since=since), f"cus_{number}", True, NOW) for number in range(500)]
    assert all(moment and moment.microsecond % 1000 == 0 for moment in moments)


def test_what_somebody_wrote_cannot_become_markup_in_the_page_that_they_are_sent() -> None:
    section = {"section": "tickets", "title": "Tickets", "items": [{"name": "<script>x</script>", "body": "<b onclick=x>"}]}
    written = page({"support": [section]}, {"requested_at": NOW})
    assert "<script>" not in written
    assert "<b " not in written
    assert "&lt;script&gt;" in written
