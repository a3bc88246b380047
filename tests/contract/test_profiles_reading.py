"""Reading customers at scale: tags that spare an answer and are never stale, and many customers at once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.profiles.domain.lifecycle import LifecycleRules, lifecycle_of
from services.profiles.domain.rules import Rules
from services.profiles.reading_routes import until_of
from services.profiles.storage.reading import Reading
from shared.identity import id_of
from tests.servers import Answer
from tests.serving import Served, serving
from tests.unit.profiles.given import bought, customer, decided, identified, viewed

CUSTOMERS, BATCH = "/api/profiles/customers", "/api/profiles/customers/batch"
ANN, MAIL, BOB = "user:ann", "email:ann@example.com", "user:bob"


@pytest.fixture(scope="module")
def _serving(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_reading") as served:
        yield served


@pytest.fixture
def profiles(_serving) -> Served:
    for name in _serving.database.list_collection_names():
        _serving.database[name].delete_many({})
    _serving.work.apply(
        [identified(ANN, MAIL, at=1, name="Ann"), bought("a", 2_000, ANN, at=2), identified(BOB, at=3, name="Bob")]
    )
    return _serving


def read(profiles: Served, identity: str = ANN, tag: str | None = None) -> Answer:
    return profiles.client.request("GET", f"{CUSTOMERS}/{identity}", headers={"If-None-Match": tag} if tag else {})


def test_an_answer_has_a_tag_that_spares_reading_it_again_by_any_identity(profiles: Served) -> None:
    first = read(profiles)
    tag = first.headers["etag"]
    assert (first.status, first.headers["cache-control"], json.loads(first.body)["name"]) == (200, "private, no-cache", "Ann")
    for identity in (ANN, MAIL, id_of(ANN), id_of(MAIL)):
        again = read(profiles, identity, tag)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert read(profiles, ANN, f'"other", W/{tag}').status == 304
    assert read(profiles, ANN, '"other"').status == 200
    assert read(profiles, BOB, tag).status == 200


@pytest.mark.parametrize(
    "news",
    [
        pytest.param(lambda: viewed(ANN, at=9), id="a visit"),
        pytest.param(lambda: viewed(MAIL, at=9), id="an event of another key"),
        pytest.param(lambda: bought("b", 100, ANN, at=9), id="an order"),
        pytest.param(lambda: identified(ANN, "anon:tablet", at=9, name="Ann"), id="a new key"),
        pytest.param(lambda: decided("merge", [ANN], [BOB], at=9), id="a merge"),
        pytest.param(lambda: decided("keep_apart", [ANN], [MAIL], at=9), id="a parting"),
    ],
)
def test_whatever_changes_an_answer_changes_its_tag(profiles: Served, news: Any) -> None:
    before = read(profiles)
    profiles.work.apply([news()])
    after = read(profiles, ANN, before.headers["etag"])
    assert after.status == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert read(profiles, ANN, after.headers["etag"]).status == 304


def test_news_of_somebody_else_leaves_a_tag_as_it_is(profiles: Served) -> None:
    tag = read(profiles).headers["etag"]
    profiles.work.apply([viewed(BOB, at=9), bought("x", 100, BOB, at=9)])
    assert read(profiles, ANN, tag).status == 304


def test_a_change_of_the_settings_changes_every_tag(profiles: Served) -> None:
    tag = read(profiles).headers["etag"]
    rules = profiles.get("/api/profiles/identity-rules")
    wanted = {name: rules[name] for name in rules if name not in ("changed_at", "changed_by", "reevaluation")}
    profiles.call("PUT", "/api/profiles/identity-rules", {**wanted, "changed_by": "Mia"})
    assert read(profiles, ANN, tag).status == 200


def test_a_tag_of_somebody_whom_nobody_heard_of_is_no_answer(profiles: Served) -> None:
    assert read(profiles, "user:nobody", '"x"').status == 404


def test_a_tag_ends_with_the_hour_or_when_time_alone_changes_the_stage(profiles: Served) -> None:
    content, _, until = read(profiles).headers["etag"].strip('"').rpartition("-")
    ends, now = datetime.fromtimestamp(int(until, 16), UTC), datetime.now(UTC)
    assert now - timedelta(minutes=1) < ends <= now + timedelta(hours=1)
    assert read(profiles, ANN, f'"{content}-{int(now.timestamp()) - 1:x}"').status == 200
    assert read(profiles, ANN, f'"{content}"').status == 200
    assert read(profiles, ANN, f'"{content}-soon"').status == 200
    lately = bought("z", 100, ANN, at=24 * 30)
    soon = Reading("c", customer(lately, key=ANN), Rules(), "")
    turns = lifecycle_of(soon.customer, LifecycleRules(), lately.time).until
    assert turns is not None
    assert until_of(soon, turns - timedelta(seconds=1)) == turns


def test_many_customers_are_read_at_once_in_the_order_of_asking(profiles: Served) -> None:
    asked = [BOB, "user:nobody", id_of(MAIL), "Ann@example.com", BOB]
    answer = profiles.post(BATCH, {"identities": asked})
    assert answer["missing"] == ["user:nobody"]
    assert [one["identity"] for one in answer["items"]] == [BOB, id_of(MAIL), "Ann@example.com"]
    for one in answer["items"]:
        alone = read(profiles, one["identity"])
        assert one["customer"] == json.loads(alone.body)
        assert alone.headers["etag"] == f'"{one["etag"]}"'


@pytest.mark.parametrize("asked", [[], [""], ["user:1"] * 501, "user:1", None])
def test_none_and_too_many_are_refused(profiles: Served, asked: Any) -> None:
    assert "identities" in profiles.post(BATCH, {"identities": asked}, 422)["fields"]


def test_customers_of_several_keys_are_read_by_any_of_them(profiles: Served) -> None:
    profiles.work.apply([identified(f"user:{number}", f"anon:{number}", at=1, name="N") for number in range(1, 101)])
    answer = profiles.post(BATCH, {"identities": [f"anon:{number}" for number in range(1, 101)]})
    assert [one["customer"]["customer_id"] for one in answer["items"]] == [id_of(f"user:{number}") for number in range(1, 101)]


def test_the_feed_of_changes_is_off_until_somebody_switches_it_on(profiles: Served) -> None:
    feed = "/api/profiles/change-feed"
    assert profiles.get(feed) == {"enabled": False, "version": 0, "changed_at": None, "changed_by": None, "reevaluation": None}
    profiles.work.apply([viewed(ANN, at=9)])
    assert profiles.announced("profile_changed") == []
    switched = profiles.call("PUT", feed, {"enabled": True, "version": 0})
    assert (switched["enabled"], switched["version"], switched["reevaluation"]["done"]) == (True, 1, 0)
    profiles.call("PUT", feed, {"enabled": False, "version": 0}, status=409)
    profiles.work.apply([viewed(ANN, at=10), viewed(ANN, at=11)])
    (changed,) = profiles.announced("profile_changed")
    assert changed.data() == {"customer_id": id_of(ANN), "identity_keys": [ANN, MAIL], "sections": ["activity"]}
