"""Campaigns' queries over a real database: sorted and counted by indexes, and the audiences laid down once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.campaigns import storage
from services.campaigns.domain.audiences import Audience, Audiences, Rule, RuleKind, add, change
from shared import events
from shared.identity import id_of
from shared.run import create_indexes
from tests.serving import Served, serving
from tests.unit.campaigns.shop import bought, cancelled, grouped

NOW = datetime.now(UTC).replace(microsecond=0)
LOYAL = Audience("loyal", "Loyal", Rule(kind=RuleKind.REPEAT_BUYERS, orders=3))


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


@pytest.fixture(scope="module")
def service(mongo_server) -> Iterator[Served]:
    with serving("campaigns", mongo_server, "test_campaigns_storage") as served:
        yield served


@pytest.fixture
def campaigns(service: Served) -> Served:
    """Twenty customers heard of through one partition, five of whom bought again through another."""
    for name in service.database.list_collection_names():
        service.database[name].delete_many({})
    storage.create_indexes(service.database, service.settings["SAMBANDH"])
    service.work.apply([bought(f"user:{number}", str(number), ago(days=number % 3, hours=1)) for number in range(20)], "0")
    service.work.apply([bought(f"user:{number}", f"{number}b", ago(hours=0.5)) for number in range(5)], "1")
    return service


def test_members_come_sorted_out_of_an_index_also_from_a_time_on(campaigns: Served) -> None:
    for since in ({}, {"since": {"$gte": NOW - timedelta(days=1)}}):
        found = campaigns.database["members"].find({"audience_id": "recent-buyers", **since})
        plan = found.sort([("since", -1), ("_id", -1)]).limit(10).explain()["queryPlanner"]["winningPlan"]
        assert "'stage': 'IXSCAN'" in str(plan)
        assert "'stage': 'SORT'" not in str(plan)


def test_sizes_are_summed_over_partitions_and_agree_with_the_rows(campaigns: Served) -> None:
    wanted = ["first-time-buyers", "repeat-buyers", "recent-buyers", "unknown"]
    assert storage.sizes(campaigns.database, wanted) == {
        "first-time-buyers": 15,
        "repeat-buyers": 5,
        "recent-buyers": 20,
        "unknown": 0,
    }
    assert campaigns.database["members"].count_documents({"audience_id": "first-time-buyers"}) == 15
    partitions = campaigns.database["audience_sizes"].find({"_id": {"$regex": "^first-time-buyers#"}})
    assert {row["_id"]: row["values"]["members"] for row in partitions} == {
        "first-time-buyers#0": 20,
        "first-time-buyers#1": -5,
    }


def test_a_page_of_members_goes_on_where_the_last_one_ended_while_people_come_and_go(campaigns: Served) -> None:
    query: dict[str, Any] = {"limit": 8, "cursor": None}
    first = storage.members(campaigns.database, "recent-buyers", query)
    campaigns.work.apply([bought("user:new", "new", NOW), cancelled("user:7", "7", NOW)], "0")
    seen = [row["customer_id"] for row in first["items"]]
    query["cursor"] = first["next"]
    while query["cursor"]:
        shown = storage.members(campaigns.database, "recent-buyers", query)
        seen += [row["customer_id"] for row in shown["items"]]
        query["cursor"] = shown["next"]
    assert len(seen) == len(set(seen))
    stayed = {id_of(f"user:{number}") for number in range(20) if number != 7}
    assert stayed <= set(seen) <= stayed | {id_of("user:7")}


def test_the_built_in_audiences_are_there_from_the_start_and_a_restart_keeps_changes(campaigns: Served) -> None:
    assert campaigns.database["settings"].find_one({"_id": "customers"})["audiences"]
    storage.edit(campaigns.database, lambda known, now: add(known, LOYAL))
    create_indexes(dict(campaigns.settings))
    assert storage.audiences(campaigns.database) == add(Audiences(), LOYAL)


def sweeps(campaigns: Served) -> int:
    return campaigns.database["timers"].count_documents({"kind": "reproject", "state": "pending"})


def test_everybody_is_looked_at_again_for_a_rule_but_not_for_a_name(campaigns: Served) -> None:
    storage.edit(campaigns.database, lambda known, now: add(known, LOYAL))
    assert sweeps(campaigns) == 1
    campaigns.database["timers"].delete_many({"kind": "reproject"})
    storage.edit(campaigns.database, lambda known, now: change(known, replace(LOYAL, name="Faithful"), now))
    assert sweeps(campaigns) == 0
    stricter = replace(LOYAL, version=2, rule=replace(LOYAL.rule, orders=4))
    storage.edit(campaigns.database, lambda known, now: change(known, stricter, now))
    storage.edit(campaigns.database, lambda known, now: Audiences())
    assert sweeps(campaigns) == 1  # the newer one in the place of the one before


def test_a_change_that_is_refused_leaves_everything_as_it_was(campaigns: Served) -> None:
    before = campaigns.database["settings"].find_one({"_id": "customers"})

    def refuse(known: Audiences, now: Any) -> Audiences:
        raise LookupError

    with pytest.raises(LookupError):
        storage.edit(campaigns.database, refuse)
    assert campaigns.database["settings"].find_one({"_id": "customers"}) == before


def test_a_sample_counts_a_customer_of_several_keys_once(campaigns: Served) -> None:
    campaigns.work.apply([grouped(events.PROFILE_MERGED, ["user:1", "user:2", "anon:x"], 1)], "0")
    shares = [share for _, share in storage.sample(campaigns.database, 1000)]
    assert len(shares) == storage.keys_known(campaigns.database) == 21
    assert sum(shares) == pytest.approx(19)
    of_three = [customer for customer, share in storage.sample(campaigns.database, 1000) if share < 1]
    assert [customer.identity_keys for customer in of_three] == [("anon:x", "user:1", "user:2")] * 3
    assert len(list(storage.sample(campaigns.database, 5))) == 5
