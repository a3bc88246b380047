"""Profiles on a real MongoDB: what the indexes serve, how groups are loaded and moved, and what is published."""

import random
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from services.profiles.domain.customer import Customer
from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS, DECISIONS, INDEX, REFUSED, SPEND, TIMELINE, Customers, Directory, Search
from services.profiles.storage.timeline import Excerpt
from shared.documents import state_of, to_document
from shared.envelope import Event
from shared.errors import StoreAway
from shared.identity import id_of
from shared.listing import Listing
from shared.unit_of_work import UnitOfWork
from tests.order_free import History
from tests.serving import Served, serving
from tests.unit.profiles.given import aliased, bought, history, identified, viewed
from tests.unit.profiles.test_profiles_history import rich

ANN, BOB, TABLET = "user:ann", "user:bob", "anon:tablet"


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_storage") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(profiles) -> None:
    for name in profiles.database.list_collection_names():
        profiles.database[name].delete_many({})


def plan_of(profiles: Served, collection: str, query: Any, listing: Listing) -> list[dict[str, Any]]:
    """The stages of the winning plan, outermost first."""
    found = profiles.database[collection].find(query).sort(listing.sort).limit(20).explain()["queryPlanner"]["winningPlan"]
    stages, ahead = [], [found]
    while ahead:
        stage = ahead.pop(0)
        stages.append(stage)
        ahead += stage.get("inputStages", []) + ([stage["inputStage"]] if "inputStage" in stage else [])
    return stages


@pytest.mark.parametrize(
    ("collection", "query", "field"),
    [
        pytest.param(INDEX, Search().by_letters, "last_seen", id="all by last seen"),
        pytest.param(INDEX, Search().by_letters, "orders", id="all by orders"),
        pytest.param(INDEX, Search(email="a@x.io").by_letters, "last_seen", id="an address"),
        pytest.param(SPEND, {"currency": "EUR"}, "amount", id="all by spend"),
        pytest.param(TIMELINE, {"identity_key": {"$in": [ANN, TABLET]}}, "time", id="the timeline of two keys"),
        pytest.param(
            TIMELINE,
            {"identity_key": {"$in": [ANN, TABLET]}, **Excerpt(names=["page_viewed"], channels=["web"]).filter},
            "time",
            id="the timeline of one kind of event",
        ),
        pytest.param(TIMELINE, {"identity_key": {"$in": [ANN]}, **Excerpt(touches=True).filter}, "time", id="touchpoints"),
        pytest.param(REFUSED, {}, "at", id="all refused merges"),
        pytest.param(REFUSED, {"rule": "kept_apart"}, "at", id="merges refused by a rule"),
        pytest.param(REFUSED, {"kind": "user"}, "at", id="merges refused for a kind of keys"),
        pytest.param(DECISIONS, {"decision": "keep_apart"}, "at", id="pairs that are kept apart"),
    ],
)
def test_listings_come_out_of_an_index_in_their_order(profiles: Served, collection: str, query: Any, field: str) -> None:
    names = {stage["stage"] for stage in plan_of(profiles, collection, query, Listing(field, descending=True))}
    assert "IXSCAN" in names
    assert not names & {"SORT", "COLLSCAN"}


@pytest.mark.parametrize("wanted", [Search(name="jan"), Search(phone="4567"), Search(name="jane do", min_orders=1)])
@pytest.mark.parametrize("way", ["by_letters", "by_sound_only"])
def test_searches_come_out_of_an_index(profiles: Served, wanted: Search, way: str) -> None:
    query = getattr(wanted, way)
    if query is None:
        assert wanted.name is None
        return
    names = {stage["stage"] for stage in plan_of(profiles, INDEX, query, Listing("last_seen", descending=True))}
    assert "IXSCAN" in names
    assert "COLLSCAN" not in names


def stored(profiles: Served) -> dict[str, tuple[str, Customer]]:
    """By identity key: its customer and its facts."""
    rows = profiles.database["customers_facts"].find()
    return {row["key"]: (row["customer"], state_of(CUSTOMERS, row)) for row in rows}


def in_memory(told: History) -> dict[str, tuple[str, Customer]]:
    return {member.key: (member.customer_id, member.state) for member in told.batches["customers"].members.values()}


def in_random_batches(profiles: Served, story: list[Event], seed: int) -> None:
    chance = random.Random(seed)
    heard = [*story, *chance.choices(story, k=len(story))]
    chance.shuffle(heard)
    while heard:
        size = chance.randint(1, 6)
        profiles.work.apply(heard[:size])
        heard = heard[size:]


@pytest.mark.parametrize("seed", range(6))
def test_the_database_ends_as_the_fold_in_memory_does_in_any_order_and_repetition(profiles: Served, seed: int) -> None:
    story = rich()
    in_random_batches(profiles, story, seed)
    told = history(*story)
    assert stored(profiles) == in_memory(told)
    for collection, held in ((INDEX, told.rows), (SPEND, told.rows), (TIMELINE, told.journal)):
        expected = {
            key.partition("/")[2]: to_document(dict(row))
            for key, row in held.items()
            if key.startswith(f"{collection}/") and key.partition("/")[2] not in told.own
        }
        rows = profiles.database[collection].find({"service": {"$ne": "profiles"}})  # what it announces goes by the order
        assert {row.pop("_id"): row for row in rows} == expected


KEYS = [ANN, BOB, "user:cid", TABLET, "anon:phone", "email:a@x.io", "email:b@x.io", "social:x:ann"]


def entangled(chance: random.Random) -> list[Event]:
    """Events of few people with many shared keys, so that almost any two change the same groups."""
    story = [
        viewed(*chance.sample(KEYS, chance.randint(1, 4)), at=chance.randint(0, 9), again=str(number)) for number in range(40)
    ]
    return [*story, aliased(BOB, "user:cid", at=3)]


