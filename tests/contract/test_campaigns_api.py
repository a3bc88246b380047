"""Campaigns over HTTP and a real database: audiences with sizes, members, reasons, and changes of the rules."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.campaigns import api
from services.campaigns.storage import create_indexes
from shared import events
from shared.identity import id_of
from tests.serving import Served, serving
from tests.unit.campaigns.shop import bought, grouped, left_cart, line, refunded
from tests.unit.permitted import permitted

AUDIENCES = "/api/campaigns/audiences"
JANE = id_of("user:jane")
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def campaigns(mongo_server) -> Iterator[Served]:
    with serving("campaigns", mongo_server, "test_campaigns") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(campaigns: Served) -> None:
    for name in campaigns.database.list_collection_names():
        campaigns.database[name].delete_many({})
    create_indexes(campaigns.database, campaigns.settings["SAMBANDH"])


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


def rfc3339(time: datetime) -> str:
    return time.isoformat()


def sizes(campaigns: Served) -> dict[str, int]:
    return {one["id"]: one["members"] for one in campaigns.get(AUDIENCES)["items"] if one["members"]}


def made(campaigns: Served, name: str = "Fans of shirts", **rule: Any) -> dict[str, Any]:
    wanted = {"kind": "bought_recently", "product_id": "shirt", **rule}
    answer: dict[str, Any] = campaigns.post(AUDIENCES, {"name": name, "rule": wanted}, status=201)
    return answer


def test_an_order_moves_a_customer_between_audiences_and_a_refund_moves_the_customer_back(campaigns: Served) -> None:
    campaigns.work.apply([bought("user:jane", "1", ago(hours=2), 100_00)])
    assert sizes(campaigns) == {"first-time-buyers": 1, "recent-buyers": 1}
    campaigns.work.apply([bought("user:jane", "2", ago(hours=1), 450_00)])
    assert sizes(campaigns) == {"repeat-buyers": 1, "recent-buyers": 1, "high-spenders": 1}
    campaigns.work.apply([refunded("user:jane", "2", NOW, 60_00)])
    assert sizes(campaigns) == {"repeat-buyers": 1, "recent-buyers": 1}
    sent = campaigns.announced()
    moves = [(event.name, event.data()["audience_id"]) for event in sent]
    assert moves.count(("audience_entered", "high-spenders")) == moves.count(("audience_left", "high-spenders")) == 1
    assert len({event.id for event in sent}) == len(sent) == 6
    assert {event.subject for event in sent} == {"user:jane"}


def test_a_customer_s_audiences_say_since_when_until_when_and_why(campaigns: Served) -> None:
    at = ago(days=2)
    campaigns.work.apply([bought("user:jane", "1", ago(days=300)), left_cart("user:jane", "c", at)])
    campaigns.work.apply([grouped(events.PROFILE_MERGED, ["user:jane", "email:jane@example.com"], 1)])
    for identity in ("user:jane", "jane%40example.com", JANE, quote("email:jane@example.com", safe="")):
        found = campaigns.get(f"/api/campaigns/customers/{identity}/audiences")
        assert found["customer_id"] == JANE
        assert found["identity_keys"] == ["email:jane@example.com", "user:jane"]
    carts, first = found["items"]
    assert carts == {
        "audience_id": "cart-abandoners",
        "name": "Cart abandoners",
        "rule": {"kind": "cart_abandoners", "days": 7},
        "since": rfc3339(at + timedelta(hours=1)),
        "until": rfc3339(at + timedelta(days=7)),
        "total": 1,
        "reasons": [{"kind": "cart", "id": "c", "at": rfc3339(at), "amount": 1900, "currency": "USD"}],
    }
    assert (first["audience_id"], first["until"], first["reasons"][0]["id"]) == ("first-time-buyers", None, "1")


def test_an_identity_key_with_slashes_is_found_and_an_unknown_one_is_404(campaigns: Served) -> None:
    campaigns.work.apply([bought("user:a/b c", "1", ago(days=1))])
    assert campaigns.get(f"/api/campaigns/customers/{quote('user:a/b c', safe='')}/audiences")["items"]
    assert campaigns.get("/api/campaigns/customers/user:nobody/audiences", 404)["code"] == "not_found"


def test_members_are_listed_page_by_page_who_came_last_first_and_from_a_time_on(campaigns: Served) -> None:
    campaigns.work.apply([bought(f"user:{number}", str(number), ago(hours=number)) for number in range(1, 8)])
    path = f"{AUDIENCES}/first-time-buyers/members?limit=3"
    found, cursor = [], ""
    while cursor is not None:
        shown = campaigns.get(f"{path}&cursor={cursor}")
        found += shown["items"]
        cursor = shown["next"]
    assert [one["identity_key"] for one in found] == [f"user:{number}" for number in range(1, 8)]
    assert found[0] == {
        "customer_id": id_of("user:1"),
        "identity_key": "user:1",
        "since": rfc3339(ago(hours=1)),
        "contactable": [],
    }
    recent = campaigns.get(f"{path}&since={quote(rfc3339(ago(hours=2)))}")
    assert [one["identity_key"] for one in recent["items"]] == ["user:1", "user:2"]
    assert recent["next"] is None
    assert campaigns.get(f"{AUDIENCES}/nothing/members", 404)["code"] == "not_found"
    assert campaigns.get(f"{path}&since=yesterday", 400)["fields"].keys() == {"since"}
    assert campaigns.get(f"{path}&cursor=x", 400)["code"] == "bad_request"


def test_members_are_listed_by_whom_one_may_contact_and_an_audience_may_be_of_those_only(campaigns: Served) -> None:
    mail_only = {"name": "Mail", "rule": {"kind": "bought_recently", "days": 30, "contactable": "email"}}
    made = campaigns.post(AUDIENCES, mail_only, 201)
    assert made["rule"] == mail_only["rule"]
    preview = campaigns.post(f"{AUDIENCES}/preview", {"rule": mail_only["rule"]})
    assert preview["members"] == 0
    campaigns.work.apply([bought(f"user:{number}", str(number), ago(hours=number)) for number in (1, 2)])
    campaigns.work.apply([permitted("user:2", ago(hours=1))])
    path = f"{AUDIENCES}/recent-buyers/members?contactable="
    assert [one["identity_key"] for one in campaigns.get(f"{path}email")["items"]] == ["user:2"]
    assert campaigns.get(f"{path}sms")["items"] == []
    assert [one["contactable"] for one in campaigns.get(f"{AUDIENCES}/{made['id']}/members")["items"]] == [["email"]]
    shown = campaigns.get("/api/campaigns/customers/user:2/audiences")
    assert shown["contactable"] == ["email"]
    assert "Mail" in {one["name"] for one in shown["items"]}
    campaigns.work.apply([permitted("user:2", ago(), allowed=False)])
    assert campaigns.get(f"{AUDIENCES}/{made['id']}/members")["items"] == []
    assert campaigns.get(f"{AUDIENCES}/{made['id']}")["members"] == 0


def test_audiences_are_listed_page_by_page_by_name_and_by_kind(campaigns: Served) -> None:
    first = campaigns.get(f"{AUDIENCES}?limit=2")
    assert [one["id"] for one in first["items"]] == ["recent-buyers", "cart-abandoners"]
    second = campaigns.get(f"{AUDIENCES}?limit=9&cursor={first['next']}")
    assert [one["id"] for one in second["items"]] == ["first-time-buyers", "high-spenders", "repeat-buyers"]
    assert second["next"] is second["evaluation"] is None
    assert [one["id"] for one in campaigns.get(f"{AUDIENCES}?kind=high_spenders")["items"]] == ["high-spenders"]
    assert campaigns.get(f"{AUDIENCES}?kind=whales", 400)["fields"].keys() == {"kind"}
    foreign = campaigns.get(f"{AUDIENCES}/first-time-buyers/members?limit=1")["next"] or "WzFd"
    assert campaigns.get(f"{AUDIENCES}?cursor={foreign}", 400)["code"] == "bad_request"


def test_an_audience_is_made_and_shown_with_the_progress_of_its_evaluation(campaigns: Served) -> None:
    new = made(campaigns, "  Fans of shirts ")
    assert new["rule"] == {"kind": "bought_recently", "product_id": "shirt", "days": 30}
    assert (new["name"], new["version"], new["built_in"], new["members"]) == ("Fans of shirts", 1, False, 0)
    assert new["evaluation"] == {"done": 0, "total": 0}
    assert new["created_at"] == new["rule_since"] is not None
    assert campaigns.get(f"{AUDIENCES}/{new['id']}") == new
    campaigns.work.apply([bought("user:jane", "1", ago(days=1), products=[line("shirt")])])
    assert campaigns.get(f"{AUDIENCES}/{new['id']}")["members"] == 1


def test_a_change_names_the_version_that_it_is_based_on(campaigns: Served) -> None:
    new = made(campaigns)
    path = f"{AUDIENCES}/{new['id']}"
    body = {"name": "Fans", "rule": {"kind": "bought_recently", "category": "Shirts"}, "version": 1}
    changed = campaigns.call("PUT", path, body)
    assert (changed["version"], changed["name"], changed["rule"]["category"]) == (2, "Fans", "Shirts")
    assert changed["rule_since"] >= new["rule_since"]
    refused = campaigns.call("PUT", path, {**body, "name": "Other"}, 409)
    assert refused["code"] == "conflict"
    assert "version 2" in refused["detail"]
    assert campaigns.call("PUT", path, {"name": "x"}, 422)["fields"].keys() == {"rule", "version"}
    assert campaigns.call("PUT", f"{AUDIENCES}/nothing", body, 404)["code"] == "not_found"


def test_a_patch_keeps_what_it_leaves_out(campaigns: Served) -> None:
    path = f"{AUDIENCES}/high-spenders"
    cheaper = campaigns.call("PATCH", path, {"version": 1, "rule": {"amount": 100_00}})
    assert cheaper["rule"] == {"kind": "high_spenders", "amount": 100_00, "currency": "USD"}
    renamed = campaigns.call("PATCH", path, {"version": 2, "name": "Whales"})
    assert (renamed["name"], renamed["rule"], renamed["rule_since"]) == ("Whales", cheaper["rule"], cheaper["rule_since"])
    other_kind = campaigns.call("PATCH", path, {"version": 3, "rule": {"kind": "repeat_buyers"}})
    assert other_kind["rule"] == {"kind": "repeat_buyers", "orders": 2}
    wrong = campaigns.call("PATCH", path, {"version": 4, "rule": {"amount": 1}}, 422)
    assert wrong["fields"] == {"rule": {"amount": ["repeat_buyers does not take it: leave it out."]}}
    assert campaigns.call("PATCH", path, {"version": 3, "name": "Late"}, 409)["code"] == "conflict"


def test_wrong_bodies_are_refused_field_by_field(campaigns: Served) -> None:
    wrong = campaigns.post(AUDIENCES, {"name": " ", "rule": {"kind": "high_spenders", "amount": 0}, "colour": "red"}, 422)
    assert wrong["fields"].keys() == {"name", "rule", "colour"}
    wrong = campaigns.post(AUDIENCES, {"name": "x", "rule": {"kind": "high_spenders", "amount": 5}}, 422)
    assert wrong["fields"] == {"rule": {"currency": ["Missing data for required field."]}}
    assert campaigns.post(AUDIENCES, {"name": "x", "rule": "all"}, 422)["fields"].keys() == {"rule"}
    taken = campaigns.post(AUDIENCES, {"name": "repeat BUYERS", "rule": {"kind": "repeat_buyers"}}, 409)
    assert taken["fields"].keys() == {"name"}


def test_the_201st_audience_is_refused(campaigns: Served) -> None:
    found = campaigns.database["settings"].find_one({"_id": "customers"})
    more = [{**found["audiences"][0], "id": f"a{number}", "name": f"A {number}"} for number in range(195)]
    campaigns.database["settings"].update_one({"_id": "customers"}, {"$push": {"audiences": {"$each": more}}})
    refused = campaigns.post(AUDIENCES, {"name": "One more", "rule": {"kind": "repeat_buyers"}}, 409)
    assert "200" in refused["detail"]


def test_a_deleted_audience_is_gone(campaigns: Served) -> None:
    path = f"{AUDIENCES}/{made(campaigns)['id']}"
    assert campaigns.call("DELETE", f"{path}?version=7", status=409)["code"] == "conflict"
    answer = campaigns.client.request("DELETE", f"{path}?version=1")
    assert (answer.status, answer.body) == (204, b"")
    assert campaigns.get(path, 404)["code"] == "not_found"
    assert campaigns.call("DELETE", path, status=404)["code"] == "not_found"


def test_a_preview_tells_the_size_without_storing_anything(campaigns: Served) -> None:
    campaigns.work.apply([bought(f"user:{number}", str(number), ago(days=1), 100 * number) for number in range(1, 11)])
    campaigns.work.apply([grouped(events.PROFILE_MERGED, ["user:9", "user:10"], 1)])
    before = campaigns.database["settings"].find_one({"_id": "customers"})
    rule = {"kind": "high_spenders", "amount": 700, "currency": "USD"}
    assert campaigns.post(f"{AUDIENCES}/preview", {"rule": rule}) == {
        "members": 3,
        "customers": 9,
        "examined": 10,
        "exact": True,
    }
    assert campaigns.database["settings"].find_one({"_id": "customers"}) == before
    assert campaigns.post(f"{AUDIENCES}/preview", {}, 422)["fields"].keys() == {"rule"}


def test_a_preview_of_many_looks_at_a_sample_and_scales_up(campaigns: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_SAMPLE", 100)
    campaigns.work.apply([bought(f"user:{number}", str(number), ago(days=1), 100 * (number % 2)) for number in range(400)])
    rule = {"kind": "high_spenders", "amount": 100, "currency": "USD"}
    estimate = campaigns.post(f"{AUDIENCES}/preview", {"rule": rule})
    assert (estimate["customers"], estimate["examined"], estimate["exact"]) == (400, 100, False)
    assert 140 <= estimate["members"] <= 260


def test_no_door_opens_without_the_token_and_the_document_is_valid(campaigns: Served) -> None:
    nobody = {"Authorization": "Bearer nobody"}
    for method, path in (("GET", AUDIENCES), ("POST", AUDIENCES), ("DELETE", f"{AUDIENCES}/x"), ("POST", f"{AUDIENCES}/preview")):
        assert campaigns.call(method, path, {}, 401, nobody)["code"] == "unauthorized"
    document = campaigns.get("/api/campaigns/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert "/api/campaigns/audiences/{audience_id}/members" in document["paths"]
    assert "/api/campaigns/customers/{identity}/audiences" in document["paths"]
