"""Figures in the real MongoDB: rows of several partitions summed up, and equal to what the facts say."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from deploy.local.mongod import MongoServer
from services.analytics import consistency, storage
from services.analytics.domain.periods import Bucket, divide, range_of
from services.analytics.domain.rows import By, Reach, Span, cover
from services.analytics.domain.sales import Rules
from services.analytics.domain.series import Row
from services.analytics.service import Analytics
from shared import events, mongo
from shared.config import Config
from shared.timers import REPROJECT
from shared.unit_of_work import UnitOfWork, command
from tests.order_free import event
from tests.unit.analytics.purchases import at, cancelled, grouped, line, placed, refunded, updated

MAY = Reach(Span.MONTH, at("2026-05-01"), at("2026-06-01"))


@pytest.fixture
def database(mongo_server: MongoServer) -> Iterator[Any]:
    config = Config("analytics", mongo_uri=mongo_server.uri(), mongo_database="test_analytics_storage")
    database = mongo.connect(config)
    UnitOfWork(database, Analytics, [storage.CUSTOMERS]).create_indexes(30)
    storage.create_indexes(database, config)
    yield database
    database.client.drop_database(config.database)
    database.client.close()


@pytest.fixture
def work(database: Any) -> UnitOfWork:
    return UnitOfWork(database, Analytics, [storage.CUSTOMERS])


def shop() -> list[Any]:
    """Two months of a shop: 60 orders of 12 customers, some cancelled, refunded, updated, repeated, merged."""
    chance = random.Random(7)
    found: list[Any] = [grouped([f"user:{number}", f"anon:{number}"], 1) for number in range(0, 12, 3)]
    for number in range(60):
        subject = f"{chance.choice(['user', 'anon'])}:{number % 12}"
        when = at("2026-04-15T00:00") + timedelta(minutes=chance.randrange(45 * 1440))
        lines = [line(chance.choice("pqr"), 100 * (number % 7), 1 + number % 3, "Games", name=f"Name {number % 2}")]
        more = {"currency": chance.choice(["USD", "EUR"]), "shop_source": chance.choice(["Web shop", "Till"])}
        found.append(placed(subject, f"o{number}", 1000 + number, when, *lines, **more))
        if number % 5 == 0:
            found.append(refunded(subject, f"o{number}", "r", when + timedelta(days=2), amount=77, currency=more["currency"]))
        if number % 7 == 0:
            found.append(cancelled(subject, f"o{number}", when + timedelta(hours=1)))
        if number % 11 == 0:
            found.append(updated(subject, f"o{number}", 5, when + timedelta(hours=1), currency="GBP"))
    return found


def test_counters_of_all_partitions_are_what_the_facts_say(database, work):
    found, chance = shop(), random.Random(1)
    chance.shuffle(found)
    while found:
        size = chance.randint(1, 20)
        work.apply([*found[:size], *found[:2]], partition=str(chance.randrange(4)))
        work.apply(found[:size], partition=str(chance.randrange(4)))
        found = found[size:]
    assert consistency.differences(database) == []
    rows = list(database[storage.FIGURES].find({}, {"_id": 1}))
    assert {row["_id"].rpartition("#")[2] for row in rows} == {"0", "1", "2", "3"}
    whole = storage.read_totals(database, By.ALL, [Reach(Span.MONTH, at("2026-04-01"), at("2026-08-01"))])
    assert sum(values.get("orders", 0) + values.get("cancelled", 0) for values in whole.values()) == 60


def test_a_counter_that_is_wrong_is_found(database, work):
    work.apply([placed("user:1", "a", 100, at("2026-05-01T10:00"))])
    row = "all|day|2026-05-01T00:00|USD|"
    database[storage.FIGURES].update_one({"_id": f"{row}#0"}, {"$inc": {"values.gross": 1}})
    (difference,) = consistency.differences(database)
    assert (difference.row, difference.counted["gross"], difference.expected["gross"]) == (row, 101, 100)


def test_a_correction_that_another_partition_counts_meets_the_first_on_reading(database, work):
    work.apply([placed("user:1", "a", 100, at("2026-05-01T10:00"))], partition="0")
    work.apply([updated("user:1", "a", 90, at("2026-05-02T10:00"), currency="EUR")], partition="3")
    totals = storage.read_totals(database, By.ALL, [MAY])
    assert {currency: values.get("orders", 0) for currency, values in totals.items()} == {"USD": 0, "EUR": 1}
    assert consistency.differences(database) == []


def test_rows_are_read_by_range_key_and_currency(database, work):
    happened = [
        placed("user:1", "a", 100, at("2026-05-01T10:05"), line("p|#1", 10), shop_source="Till | #2"),
        placed("user:2", "b", 200, at("2026-05-01T10:20"), line("q", 20), shop_source="Web shop"),
        placed("user:3", "c", 300, at("2026-06-01T00:00"), line("q", 20), shop_source="Web shop"),
    ]
    work.apply(happened)
    quarters = [Reach(Span.QUARTER, at("2026-05-01T10:00"), at("2026-05-01T10:30"))]
    rows = storage.read_rows(database, By.SOURCE, quarters, ["Till | #2"])
    assert [(row.start, row.currency, row.key, row.values["gross"]) for row in rows] == [
        (at("2026-05-01T10:00"), "USD", "Till | #2", 100)
    ]
    assert len(storage.read_rows(database, By.SOURCE, quarters)) == 2
    assert [key for key, _ in storage.read_leaders(database, By.PRODUCT, [MAY], "USD", ("net", 5))] == ["q", "p|#1"]
    assert storage.read_leaders(database, By.PRODUCT, [MAY], "EUR", ("net", 5)) == []
    assert storage.read_rows(database, By.ALL, []) == []


def test_many_reaches_are_read_in_several_queries(database, work):
    days = [at("2026-01-01T18:40") + timedelta(days=number) for number in range(200)]
    work.apply([placed("user:1", f"o{number}", 1, day) for number, day in enumerate(days)])
    start, end = range_of(date(2026, 1, 1), date(2026, 8, 1), "Asia/Kolkata", at("2026-06-01"))
    reaches = cover(divide(Bucket.DAY, start, end, "Asia/Kolkata").boundaries)
    assert len(reaches) > 400
    rows: list[Row] = storage.read_rows(database, By.ALL, reaches)
    assert sum(row.values["orders"] for row in rows) == 200


def test_queries_read_only_the_rows_of_their_range(database, work):
    work.apply([placed(f"user:{n}", f"o{n}", 1, at("2024-01-01") + timedelta(days=n)) for n in range(300)])
    ranges = {"_id": {"$gte": "all|day|2024-02-01T00:00|", "$lt": "all|day|2024-02-11T00:00|"}}
    plan = database.command(
        "explain",
        {"aggregate": storage.FIGURES, "pipeline": [{"$match": {"$or": [ranges]}}], "cursor": {}},
        verbosity="executionStats",
    )
    assert plan["executionStats"]["totalDocsExamined"] == 10


def test_a_product_has_the_name_of_most_orders(database, work):
    names = ["Uno", "Uno #2", "Uno #2"]
    work.apply([placed("user:1", f"o{n}", 1, at("2026-05-01"), line("p|1", 1, name=name)) for n, name in enumerate(names)], "1")
    work.apply([placed("user:1", "z", 1, at("2026-05-01"), line("p", 1, name="Other"))], "2")
    assert storage.read_titles(database, ["p|1", "p", "unknown"]) == {"p|1": "Uno #2", "p": "Other"}
    assert storage.read_titles(database, []) == {}


def test_new_settings_recount_every_customer_and_the_same_ones_nothing(database, work):
    work.apply([placed("user:1", "a", 1, at("2026-05-01T21:00")), placed("user:1", "b", 1, at("2026-05-01T22:30"))])

    def change(timezone: str) -> None:
        def within(session: Any) -> tuple[None, list[Any]]:
            storage.write_rules(database, Rules(timezone), session)
            return None, []

        command(database, within)

    change("UTC")
    assert database["timers"].count_documents({"kind": REPROJECT}) == 0
    change("Europe/Berlin")
    assert database["timers"].count_documents({"kind": REPROJECT, "state": "pending"}) == 1
    assert storage.read_rules(database) == Rules("Europe/Berlin")
    work.apply([], "timers", look_again={"customers": [row["customer"] for row in database["customers_facts"].find()]})
    assert storage.read_totals(database, By.ALL, [MAY])["USD"]["in_day"] == 2
    assert consistency.differences(database) == []


def test_events_that_are_only_counted_leave_no_facts(database, work):
    viewed = [event(events.PAGE_VIEWED, "anon:x", {}, at("2026-05-01"), name=str(number)) for number in range(5)]
    work.apply(viewed, "0")
    work.apply(viewed, "1")
    (row,) = storage.read_rows(database, By.EVENT, [MAY])
    assert (row.key, row.values) == ("shop.page_viewed", {"events": 5})
    assert database["customers_facts"].count_documents({}) == database["customers"].count_documents({}) == 0
