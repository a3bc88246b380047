"""What holds because of words about consent: tables, the laws of joining, and a model that remembers every word."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.domain.consent.standing import Standing, standing
from services.profiles.domain.consent.words import (
    MOST_LINES,
    MOST_MONTHS,
    Consent,
    Said,
    Scope,
    Status,
    merge_consent,
    report_words,
    state_words,
)
from shared import events
from tests.order_free import timer
from tests.unit.profiles.given import MORNING, decided, happened, history, hour, identified, order_free, viewed
from tests.unit.profiles.said import (
    complained,
    confirmed,
    confirming,
    latest,
    permissions,
    preferred,
    requests,
    stated,
    unsubscribed,
)

ANN, MAIL = "user:1", "email:ann@example.com"
EMAIL = Scope("marketing", "email")
Word = tuple[str, str, int, str]  # key, sort, days, status

keys = st.sampled_from([ANN, MAIL])
moments = st.integers(0, 200)
a_word = st.tuples(keys, st.just("reported"), moments, st.sampled_from(["granted", "denied"])) | st.tuples(
    keys, st.just("stated"), moments, st.sampled_from(["granted", "denied", "withdrawn", "pending"])
)
words = st.lists(a_word, max_size=10)


def told(said: Sequence[Word], days: int = 1, rules: ConsentRules | None = None) -> Consent:
    consent: Consent = {}
    for key, sort, at, status in said:
        hear = report_words if sort == "reported" else state_words
        consent = hear(consent, key, {EMAIL: Status(status)}, Said(MORNING + timedelta(days=at * days), f"{key}{sort}{status}"))
    return consent


def stands(*said: Word, rules: ConsentRules | None = None) -> Standing:
    return standing(told(said), rules or ConsentRules())


@given(words, words, words)
def test_words_join_in_any_order_grouping_and_repetition(a: Any, b: Any, c: Any) -> None:
    x, y, z = told(a), told(b), told(c)
    assert merge_consent(x, y) == merge_consent(y, x) == told([*b, *a, *b])
    assert merge_consent(merge_consent(x, y), z) == merge_consent(x, merge_consent(y, z))
    assert merge_consent(x, x) == x


def holds(said: Sequence[Word], needs: bool) -> dict[str, tuple[str, int]]:
    """By key the status that holds and since which day, worked out from every word."""
    found = {}
    for key in {word[0] for word in said}:
        own = sorted(word for word in said if word[0] == key)
        reports = sorted((at, f"{key}{sort}{status}", status) for _, sort, at, status in own if sort == "reported")
        counted = [
            (at, f"{key}{sort}{status}", status) for _, sort, at, status in own if sort == "stated" and status != "pending"
        ]
        if needs:  # a run of grants that waits to be confirmed is as if it had not been reported
            while reports and reports[-1][2] == "granted":
                reports.pop()
        begin = next((place for place in range(len(reports)) if len({one[2] for one in reports[place:]}) == 1), None)
        counted += [reports[begin]] if begin is not None else []
        if counted:
            at, _, status = max(counted)
            found[key] = (status, at)
    return found


@given(words, st.booleans())
def test_what_holds_is_what_a_memory_of_every_word_says(said: list[Word], needs: bool) -> None:
    """Words a month and more apart, so that no month has reports of both kinds."""
    rules = confirming("email").consent if needs else ConsentRules()
    found = standing(told(said, days=32), rules)
    by_key = {one.identity_key: (one.status.value, (one.at - MORNING).days // 32) for one in found.by_key}
    assert by_key == holds(said, needs)
    if by_key:
        assert found.overall[EMAIL] == max(found.by_key, key=lambda one: one.stamp)


@pytest.mark.parametrize(
    ("said", "held"),
    [
        pytest.param([(ANN, "reported", 0, "granted"), (ANN, "reported", 40, "granted")], ("granted", 0), id="repeating it"),
        pytest.param([(ANN, "reported", 0, "granted"), (ANN, "reported", 1, "denied")], ("denied", 1), id="taking it back"),
        pytest.param(
            [(ANN, "stated", 5, "withdrawn"), (ANN, "reported", 0, "granted"), (ANN, "reported", 9, "granted")],
            ("withdrawn", 5),
            id="a flag that the shop goes on repeating does not undo an unsubscription",
        ),
        pytest.param(
            [(ANN, "stated", 5, "granted"), (ANN, "reported", 0, "denied"), (ANN, "reported", 9, "denied")],
            ("granted", 5),
            id="nor a grant that the customer gave elsewhere",
        ),
        pytest.param(
            [(ANN, "stated", 5, "withdrawn"), (ANN, "reported", 0, "denied"), (ANN, "reported", 9, "granted")],
            ("granted", 9),
            id="a flag that the customer changed does",
        ),
        pytest.param([(ANN, "stated", 9, "pending"), (ANN, "stated", 5, "granted")], ("granted", 5), id="asking again"),
    ],
)
def test_what_holds(said: list[Word], held: tuple[str, int]) -> None:
    one = stands(*said).overall[EMAIL]
    assert (one.status.value, (one.at - MORNING).days) == held


def test_in_a_month_with_both_a_grant_counts_from_the_earliest_moment_and_a_refusal_from_the_latest() -> None:
    flips = [(ANN, "reported", day, status) for day, status in [(0, "granted"), (2, "denied"), (4, "granted"), (6, "granted")]]
    assert stands(*flips).overall[EMAIL].at == hour(2 * 24)
    refused = [(ANN, "reported", day, status) for day, status in [(0, "denied"), (2, "granted"), (4, "denied"), (6, "denied")]]
    assert stands(*refused).overall[EMAIL].at == hour(6 * 24)


@given(st.permutations(range(MOST_LINES + 5)))
def test_of_too_many_channels_the_usual_ones_stay_in_any_order(order: list[int]) -> None:
    consent = told([(ANN, "stated", 0, "granted")])
    for number in order:
        consent = state_words(consent, ANN, {Scope("marketing", f"a{number:03}"): Status.DENIED}, Said(hour(number), "x"))
    assert sorted(consent[ANN]) == [*(f"marketing/a{number:03}" for number in range(MOST_LINES - 1)), "marketing/email"]


@given(st.permutations(range(0, 32 * 40, 32)))
def test_reports_of_many_years_take_bounded_room_and_a_grant_counts_from_the_first(order: list[int]) -> None:
    consent = told([(ANN, "reported", day, "granted") for day in order])
    assert len(consent[ANN][EMAIL.line].reported) == MOST_MONTHS
    assert consent == told([(ANN, "reported", day, "granted") for day in range(0, 32 * 40, 32)])
    assert standing(consent, ConsentRules()).overall[EMAIL].at == MORNING


def test_where_months_are_forgotten_a_grant_counts_from_right_after_the_refusal_for_good() -> None:
    said: list[Word] = [(ANN, "reported", 0, "granted"), (ANN, "reported", 40, "denied")]
    found = set()
    for day in range(80, 32 * 40, 32):
        said.append((ANN, "reported", day, "granted"))
        found.add(stands(*said).overall[EMAIL].at)
    assert found == {hour(80 * 24), hour(40 * 24)}


def test_a_grant_that_was_never_confirmed_is_not_so_because_its_beginning_was_forgotten() -> None:
    rules = confirming("email", since=60 * 24).consent
    said: list[Word] = [(ANN, "reported", 0, "granted"), (ANN, "reported", 40, "denied")]
    for day in range(80, 32 * 40, 32):
        said.append((ANN, "reported", day, "granted"))
        assert stands(*said, rules=rules).overall[EMAIL].status is Status.DENIED


def test_a_name_that_is_too_long_is_no_word() -> None:
    assert state_words({}, ANN, {Scope("marketing", "x" * 51): Status.GRANTED}, Said(hour(0), "x")) == {}


def overall(*heard: Any, key: str = ANN) -> dict[str, str]:
    consent = order_free(*heard, rounds=4).customer(key).consent
    return {scope.line: held.status.value for scope, held in standing(consent, ConsentRules()).overall.items()}


def test_an_unsubscription_takes_back_all_that_needs_consent_on_its_channel_and_nothing_else() -> None:
    given_ = stated(ANN, "granted marketing/email", "granted marketing/sms", "granted profiling/all", "denied transactional/sms")
    assert overall(given_, unsubscribed(ANN, at=1)) == {
        "marketing/email": "withdrawn",
        "marketing/sms": "granted",
        "profiling/all": "granted",
        "transactional/sms": "denied",
    }


def test_whoever_takes_everything_back_still_gets_what_needs_no_consent() -> None:
    found = overall(stated(ANN, "granted marketing/email"), stated(ANN, "withdrawn all/all", at=1))
    assert set(found.values()) == {"withdrawn"}
    assert {"marketing/email", "marketing/post", "profiling/all", "advertising/all"} <= found.keys()
    assert not any(scope.startswith("transactional/") for scope in found)


def test_a_complaint_is_a_withdrawal_until_a_later_grant() -> None:
    assert overall(complained(ANN, at=1))["marketing/email"] == "withdrawn"
    assert overall(complained(ANN, at=1), stated(ANN, "granted marketing/email", at=2))["marketing/email"] == "granted"


def test_every_word_is_in_the_ledger_once_with_where_it_came_from() -> None:
    told_ = order_free(
        identified(ANN, consent={"email": "granted", "sms": "denied"}),
        identified(ANN, at=1, consent={"email": "granted"}),
        identified(ANN, at=-9, consent={"email": "granted"}, backfill=True),
        stated(
            ANN, "granted marketing/email", at=2, source="till", stated_by="Mia", text_version="3", proof={"form_id": "till-1"}
        ),
        confirmed(ANN, at=3),
        unsubscribed(ANN, at=4),
        unsubscribed(ANN, at=5, list_id="news"),
        complained(ANN, "sms", at=6),
        rounds=5,
    )
    rows = [row for key, row in told_.journal.items() if key.startswith("consent_ledger/")]
    said = sorted((row["at"], row["source"], row["status"], f"{row['purpose']}/{row['channel']}") for row in rows)
    assert [one[1:] for one in said] == [
        ("import", "granted", "marketing/email"),
        ("storefront", "denied", "marketing/sms"),
        ("storefront", "granted", "marketing/email"),
        ("storefront", "granted", "marketing/email"),
        ("till", "granted", "marketing/email"),
        ("confirmation", "granted", "marketing/email"),
        ("unsubscribe_link", "withdrawn", "all/email"),
        ("complaint", "withdrawn", "all/sms"),
    ]
    (till,) = [row for row in rows if row["source"] == "till"]
    assert (till["stated_by"], till["text_version"], till["proof"]) == ("Mia", "3", {"form_id": "till-1"})


def test_a_word_in_the_traits_is_on_record_with_the_page_that_it_came_from() -> None:
    page = {"path": "/newsletter", "url": "https://shop.example/newsletter?email=ann@shop.example", "title": "News"}
    said = happened(
        events.CUSTOMER_IDENTIFIED, [ANN], 0, traits={}, consent={"email": "granted"}, context={"page": page, "locale": "de-DE"}
    )
    (row,) = [row for key, row in history(said).journal.items() if key.startswith("consent_ledger/")]
    assert (row["proof"], row["locale"]) == ({"shop_source": "Web shop", "page": "/newsletter"}, "de-DE")


def test_a_permission_is_announced_once_for_each_change_under_the_key_that_said_it() -> None:
    told_ = history()
    for at, status in enumerate(["granted", "granted", "denied", "denied", "granted"]):
        told_.apply(identified(ANN, at=at * 1000, consent={"email": status}))
    assert permissions(told_) == {(ANN, "marketing/email"): [True, False, True]}


def test_who_keeps_the_latest_of_each_key_is_right_after_merges_and_after_taking_them_back() -> None:
    told_ = history(stated(ANN, "granted marketing/email", at=1), stated(MAIL, "denied marketing/email", at=2))
    before = len(told_.announced)
    told_.apply(decided("merge", [ANN], [MAIL], at=3))
    assert standing(told_.customer(ANN).consent, ConsentRules()).overall[EMAIL].status is Status.DENIED
    assert [one.kind for one in list(told_.announced.values())[before:]] == [events.PROFILE_MERGED, events.CONSENT_CHANGED]
    assert latest(told_, [ANN, MAIL]) == {"marketing/email": False}
    told_.apply(stated(ANN, "granted marketing/email", at=1.5), stated(ANN, "granted marketing/email", at=4))
    assert latest(told_, [ANN, MAIL]) == {"marketing/email": True}
    told_.apply(decided("unmerge", [ANN], [MAIL], at=5))
    assert (latest(told_, [ANN]), latest(told_, [MAIL])) == ({"marketing/email": True}, {"marketing/email": False})


def test_a_grant_that_has_to_be_confirmed_allows_nothing_until_it_is() -> None:
    told_ = history(identified(ANN, consent={"email": "granted", "sms": "granted"}), rules=None)
    assert permissions(told_)[ANN, "marketing/email"] == [True]
    told_ = strict(identified(ANN, consent={"email": "granted", "sms": "granted"}))
    assert permissions(told_) == {(ANN, "marketing/sms"): [True]}
    (request,) = requests(told_)
    assert (request["channel"], request["expires_at"]) == ("email", hour(7 * 24).isoformat())
    told_.apply(confirmed(ANN, at=1))
    assert permissions(told_)[ANN, "marketing/email"] == [True]
    assert told_.timers == {}


def strict(*heard: Any) -> Any:
    """Told half a day after the first word by rules that ask for confirmation of grants by mail."""
    told_ = history(rules=None)
    told_.rules, told_.now = confirming("email"), hour(12)
    return told_.apply(*heard)


def test_the_address_to_ask_is_the_one_that_granted_else_the_one_stated_last_among_the_customers_own() -> None:
    def address(*heard: Any) -> list[str | None]:
        told_ = strict(heard[0])
        for one in heard[1:]:
            told_.apply(one)
        return [one.get("address_key") for one in requests(told_)]

    asks = stated(ANN, "pending marketing/email", at=2)
    assert address(stated(MAIL, "pending marketing/email", at=2)) == [MAIL]
    assert address(asks) == [None]
    assert address(identified(ANN, MAIL, at=1, email="ann@example.com"), asks) == [MAIL]
    assert address(asks, identified(ANN, MAIL, at=3, email="ann@example.com")) == [None, MAIL]
    assert address(identified(ANN, at=1, email="somebody@else.example"), asks) == [None]
    assert address(stated(ANN, "pending marketing/sms", at=2)) == [None]


def test_the_language_is_the_one_that_was_chosen_else_a_tag_among_the_traits() -> None:
    def language(*heard: Any) -> list[str | None]:
        return [one.get("language") for one in requests(strict(*heard, stated(ANN, "pending marketing/email", at=5)))]

    assert language(identified(ANN, at=1, locale="pa_IN", language="Punjabi, mostly")) == ["pa-IN"]
    assert language(identified(ANN, at=1, language="te"), preferred(ANN, at=2, language="ur")) == ["ur"]
    assert language() == [None]


def test_nobody_is_asked_twice_for_one_grant_and_nobody_who_granted() -> None:
    told_ = strict(identified(ANN, consent={"email": "granted"}), identified(ANN, at=1, consent={"email": "granted"}))
    assert len(requests(told_)) == 1
    told_.apply(stated(ANN, "pending marketing/email", at=2))
    assert len(requests(told_)) == 2
    told_.apply(confirmed(ANN, at=3), stated(ANN, "pending marketing/email", at=4))
    assert len(requests(told_)) == 2
    assert strict(identified(MAIL, consent={"email": "granted"}, backfill=True)).announcements(events.OPT_IN_REQUESTED) == []


def test_a_request_ends_at_the_exact_instant_or_when_the_customer_refuses() -> None:
    told_ = strict(identified(ANN, consent={"email": "granted"}))
    (armed,) = told_.timers.values()
    assert (armed.kind, armed.due) == ("look_again", hour(7 * 24))
    told_.now = armed.due - timedelta(milliseconds=1)
    told_.apply(viewed(ANN, at=13))
    assert requests(told_, events.OPT_IN_EXPIRED) == []
    told_.now = armed.due
    told_.apply(timer(armed.kind, armed.subject, armed.data, armed.due))
    assert [one["expires_at"] for one in requests(told_, events.OPT_IN_EXPIRED)] == [armed.due.isoformat()]
    assert told_.timers == {}
    refused = strict(identified(ANN, consent={"email": "granted"}), unsubscribed(ANN, at=1))
    assert refused.timers == {}
    assert permissions(refused)[ANN, "marketing/email"] == [False]


def test_grants_of_before_the_rule_count_without_being_confirmed() -> None:
    rules = confirming("email", since=10).consent
    early, late = (ANN, "reported", 0, "granted"), (ANN, "reported", 40, "granted")
    assert stands(early, late, rules=rules).overall[EMAIL].status is Status.GRANTED
    assert stands(late, rules=rules).overall == {}


def test_preferences_are_the_latest_words() -> None:
    told_ = order_free(
        preferred(ANN, topics={"sales": True, "news": True}, frequency={"pace": "at_most", "per_week": 2}, language="pa-Guru"),
        preferred(ANN, at=1, topics={"sales": False}, channel="sms", frequency={"pace": "weekly"}),
        preferred(ANN, at=2, cleared=["channel"]),
        unsubscribed(ANN, at=3, list_id="news"),
        rounds=6,
    )
    assert {name: word.value for name, word in told_.customer(ANN).preferences.items()} == {
        "topic:sales": False,
        "topic:news": False,
        "pace": "weekly",
        "per_week": None,
        "language": "pa-Guru",
        "channel": None,
    }
