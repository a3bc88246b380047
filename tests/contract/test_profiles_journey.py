"""Journeys over HTTP and a real database: stages, touchpoints, habits, traits over time, and the timeline of what every service tells."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from services.profiles.catalogue import ON_TIMELINES, SERVICES_ON_TIMELINES
from services.profiles.domain.lifecycle import LifecycleRules
from services.profiles.domain.rules import ProfileRules
from services.profiles.storage.models import PROFILE
from services.profiles.storage.rules import StoredRules
from services.profiles.storage.stages import STAGES
from services.profiles.storage.timeline import SCANS_AT_ONCE, Excerpt, Timeline
from shared import events
from shared.documents import to_document
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import event, timer
from tests.serving import Served, serving
from tests.unit.profiles.given import aliased, bought, cancelled, happened, hour, identified, line, refunded, viewed

ANN, MAIL, TABLET, HANDLE = "user:ann", "email:ann@example.com", "anon:tablet", "social:mastodon:ann"
PATH = f"/api/profiles/customers/{ANN}"
RULES = "/api/profiles/profile-rules"
DAYS = 1_800
CAMPAIGN = {"name": "Diwali", "source": "instagram", "medium": "paid"}


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_journey") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(profiles) -> None:
    for name in profiles.database.list_collection_names():
        profiles.database[name].delete_many({})
    calm = ProfileRules(
        LifecycleRules(loyal_within_days=None, at_risk_days=DAYS, lapsed_days=2 * DAYS)
    )  # whatever day it is today
    stored = StoredRules(calm, 0, hour(0), "tests")
    profiles.database["settings"].insert_one({"_id": "customers", PROFILE: to_document(stored)})


def time(at: float) -> str:
    return str(hour(at).isoformat())


def visited(*keys: str, at: float, **context: Any) -> Event:
    return happened(events.PAGE_VIEWED, keys, at, path="/", channel="web", context=context)


def of_others() -> list[Event]:
    who = {"customer_id": id_of(ANN), "campaign_id": "autumn", "channel": "email"}
    ticket = {"ticket_id": "t1", "channel": "chat"}
    return [
        event(events.MESSAGE_SENT, ANN, {**who, "message_id": "m1", "subject": "New pans"}, hour(30)),
        event(events.MESSAGE_CLICKED, ANN, {**who, "message_id": "m1", "link_id": "pans"}, hour(31)),
        event(events.TICKET_OPENED, MAIL, {**ticket, "priority": "high", "subject": "Broken handle"}, hour(40)),
        event(
            events.MENTION_RECEIVED,
            HANDLE,
            {"mention_id": "m", "network": "mastodon", "handle": "ann", "text": "Lovely pans", "sentiment": "positive"},
            hour(41),
        ),
        event(
            events.SURVEY_ANSWERED,
            ANN,
            {"survey_id": "s", "response_id": "r1", "kind": "nps", "score": 9, "comment": "Kind people"},
            hour(42),
        ),
        event(
            events.CART_ABANDONED,
            ANN,
            {
                "customer_id": id_of(ANN),
                "cart_id": "c",
                "products": [{"product_id": "p9", "quantity": 2, "name": "Lid"}],
                "abandoned_at": time(43),
            },
            hour(44),
        ),
    ]


def told(profiles: Served) -> None:
    page = {"url": "https://shop.example/pans", "referrer": "https://www.news.example/tips"}
    pan = line("p1", 2, 1_000, name="Pan", category="Kitchen", brand="Kadai", variant="Navy blue / M")
    profiles.work.apply(
        [
            visited(TABLET, at=0, page=page, timezone="Asia/Kolkata", locale="pa-IN", device_type="ios"),
            visited(TABLET, at=1, page={"url": "https://shop.example/b", "referrer": "https://shop.example/a"}),
            happened(events.PRODUCTS_SEARCHED, [TABLET], 1.5, query=" Red  PAN"),
            identified(ANN, TABLET, MAIL, HANDLE, at=2, email="ann@example.com", plan="free"),
            visited(ANN, TABLET, at=3, campaign=CAMPAIGN),
            bought("a", 2_000, ANN, at=4, products=[pan], channel="web"),
            happened(events.PRODUCT_VIEWED, [ANN], 5, product_id="p2", name="Lid", category="kitchen", brand="Tava", quantity=1),
            identified(ANN, at=6, plan="gold"),
            bought("b", 4_000, ANN, at=36, channel="store"),
            refunded("a", "r", 500, ANN, at=37),
            happened(events.PRODUCT_REVIEWED, [ANN], 38, product_id="p1", review_id="v1", rating="5"),
        ]
    )
    profiles.work.apply(of_others())


def test_a_journey_tells_stages_touchpoints_and_what_led_to_each_order(profiles: Served) -> None:
    told(profiles)
    found = profiles.get(f"{PATH}/journey")
    assert (found["customer_id"], found["stage"], found["until"]) == (id_of(ANN), "active", time(36 + 24 * DAYS))
    changes = [(one["stage"], one["at"], one["reason"], one["order_id"]) for one in found["stages"]]
    assert changes == [
        ("visitor", time(0), "seen", None),
        ("lead", time(2), "named", None),
        ("first_time", time(4), "ordered", "a"),
        ("active", time(36), "ordered", "b"),
    ]
    first = found["first_touch"]
    assert (first["time"], first["referrer"], first["campaign"]) == (time(0), "news.example", None)
    assert [one["name"] for one in found["touchpoints"]] == [
        "survey_answered",
        "mention_received",
        "ticket_opened",
        "product_reviewed",
        "message_clicked",
        "message_sent",
        "page_viewed",
        "page_viewed",
    ]
    orders = [
        (one["order_id"], one["channel"], one["last_touch"]["name"], one["last_touch"]["campaign"]) for one in found["orders"]
    ]
    assert orders == [("b", "store", "message_clicked", {"id": "autumn"}), ("a", "web", "page_viewed", CAMPAIGN)]


def test_what_led_to_an_order_is_looked_for_only_so_far_back(profiles: Served) -> None:
    told(profiles)
    profiles.work.apply([bought("late", 100, ANN, at=24 * 20)])
    assert profiles.get(f"{PATH}/journey")["orders"][0]["last_touch"]["name"] == "survey_answered"
    assert profiles.get(f"{PATH}/journey?lookback_days=7")["orders"][0]["last_touch"] is None


def test_touchpoints_turn_pages(profiles: Served) -> None:
    told(profiles)
    seen, cursor = [], ""
    while cursor is not None:
        page = profiles.get(f"{PATH}/journey?{urlencode({'limit': 3, **({'cursor': cursor} if cursor else {})})}")
        seen += [one["event_id"] for one in page["touchpoints"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 8


def test_habits_are_told_in_the_zone_that_is_asked_for(profiles: Served) -> None:
    told(profiles)
    habits = profiles.get(f"{PATH}/habits")
    assert (habits["timezone"], habits["locale"], habits["devices"]) == ("Asia/Kolkata", "pa-IN", {"ios": 1})
    assert habits["channels"] == {"web": 4, "store": 1}
    assert [(one["query"], one["times"]) for one in habits["searches"]] == [("red pan", 1)]
    in_utc = profiles.get(f"{PATH}/habits?timezone=UTC")["hours"]
    assert sum(in_utc) == sum(habits["hours"]) == habits["events"]
    assert in_utc[hour(0).hour] >= 1
    assert "timezone" in profiles.get(f"{PATH}/habits?timezone=Mars", 400)["fields"]


def test_a_profile_shows_stage_rhythm_favourites_and_opinions(profiles: Served) -> None:
    told(profiles)
    shown = profiles.get(PATH)
    assert shown["journey"]["stage"] == "active"
    assert shown["average_order"] == [{"currency": "EUR", "amount": 3_000}]
    assert shown["days_between_orders"] == {"median": 1.33, "mean": 1.33}
    favourites = {dimension: [one["id"] for one in found] for dimension, found in shown["favourites"].items()}
    assert favourites == {
        "products": ["p1", "p2"],
        "categories": ["Kitchen"],
        "brands": ["Kadai", "Tava"],
        "colours": ["Navy blue"],
        "sizes": ["M"],
    }
    assert [(one["review_id"], one["rating"]) for one in shown["reviews"]] == [("v1", "5")]
    assert [(one["response_id"], one["score"]) for one in shown["survey_answers"]] == [("r1", 9)]


def test_traits_are_told_with_their_history_and_source(profiles: Served) -> None:
    told(profiles)
    plan = next(one for one in profiles.get(f"{PATH}/traits")["items"] if one["name"] == "plan")
    assert (plan["value"], plan["strategy"], plan["first_stated_at"]) == ("gold", "latest", time(2))
    assert [(one["value"], one["stated_at"], one["source"]) for one in plan["history"]] == [
        ("gold", time(6), "Web shop"),
        ("free", time(2), "Web shop"),
    ]


def test_the_timeline_holds_what_every_service_tells(profiles: Served) -> None:
    told(profiles)
    found = profiles.get(f"{PATH}/timeline")["items"]
    assert [one["time"] for one in found] == sorted((one["time"] for one in found), reverse=True)
    assert {one["service"] for one in found} >= {"shop", "campaigns", "support", "social", "reengagement"}
    texts = str(found)
    assert "Lovely pans" not in texts
    assert "Kind people" not in texts
    cart = next(one for one in found if one["name"] == "cart_abandoned")
    assert cart["summary"]["products"] == [{"product_id": "p9", "quantity": 2, "name": "Lid"}]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"event": "order_completed,order_refunded"}, ["order_refunded", "order_completed", "order_completed"]),
        ({"category": "messages"}, ["message_clicked", "message_sent"]),
        ({"category": "messages,support", "to": time(31)}, ["message_sent"]),
        ({"service": "social"}, ["mention_received"]),
        ({"channel": "email,mastodon"}, ["mention_received", "message_clicked", "message_sent"]),
        ({"category": "orders", "channel": "store"}, ["order_completed"]),
        ({"category": "messages", "event": "order_completed"}, []),
        ({"category": "orders,messages", "event": "order_refunded,ticket_opened"}, ["order_refunded"]),
    ],
)
def test_the_timeline_is_narrowed_by_name_category_service_channel_and_time(
    profiles: Served, query: dict[str, str], names: list[str]
) -> None:
    told(profiles)
    assert [one["name"] for one in profiles.get(f"{PATH}/timeline?{urlencode(query)}")["items"]] == names


@pytest.mark.parametrize("query", ["event=nothing", "category=nothing", "service=billing", "event=,"])
def test_a_timeline_of_nothing_that_there_is_says_what_there_is(profiles: Served, query: str) -> None:
    refused = profiles.get(f"{PATH}/timeline?{query}", 400)["fields"]
    assert "Known are" in str(refused[query.partition("=")[0]])


def test_every_event_of_the_timeline_has_a_category_and_a_service() -> None:
    assert set(SERVICES_ON_TIMELINES) == {"shop", "campaigns", "support", "social", "reengagement", "profiles", "analytics"}
    assert len(ON_TIMELINES) == len({kind.name for kind in ON_TIMELINES})


def test_many_keys_are_merged_newest_first_over_all_pages(profiles: Served) -> None:
    keys = [f"anon:{number}" for number in range(2 * SCANS_AT_ONCE + 7)]
    profiles.work.apply([viewed(key, at=number * 7 % 211) for number, key in enumerate(keys)])
    timeline, seen, cursor = Timeline(profiles.database), [], None
    while True:
        page = timeline.page(keys, Excerpt(), cursor, 50)
        seen += [(row["time"], row["_id"]) for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(keys)
    assert timeline.first(keys, Excerpt())["_id"] == seen[-1][1]


def test_statements_of_who_is_who_are_told_and_change_nothing(profiles: Served) -> None:
    profiles.work.apply([viewed(ANN), viewed(TABLET)])
    stated = {"customer_id": id_of(ANN), "identity_keys": [ANN, TABLET], "revision": 9, "merged_from": [id_of(TABLET)]}
    profiles.work.apply([event(events.PROFILE_MERGED, ANN, stated, hour(1))])
    assert profiles.get(f"{PATH}/timeline?category=identity")["items"][0]["name"] == "profile_merged"
    assert profiles.get(f"/api/profiles/customers/{TABLET}")["customer_id"] == id_of(TABLET)
    assert profiles.database["orders_facts"].count_documents({}) == 0


def stage_changes(profiles: Served) -> list[tuple[str, str | None]]:
    found = [event.data() for event in profiles.announced("lifecycle_stage_changed")]
    return [(one["stage"], one["previous"]) for one in sorted(found, key=lambda one: one["changed_at"])]


def test_each_change_of_stage_is_announced_once(profiles: Served) -> None:
    told(profiles)
    expected = [("active", "first_time")]  # the stages before it were over for days when they were heard of
    assert stage_changes(profiles) == expected
    profiles.work.apply([viewed(ANN, at=50)])
    assert stage_changes(profiles) == expected


def test_imported_history_announces_no_stage(profiles: Served) -> None:
    profiles.work.apply([bought("old", 100, ANN, at=0, backfill=True)])
    assert profiles.database[STAGES].count_documents({}) == 1
    assert stage_changes(profiles) == []


def flow(profiles: Served, **query: str) -> dict[str, Any]:
    found = profiles.get(f"/api/profiles/journey?{urlencode({'from': '2026-05-01', 'to': '2026-06-10', **query})}")
    assert isinstance(found, dict)
    return found


def test_the_journey_of_all_tells_who_went_on_and_where_they_stopped(profiles: Served) -> None:
    told(profiles)
    others = [
        viewed("anon:passer", at=5),
        identified("user:bob", at=6),
        viewed("anon:cy", at=1),
        bought("c", 1, "anon:cy", at=80),
    ]
    profiles.work.apply(others)
    found = flow(profiles)
    assert found["timezone"] == "UTC"
    stages = {one["stage"]: one for one in found["periods"][0]["stages"]}
    visitors = stages["visitor"]
    assert (visitors["entered"], visitors["stopped"]) == (3, 1)
    assert [(one["stage"], one["customers"], one["median_days"]) for one in visitors["passed"]] == [
        ("lead", 1, 0.0),
        ("first_time", 1, 3.0),
    ]
    assert (stages["lead"]["entered"], stages["lead"]["stopped"]) == (2, 1)
    assert (stages["first_time"]["entered"], stages["first_time"]["stopped"]) == (2, 1)
    assert found["now"] == [
        {"stage": "lead", "customers": 1},
        {"stage": "first_time", "customers": 1},
        {"stage": "active", "customers": 1},
    ]
    days = flow(profiles, by="day")["periods"]
    assert sum(stage["entered"] for period in days for stage in period["stages"]) == 8
    assert [period["begins"] for period in flow(profiles, by="month")["periods"]] == ["2026-05-01"]


def test_figures_of_the_journey_follow_merges_and_corrections(profiles: Served) -> None:
    profiles.work.apply([viewed(TABLET, at=0), bought("a", 100, "user:1", at=1), viewed("user:1", at=0)])
    profiles.work.apply([aliased(TABLET, "user:1", at=2), cancelled("a", "user:1", at=3)])
    stages = {one["stage"]: one["entered"] for one in flow(profiles)["periods"][0]["stages"]}
    assert stages == {"lead": 2, "first_time": 1}


def rules(profiles: Served, **changed: Any) -> dict[str, Any]:
    known = profiles.get(RULES)
    names = ("lifecycle", "affinities", "traits", "timezone", "version")
    return {**{name: known[name] for name in names}, **changed}


def sweep(profiles: Served) -> None:
    """What the runtime's timer does after a change of rules."""
    customers = sorted({row["customer"] for row in profiles.database["customers_facts"].find()})
    profiles.work.apply([], look_again={"customers": customers})


