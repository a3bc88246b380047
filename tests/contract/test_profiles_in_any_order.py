"""The same events in any order, over four workers at once, end in the same profiles, segments and timers.

`SHUFFLES=20` in the environment compares so many shuffles of 10,000 events of 500 people, which takes a minute or more for each; without
it two of fewer are. Each goes through four units of work at once, on a database of its own, in batches of changing size: most events of
people who have to do with each other come to one worker, as the broker deals them by their subject, some to any, and a fifth comes twice.
What is announced is delivered among what follows. The clock stands still, for what time alone changes is another matter.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from pymongo import MongoClient

from deploy.local.mongod import MongoServer
from services.profiles import storage
from services.profiles.domain.segments.definitions import Definitions, Segment
from services.profiles.domain.segments.templates import TEMPLATES
from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS, DECISIONS, INDEX, ORDERS, REFUSED, SPEND, TIMELINE
from services.profiles.storage.ledger import LEDGER
from services.profiles.storage.membership import MEMBERS, SEGMENTS, SIZES, segments_of
from services.profiles.storage.stages import JOURNEY, STAGES
from shared import mongo
from shared.config import Config
from shared.documents import applied_of
from shared.envelope import Event
from shared.errors import StoreAway
from shared.outbox import events_of
from shared.unit_of_work import UnitOfWork
from tests.crowd import KINDS, Crowd
from tests.order_free import NOW

MORE = os.environ.get("SHUFFLES")  # of all people; else as many as a contract test may take
PEOPLE, EVENTS = (500, 10_000) if MORE else (60, 1_000)
WORKERS = 4
STRAYS, MOST_AT_ONCE = 0.02, 300
PARAMETERS = {"currency": "EUR", "amount": 2_000, "category": "Shoes"}
MORE_SEGMENTS: Mapping[str, Any] = {
    "gold": {"trait": "plan", "equals": "gold"},
    "reachable": {"any": [{"consent": "email"}, {"consent": "sms"}]},
    "at-risk": {"stage": ["at_risk", "lapsed"]},
    "tenth": {"sample": 10},
    "fond": {"affinity": "brands", "to": "Acme", "top": 2},
    "silent": {"none": [{"event": "page_viewed", "within": {"days": 20, "calendar": True}}, {"segment": "vip"}]},
    "reviewers": {"event": "product_reviewed", "gte": 2},
    "tempted": {"event": "product_viewed", "since_last_order": True, "gte": 2, "within": {"days": 30}},
    "complained": {"event": "message_complained"},
}
FACTS = {"customers_facts", "orders_facts"}
FOLLOWS = FACTS | {INDEX, SPEND, STAGES, JOURNEY, MEMBERS, SIZES, REFUSED, DECISIONS, LEDGER, TIMELINE, "timers"}
OF_DELIVERY = ("inbox", "outbox", "leases", "settings", "forgotten")


@pytest.fixture
def _a_clock_that_stands_still(monkeypatch: pytest.MonkeyPatch, mongo_server: MongoServer) -> Iterator[None]:
    """For us and for the database, whose own clock would say that all of this is old enough to be deleted."""
    monkeypatch.setattr("shared.unit_of_work.server_time", lambda database: NOW)
    with MongoClient[Any](mongo_server.uri()) as client:
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        yield
        client.admin.command("setParameter", 1, ttlMonitorEnabled=True)


@pytest.mark.timeout(7_200 if MORE else 120)
@pytest.mark.usefixtures("_a_clock_that_stands_still")
def test_any_order_over_four_workers_ends_in_the_same_profiles_segments_and_timers(mongo_server):
    crowd = Crowd(PEOPLE, NOW)
    heard = crowd.events(EVENTS)
    assert {one.name for one in heard} == {kind.name for kind in KINDS}
    first = shuffled(mongo_server, crowd, heard, seed=1)
    assert {name for name, rows in first.items() if rows} == FOLLOWS, "something of everything followed"
    for seed in range(2, int(MORE or 2) + 1):
        other = shuffled(mongo_server, crowd, heard, seed)
        different = {name: differing(first[name], other[name]) for name in first if digest(first[name]) != digest(other[name])}
        assert not different, f"shuffle {seed} ends otherwise than the first"


def shuffled(server: MongoServer, crowd: Crowd, heard: Sequence[Event], seed: int) -> dict[str, dict[str, str]]:
    """The events in an order of their own through four workers; what is stored then, by collection and row."""
    with workers(server, f"test_any_order_{seed}") as crew:
        deal = Deal(crowd, heard, Random(seed))
        with ThreadPoolExecutor(WORKERS) as threads:
            while not deal.is_over:
                list(threads.map(apply, crew, deal.shares()))
                deal.add(announced(crew[0]), crew[0].subscriptions)
        assert crew[0].database["inbox"].count_documents({}) == len(heard) + len(deal.told)
        return stored(crew[0].database, deal.said)


@contextmanager
def workers(server: MongoServer, name: str) -> Iterator[list[UnitOfWork]]:
    """Replicas with a connection each over one database, which is gone afterwards."""
    clients: list[MongoClient[Any]] = [MongoClient(server.uri(), tz_aware=True) for _ in range(WORKERS)]
    crew = [UnitOfWork(mongo.durable(client[name]), Profiles, Profiles.inbox.models) for client in clients]
    crew[0].create_indexes(10_000)  # days: our clock stands still, and what MongoDB forgets goes by its own
    storage.create_indexes(crew[0].database, Config("profiles"))
    crew[0].database["settings"].update_one({"_id": CUSTOMERS.name}, {"$set": settings()}, upsert=True)
    try:
        yield crew
    finally:
        clients[0].drop_database(name)
        for client in clients:
            client.close()


def settings() -> dict[str, Any]:
    """Every ready-made segment, and more."""
    rules = {name: template.rule(PARAMETERS) for name, template in TEMPLATES.items()} | MORE_SEGMENTS
    made = NOW - timedelta(days=200)
    segments = (
        Segment(name, name, rule, visitors=name == "silent", rule_version=1, rule_since=made) for name, rule in rules.items()
    )
    stored_ = {SEGMENTS: {"definitions": msgspec.json.encode(Definitions(1, tuple(segments))).decode()}}
    assert len(segments_of(stored_, "UTC").compiled) == len(rules), "every rule can be read"
    return stored_


class Deal:
    """Who is given what, round by round."""

    def __init__(self, crowd: Crowd, heard: Sequence[Event], chance: Random) -> None:
        self._crowd, self._chance = crowd, chance
        self._waiting = [*heard, *chance.sample(heard, len(heard) // 5)]
        chance.shuffle(self._waiting)
        self._round = len(self._waiting) // 4
        self.said: set[str] = set()  # what profiles announced
        self.told: set[str] = set()  # what of it profiles heard

    @property
    def is_over(self) -> bool:
        return not self._waiting

    def add(self, said: Sequence[Event], wanted: Collection[tuple[str, str]]) -> None:
        """What was announced and is listened to comes among what is still to come."""
        told = [one for one in said if (one.source, one.name) in wanted]
        self.said |= {one.id for one in said}
        self.told |= {one.id for one in told}
        self._waiting += told
        self._chance.shuffle(self._waiting)

    def shares(self) -> list[list[list[Event]]]:
        """The batches of each worker in this round."""
        given, self._waiting = self._waiting[: self._round], self._waiting[self._round :]
        hands: list[list[Event]] = [[] for _ in range(WORKERS)]
        strays: list[list[list[Event]]] = [[] for _ in range(WORKERS)]
        for one in given:
            if self._chance.random() > STRAYS:
                hands[self._crowd.household(one) % WORKERS].append(one)
            else:
                strays[self._chance.randrange(WORKERS)].append([one])
        return [self._mixed(list(self._batches(hand)) + alone) for hand, alone in zip(hands, strays, strict=True)]

    def _mixed(self, batches: list[list[Event]]) -> list[list[Event]]:
        self._chance.shuffle(batches)
        return batches

    def _batches(self, hand: list[Event]) -> Iterator[list[Event]]:
        while hand:
            size = self._chance.randint(1, MOST_AT_ONCE)
            yield hand[:size]
            hand = hand[size:]


def apply(work: UnitOfWork, batches: Iterable[list[Event]]) -> None:
    for batch in batches:
        while True:
            try:
                work.apply(batch)
                break
            except StoreAway:  # another worker was quicker with one of the rows
                continue


def announced(work: UnitOfWork) -> list[Event]:
    """What the relay would publish now."""
    rows = list(work.database["outbox"].find())
    work.database["outbox"].delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
    return [event for row in rows for event in events_of(row)]


def stored(database: Any, said: set[str]) -> dict[str, dict[str, str]]:
    """All rows by collection and id, as text, without what tells of the way: revisions, and what was said."""
    names = set(database.list_collection_names()) - set(OF_DELIVERY)
    found = {name: {str(row["_id"]): row for row in database[name].find()} for name in sorted(names)}
    found[TIMELINE] = {row: document for row, document in found[TIMELINE].items() if row not in said}
    for name in (SIZES, JOURNEY):
        found[name] = summed(found[name].values())
    for model in (CUSTOMERS, ORDERS):
        found[f"{model.name}_facts"] = {row: facts(document) for row, document in found[f"{model.name}_facts"].items()}
    return {name: {row: text(document) for row, document in rows.items()} for name, rows in found.items()}


def facts(document: Mapping[str, Any]) -> dict[str, Any]:
    followed = {name: value for name, value in asdict(applied_of(document)).items() if name != "said" and value}
    kept = {"key": document["key"], "customer": document["customer"], "state": json.loads(document["state"])}
    return {**kept, "members": sorted(document["view"]["members"]) if followed else [], "followed": followed}


def summed(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Figures over all partitions; sums of nothing are as if they were not."""
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        figure = sums.setdefault(row["_id"].partition("#")[0], {})
        for name, value in row["values"].items():
            figure[name] = figure.get(name, 0) + value
    return {name: {one: value for one, value in values.items() if value} for name, values in sums.items() if any(values.values())}


def text(document: Any) -> str:
    return json.dumps(document, sort_keys=True, default=str)


def digest(rows: Mapping[str, str]) -> str:
    return hashlib.blake2b(text(rows).encode(), digest_size=16).hexdigest()


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """The first rows that are not the same."""
    rows = [row for row in sorted({**one, **other}) if one.get(row) != other.get(row)]
    return {row: (one.get(row), other.get(row)) for row in rows[:3]}