def apply_patiently(work: UnitOfWork, batch: list[Event]) -> None:
    """As the inbox does: a batch that lost a race is tried again."""
    for _ in range(200):
        try:
            work.apply(batch)
            return
        except StoreAway:
            eventlet.sleep(0.01)
    raise AssertionError("the batch never went through")


@pytest.mark.parametrize("seed", range(4))
def test_replicas_that_change_the_same_groups_at_once_end_as_one_would(profiles: Served, seed: int) -> None:
    chance = random.Random(seed)
    story = entangled(chance)
    replicas = []
    for _ in range(3):
        heard = chance.sample(story, len(story))
        batches = [heard[start : start + 3] for start in range(0, len(heard), 3)]
        work = UnitOfWork(profiles.database, Profiles, [CUSTOMERS])
        replicas.append(eventlet.spawn(lambda work, batches: [apply_patiently(work, batch) for batch in batches], work, batches))
    for replica in replicas:
        replica.wait()
    assert stored(profiles) == in_memory(history(*story))
    joined = profiles.database["customers_facts"].find({"view.members.1": {"$exists": True}})
    views = {row["_id"]: sorted(row["view"]["members"]) for row in joined}
    groups: dict[str, list[str]] = {}
    for key, (customer_id, _) in stored(profiles).items():
        groups.setdefault(customer_id, []).append(id_of(key))
    assert views == {customer_id: sorted(members) for customer_id, members in groups.items() if len(members) > 1}


def test_a_late_earlier_claim_moves_a_device_and_its_facts_between_stored_customers(profiles: Served) -> None:
    profiles.work.apply([viewed(TABLET, at=0), viewed(BOB, TABLET, at=5)])
    profiles.work.apply([viewed(ANN, at=6)])
    profiles.work.apply([viewed(ANN, TABLET, at=1)])
    customers = Customers(profiles.database)
    ann, bob = customers.find(ANN), customers.find(BOB)
    assert ann is not None
    assert bob is not None
    assert (ann[0], ann[1].identity_keys) == (id_of(ANN), (ANN, TABLET))
    assert (bob[0], bob[1].identity_keys) == (id_of(BOB), (BOB,))
    assert customers.find(TABLET) == customers.find(id_of(TABLET)) == ann


def test_every_statement_is_published_under_an_id_of_its_own(profiles: Served) -> None:
    for one in [viewed(BOB, TABLET, at=5), viewed(ANN, TABLET, at=1), aliased(BOB, ANN, at=6)]:
        profiles.work.apply([one])
        profiles.work.apply([one])
    said = profiles.announced("profile_merged", "profile_split")
    assert sorted((one.name, one.data()["revision"]) for one in said) == [
        ("profile_merged", 1),
        ("profile_merged", 2),
        ("profile_merged", 3),
        ("profile_split", 2),
    ]


def test_names_of_traits_and_orders_may_look_like_the_databases_own(profiles: Served) -> None:
    profiles.work.apply([identified(ANN, **{"a.b": 1, "$set": {"$inc": 1}, "": "empty"}), bought("o.1/$x", 100, ANN, at=1)])
    profiles.work.apply([identified(ANN, at=2, **{"a.b": 2})])
    found = Customers(profiles.database).find(ANN)
    assert found is not None
    assert {name: trait.value for name, trait in found[1].traits.items()} == {"a.b": 2, "$set": {"$inc": 1}, "": "empty"}
    assert list(found[1].orders) == ["o.1/$x"]


def everything(page: Any) -> list[str]:
    """Ids of all rows, page by page: `page(cursor)` is a page."""
    ids: list[str] = []
    cursor = None
    while True:
        found = page(cursor)
        ids += [row["_id"] for row in found["items"]]
        cursor = found["next"]
        if cursor is None:
            return ids


def test_pages_of_the_directory_hold_everybody_once_also_where_values_are_equal(profiles: Served) -> None:
    profiles.work.apply([bought(f"o{number}", number % 3, f"user:{number}", at=number % 4) for number in range(30)])
    customers = Customers(profiles.database)
    directory = Directory(profiles.database)
    by_time = everything(lambda cursor: directory.search(Search(), "last_seen", cursor, 7))
    by_orders = everything(lambda cursor: directory.search(Search(), "orders", cursor, 7))
    by_spend = everything(lambda cursor: customers.biggest_spenders("EUR", cursor, 7))
    assert len(by_time) == len(by_orders) == len(by_spend) == 30
    assert set(by_time) == set(by_orders) == set(by_spend) == {id_of(f"user:{number}") for number in range(30)}
    spent = {row["_id"]: row["spend"][0]["amount"] for row in profiles.database[INDEX].find()}
    assert [spent[one] for one in by_spend] == sorted(spent.values(), reverse=True)
    assert everything(lambda cursor: customers.biggest_spenders("USD", cursor, 7)) == []


def test_pages_of_a_timeline_hold_every_event_of_every_key_once_newest_first(profiles: Served) -> None:
    story = [viewed(ANN, TABLET, at=number // 3, again=str(number)) for number in range(10)]
    story += [viewed(TABLET, at=number // 3, again=str(number)) for number in range(10)]
    story += [bought("a", 100, TABLET, at=2.5), viewed(BOB)]
    profiles.work.apply(story)
    customers = Customers(profiles.database)

    def page(cursor: str | None) -> Any:
        return customers.timeline(TABLET, Excerpt(services=["shop"]), cursor, 4)

    expected = sorted((one for one in story if one.subject != BOB), key=lambda one: (one.time, one.id), reverse=True)
    assert everything(page) == [one.id for one in expected]