def test_changed_rules_look_at_everybody_again_and_announce_nothing(profiles: Served) -> None:
    told(profiles)
    before = stage_changes(profiles)
    wanted = rules(profiles, traits={"plan": "first"}, timezone="Asia/Kolkata")
    wanted["lifecycle"]["loyal_orders"] = 2
    changed = profiles.call("PUT", RULES, wanted)
    assert (changed["version"], changed["timezone"], changed["reevaluation"]["done"]) == (1, "Asia/Kolkata", 0)
    sweep(profiles)
    assert profiles.get(PATH)["journey"]["stage"] == "loyal"
    assert profiles.get(PATH)["traits"]["plan"] == "free"
    assert stage_changes(profiles) == before
    page = profiles.get("/api/profiles/journey/stages/loyal")
    assert [(one["customer_id"], one["orders"] > 0) for one in page["items"]] == [(id_of(ANN), True)]
    assert profiles.get("/api/profiles/journey/stages/visitor", 404)["status"] == 404


def test_a_misspelt_filter_or_time_is_told_with_what_would_do(profiles: Served) -> None:
    wrong = profiles.get("/api/profiles/customers?stage=loyal&limit=5", 400)["fields"]
    assert wrong == {"stage": [wrong["stage"][0]]}
    assert "There is no such parameter. Known are by_sound, currency, cursor, email," in wrong["stage"][0]
    times = profiles.get(f"{PATH}/timeline?from=2026-01-01", 400)["fields"]
    assert times == {"from": ["Give a time with its offset, such as 2026-05-01T08:00:00Z."]}
    assert "openapi.json" in profiles.get("/api/profiles/segment", 404)["detail"]


