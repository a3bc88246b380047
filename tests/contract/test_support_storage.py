"""Support's queries over a real database are answered from indexes, and its keys are kept for their time."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.support.domain.tickets import Author as By
from services.support.domain.tickets import Channel, Request, Words, open_ticket, write
from services.support.storage import ORDERS, People, Tickets, Wanted
from shared.mongo import transaction
from shared.run import create_indexes
from tests.order_free import NOW
from tests.serving import Served, serving


@pytest.fixture(scope="module")
def support(mongo_server) -> Iterator[Served]:
    with serving("support", mongo_server, "test_support_storage") as served:
        tickets = Tickets(served.database)
        for number in range(1, 41):
            request = Request(f"user:{number % 5}", f"Parcel {number}", "Where?", Channel.EMAIL)
            moved = open_ticket(request, f"tic_{number:03}", number, NOW + timedelta(minutes=number))
            transaction(served.database, lambda session, moved=moved: tickets.keep(moved, session))
            noted = write(moved.ticket, Words("Hm.", By.AGENT, is_note=True), NOW + timedelta(hours=1, minutes=number))
            transaction(served.database, lambda session, noted=noted: tickets.keep(noted, session))
        yield served


def stages(plan: Any) -> set[str]:
    found = {plan["stage"]} if "stage" in plan else set()
    for part in ("inputStage", "queryPlan", "winningPlan"):
        found |= stages(plan[part]) if part in plan else set()
    for one in plan.get("inputStages", ()):
        found |= stages(one)
    return found


@pytest.mark.parametrize(
    "wanted",
    [
        {"status": {"$in": ["open"]}},
        {"assignment.agent_id": "ann"},
        {"channel": "email"},
        {"identity_id": {"$in": ["cus_1", "cus_2"]}},
        {"words": {"$regex": "^parc"}},
        {"number": 7},
    ],
)
def test_every_filter_is_answered_from_an_index(support, wanted):
    plan = support.database["tickets"].find(wanted).explain()["queryPlanner"]["winningPlan"]
    assert "IXSCAN" in stages(plan)
    assert "COLLSCAN" not in stages(plan)


@pytest.mark.parametrize("sort", sorted(ORDERS))
def test_every_order_of_the_listing_comes_sorted_out_of_an_index(support, sort):
    order = ORDERS[sort]
    plan = support.database["tickets"].find({}).sort(order.sort).limit(10).explain()["queryPlanner"]["winningPlan"]
    assert "SORT" not in stages(plan)


def test_notes_are_not_among_the_last_words_with_a_customer(support):
    ids = People(support.database).find("user:1").member_ids
    words = Tickets(support.database).last_words(ids, 3)
    assert [(said.number, said.text, said.author) for said in words] == [
        (36, "Where?", "customer"),
        (31, "Where?", "customer"),
        (26, "Where?", "customer"),
    ]


def test_a_page_knows_the_customer_of_each_ticket_even_if_never_heard_of(support):
    page = Tickets(support.database).page(Wanted(), ORDERS["number"], None, 3)
    assert [ticket.number for ticket in page["items"]] == [1, 2, 3]
    found = People(support.database).customer_ids(ticket.identity_key for ticket in page["items"])
    assert found == {key: People(support.database).find(key).customer_id for key in ("user:1", "user:2", "user:3")}


def test_idempotency_keys_are_kept_for_a_week(support):
    indexes = support.database["idempotency"].index_information()
    assert indexes["retention"]["expireAfterSeconds"] == 7 * 86_400


def test_indexes_can_be_made_again(support):
    create_indexes(dict(support.settings))
