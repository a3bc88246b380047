"""What people have a right to, over all services and real databases: to be told everything, and to be forgotten everywhere."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.collector.domain.refusal import Reason
from services.collector.sorting import Entry, Refusal
from services.collector.storage import Archive, Quarantine
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from shared.mongo import server_time
from shared.parked import park
from tests.company import Company, company
from tests.order_free import event
from tests.unit.profiles.given import bought, identified, line, refunded, viewed

ANN, TABLET, MAIL = "user:ann-4711", "anon:tablet-0815", "email:ann@shop.example"
BOB = "user:bob-1"
SECRETS = ("ann-4711", "tablet-0815", "ann@shop.example", "Annabel", "Lost parcel", "I love this shop", "Kitchen pan")
ASKED: dict[str, str] = {}
CUSTOMERS, REQUESTS = "/api/profiles/customers", "/api/profiles/data-requests"


@pytest.fixture(scope="module")
def services(mongo_server) -> Iterator[Company]:
    with company(mongo_server, "test_rights") as whole:
        yield whole


@pytest.fixture(autouse=True)
def life(services: Company) -> list[Event]:
    """Ann and Bob, in every service."""
    for service in services.services.values():
        for name in service.database.list_collection_names():
            if name not in ("settings",):
                service.database[name].delete_many({})
    happened = [
        viewed(TABLET, at=0, title="Welcome"),
        identified(ANN, TABLET, MAIL, at=1, email="ann@shop.example", name="Annabel", consent={"email": "granted"}),
        bought("a-1", 2_000, ANN, TABLET, at=2, products=[line("p1", 2, 1_000, name="Kitchen pan")]),
        refunded("a-1", "r", 300, ANN, at=3),
        event(events.PRODUCT_ADDED, ANN, {"product_id": "p2", "quantity": 1, "cart_id": "c-1"}),
        bought("b-1", 700, BOB, at=4),
    ]
    archived = [Entry(one, "src", one.id, None, None) for one in happened]
    Archive(services["collector"].database).accept(archived, happened[0].received_at)
    broken = Refusal(
        0, None, Reason.INVALID_JSON, "no JSON", b'{"userId": "ann-4711", "email": "ann@shop.example", "event": "Ord'
    )
    Quarantine(services["collector"].database).keep([("src", "/v1/track", broken)], happened[0].received_at)
    services.publish(*happened)
    ticket = {"subject": "Lost parcel", "body": "Where is it?", "channel": "email", "customer": ANN}
    services["support"].post("/api/support/tickets", ticket, 201)
    said = {
        "network": "x",
        "external_id": "1",
        "handle": "ann",
        "text": "I love this shop",
        "published_at": "2026-05-20T10:00:00Z",
    }
    services["social"].post("/api/social/mentions", {"mentions": [said]}, 200)
    services.settle()
    return happened


def ask(services: Company, wish: str, whom: str = ANN) -> str:
    """Make a request and let every service answer."""
    request_id: str = services["profiles"].post(f"{CUSTOMERS}/{whom}/{wish}", ASKED, 202)["request_id"]
    services.settle()
    return request_id


def found(services: Company, *texts: str) -> list[str]:
    """Where a text is kept: service/collection."""
    return sorted(
        {
            f"{service}/{name}: {text}"
            for service in services.services
            for name, row in services.documents(service)
            for text in texts
            if text in str(row)
        }
    )


def figures(services: Company) -> dict[str, Any]:
    """What the shop sold, to whom: all but the volume of events, to which requests and answers add."""
    summary = services["analytics"].get("/api/analytics/summary")
    return {name: value for name, value in summary.items() if name not in ("as_of", "events")}


def test_nothing_is_left_of_a_person_who_was_erased_in_any_service_and_the_figures_stay(services: Company) -> None:
    assert len(found(services, "ann-4711")) > 10
    before = figures(services)
    request_id = ask(services, "erasure")
    assert found(services, *SECRETS[:3], *SECRETS[4:5], *SECRETS[6:]) == []
    assert figures(services) == before
    told = services["profiles"].get(f"{REQUESTS}/{request_id}")
    assert told["state"] == "completed"
    assert told["requested_at"] < told["completed_at"] < told["due_at"]
    assert {one["service"] for one in told["services"] if one["answered_at"]} == set(services.services)
    assert sum(one["erased"] for one in told["services"]) > 10
    assert services["profiles"].get(f"{CUSTOMERS}/{BOB}")["orders"] == 1
    services["profiles"].get(f"{CUSTOMERS}/{ANN}", 404)


def test_what_happened_before_does_not_come_back_when_it_is_heard_late_or_again(services: Company, life: list[Event]) -> None:
    ask(services, "erasure")
    late = [viewed(ANN, TABLET, at=5), bought("late-order", 900, ANN, at=6), *(viewed(TABLET, at=7 + hour) for hour in range(3))]
    services.publish(*late)
    for service in services.services.values():
        service.database["inbox"].delete_many({})
    services.publish(*life[:5])
    entries = [Entry(one, "src", one.id, None, None) for one in late]
    Archive(services["collector"].database).accept(entries, late[0].received_at)
    assert found(services, "ann-4711", "tablet-0815", "late-order") == []


def test_who_comes_back_later_is_somebody_new(services: Company) -> None:
    ask(services, "erasure")
    later = server_time(services["profiles"].database) + timedelta(hours=1)
    data = {"order_id": "n-1", "currency": "EUR", "amount": 500, "products": []}
    services.publish(event(events.ORDER_COMPLETED, ANN, data, later))
    known = services["profiles"].get(f"{CUSTOMERS}/{ANN}")
    assert (known["orders"], known["name"], known["identity_keys"]) == (1, None, [ANN])
    ask(services, "erasure")
    services["profiles"].get(f"{CUSTOMERS}/{ANN}", 404)


def test_erasing_reaches_parked_messages_and_the_neighbours_on_a_shared_device(services: Company) -> None:
    services.publish(identified(BOB, TABLET, at=8), identified(BOB, TABLET, at=9))
    park(services["support"].database, {"ce-subject": ANN, "ce-id": "1"}, b"{}", "broken")
    ask(services, "erasure")
    left = [row["state"] for name, row in services.documents("profiles") if name == "customers_facts"]
    assert not any("ann-4711" in state for state in left)
    assert services["support"].database["parked"].count_documents({}) == 0


def test_a_person_is_told_all_that_every_service_keeps_and_nothing_of_others(services: Company) -> None:
    services.publish(identified(BOB, TABLET, at=8))
    request_id = ask(services, "export")
    answer = services["profiles"].client.request("GET", f"{REQUESTS}/{request_id}/archive")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    packed = zipfile.ZipFile(io.BytesIO(answer.body))
    assert set(packed.namelist()) == {"index.html", *(f"{service}.json" for service in services.services)}
    page = packed.read("index.html").decode()
    for secret in ("Annabel", "ann@shop.example", "Lost parcel", "Kitchen pan"):
        assert secret in page
    assert "bob-1" not in "".join(packed.read(name).decode() for name in packed.namelist())
    sections = {one["section"] for one in json.loads(packed.read("collector.json"))}
    assert sections == {"events"}


def test_an_archive_goes_with_the_person(services: Company) -> None:
    exported = ask(services, "export")
    ask(services, "erasure")
    problem = services["profiles"].get(f"{REQUESTS}/{exported}/archive", 404)
    assert "Ask for a new one" in problem["detail"]


def test_a_request_is_open_until_everybody_has_answered_and_they_are_reminded(services: Company) -> None:
    profiles = services["profiles"]
    request_id = profiles.post(f"{CUSTOMERS}/{ANN}/erasure", ASKED, 202)["request_id"]
    assert [one.name for one in profiles.announced()] == ["erasure_requested"]
    (profiles_only,) = services._announced(profiles)
    profiles.work.apply([profiles_only])
    assert profiles.get(f"{REQUESTS}/{request_id}")["state"] == "open"
    reminder = profiles.database["timers"].find_one({"kind": "data_request_reminder"})
    fired = Event("t-1", reminder["kind"], "timer", reminder["subject"], reminder["due"], reminder["due"], b"{}")
    profiles.work.apply([fired])
    services.settle()
    assert profiles.get(f"{REQUESTS}/{request_id}")["state"] == "completed"
    assert found(services, "ann-4711") == []
    assert profiles.database["timers"].count_documents({"state": "pending", "kind": "data_request_reminder"}) == 0


def test_requests_are_listed_by_wish_and_state(services: Company) -> None:
    first, second = ask(services, "export"), ask(services, "erasure", BOB)
    listed = services["profiles"].get(f"{REQUESTS}?limit=1")
    assert [one["request_id"] for one in listed["items"]] == [second]
    rest = services["profiles"].get(f"{REQUESTS}?limit=1&cursor={listed['next']}")
    assert [one["request_id"] for one in rest["items"]] == [first]
    assert [one["request_id"] for one in services["profiles"].get(f"{REQUESTS}?wish=export&state=completed")["items"]] == [first]
    assert services["profiles"].get(f"{REQUESTS}?state=open")["items"] == []
    services["profiles"].get(f"{REQUESTS}?state=lost", 400)
    services["profiles"].get(f"{REQUESTS}/era_unknown", 404)


def test_inactive_people_are_erased_at_the_end_of_their_term(services: Company) -> None:
    profiles = services["profiles"]
    terms = profiles.get("/api/profiles/retention")
    assert (terms["customer_days"], terms["visitor_days"], terms["version"]) == (None, None, 0)
    new = {"customer_days": 30, "visitor_days": None, "version": 0}
    assert profiles.call("PUT", "/api/profiles/retention", new)["customer_days"] == 30
    profiles.call("PUT", "/api/profiles/retention", new, 409)
    profiles.work.apply([], look_again={"customers": [id_of(BOB)]})
    (due,) = [row["due"] for row in profiles.database["timers"].find({"key": f"retention/{id_of(BOB)}"})]
    fired = Event("t-2", "look_again", "timer", BOB, due, due, b"{}")
    profiles.work.apply([fired])
    services.settle()
    assert found(services, "bob-1") == []
    (listed,) = profiles.get(REQUESTS)["items"]
    assert (listed["reason"], listed["state"]) == ("inactivity", "completed")
