"""The door for mentions and their listings over a real database: once each, and found by whoever wrote them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import eventlet
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.social import schemas, storage
from shared import events
from shared.identity import id_of
from tests.order_free import NOW, event
from tests.serving import Served, serving

MENTIONS = "/api/social/mentions"
KEYS = ["user:1", "social:x:jane", "social:mastodon:jane@mastodon.social"]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def social(mongo_server) -> Iterator[Served]:
    with serving("social", mongo_server, "test_social") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(social) -> None:
    for name in social.database.list_collection_names():
        social.database[name].delete_many({})


def report(number: int, **more: Any) -> dict[str, Any]:
    published = (START + timedelta(minutes=number)).isoformat()
    said = {"network": "x", "handle": "@Jane", "external_id": str(number), "text": f"Mention {number}", "published_at": published}
    return {**said, **more}


def grouped(kind: Any, keys: list[str], revision: int) -> Any:
    data = {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}
    return event(kind, keys[0], data, name=str(revision))


def order(amount: int) -> Any:
    data = {"order_id": "A1", "amount": amount, "currency": "EUR", "products": []}
    return event(events.ORDER_COMPLETED, "user:1", data, NOW)


def announced(social: Served) -> list[Any]:
    return social.announced("mention_received")


def listed(social: Served, query: str = "") -> list[str]:
    return [mention["external_id"] for mention in social.get(f"{MENTIONS}?{query}")["items"]]


def test_a_mention_is_taken_once_and_announced_once_however_often_it_is_reported(social):
    first = social.post(MENTIONS, report(1))
    assert first["results"] == [{"index": 0, "status": "accepted", "mention_id": "x:1", "errors": None}]
    again = social.post(MENTIONS, [report(1, text="edited since"), report(2), report(2)])
    assert [result["status"] for result in again["results"]] == ["duplicate", "accepted", "duplicate"]
    assert (again["accepted"], again["duplicate"], again["refused"]) == (1, 2, 0)
    assert social.get(f"{MENTIONS}/x:1")["text"] == "Mention 1"
    assert [told.data()["mention_id"] for told in announced(social)] == ["x:1", "x:2"]
    told = announced(social)[0]
    assert (told.subject, told.time) == ("social:x:jane", START + timedelta(minutes=1))


def test_many_who_report_the_same_at_once_make_one_mention(social):
    statuses = eventlet.GreenPool(8).imap(lambda _: social.post(MENTIONS, report(1))["results"][0]["status"], range(8))
    assert sorted(statuses) == ["accepted"] + ["duplicate"] * 7
    assert len(announced(social)) == 1


def test_the_same_id_in_two_networks_is_two_mentions(social):
    answer = social.post(MENTIONS, {"mentions": [report(1), report(1, network="instagram")]})
    assert [result["mention_id"] for result in answer["results"]] == ["x:1", "instagram:1"]


def test_what_is_wrong_with_one_does_not_keep_the_others_out(social):
    wrong = [report(1, handle="Jane Doe"), report(2), 7, report(3, text=""), report(4, colour="red")]
    answer = social.post(MENTIONS, wrong)
    assert [result["status"] for result in answer["results"]] == ["refused", "accepted", "refused", "refused", "refused"]
    assert [list(result["errors"] or ()) for result in answer["results"]] == [["handle"], [], ["_schema"], ["text"], ["colour"]]
    assert listed(social) == ["2"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"network": "two words"}, "network"),
        ({"network": None}, "network"),
        ({"handle": ""}, "handle"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "a\x00b"}, "external_id"),
        ({"text": "x" * 10_001}, "text"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"published_at": "yesterday"}, "published_at"),
        ({"published_at": "2026-01-01T00:00:00"}, "published_at"),
        ({"published_at": "2999-01-01T00:00:00Z"}, "published_at"),
        ({"published_at": "1970-01-01T00:00:00Z"}, "published_at"),
        ({"backfill": "perhaps"}, "backfill"),
    ],
)
def test_a_mention_that_cannot_be_taken_is_refused_with_the_field_that_is_wrong(social, wrong, field):
    problem = social.post(MENTIONS, report(1, **wrong), 422)
    assert list(problem["fields"]["mentions"]["0"]) == [field]
    assert listed(social) == []


@pytest.mark.parametrize("body", [[], {"mentions": []}, {"mentions": 7}, [report(n) for n in range(501)]])
def test_a_request_of_the_wrong_size_or_shape_is_refused_as_a_whole(social, body):
    assert "mentions" in social.post(MENTIONS, body, 422)["fields"]


def test_five_hundred_at_once_are_taken(social):
    assert social.post(MENTIONS, [report(n) for n in range(500)])["accepted"] == 500
    assert len(announced(social)) == 500


def test_a_mention_without_a_time_is_of_now_and_history_is_marked(social):
    social.post(MENTIONS, {**report(1), "published_at": None, "backfill": True})
    mention = social.get(f"{MENTIONS}/x:1")
    assert mention["published_at"] == mention["received_at"]
    assert mention["backfill"] is True
    assert announced(social)[0].backfill is True


def test_a_mention_finds_its_customer_whichever_of_the_two_was_heard_first(social):
    social.post(MENTIONS, report(1))
    assert social.get(f"{MENTIONS}/x:1")["author"] is None
    named = event(events.CUSTOMER_IDENTIFIED, "user:1", {"traits": {"name": "Jane Doe"}})
    social.work.apply([named, order(3000), grouped(events.PROFILE_MERGED, KEYS, 1)])
    social.post(MENTIONS, report(2))
    early, late = social.get(f"{MENTIONS}/x:1"), social.get(f"{MENTIONS}/x:2")
    assert early["customer_id"] == late["customer_id"] == id_of("user:1")
    assert early["author"] == late["author"]
    assert (early["author"]["name"], early["author"]["is_buyer"], early["author"]["orders_count"]) == ("Jane Doe", True, 1)
    assert early["author"]["spend"] == [{"currency": "EUR", "amount": 3000}]
    assert [told.data()["customer_id"] for told in announced(social)] == [None, id_of("user:1")]


def test_a_refund_is_taken_off_what_the_author_spent(social):
    back = {"order_id": "A1", "refund_id": "r1", "currency": "EUR", "amount": 1000, "products": []}
    merged = grouped(events.PROFILE_MERGED, KEYS, 1)
    social.work.apply([event(events.ORDER_REFUNDED, "social:x:jane", back), merged, order(3000)])
    social.post(MENTIONS, report(1))
    assert social.get(f"{MENTIONS}/x:1")["author"]["spend"] == [{"currency": "EUR", "amount": 2000}]


def test_a_customers_mentions_are_those_of_all_their_handles_and_follow_merges_and_splits(social):
    mastodon = report(2, network="mastodon", handle="Jane@Mastodon.Social")
    social.post(MENTIONS, [report(1), mastodon, report(3, handle="somebody")])
    path = "/api/social/customers/{}/mentions"
    social.get(path.format("user:1"), 404)
    assert [m["external_id"] for m in social.get(path.format("social:Twitter:@Jane"))["items"]] == ["1"]
    assert [m["external_id"] for m in social.get(path.format(id_of("social:x:jane")))["items"]] == ["1"]
    social.work.apply([grouped(events.PROFILE_MERGED, KEYS, 1)])
    for identity in ("user:1", "social:x:jane", id_of("user:1")):
        assert [m["external_id"] for m in social.get(path.format(identity))["items"]] == ["2", "1"]
    social.work.apply([grouped(events.PROFILE_SPLIT, KEYS[:2], 2), grouped(events.PROFILE_SPLIT, KEYS[2:], 2)])
    assert [m["external_id"] for m in social.get(path.format("user:1"))["items"]] == ["1"]
    assert listed(social, "linked=true") == ["1"]


def test_filters_add_up(social):
    social.post(
        MENTIONS,
        [report(1), report(2, network="instagram", text="Großer Ärger"), report(3, handle="ann"), report(4, handle="ann")],
    )
    social.work.apply([grouped(events.PROFILE_MERGED, KEYS, 1)])
    for query, found in {
        "": ["4", "3", "2", "1"],
        "network=Twitter": ["4", "3", "1"],
        "network=instagram": ["2"],
        "handle=@JANE": ["2", "1"],
        "handle=jane&network=x": ["1"],
        "linked=true": ["1"],
        "linked=false": ["4", "3", "2"],
        "linked=false&network=x&limit=1": ["4"],
        "since=2026-01-01T00:02:00Z&until=2026-01-01T00:04:00Z": ["3", "2"],
        "text=gross": ["2"],
        "text=ment&linked=true": ["1"],
        "text=rger": [],
    }.items():
        assert listed(social, query) == found, query
    for query in ("network=two+words", "handle=%20", "linked=perhaps", "since=today", "limit=501", "cursor=x"):
        social.get(f"{MENTIONS}?{query}", 400)


@pytest.mark.parametrize("narrowed", ["", "linked=false&", "text=mention&"])
def test_pages_hold_every_mention_once_newest_first_also_where_times_repeat(social, narrowed):
    social.post(MENTIONS, [report(n, published_at=(START + timedelta(minutes=n // 3)).isoformat()) for n in range(10, 30)])
    found, page = [], social.get(f"{MENTIONS}?{narrowed}limit=7")
    while page["next"]:
        found += page["items"]
        page = social.get(f"{MENTIONS}?{narrowed}limit=7&cursor={page['next']}")
    found += page["items"]
    assert [m["external_id"] for m in found] == [str(n) for n in reversed(range(10, 30))]


@pytest.mark.parametrize(("linked", "found"), [("true", ["7"]), ("false", [str(n) for n in reversed(range(20)) if n != 7])])
def test_few_linked_among_many_are_found_by_going_on(social, monkeypatch, linked, found):
    monkeypatch.setattr(storage, "WINDOW", 2)
    monkeypatch.setattr(storage, "LOOKED_THROUGH", 4)
    social.post(MENTIONS, [report(n, handle="jane" if n == 7 else f"somebody{n}") for n in range(20)])
    social.work.apply([grouped(events.PROFILE_MERGED, KEYS, 1)])
    seen, cursor = [], ""
    while cursor is not None:
        page = social.get(f"{MENTIONS}?linked={linked}&limit=3&cursor={cursor}")
        assert len(page["items"]) <= 3
        seen += [mention["external_id"] for mention in page["items"]]
        cursor = page["next"]
    assert seen == found


def test_an_id_with_slashes_and_letters_of_any_kind_is_found(social):
    social.post(MENTIONS, report(1, network="google_reviews", external_id="places/ä b/7"))
    assert social.get(f"{MENTIONS}/google_reviews:places%2F%C3%A4%20b%2F7")["external_id"] == "places/ä b/7"
    social.get(f"{MENTIONS}/x:404", 404)


def test_without_the_token_nothing_is_taken_and_nothing_told(social):
    for method in ("GET", "POST"):
        answer = social.client.request(method, MENTIONS, b"{}", headers={"Authorization": "Bearer wrong"})
        assert answer.status == 401


def test_answers_have_exactly_the_fields_that_the_openapi_document_promises(social):
    document = social.get("/api/social/openapi.json")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    social.post(MENTIONS, report(1))
    social.work.apply([grouped(events.PROFILE_MERGED, KEYS, 1)])
    mention = social.get(f"{MENTIONS}/x:1")
    assert mention.keys() == schemas.Mention().fields.keys() == document["components"]["schemas"]["Mention"]["properties"].keys()
    assert mention["author"].keys() == schemas.Author().fields.keys()


@pytest.mark.parametrize("wanted", [{"network": "x"}, {"handle": "jane"}, {"author_id": "cus_1"}, {}])
def test_every_listing_comes_sorted_out_of_an_index(social, wanted):
    plan = social.database["mentions"].find(wanted).sort([("published_at", -1), ("_id", -1)]).limit(5).explain()
    stages = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "'SORT'" not in stages
