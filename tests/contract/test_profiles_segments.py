"""Segments over HTTP and a real database: made, previewed, changed, filled in the background, listed, exported, and told of once."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from nameko.containers import ServiceContainer

from services.profiles.clerk import Clerk
from services.profiles.domain.segments.templates import TEMPLATES
from services.profiles.storage import previews
from services.profiles.storage.segment_exports import Census, Exports
from services.profiles.storage.segments import Members
from shared import timers
from shared.envelope import Event
from shared.errors import TooMuchAtOnce
from shared.events import ERASURE_REQUESTED
from shared.identity import id_of
from shared.mongo import server_time
from shared.privacy import Privacy
from tests.integration.reengagement.replica import wait_until
from tests.order_free import NOW, event
from tests.serving import Served, serving
from tests.unit.profiles.given import bought, identified, line, viewed

SEGMENTS, CUSTOMERS, EXPORTS = "/api/profiles/segments", "/api/profiles/customers", "/api/profiles/segment-exports"
BUYERS = {"orders": "count", "gte": 1}
ANN, BOB, CID = "user:ann", "user:bob", "user:cid"


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_segments") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(profiles) -> None:
    for name in profiles.database.list_collection_names():
        profiles.database[name].delete_many({})


def make(profiles: Served, name: str, rule: Any, status: int = 201, **more: Any) -> Any:
    return profiles.post(SEGMENTS, {"name": name, "rule": rule, **more}, status)


def worker(profiles: Served) -> timers.Timers:
    """The part that fires timers, for one to be fired by hand."""
    hand = timers.Timers()
    hand.database, hand.work = profiles.database, profiles.work
    hand._timers = profiles.database["timers"]
    return hand


def sweep(profiles: Served) -> int:
    """Have the timers that look at every customer fire, one after another. Returns how many there were."""
    fired = 0
    while timer := profiles.database["timers"].find_one({"kind": timers.REPROJECT, "state": "pending"}):
        worker(profiles)._sweep(timer)
        fired += 1
    return fired


def told(profiles: Served) -> list[tuple[str, str, bool]]:
    return [(one.name, one.subject, one.backfill) for one in profiles.announced("segment_entered", "segment_left")]


def members(profiles: Served, segment: str) -> list[str]:
    return [one["customer_id"] for one in profiles.get(f"{SEGMENTS}/{segment}/members")["items"]]


def people() -> list[Event]:
    return [
        identified(ANN, at=0, name="Ann", email="ann@shop.example", birthday="1990-05-01"),
        bought("a", 20_000, ANN, at=1, products=[line("p1", category="Kitchen")]),
        identified(BOB, at=2, name="=Bob", consent={"email": "granted"}),
        bought("b", 500, BOB, at=3),
        bought("b2", 700, BOB, at=4),
        identified(CID, at=5, name="ਗੁਰਪ੍ਰੀਤ"),
        viewed("anon:tablet", at=6),
    ]


def test_a_segment_is_filled_in_the_background_without_a_word_and_kept_by_events_with_one(profiles):
    profiles.work.apply(people())
    made = make(profiles, "Buyers", BUYERS)
    assert (made["id"], made["version"], made["members"]) == ("buyers", 1, 0)
    assert made["backfill"] == {"done": 0, "total": 4}
    sweep(profiles)
    shown = profiles.get(f"{SEGMENTS}/buyers")
    assert (shown["members"], shown["backfill"]) == (2, None)
    assert members(profiles, "buyers") == [id_of(BOB), id_of(ANN)]
    assert told(profiles) == []
    profiles.work.apply([bought("c", 100, CID, at=7)])
    profiles.work.apply([bought("c2", 100, CID, at=8)])
    assert told(profiles) == [("segment_entered", CID, False)]
    assert profiles.get(f"{SEGMENTS}/buyers")["members"] == 3


def test_an_event_that_comes_before_the_sweep_tells_only_what_it_changed(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    profiles.work.apply([bought("b3", 100, BOB, at=7), bought("c", 100, CID, at=7)])
    assert told(profiles) == [("segment_entered", CID, False)]
    assert set(members(profiles, "buyers")) == {id_of(BOB), id_of(CID)}
    sweep(profiles)
    assert len(members(profiles, "buyers")) == 3
    assert len(told(profiles)) == 1


def test_a_sweep_that_is_interrupted_goes_on_where_it_stopped(profiles, monkeypatch):
    monkeypatch.setattr(timers, "WINDOW", 2)
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    pending = profiles.database["timers"].find_one({"kind": timers.REPROJECT, "state": "pending"})
    worker(profiles)._sweep(pending)
    assert profiles.get(f"{SEGMENTS}/buyers")["backfill"]["done"] == 2
    worker(profiles)._sweep(pending)  # the same again, as after a crash: nothing is done twice
    assert profiles.get(f"{SEGMENTS}/buyers")["backfill"]["done"] == 2
    assert sweep(profiles) == 2
    assert profiles.get(f"{SEGMENTS}/buyers")["members"] == 2


def test_a_sweep_takes_a_rest_where_events_are_applied_beside_it_and_none_where_it_is_alone(profiles, monkeypatch):
    monkeypatch.setattr(timers, "WINDOW", 1)
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    hand, rests = worker(profiles), []
    for seconds_ago in (0, timers.ALONE_AFTER_SECONDS + 1):
        profiles.work.applied_at -= seconds_ago
        timer = profiles.database["timers"].find_one({"kind": timers.REPROJECT, "state": "pending"})
        before = server_time(profiles.database)
        hand._sweep(timer)
        following = profiles.database["timers"].find_one({"kind": timers.REPROJECT, "state": "pending"})
        rests.append(following["due"] >= before + timers.REST)
    assert rests == [True, False]
    assert sweep(profiles) > 0
    assert profiles.get(f"{SEGMENTS}/buyers")["members"] == 2


def test_changing_a_rule_moves_members_and_an_old_version_is_refused(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    sweep(profiles)
    body = {"name": "Often", "rule": {"orders": "count", "gte": 2}, "version": 1}
    changed = profiles.call("PUT", f"{SEGMENTS}/buyers", body)
    assert (changed["name"], changed["version"], changed["rule"]) == ("Often", 2, body["rule"])
    sweep(profiles)
    assert members(profiles, "buyers") == [id_of(BOB)]
    assert told(profiles) == [("segment_left", ANN, True)]
    assert profiles.call("PUT", f"{SEGMENTS}/buyers", body, 409)["code"] == "conflict"
    assert profiles.call("PUT", f"{SEGMENTS}/nobody", body, 404)["code"] == "not_found"


def test_a_new_name_looks_at_nobody_again(profiles):
    make(profiles, "Buyers", BUYERS)
    sweep(profiles)
    renamed = {"name": "All buyers", "rule": BUYERS, "version": 1}
    assert profiles.call("PUT", f"{SEGMENTS}/buyers", renamed)["backfill"] is None


def test_deleting_a_segment_takes_its_members_without_a_word_and_others_that_refer_to_it_keep_it(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    make(profiles, "Others", {"none": [{"segment": "buyers"}]})
    sweep(profiles)
    assert members(profiles, "others") == [id_of(CID)]
    refused = profiles.call("DELETE", f"{SEGMENTS}/buyers?version=1", status=409)
    assert "others" in refused["detail"]
    for name in ("others", "buyers"):
        assert profiles.client.request("DELETE", f"{SEGMENTS}/{name}?version=1").status == 204
    sweep(profiles)
    assert profiles.database["segment_members"].count_documents({}) == 0
    assert (told(profiles), Members(profiles.database).sizes()) == ([], {"buyers": 0, "others": 0})
    profiles.get(f"{SEGMENTS}/buyers/members", 404)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({}, "/rule"),
        ({"all": []}, "/rule/all"),
        ({"all": [BUYERS], "any": [BUYERS]}, "/rule"),
        ({"all": [BUYERS, {"trait": "plan"}]}, "/rule/all/1"),
        ({"all": [{"any": [{"trait": "plan", "equals": [1]}]}]}, "/rule/all/0/any/0/equals"),
        ({"trait": "plan", "equals": "gold", "like": "x"}, "/rule/like"),
        ({"trait": "plan", "equals": "gold", "in": ["x"]}, "/rule"),
        ({"trait": "plan", "in": []}, "/rule/in"),
        ({"trait": "points", "between": [5, 1]}, "/rule/between"),
        ({"trait": "birthday", "within_last": {"days": 0}}, "/rule/within_last/days"),
        ({"trait": "birthday", "before": "yesterday"}, "/rule/before"),
        ({"trait": "birthday", "within_last": {"days": 1, "hours": 1}}, "/rule/within_last"),
        ({"event": "product_seen"}, "/rule/event"),
        ({"event": "product_viewed", "gte": 51, "within": {"days": 1}}, "/rule/gte"),
        ({"event": "product_viewed", "where": [{"property": "colour", "equals": "red"}]}, "/rule/where/0/property"),
        ({"event": "product_viewed", "measure": "sum", "gte": 1}, "/rule/of"),
        ({"event": "product_viewed", "measure": "last", "gte": 1}, "/rule/gte"),
        ({"event": "product_viewed", "during": ["2026-02-01", "2026-01-01"]}, "/rule/during"),
        ({"orders": "spend", "gte": 100}, "/rule/currency"),
        ({"orders": "count", "currency": "EUR"}, "/rule/currency"),
        ({"orders": "sum", "gte": 100}, "/rule/orders"),
        ({"segment": "nobody"}, "/rule/segment"),
        ({"stage": "rich"}, "/rule/stage"),
        ({"affinity": "categories"}, "/rule/to/0"),
        ({"consent": "email", "is": "maybe"}, "/rule/is"),
        ({"sample": 101}, "/rule/sample"),
        ({"any": [{"any": [{"any": [{"any": [{"any": [{"any": [{"any": [{"any": [BUYERS]}]}]}]}]}]}]}]}, "/rule" + 8 * "/any/0"),
        ({"any": [BUYERS] * 101}, "/rule/any"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_what_is_wrong_and_where(profiles, rule, path):
    answer = make(profiles, "Wrong", rule, 422)
    assert path in answer["fields"], answer["fields"]
    assert profiles.post(f"{SEGMENTS}/preview", {"rule": rule}, 422)["fields"] == answer["fields"]


def test_all_that_is_wrong_is_told_at_once(profiles):
    rule = {"all": [{"trait": "plan"}, {"event": "x"}, {"orders": "spend", "gte": "much", "currency": "euro"}]}
    assert set(make(profiles, "Wrong", rule, 422)["fields"]) == {
        "/rule/all/0",
        "/rule/all/1/event",
        "/rule/all/2/currency",
        "/rule/all/2/gte",
    }


def test_segments_that_would_refer_to_themselves_are_refused_with_the_way(profiles):
    make(profiles, "A", BUYERS)
    make(profiles, "B", {"all": [{"segment": "a"}]})
    body = {"name": "A", "rule": {"none": [{"segment": "b"}]}, "version": 1}
    assert "a > b > a" in profiles.call("PUT", f"{SEGMENTS}/a", body, 422)["fields"]["/rule"][0]


def test_an_id_is_taken_once_and_made_of_the_name_where_none_is_given(profiles):
    assert make(profiles, "Big, big Spenders!", BUYERS)["id"] == "big-big-spenders"
    make(profiles, "Other", BUYERS, 409, id="big-big-spenders")
    assert make(profiles, "ਗਾਹਕ", BUYERS)["id"].startswith("segment-")


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_every_template_makes_a_segment(profiles, template):
    profiles.work.apply(people())
    given = {"currency": "EUR", "category": "Kitchen"}
    wanted = {one.name: given[one.name] for one in TEMPLATES[template].parameters if one.name in given}
    made = profiles.post(SEGMENTS, {"template": template, "parameters": wanted}, 201)
    assert made["name"] == TEMPLATES[template].name
    sweep(profiles)
    assert profiles.get(f"{SEGMENTS}/{made['id']}")["rule"] == made["rule"]


def test_top_spenders_are_those_who_spent_the_most(profiles):
    profiles.work.apply(people())
    made = profiles.post(SEGMENTS, {"template": "vip", "parameters": {"currency": "EUR", "top_percent": 50}}, 201)
    assert made["rule"]["gte"] == 20_000
    profiles.post(SEGMENTS, {"template": "vip", "parameters": {"currency": "JPY"}}, 422)
    fields = profiles.post(SEGMENTS, {"template": "vip", "parameters": {"colour": 1}}, 422)["fields"]
    assert set(fields) == {"/parameters/colour", "/parameters/currency"}


def test_templates_are_listed_with_their_parameters_and_rules(profiles):
    items = profiles.get("/api/profiles/segment-templates")["items"]
    birthday = next(one for one in items if one["id"] == "birthday")
    assert birthday["rule"] == {"trait": "birthday", "anniversary_within": {"days": 7}}
    assert birthday["parameters"][0]["name"] == "days"


def test_a_preview_counts_everybody_where_there_are_few_and_stores_nothing(profiles):
    profiles.work.apply(people())
    found = profiles.post(f"{SEGMENTS}/preview", {"rule": BUYERS})
    assert (found["estimate"], found["exact"], found["looked_at"]) == (2, True, 4)
    assert {one["name"] for one in found["sample"]} == {"Ann", "=Bob"}
    assert profiles.get(SEGMENTS)["items"] == []


def test_a_preview_of_many_is_an_estimate_that_holds_the_truth(profiles, monkeypatch):
    monkeypatch.setattr(previews, "MOST_EXACT", 100)
    many = [bought(str(number), 100 + number % 4, f"user:{number}", at=1) for number in range(300)]
    profiles.work.apply(many)
    rule = {"orders": "spend", "currency": "EUR", "gte": 101}
    found = profiles.post(f"{SEGMENTS}/preview", {"rule": rule})
    assert not found["exact"]
    assert found["low"] <= len(many) * 3 / 4 <= found["high"]
    assert len(found["sample"]) == 10


def test_members_are_paged_and_chosen_by_since(profiles):
    profiles.work.apply(people())
    make(profiles, "Known", {"none": [{"trait": "nothing", "exists": True}]})
    sweep(profiles)
    first = profiles.get(f"{SEGMENTS}/known/members?limit=2")
    rest = profiles.get(f"{SEGMENTS}/known/members?limit=2&cursor={first['next']}")
    assert [one["name"] for one in (*first["items"], *rest["items"])] == ["ਗੁਰਪ੍ਰੀਤ", "=Bob", "Ann"]
    assert rest["next"] is None
    since = quote(first["items"][1]["since"])
    assert len(profiles.get(f"{SEGMENTS}/known/members?since_from={since}")["items"]) == 2


def test_a_customer_is_told_with_the_reasons(profiles):
    profiles.work.apply(people())
    rule = {"all": [BUYERS, {"none": [{"trait": "plan", "equals": "gold"}]}, {"orders": "last", "within_last": {"days": 3_000}}]}
    make(profiles, "Buyers", rule)
    make(profiles, "Gold", {"trait": "plan", "equals": "gold"})
    only = profiles.get(f"{CUSTOMERS}/{quote(ANN, safe='')}/segments")["items"]
    assert [one["segment_id"] for one in only] == ["buyers"]
    why = only[0]["why"]
    assert why["holds"]
    assert why["all"][1] == {"none": [{"trait": "plan", "equals": "gold", "holds": False}], "holds": True}
    assert only[0]["until"] is not None
    every = profiles.get(f"{CUSTOMERS}/{quote(ANN, safe='')}/segments?all=true")["items"]
    assert [(one["segment_id"], one["member"]) for one in every] == [("buyers", True), ("gold", False)]
    profiles.get(f"{CUSTOMERS}/{quote(ANN, safe='')}/segments?segment=nobody", 404)
    profiles.get(f"{CUSTOMERS}/user:nobody/segments", 404)


def test_members_are_exported_in_steps_that_may_be_repeated_without_a_line_twice(profiles, monkeypatch):
    monkeypatch.setattr("services.profiles.storage.segment_exports._AT_ONCE", 2)
    profiles.work.apply(people())
    make(profiles, "Known", {"none": [{"trait": "nothing", "exists": True}]})
    sweep(profiles)
    asked = profiles.post(f"{SEGMENTS}/known/exports", {}, 202)
    assert (asked["status"], asked["total"]) == ("pending", 3)
    assert profiles.get(f"{EXPORTS}/{asked['id']}/table.csv", 409)["code"] == "conflict"
    assert Exports(profiles.database).go_on()
    assert profiles.get(f"{EXPORTS}/{asked['id']}")["done"] == 2
    profiles.database["segment_exports"].update_one(
        {}, {"$set": {"done": 0, "after": None}}
    )  # died before it noted what it wrote
    while Exports(profiles.database).go_on():
        pass
    assert profiles.get(f"{EXPORTS}/{asked['id']}")["status"] == "done"
    table = profiles.client.request("GET", f"{EXPORTS}/{asked['id']}/table.csv").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert sorted(row["name"] for row in rows) == sorted(["'=Bob", "Ann", "ਗੁਰਪ੍ਰੀਤ"])
    assert {row["spend"] for row in rows} == {"EUR 20000", "EUR 1200", ""}
    assert [one["id"] for one in profiles.get(f"{SEGMENTS}/known/exports")["items"]] == [asked["id"]]
    profiles.get(f"{EXPORTS}/nothing", 404)


def test_sizes_are_noted_over_time(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    sweep(profiles)
    Census(profiles.database).take()
    Census(profiles.database).take()
    for step in ("hour", "day"):
        sizes = profiles.get(f"{SEGMENTS}/buyers/sizes?step={step}")
        assert (sizes["now"], [one["members"] for one in sizes["items"]]) == (2, [2])


def test_who_is_forgotten_is_in_no_segment_and_in_no_table(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    sweep(profiles)
    profiles.post(f"{SEGMENTS}/buyers/exports", {}, 202)
    while Exports(profiles.database).go_on():
        pass
    asked = {"customer_id": id_of(ANN), "identity_keys": [ANN], "erasure_id": "era_1", "happened_before": NOW.isoformat()}
    asked |= {"reason": "request", "requested_by": "Mia", "services": ["profiles"]}
    Privacy(profiles.work).apply([event(ERASURE_REQUESTED, ANN, asked)])
    assert members(profiles, "buyers") == [id_of(BOB)]
    assert profiles.get(f"{SEGMENTS}/buyers")["members"] == 1
    assert [row["customer_id"] for row in profiles.database["segment_export_lines"].find()] == [id_of(BOB)]
    assert told(profiles) == []


class Slow:
    """A unit of work that cannot look at more than one customer in time."""

    applied_at = 0.0

    def __init__(self, work: Any) -> None:
        self._work = work

    def apply(self, events: Any, lane: str, *, look_again: Any, admit: Any) -> Any:
        if len(look_again["customers"]) > 1:
            raise TooMuchAtOnce("ExecutionTimeout")
        return self._work.apply(events, lane, look_again=look_again, admit=admit)


def test_a_sweep_takes_fewer_customers_at_once_where_so_many_take_too_long(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    fired = 0
    while timer := profiles.database["timers"].find_one({"kind": timers.REPROJECT, "state": "pending"}):
        hand = worker(profiles)
        hand.work = Slow(profiles.work)
        hand._sweep(timer)
        fired += 1
    assert fired == 4  # the last one alone fits, and ends it
    assert len(members(profiles, "buyers")) == 2


class Writing:
    """The clerk of profiles alone, so that no broker is needed."""

    name = "profiles"
    clerk = Clerk()


def test_the_clerk_writes_what_was_asked_for_and_notes_sizes(profiles):
    profiles.work.apply(people())
    make(profiles, "Buyers", BUYERS)
    sweep(profiles)
    asked = profiles.post(f"{SEGMENTS}/buyers/exports", {}, 202)
    container = ServiceContainer(Writing, dict(profiles.settings))
    container.start()
    try:
        wait_until(lambda: profiles.get(f"{EXPORTS}/{asked['id']}")["status"] == "done")
        wait_until(lambda: profiles.get(f"{SEGMENTS}/buyers/sizes")["items"])
    finally:
        container.stop()
    assert profiles.get(f"{EXPORTS}/{asked['id']}")["done"] == 2