def test_time_alone_changes_a_stage_and_says_so(profiles: Served) -> None:
    told(profiles)
    pending = profiles.database["timers"].find_one({"kind": "look_again", "key": f"stage:{id_of(ANN)}", "state": "pending"})
    assert pending["due"] == hour(36) + timedelta(days=DAYS)
    profiles.work.apply([timer("look_again", ANN, {}, pending["due"])])
    assert stage_changes(profiles)[-1] == ("at_risk", "active")
    further = profiles.database["timers"].find_one({"key": f"stage:{id_of(ANN)}", "due": {"$gt": pending["due"]}})
    assert further["due"] == hour(36) + timedelta(days=2 * DAYS)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("lifecycle", "lapsed_days", DAYS),
        ("lifecycle", "loyal_orders", 1),
        ("lifecycle", "at_risk_days", 0),
        ("affinities", "half_life_days", 0),
        ("affinities", "viewed", "much"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_field(profiles: Served, part: str, field: str, value: Any) -> None:
    wanted = rules(profiles)
    wanted[part][field] = value
    assert field in profiles.call("PUT", RULES, wanted, 422)["fields"][part]


def test_a_change_of_rules_that_somebody_else_has_changed_is_refused(profiles: Served) -> None:
    wanted = rules(profiles)
    profiles.call("PUT", RULES, {**wanted, "timezone": "Europe/Paris"})
    assert "version 1" in profiles.call("PUT", RULES, wanted, 409)["detail"]
    assert "timezone" in profiles.call("PUT", RULES, {**wanted, "timezone": "Nowhere"}, 422)["fields"]
