"""Who is asked to confirm a grant, when, and when no more: whatever is heard in whatever order."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.campaigns.domain.opt_ins import (
    DAY,
    MOST_A_DAY,
    MOST_REQUESTS,
    REMINDER,
    SPACING,
    Messaged,
    OptIn,
    Requested,
    State,
    What,
    became,
    joined,
    merge_opt_ins,
    merge_outcomes,
    requested,
)
from services.campaigns.service import Campaigns
from services.campaigns.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import NOW, History, assert_order_free, event, timer
from tests.unit.campaigns.shop import ago, grouped
from tests.unit.permitted import permitted

JANE, MAIL = "user:jane", "email:jane@shop.example"
HOLD = timedelta(days=7)


def asked(key: str = JANE, at: datetime | None = None, request: str = "r1", address: str | None = MAIL, **more: Any) -> Event:
    """A request to confirm marketing by e-mail."""
    requested_at = at or ago(hours=1)
    data = {
        "customer_id": id_of(key),
        "identity_keys": [key, MAIL],
        "purpose": "marketing",
        "channel": "email",
        "request_id": request,
        "requested_at": requested_at.isoformat(),
        "expires_at": (requested_at + HOLD).isoformat(),
        "token": f"t-{request}",
        **({"address_key": address} if address else {}),
        **more,
    }
    return event(events.OPT_IN_REQUESTED, key, data, requested_at, name=f"{request}{address}{data['purpose']}")


def told(about: events.EventKind, message_id: str, at: datetime, key: str = JANE, **more: Any) -> Event:
    data = {"message_id": message_id, "customer_id": id_of(key), "campaign_id": "double_opt_in", "channel": "email", **more}
    return event(about, key, data, at, name=message_id)


def history(*heard: Event, now: datetime = NOW) -> History:
    return History(Campaigns, [CUSTOMERS], now=now).apply(*heard)


def waiting(of: History) -> dict[str, Any]:
    """What stands to be sent or was, by request."""
    rows = {key.partition("/")[2]: row for key, row in of.rows.items() if key.startswith("opt_ins/")}
    return {row["token"].removeprefix("t-"): {**row, "id": message_id} for message_id, row in rows.items()}


def skipped(of: History) -> list[str]:
    return [one.data["reason"] for one in of.announced.values() if one.kind is events.MESSAGE_SKIPPED]


def test_a_grant_that_has_to_be_confirmed_has_a_mail_to_be_sent() -> None:
    row = waiting(history(asked(language="de")))["r1"]
    assert (row["address"], row["language"], row["scope"]) == ("jane@shop.example", "de", "marketing/email")
    assert (row["due"], row["sent_at"], row["reminded"]) == (ago(hours=1), None, False)


def test_on_other_channels_nobody_is_asked_here() -> None:
    assert waiting(history(asked(channel="sms", address="phone:+12025550100"))) == {}


def test_an_answer_ends_it_whatever_it_is() -> None:
    for allowed in (True, False):
        known = history(asked(), permitted(JANE, ago(minutes=5), allowed=allowed))
        assert waiting(known) == {}
        assert skipped(known) == ["no_longer_applies"]


def test_who_confirmed_has_confirmed_also_after_taking_it_back() -> None:
    said = {"source": "confirmation", "purpose": "marketing", "channel": "email", "request_id": "r1"}
    answer = event(events.CONSENT_CONFIRMED, JANE, {**said, "requested_at": ago(hours=1).isoformat()}, ago(minutes=9))
    known = history(asked(), answer, permitted(JANE, ago(minutes=5), allowed=False))
    (message_id,) = known.customer(JANE).opt_ins
    assert known.customer(JANE).asking.state(message_id, NOW) is State.CONFIRMED
    assert waiting(known) == {}
    assert_order_free(Campaigns, [CUSTOMERS], [asked(), answer, permitted(JANE, ago(minutes=5), allowed=False)], rounds=10)


def test_an_answer_of_before_the_request_is_none() -> None:
    assert list(waiting(history(asked(), permitted(JANE, ago(hours=2), allowed=False)))) == ["r1"]


def test_a_mail_that_was_sent_is_told_of_no_more_when_it_is_answered() -> None:
    known = history(asked())
    message_id = waiting(known)["r1"]["id"]
    known.apply(told(events.MESSAGE_SENT, message_id, ago(minutes=50)))
    assert waiting(known)["r1"]["sent_at"] == ago(minutes=50)
    known.apply(permitted(JANE, ago(minutes=5)))
    assert (waiting(known), skipped(known)) == ({}, [])


def test_it_ends_by_itself_when_nobody_answers() -> None:
    known = history(asked())
    (armed,) = known.timers.values()
    assert armed.due == ago(hours=1) + HOLD
    known.now = armed.due
    known.apply(timer(armed.kind, armed.subject, armed.data, armed.due))
    assert (waiting(known), skipped(known)) == ({}, ["stale"])


def test_a_second_request_within_minutes_replaces_the_first_and_waits() -> None:
    known = history(asked())
    first = waiting(known)["r1"]["id"]
    known.apply(told(events.MESSAGE_SENT, first, ago(minutes=59)), asked(at=ago(minutes=58), request="r2"))
    assert list(waiting(known)) == ["r2"]
    assert waiting(known)["r2"]["due"] == ago(minutes=59) + SPACING
    assert skipped(known) == []


def test_a_first_request_whose_mail_was_not_sent_yet_is_told_of_when_it_is_replaced() -> None:
    known = history(asked(), asked(at=ago(minutes=58), request="r2"))
    assert (list(waiting(known)), skipped(known)) == (["r2"], ["no_longer_applies"])
    assert waiting(known)["r2"]["due"] == ago(minutes=58)


def test_what_one_word_asks_about_several_purposes_goes_together() -> None:
    known = history(asked(), asked(purpose="advertising"))
    rows = [row for key, row in known.rows.items() if key.startswith("opt_ins/")]
    sent = next(key.partition("/")[2] for key, row in known.rows.items() if row.get("scope") == "marketing/email")
    known.apply(told(events.MESSAGE_SENT, sent, ago(minutes=59)))
    assert len(rows) == 2
    assert {row["due"] for key, row in known.rows.items() if key.startswith("opt_ins/")} == {ago(hours=1)}


def test_an_address_gets_no_more_than_a_few_mails_in_a_day() -> None:
    known = history()
    for number in range(MOST_A_DAY + 1):
        at = ago(hours=20 - 2 * number)
        known.apply(asked(at=at, request=f"r{number}"))
        if number < MOST_A_DAY:
            known.apply(told(events.MESSAGE_SENT, waiting(known)[f"r{number}"]["id"], at + timedelta(minutes=1)))
    assert waiting(known)[f"r{MOST_A_DAY}"]["due"] == ago(hours=20) + timedelta(minutes=1) + DAY


def test_another_address_does_not_wait_for_the_first() -> None:
    known = history(asked())
    known.apply(told(events.MESSAGE_SENT, waiting(known)["r1"]["id"], ago(minutes=59)))
    known.apply(asked(at=ago(minutes=58), request="r2", address="email:other@shop.example"))
    assert waiting(known)["r2"]["due"] == ago(minutes=58)


def test_nobody_is_written_to_at_an_address_where_nobody_is() -> None:
    known = history(asked())
    first = waiting(known)["r1"]["id"]
    known.apply(told(events.MESSAGE_BOUNCED, first, ago(minutes=50), kind="hard", reason="5.1.1"))
    known.apply(told(events.MESSAGE_SKIPPED, first, ago(minutes=50), reason="failed"))
    known.apply(asked(at=ago(minutes=30), request="r2"))
    assert waiting(known) == {}
    assert skipped(known) == ["failed", "suppressed"]
    known.apply(asked(at=ago(minutes=20), request="r3", address="email:right@shop.example"))
    assert list(waiting(known)) == ["r3"]


def test_without_an_address_nobody_is_asked_until_one_is_heard_of() -> None:
    known = history(asked(address=None))
    assert waiting(known) == {}
    known.apply(asked())
    assert list(waiting(known)) == ["r1"]


def test_who_is_merged_and_parted_again_is_asked_as_before() -> None:
    heard = [asked(), asked(MAIL, at=ago(minutes=30), request="r2")]
    merged = grouped(events.PROFILE_MERGED, [JANE, MAIL], 1)
    split = [grouped(events.PROFILE_SPLIT, [JANE], 2), grouped(events.PROFILE_SPLIT, [MAIL], 2)]
    assert sorted(waiting(history(*heard))) == ["r1", "r2"]
    assert list(waiting(history(*heard, merged))) == ["r2"]
    assert sorted(waiting(history(*heard, merged, *split))) == ["r1", "r2"]


def test_the_order_in_which_it_is_heard_is_no_matter() -> None:
    message_id = waiting(history(asked()))["r1"]["id"]
    heard = [
        asked(),
        told(events.MESSAGE_SENT, message_id, ago(minutes=59)),
        told(events.MESSAGE_SENT, message_id + REMINDER, ago(minutes=40)),
        asked(at=ago(minutes=30), request="r2"),
        permitted(JANE, ago(days=3), allowed=False),
        grouped(events.PROFILE_MERGED, [JANE, MAIL], 1),
    ]
    assert_order_free(Campaigns, [CUSTOMERS], heard, rounds=20)


@pytest.mark.parametrize(
    ("heard", "now", "state"),
    [
        ([], NOW, State.ASKED),
        (["sent"], NOW, State.SENT),
        (["sent", "reminded"], NOW, State.REMINDED),
        (["sent", "confirmed"], NOW, State.CONFIRMED),
        (["sent", "refused"], NOW, State.REFUSED),
        (["sent"], NOW + HOLD, State.EXPIRED),
        (["sent", "again"], NOW, State.REPLACED),
        (["failed"], NOW, State.NOT_SENT),
    ],
)
def test_how_far_it_is_can_be_told(heard: list[str], now: datetime, state: State) -> None:
    known = history(asked())
    message_id = waiting(known)["r1"]["id"]
    what = {
        "sent": told(events.MESSAGE_SENT, message_id, ago(minutes=59)),
        "reminded": told(events.MESSAGE_SENT, message_id + REMINDER, ago(minutes=30)),
        "failed": told(events.MESSAGE_SKIPPED, message_id, ago(minutes=59), reason="failed"),
        "confirmed": permitted(JANE, ago(minutes=5)),
        "refused": permitted(JANE, ago(minutes=4), allowed=False),
        "again": asked(at=ago(minutes=20), request="r2"),
    }
    known.apply(*(what[one] for one in heard))
    assert known.customer(JANE).asking.state(message_id, now) is state


times = st.integers(0, 6).map(lambda hours: ago(hours=hours))
opt_ins = st.dictionaries(
    st.sampled_from("abcdefg"),
    st.builds(OptIn, times, st.sampled_from("rs"), st.just("m/email"), st.just(JANE), times, st.just("t")),
)


@settings(max_examples=60)
@given(opt_ins, opt_ins, opt_ins)
def test_requests_join_whatever_the_order(one: Any, two: Any, three: Any) -> None:
    assert merge_opt_ins(one, two) == merge_opt_ins(two, one)
    assert merge_opt_ins(merge_opt_ins(one, two), three) == merge_opt_ins(one, merge_opt_ins(two, three))
    assert merge_opt_ins(one, one) is one
    assert joined([one, two]) == joined([two, one])


def test_of_too_many_requests_and_outcomes_the_latest_are_kept() -> None:
    known: Any = {}
    for number in range(MOST_REQUESTS + 5):
        data = {"purpose": "marketing", "channel": "email", "request_id": f"r{number}", "token": "t"}
        at = NOW + timedelta(minutes=number)
        known = requested(known, f"m{number:02}", Requested(requested_at=at, expires_at=at, **data), JANE)
    assert sorted(known) == [f"m{number:02}" for number in range(5, MOST_REQUESTS + 5)]
    again = became({}, Messaged(message_id="m", campaign_id="double_opt_in"), What.SENT, ago(hours=1))
    assert merge_outcomes(again, became({}, Messaged(message_id="m", campaign_id="double_opt_in"), What.SENT, NOW)) is again
