"""Support over HTTP and a real database: tickets from opening to resolution, and the context that follows events."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import eventlet
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.support import overview, schemas
from shared import events
from shared.identity import id_of
from tests.order_free import NOW, event
from tests.serving import Served, serving

TICKETS = "/api/support/tickets"
KEYS = ["user:1", "email:jane@example.com", "social:x:jane"]


@pytest.fixture(scope="module")
def support(mongo_server) -> Iterator[Served]:
    with serving("support", mongo_server, "test_support") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(support) -> None:
    for name in support.database.list_collection_names():
        support.database[name].delete_many({})


def order(subject: str, order_id: str, minutes: int = 0) -> Any:
    line = {"product_id": "shirt", "name": "Shirt", "quantity": 2, "price": 1500}
    data = {"order_id": order_id, "amount": 3000, "currency": "EUR", "products": [line]}
    return event(events.ORDER_COMPLETED, subject, data, NOW + timedelta(minutes=minutes))


def grouped(kind: Any, keys: list[str], revision: int) -> Any:
    data = {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}
    return event(kind, keys[0], data, name=str(revision))


def ticket_of(support: Served, customer: str = "user:1", **more: Any) -> Any:
    body = {"customer": customer, "subject": "Where is my parcel?", "body": "It should be here.", **more}
    return support.post(TICKETS, body, 201)


def announced(support: Served, name: str) -> list[dict[str, Any]]:
    return [event.data() for event in support.announced(name)]


def test_a_tickets_life_over_http(support):
    ticket = ticket_of(support, channel="email", priority="high")
    path = f"{TICKETS}/{ticket['ticket_id']}"
    support.post(f"{path}/assign", {"agent_id": "ann", "team_id": "returns", "by": "bob", "version": 1})
    support.post(f"{path}/replies", {"body": "Only for us.", "is_note": True, "agent_id": "ann"}, 201)
    answered = support.post(f"{path}/replies", {"body": "On its way.", "agent_id": "ann"}, 201)
    assert (answered["status"], answered["agent_id"], answered["version"]) == ("waiting", "ann", 4)
    settled = support.post(f"{path}/resolve", {"agent_id": "ann"}, 200, {"If-Match": '"4"'})
    assert (settled["status"], settled["resolution_seconds"] is not None) == ("resolved", True)
    back = support.post(f"{path}/replies", {"body": "Still nothing!", "author": "customer"}, 201)
    assert (back["status"], back["reopened"], back["resolved_at"]) == ("open", 1, None)
    support.post(f"{path}/resolve", {})
    final = support.post(f"{path}/reopen", {"agent_id": "ann"})
    kinds = ["opened", "assigned", "noted", "replied", "resolved", "replied", "resolved", "reopened"]
    assert [step["kind"] for step in final["history"]] == kinds
    assert [(m["body"], m["is_note"]) for m in final["messages"]] == [
        ("It should be here.", False),
        ("Only for us.", True),
        ("On its way.", False),
        ("Still nothing!", False),
    ]
    assert len(announced(support, "ticket_opened")) == len(announced(support, "ticket_assigned")) == 1
    assert [told["author"] for told in announced(support, "ticket_replied")] == ["agent", "customer"]
    assert len(announced(support, "ticket_resolved")) == len(announced(support, "ticket_reopened")) == 2


def test_what_is_announced_is_filed_under_the_key_that_the_ticket_came_with(support):
    support.work.apply([grouped(events.PROFILE_MERGED, KEYS, 1)])
    ticket = ticket_of(support, "Jane@Example.com")
    (opened,) = support.announced("ticket_opened")
    assert opened.subject == ticket["identity_key"] == "email:jane@example.com"
    assert opened.data()["customer_id"] == ticket["customer_id"] == id_of("user:1")


def test_the_context_beside_a_ticket_follows_events(support):
    ticket = ticket_of(support, order_id="A1")
    path = f"{TICKETS}/{ticket['ticket_id']}"
    assert "A1" in ticket["warnings"][0]
    support.work.apply([order("user:1", "A1")])
    now = support.get(path)
    assert now["warnings"] == []
    assert now["customer"]["orders"][0]["products"][0]["name"] == "Shirt"
    back = {"order_id": "A1", "refund_id": "r1", "currency": "EUR", "amount": 1000, "products": []}
    support.work.apply([event(events.ORDER_REFUNDED, "user:1", back)])
    assert support.get(path)["customer"]["spend"] == [{"currency": "EUR", "amount": 2000}]


def test_tickets_and_facts_of_all_keys_are_one_customers_until_they_are_split(support):
    support.work.apply([order("user:1", "A1"), grouped(events.PROFILE_MERGED, KEYS, 1)])
    by_mail, by_account = ticket_of(support, "jane@example.com"), ticket_of(support, "user:1")
    for identity in ("user:1", "JANE@example.com", id_of("user:1"), "social:x:jane", "email%3Ajane@example.com"):
        context = support.get(f"/api/support/customers/{identity}/context")
        assert context["customer_id"] == id_of("user:1")
        assert {t["ticket_id"] for t in context["open_tickets"]} == {by_mail["ticket_id"], by_account["ticket_id"]}
        assert (context["orders_count"], len(context["messages"])) == (1, 2)
        assert len(support.get(f"{TICKETS}?customer={identity}")["items"]) == 2
    support.work.apply([grouped(events.PROFILE_SPLIT, KEYS[:1], 2), grouped(events.PROFILE_SPLIT, KEYS[1:], 2)])
    apart = support.get("/api/support/customers/jane@example.com/context")
    assert (apart["orders_count"], [t["ticket_id"] for t in apart["open_tickets"]]) == (0, [by_mail["ticket_id"]])
    listed = {t["ticket_id"]: t["customer_id"] for t in support.get(TICKETS)["items"]}
    assert listed == {
        by_mail["ticket_id"]: id_of("email:jane@example.com"),
        by_account["ticket_id"]: id_of("user:1"),
    }


def test_a_mention_of_a_linked_handle_and_a_campaigns_message_show_in_the_context(support):
    mention = {"mention_id": "x:1", "network": "x", "handle": "jane", "text": "Where is my parcel?"}
    sent = {"message_id": "m1", "customer_id": "cus_1", "campaign_id": "spring", "channel": "email", "subject": "Hello"}
    left = {"cart_id": "c1", "product_id": "mug", "quantity": 1, "price": 900, "currency": "EUR"}
    support.work.apply(
        [
            event(events.MENTION_RECEIVED, "social:x:jane", mention),
            event(events.MESSAGE_SENT, "email:jane@example.com", sent, NOW + timedelta(minutes=1)),
            event(events.PRODUCT_ADDED, "user:1", left),
            event(events.CUSTOMER_IDENTIFIED, "user:1", {"traits": {"name": "Jane Doe", "address": {"city": "Ulm"}}}),
            grouped(events.PROFILE_MERGED, KEYS, 1),
        ]
    )
    context = support.get("/api/support/customers/user:1/context")
    assert [(m["kind"], m["subject"], m["text"]) for m in context["messages"]] == [
        ("campaign", "Hello", None),
        ("mention", None, "Where is my parcel?"),
    ]
    assert [m["mention_id"] for m in context["mentions"]] == ["x:1"]
    assert (context["open_cart"]["cart_id"], context["open_cart"]["amount"]) == ("c1", 900)
    contact = {"name": "Jane Doe", "address": {"city": "Ulm"}, "email": "jane@example.com"}
    assert (context["name"], context["contact"]) == ("Jane Doe", contact)


def test_nobody_by_that_identity_is_not_found_and_a_ticket_makes_somebody(support):
    support.get("/api/support/customers/user:404/context", 404)
    ticket_of(support, "user:404")
    assert len(support.get("/api/support/customers/user:404/context")["open_tickets"]) == 1


def test_the_same_idempotency_key_opens_one_ticket(support):
    body = {"customer": "user:1", "subject": "Parcel", "body": "Where?"}
    first, second = (support.post(TICKETS, body, 201, {"Idempotency-Key": "k1"}) for _ in range(2))
    assert first["ticket_id"] == second["ticket_id"]
    other = support.post(TICKETS, {**body, "body": "Something else"}, 422, {"Idempotency-Key": "k1"})
    assert "new key" in other["detail"]
    assert support.post(TICKETS, body, 201, {"Idempotency-Key": "k2"})["number"] == first["number"] + 1
    assert len(announced(support, "ticket_opened")) == 2


def test_the_same_idempotency_key_writes_one_reply(support):
    path = f"{TICKETS}/{ticket_of(support)['ticket_id']}/replies"
    for _ in range(2):
        replied = support.post(path, {"body": "On its way."}, 201, {"Idempotency-Key": "k1"})
    assert (replied["version"], len(replied["messages"])) == (2, 2)


def test_numbers_have_no_gaps_or_doubles_when_many_open_at_once(support):
    pool = eventlet.GreenPool(10)
    numbers = list(pool.imap(lambda n: ticket_of(support, f"user:{n}")["number"], range(30)))
    assert sorted(numbers) == list(range(1, 31))


def test_many_at_once_with_one_idempotency_key_open_one_ticket(support):
    body = {"customer": "user:1", "subject": "Parcel", "body": "Where?"}
    pool = eventlet.GreenPool(10)
    opened = pool.imap(lambda _: support.post(TICKETS, body, 201, {"Idempotency-Key": "k"})["ticket_id"], range(10))
    assert len(set(opened)) == 1


def test_two_who_saw_the_same_version_cannot_both_change_it(support):
    path = f"{TICKETS}/{ticket_of(support)['number']}"
    answers = list(
        eventlet.GreenPool(8).imap(
            lambda n: support.client.request("POST", f"{path}/assign", b'{"agent_id": "a%d", "version": 1}' % n).status,
            range(8),
        )
    )
    assert sorted(answers) == [200] + [409] * 7


@pytest.mark.parametrize("stale", [({"version": 3}, {}), ({}, {"If-Match": '"3"'}), ({}, {"If-Match": 'W/"3"'})])
def test_a_stale_caller_is_told_the_current_version(support, stale):
    body, headers = stale
    path = f"{TICKETS}/{ticket_of(support)['ticket_id']}"
    for step, more in (("replies", {"body": "Hello"}), ("assign", {}), ("resolve", {}), ("reopen", {})):
        refused = support.post(f"{path}/{step}", {**body, **more}, 409, headers)
        assert refused["fields"] == {"version": {"given": 3, "current": 1}}
    assert support.get(path)["version"] == 1


def test_the_etag_of_a_ticket_is_what_if_match_takes(support):
    ticket = ticket_of(support)
    path = f"{TICKETS}/{ticket['ticket_id']}"
    tag = support.client.request("GET", path).headers["etag"]
    assert support.post(f"{path}/resolve", {}, 200, {"If-Match": tag})["status"] == "resolved"
    support.post(f"{path}/reopen", {}, 409, {"If-Match": tag})
    support.post(f"{path}/reopen", {}, 200, {"If-Match": "*"})
    support.post(f"{path}/resolve", {"version": 2}, 422, {"If-Match": '"3"'})


def test_what_the_status_does_not_allow_is_a_conflict_that_says_what_to_do(support):
    path = f"{TICKETS}/{ticket_of(support)['ticket_id']}"
    support.post(f"{path}/reopen", {}, 409)
    support.post(f"{path}/resolve", {})
    support.post(f"{path}/resolve", {}, 409)
    assert "reopen it" in support.post(f"{path}/assign", {"agent_id": "ann"}, 409)["detail"]


def test_a_ticket_is_found_by_its_number_and_an_unknown_one_is_not(support):
    ticket = ticket_of(support)
    assert support.get(f"{TICKETS}/{ticket['number']}")["ticket_id"] == ticket["ticket_id"]
    for path in ("999", "tic_unknown", "0"):
        support.get(f"{TICKETS}/{path}", 404)
        support.get(f"{TICKETS}/{path}/history", 404)
        support.post(f"{TICKETS}/{path}/resolve", {}, 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subject": "S", "body": "B"}, "customer"),
        ({"customer": "Jane", "subject": "S", "body": "B"}, "customer"),
        ({"customer": "cus_" + "0" * 24, "subject": "S", "body": "B"}, "customer"),
        ({"customer": "user:1", "subject": "  ", "body": "B"}, "subject"),
        ({"customer": "user:1", "subject": "S" * 201, "body": "B"}, "subject"),
        ({"customer": "user:1", "subject": "S", "body": ""}, "body"),
        ({"customer": "user:1", "subject": "S", "body": "B", "channel": "fax"}, "channel"),
        ({"customer": "user:1", "subject": "S", "body": "B", "priority": 1}, "priority"),
        ({"customer": "user:1\nx", "subject": "S", "body": "B"}, "customer"),
        ({"customer": "user:1", "subject": "S", "body": "B", "colour": "red"}, "colour"),
    ],
)
def test_a_bad_request_to_open_names_the_field_and_opens_nothing(support, body, field):
    assert list(support.post(TICKETS, body, 422)["fields"]) == [field]
    assert support.get(TICKETS)["items"] == []


def test_filters_add_up(support):
    parcel = ticket_of(support, "user:1", channel="email", priority="urgent")
    refund = ticket_of(support, "user:2", subject="Rückgabe der Hose", channel="phone")
    support.post(f"{TICKETS}/{refund['number']}/assign", {"agent_id": "ann", "team_id": "returns"})
    support.post(f"{TICKETS}/{parcel['number']}/replies", {"body": "On its way."}, 201)
    for query, found in {
        "": [1, 2],
        "status=open": [2],
        "status=waiting,open": [1, 2],
        "status=resolved": [],
        "assignee=ann": [2],
        "assignee=none": [1],
        "team=returns&channel=phone": [2],
        "priority=urgent": [1],
        "channel=email&priority=normal": [],
        "customer=user:2": [2],
        "customer=user:3": [],
        "text=PARC": [1],
        "text=r%C3%BCckgabe+hos": [2],
        "text=arcel": [],
        "text=parcel+hose": [],
    }.items():
        assert sorted(t["number"] for t in support.get(f"{TICKETS}?{query}")["items"]) == found, query
    for query in ("status=closed", "sort=colour", "channel=fax", "limit=0", "cursor=%21", "customer=Jane"):
        support.get(f"{TICKETS}?{query}", 400)


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("number", [1, 2, 3, 4]),
        ("-number", [4, 3, 2, 1]),
        ("opened_at", [1, 2, 3, 4]),
        ("-opened_at", [4, 3, 2, 1]),
        ("-updated_at", [2, 4, 3, 1]),
        ("updated_at", [1, 3, 4, 2]),
    ],
)
def test_pages_follow_the_order_asked_for(support, sort, numbers):
    for _ in range(4):
        ticket_of(support)
        eventlet.sleep(0.002)  # opened in different milliseconds, so that the order is known
    support.post(f"{TICKETS}/2/replies", {"body": "Hello"}, 201)
    found, path = [], f"{TICKETS}?sort={sort}&limit=3"
    page = support.get(path)
    while page["next"]:
        found += [ticket["number"] for ticket in page["items"]]
        page = support.get(f"{path}&cursor={page['next']}")
    assert found + [ticket["number"] for ticket in page["items"]] == numbers


def test_the_most_urgent_come_first_when_asked_for(support):
    for priority in ("normal", "urgent", "low", "high"):
        ticket_of(support, priority=priority)
    found = [ticket["priority"] for ticket in support.get(f"{TICKETS}?sort=-priority")["items"]]
    assert found == ["urgent", "high", "normal", "low"]


def test_a_long_ticket_shows_its_latest_steps_and_the_listings_have_all(support, monkeypatch):
    monkeypatch.setattr(overview, "ENTRIES_SHOWN", 8)
    path = f"{TICKETS}/{ticket_of(support)['number']}"
    for n in range(8):
        support.post(f"{path}/replies", {"body": f"Reply {n}", "is_note": n % 2 == 0}, 201)
    shown = support.get(path)
    assert (len(shown["history"]), shown["left_out"]) == (8, 1)
    assert shown["history"][-1]["version"] == 9
    first = support.get(f"{path}/messages?limit=5")
    second = support.get(f"{path}/messages?limit=5&cursor={first['next']}")
    assert [m["version"] for m in first["items"] + second["items"]] == list(range(1, 10))
    assert second["next"] is None
    assert support.get(f"{path}/history?limit=2")["items"][0]["kind"] == "opened"


def test_without_the_token_nothing_is_told(support):
    answer = support.client.request("GET", TICKETS, headers={"Authorization": "Bearer wrong"})
    assert answer.status == 401


def test_the_openapi_document_is_valid_and_names_headers_and_routes(support):
    document = support.get("/api/support/openapi.json")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    opening = document["paths"][TICKETS]["post"]
    assert [p["name"] for p in opening["parameters"]] == ["Idempotency-Key"]


def test_answers_have_exactly_the_fields_that_the_schemas_promise(support):
    support.work.apply([order("user:1", "A1")])
    ticket = ticket_of(support)
    assert ticket.keys() == schemas.Ticket().fields.keys()
    assert ticket["customer"].keys() == schemas.Context().fields.keys()
    assert ticket["customer"]["orders"][0].keys() == schemas.Order().fields.keys()
