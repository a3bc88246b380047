"""Timers of re-engagement on a real MongoDB: armed, disarmed, fired once and never early, announced exactly once."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.local.mongod import MongoServer
from services.reengagement.storage import CUSTOMERS
from shared.documents import state_of
from shared.envelope import Event
from shared.mongo import server_time
from tests.integration.reengagement.replica import firing, wait_until
from tests.serving import Served, serving
from tests.unit.reengagement.shop import DAY, HOUR, add, group, line, order

_numbers = itertools.count()
SECOND = timedelta(seconds=1)


@pytest.fixture
def served(mongo_server: MongoServer) -> Iterator[Served]:
    with serving("reengagement", mongo_server, f"test_reengagement_timers_{next(_numbers)}") as running:
        yield running


def now(served: Served) -> datetime:
    return server_time(served.database)


def announced(served: Served, kind: str) -> list[Any]:
    """(subject, data) of everything in the outbox of a kind; no relay takes it away."""
    return [(event.subject, event.data()) for event in served.announced(kind)]


def timers(served: Served, state: str) -> list[Any]:
    return list(served.database["timers"].find({"state": state, "kind": {"$ne": "reproject"}}))


def shoppers(number: int) -> list[str]:
    return [f"user:{each}" for each in range(number)]


def carts_due_at(due: datetime, people: list[str]) -> list[Event]:
    return [add(due - HOUR, who=who) for who in people]


def test_racing_threads_fire_every_timer_once_and_never_early(served: Served):
    people = shoppers(400)
    due = now(served) + 2 * SECOND
    served.work.apply(carts_due_at(due, people))
    assert len(timers(served, "pending")) == len(people)
    with firing(served.settings, replicas=2):
        wait_until(lambda: len(announced(served, "cart_abandoned")) >= len(people))
        time.sleep(1.5)  # three more rounds of each thread, in which nothing may come twice
    subjects = Counter(subject for subject, _ in announced(served, "cart_abandoned"))
    assert subjects == Counter(people)
    fired = timers(served, "fired")
    assert len(fired) == len(people)
    assert all(each["due"] <= each["fired_at"] for each in fired)
    assert not timers(served, "pending")
    facts = [state_of(CUSTOMERS, row) for row in served.database["customers_facts"].find()]
    assert all(one.fired_at >= one.due for each in facts for one in each.cart_reminders.values())


def test_nothing_fires_before_its_time(served: Served):
    due = now(served) + 3 * SECOND
    served.work.apply(carts_due_at(due, ["user:1"]))
    with firing(served.settings):
        while now(served) < due - SECOND / 4:
            assert not announced(served, "cart_abandoned") or now(served) >= due
            time.sleep(0.1)
        wait_until(lambda: announced(served, "cart_abandoned"))
    assert now(served) >= due


def test_a_purchase_disarms_the_reminder_of_its_cart_and_arms_the_lapse(served: Served):
    due = now(served) + SECOND
    served.work.apply(carts_due_at(due, ["user:1", "user:2"]))
    placed_at = now(served)
    served.work.apply([order(placed_at, "A1", who="user:1")])
    assert {each["kind"]: each["subject"] for each in timers(served, "pending")} == {"cart_idle": "user:2", "lapse": "user:1"}
    assert [each["due"] for each in timers(served, "pending") if each["kind"] == "lapse"] == [placed_at + 90 * DAY]
    with firing(served.settings):
        wait_until(lambda: announced(served, "cart_abandoned"))
        time.sleep(1.0)
    assert [subject for subject, _ in announced(served, "cart_abandoned")] == ["user:2"]


def test_the_order_that_is_heard_before_its_cart_prevents_the_reminder(served: Served):
    at = now(served) - HOUR
    served.work.apply([order(at + SECOND, "A1", who="user:1")])
    served.work.apply([add(at, who="user:1")])
    assert [each["kind"] for each in timers(served, "pending")] == ["lapse"]


def test_orders_that_arrive_while_the_timers_fire_either_prevent_the_announcement_or_recover_the_cart(served: Served):
    people = shoppers(300)
    due = now(served) + SECOND
    served.work.apply(carts_due_at(due, people))
    with firing(served.settings, replicas=2):
        while now(served) < due:
            time.sleep(0.01)
        for start in range(0, len(people), 10):
            some = people[start : start + 10]
            served.work.apply([order(now(served), f"A-{who}", who=who) for who in some])
        wait_until(lambda: not [each for each in timers(served, "pending") if each["kind"] == "cart_idle"])
    left = Counter(subject for subject, _ in announced(served, "cart_abandoned"))
    recovered = Counter(subject for subject, _ in announced(served, "cart_recovered"))
    rows = Counter(row["status"] for row in served.database["abandoned_carts"].find())
    fired = {each["subject"] for each in timers(served, "fired")}
    assert set(left) == fired
    assert set(left.values()) <= {1}
    assert set(recovered.values()) <= {1}
    assert rows["recovered"] == len(recovered)
    assert rows["recovered"] + rows["bought_before"] == len(left)


def test_timers_that_fell_due_while_nothing_ran_fire_at_the_next_start(served: Served):
    at = now(served)
    with firing(served.settings):
        served.work.apply([*carts_due_at(at + SECOND, ["user:1"]), order(at - 90 * DAY + SECOND, who="user:2")])
    time.sleep(1.2)
    assert not announced(served, "cart_abandoned")
    with firing(served.settings):
        wait_until(lambda: announced(served, "cart_abandoned") and announced(served, "customer_lapsed"))
    assert len(timers(served, "fired")) == 2


def test_lapse_and_replenishment_fire_once_for_the_last_order(served: Served):
    at = now(served)
    served.work.apply([order(at - 60 * DAY, "A1"), order(at - 30 * DAY + SECOND, "A2"), order(at - 90 * DAY, "B", who="user:7")])
    with firing(served.settings, replicas=2):
        wait_until(lambda: len(timers(served, "fired")) == 2)
        served.work.apply([order(at - 60 * DAY, "A1", coupon="repeated")])
        time.sleep(1.0)
    assert [(subject, data["order_id"]) for subject, data in announced(served, "replenishment_due")] == [("user:42", "A2")]
    assert [(subject, data["days"]) for subject, data in announced(served, "customer_lapsed")] == [("user:7", 90)]


def test_a_cart_announced_between_a_merge_and_a_split_is_not_announced_again(served: Served):
    due = now(served) + SECOND
    served.work.apply(carts_due_at(due, ["anon:x"]))
    served.work.apply([order(now(served) - DAY, "A0", line("other"), cart_id="another")])
    served.work.apply([group(["user:42", "anon:x"], 1)])
    with firing(served.settings):
        wait_until(lambda: announced(served, "cart_abandoned"))
        served.work.apply([group(["user:42"], 2), group(["anon:x"], 2)])
        time.sleep(1.0)
    assert [subject for subject, _ in announced(served, "cart_abandoned")] == ["user:42"]


def test_a_changed_policy_moves_the_timers_of_all_customers(served: Served):
    people = shoppers(350)  # more than one window of the sweep
    placed_at = now(served)
    served.work.apply([order(placed_at, f"A-{who}", who=who) for who in people])
    policy = served.get("/api/reengagement/policies/lapse")
    changed = served.call("PUT", "/api/reengagement/policies/lapse", {**policy, "delay": "P30D", "changed_by": "ann"})
    assert changed["reevaluation"] == {"done": 0, "total": 350}
    with firing(served.settings):
        wait_until(lambda: served.get("/api/reengagement/policies/lapse")["reevaluation"] is None)
    assert {each["due"] for each in timers(served, "pending")} == {placed_at + 30 * DAY}
    assert len(timers(served, "pending")) == len(people)


def test_a_policy_that_is_switched_off_silences_what_is_due_and_disarms_the_rest(served: Served):
    due = now(served) + SECOND
    served.work.apply([*carts_due_at(due, ["user:1"]), *carts_due_at(due + HOUR, ["user:2"])])
    policy = served.get("/api/reengagement/policies/cart")
    off = served.call("PUT", "/api/reengagement/policies/cart", {**policy, "enabled": False})
    with firing(served.settings):
        wait_until(lambda: not timers(served, "pending") and now(served) > due + SECOND)
        assert not announced(served, "cart_abandoned")
        served.call("PUT", "/api/reengagement/policies/cart", {**off, "enabled": True})
        wait_until(lambda: "user:2" in [each["subject"] for each in timers(served, "pending")])


def test_a_timer_that_fires_while_the_sweep_of_a_switched_off_policy_is_still_under_way_says_nothing(served: Served):
    served.work.apply(carts_due_at(now(served), ["user:1"]))
    policy = served.get("/api/reengagement/policies/cart")
    off = served.call("PUT", "/api/reengagement/policies/cart", {**policy, "enabled": False})
    served.database["timers"].update_many({"kind": "reproject"}, {"$set": {"due": now(served) + HOUR}})
    with firing(served.settings):
        wait_until(lambda: timers(served, "fired"))
    served.call("PUT", "/api/reengagement/policies/cart", {**off, "enabled": True})
    served.work.apply([add(now(served), "mug", who="user:1")])
    assert not announced(served, "cart_abandoned")
    assert [each["outcome"] for each in served.get("/api/reengagement/customers/user:1/timers")["fired"]] == ["off"]


def test_a_timer_that_could_not_fire_before_it_expired_says_nothing(served: Served):
    served.database["settings"].insert_one({"_id": "customers", "cart": {"expires_after": "PT1S"}})
    served.work.apply(carts_due_at(now(served), ["user:1"]))
    wait_until(lambda: now(served) > timers(served, "pending")[0]["due"] + 1.1 * SECOND)
    with firing(served.settings):
        wait_until(lambda: timers(served, "fired"))
    assert not announced(served, "cart_abandoned")
    assert [each["outcome"] for each in served.get("/api/reengagement/customers/user:1/timers")["fired"]] == ["expired"]
