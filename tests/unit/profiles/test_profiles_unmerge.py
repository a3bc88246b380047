"""A merge that was taken back never was: in profiles and in every service that follows its statements."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.analytics.service import Analytics
from services.campaigns.service import Campaigns
from services.profiles.service import Profiles
from services.reengagement.service import Reengagement
from services.support.service import Support
from shared import events
from shared.envelope import Event
from shared.outbox import to_event
from tests.order_free import NOW, History
from tests.unit.profiles.given import (
    bought,
    cancelled,
    decided,
    groups,
    history,
    identified,
    order_free,
    refunded,
    viewed,
)

ANN, BOB, TABLET, PHONE, MAIL = "user:ann", "user:bob", "anon:tablet", "anon:phone", "email:ann@shop.example"
FOLLOWERS = [Analytics, Campaigns, Reengagement, Support]


def before() -> list[Event]:
    return [
        viewed(TABLET, at=0),
        identified(ANN, TABLET, MAIL, at=1, email="ann@shop.example", consent={"email": "granted"}),
        bought("a", 2_000, ANN, at=2),
        identified(BOB, PHONE, at=3, consent={"email": "denied"}),
        bought("b", 500, BOB, at=4),
    ]


def after() -> list[Event]:
    """Twenty events of both, some of which tie further keys to one of them."""
    return [
        *(viewed(ANN, TABLET, at=10 + number, again=str(number)) for number in range(6)),
        *(viewed(BOB, PHONE, at=10 + number, again=str(number)) for number in range(5)),
        bought("c", 700, ANN, at=20),
        bought("d", 900, BOB, TABLET, at=21),
        refunded("a", "r", 300, ANN, at=22),
        cancelled("d", BOB, at=23),
        identified(BOB, "email:bob@shop.example", at=24, consent={"sms": "granted"}),
        viewed("user:cid", PHONE, at=27),
        bought("e", 100, PHONE, at=28),
        viewed("anon:new", at=29),
        viewed(BOB, "anon:new", at=30),
    ]


MERGE, BACK = decided("merge", [ANN], [BOB], at=5), decided("unmerge", [ANN], [BOB], at=40)


def told_one_by_one(story: Sequence[Event]) -> History:
    told = history()
    for one in story:
        told.apply(one)
    return told


def held(told: History) -> dict[str, Any]:
    """All that follows from the facts: customers, timers, rows and figures, without the record of decisions and how many were heard."""
    state = told.state()
    rows = {key: row for key, row in state["rows"].items() if not key.startswith("identity_decisions/")}
    groups = {key: customer for key, (customer, _) in state["members"].items()}
    figures = {key: values for key, values in state["figures"].items() if not key.startswith("figures/event|") or "|shop." in key}
    journal = [row for row in state["journal"] if told.journal[row].get("name") != "identity_decided"]
    return {"groups": groups, "timers": state["timers"], "rows": rows, "figures": figures, "journal": journal}


def test_after_twenty_events_and_taking_it_back_profiles_are_as_if_there_had_been_no_merge() -> None:
    assert len(after()) == 20
    never = told_one_by_one([*before(), *after()])
    merged = told_one_by_one([*before(), MERGE, *after()])
    assert held(merged) != held(never)
    assert held(merged.apply(BACK)) == held(never)


def test_a_merge_that_was_taken_back_may_be_heard_of_in_any_order() -> None:
    told = order_free(*before(), MERGE, *after(), BACK, rounds=10)
    assert groups(told) == groups(told_one_by_one([*before(), *after()]))


def statements(told: History) -> list[Event]:
    kinds = (events.PROFILE_MERGED, events.PROFILE_SPLIT, events.CONTACT_PERMISSION_CHANGED)
    return [to_event(one, None, NOW) for one in told.announced.values() if one.kind in kinds]


def following(service: type, story: Sequence[Event], decisions: Sequence[Event]) -> History:
    """What a service holds that hears the shop and the statements of profiles as they are made."""
    profiles = history()
    told = History(service, service.inbox.models)  # type: ignore[attr-defined]
    heard: set[str] = set()
    for one in story:
        profiles.apply(one)
        fresh = [said for said in statements(profiles) if said.id not in heard]
        heard |= {said.id for said in fresh}
        told.apply(*([] if one in decisions else [one]), *fresh)
    return told


@pytest.mark.parametrize("service", FOLLOWERS, ids=lambda service: service.name)
def test_those_who_follow_are_as_if_there_had_been_no_merge(service: type) -> None:
    never = held(following(service, [*before(), *after()], []))
    back = held(following(service, [*before(), MERGE, *after(), BACK], [MERGE, BACK]))
    merged = held(following(service, [*before(), MERGE, *after()], [MERGE]))
    assert merged != never
    assert back == never


def test_the_services_are_those_that_follow_customers() -> None:
    assert Profiles not in FOLLOWERS
    for service in FOLLOWERS:
        assert any(model.follows_statements for model in service.inbox.models)
