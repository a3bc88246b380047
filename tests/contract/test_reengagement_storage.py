"""Re-engagement's queries over a real database: answered from indexes, paged without gaps, policies changed one at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from services.reengagement.domain.policies import CartPolicy, Kind, Override, Pause, Policies, ReplenishmentPolicy
from services.reengagement.storage import (
    LATEST_CHANGED,
    LATEST_LEFT,
    AbandonedCarts,
    Customers,
    PolicyStore,
    count_pending,
    read_policies,
)
from shared.documents import to_document
from shared.errors import Conflict
from shared.mongo import server_time
from shared.run import create_indexes
from tests.order_free import NOW
from tests.serving import Served, serving
from tests.unit.reengagement.shop import DAY, HOUR, JANE, add, group, line, order

STATUSES = ("open", "recovered", "emptied")
LISTED: dict[str, Any] = {"status": None, "since": None, "until": None, "cursor": None, "limit": 7}
CART: dict[str, Any] = {
    "enabled": True,
    "delay": timedelta(minutes=30),
    "expires_after": DAY,
    "minimum_amounts": {"EUR": 500},
    "again_after": None,
}


@pytest.fixture
def served(mongo_server) -> Iterator[Served]:
    with serving("reengagement", mongo_server, "test_reengagement_storage") as running:
        yield running


@pytest.fixture
def carts(served) -> AbandonedCarts:
    rows = [
        {"_id": f"r{number:02}", "abandoned_at": NOW - timedelta(minutes=number // 3), "status": STATUSES[number % 3]}
        for number in range(40)
    ]
    served.database["abandoned_carts"].insert_many(rows)
    return AbandonedCarts(served.database)


def walk(carts: AbandonedCarts, **wanted: Any) -> list[str]:
    """The ids on all pages."""
    found, cursor = [], None
    while True:
        page = LATEST_LEFT.page(carts.latest({**LISTED, **wanted, "cursor": cursor}), LISTED["limit"])
        found += [row["_id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return found


def stages(plan: dict[str, Any]) -> list[str]:
    inner = plan.get("inputStage") or plan.get("queryPlan") or {}
    return [plan.get("stage", ""), *(stages(inner) if inner else [])]


def test_pages_show_every_abandoned_cart_once_the_latest_first(carts):
    expected = sorted(range(40), key=lambda number: (number // 3, -number))
    assert walk(carts) == [f"r{number:02}" for number in expected]


def test_abandoned_carts_are_filtered_by_status_permission_and_time(served, carts):
    assert walk(carts, status="open") == [f"r{number:02}" for number in range(0, 40, 3)]
    served.database["abandoned_carts"].update_many({"_id": {"$in": ["r05", "r07"]}}, {"$set": {"contactable": ["email", "sms"]}})
    assert walk(carts, contactable="sms") == ["r05", "r07"]
    in_time = {number for number in range(40) if 2 <= number // 3 < 5}
    found = walk(carts, since=NOW - timedelta(minutes=4), until=NOW - timedelta(minutes=1))
    assert {int(row[1:]) for row in found} == in_time
    assert carts.count_by_status()["open"] == 14


@pytest.mark.parametrize("status", [{}, {"status": "open"}])
def test_the_listing_comes_sorted_out_of_an_index(carts, served, status):
    query = served.database["abandoned_carts"].find(status).sort(LATEST_LEFT.sort).limit(5)
    plan = stages(query.explain()["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in plan
    assert not {"SORT", "COLLSCAN"} & set(plan)


def test_creating_indexes_again_changes_nothing(served):
    before = served.database["abandoned_carts"].index_information()
    create_indexes(dict(served.settings))
    assert served.database["abandoned_carts"].index_information() == before


def test_pending_timers_are_counted_by_kind_with_the_next_due_time(served):
    now = server_time(served.database)
    served.work.apply([add(now, who="user:1"), add(now - timedelta(minutes=9), who="user:2"), order(now, who="user:3")])
    counts = {row["kind"]: (row["pending"], row["next_due"]) for row in count_pending(served.database)}
    assert counts == {
        "cart_idle": (2, now - timedelta(minutes=9) + HOUR),
        "lapse": (1, now + 90 * DAY),
        "replenishment": (0, None),
    }


def test_a_customer_is_found_by_every_key_with_the_timers_of_all_of_them(served):
    now = server_time(served.database)
    served.work.apply([add(now, who="email:jane@example.com"), order(now, "A1", line("mug"), cart_id="other")])
    served.work.apply([group([JANE, "email:jane@example.com"], 1)])
    store = Customers(served.database)
    found = store.find(JANE)
    assert found is not None
    assert store.find("jane@example.com") == store.find(found.customer_id) == found
    assert [row["kind"] for row in store.pending(found.identity_keys)] == ["cart_idle", "lapse"]
    assert store.find("user:nobody") is None


def test_policies_are_stored_and_read_as_the_same():
    policies = Policies(
        CartPolicy(delay=timedelta(minutes=90), again_after=DAY, pauses=(Pause(NOW, NOW + DAY), Pause(NOW + 2 * DAY))),
        replenishment=ReplenishmentPolicy(overrides=(Override("p", None, 3), Override(None, "c"))),
    )
    assert read_policies({"_id": "customers", **to_document(policies)}) == policies
    assert read_policies(None) == read_policies({"_id": "customers"}) == Policies()


def test_a_change_of_a_policy_keeps_who_when_and_the_version(served):
    store = PolicyStore(served.database)
    for version, who in enumerate(("ann", "bob", None)):
        store.change(Kind.CART, {**CART, "version": version, "changed_by": who})
    policy = store.all().cart
    assert (policy.version, policy.changed_by, policy.delay) == (3, None, timedelta(minutes=30))
    assert store.all().lapse == Policies().lapse
    first = store.changes(Kind.CART, {"cursor": None, "limit": 2})
    page = LATEST_CHANGED.page(first, 2)
    assert [(row["version"], row["changed_by"]) for row in page["items"]] == [(3, None), (2, "bob")]
    rest = store.changes(Kind.CART, {"cursor": page["next"], "limit": 2})
    assert [(row["version"], row["policy"]["minimum_amounts"]) for row in rest] == [(1, {"EUR": 500})]
    assert store.changes(Kind.LAPSE, {"cursor": None, "limit": 2}) == []


def test_of_changes_to_the_same_version_made_at_once_one_is_taken(served):
    store = PolicyStore(served.database)

    def change(name: str) -> str:
        try:
            return str(store.change(Kind.CART, {**CART, "version": 0, "changed_by": name}).changed_by)
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(change, ["a", "b", "c", "d"]))
    taken = [result for result in results if result != "refused"]
    assert len(taken) == 1
    assert (store.all().cart.version, store.all().cart.changed_by) == (1, taken[0])


def test_switching_a_policy_off_and_on_is_remembered(served):
    store = PolicyStore(served.database)
    off = store.change(Kind.CART, {**CART, "version": 0, "changed_by": None, "enabled": False})
    on = store.change(Kind.CART, {**CART, "version": 1, "changed_by": None})
    assert off.changed_at is not None
    assert on.changed_at is not None
    assert on.pauses == (Pause(off.changed_at, on.changed_at),)
    assert not on.was_on(off.changed_at)
    assert on.was_on(on.changed_at)
