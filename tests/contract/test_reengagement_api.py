"""The HTTP side of re-engagement, served in process over a real database."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate

from shared.mongo import server_time
from tests.integration.reengagement.replica import firing, wait_until
from tests.serving import Served, serving
from tests.unit.reengagement.shop import DAY, HOUR, JANE, add, cancel, group, line, order

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
BASE = "/api/reengagement"


@pytest.fixture
def served(mongo_server) -> Iterator[Served]:
    with serving("reengagement", mongo_server, "test_reengagement_api") as running:
        yield running


def timers(served: Served, identity: str = JANE) -> dict[str, Any]:
    found: dict[str, Any] = served.get(f"{BASE}/customers/{identity}/timers")
    return found


def rfc(time: datetime) -> str:
    return time.isoformat()


def fire_all(served: Served, count: int) -> None:
    """Let everything that is due fire."""
    with firing(served.settings):
        wait_until(lambda: served.database["timers"].count_documents({"state": "fired"}) >= count)


def test_pending_timers_say_when_they_are_due_and_what_for(served):
    now = server_time(served.database)
    served.work.apply([add(now, "mug", price=1500, name="Mug"), order(now - 40 * DAY, "A1"), order(now - 10 * DAY, "A2")])
    shown = timers(served)
    assert [(each["kind"], each["due"]) for each in shown["pending"]] == [
        ("cart_idle", rfc(now + HOUR)),
        ("replenishment", rfc(now + 20 * DAY)),
        ("lapse", rfc(now + 80 * DAY)),
    ]
    cart, product, lapse = shown["pending"]
    assert (cart["cart_id"], cart["amount"], cart["currency"]) == ("c1", 1500, "EUR")
    assert [(line["product_id"], line["name"], line["quantity"]) for line in cart["products"]] == [("mug", "Mug", 1)]
    assert cart["abandoned_at"] == rfc(now)
    assert cart["expires_at"] == rfc(now + HOUR + 7 * DAY)
    assert (product["product_id"], product["order_id"], product["interval_days"]) == ("coffee", "A2", 30)
    assert (lapse["order_id"], lapse["last_order_at"]) == ("A2", rfc(now - 10 * DAY))
    assert shown["not_armed"] == []
    assert shown["fired"] == []


def test_what_is_not_armed_says_why(served):
    long_ago = datetime.fromisoformat("1997-07-02T00:00:00+00:00")
    served.work.apply([order(long_ago, "A1"), order(long_ago + DAY, "A2")])
    shown = timers(served)
    assert shown["pending"] == []
    assert [(each["kind"], each["reason"], each["detail"]) for each in shown["not_armed"]] == [
        ("cart_idle", "no_cart", "cart_idle: no cart is open with something in it"),
        (
            "lapse",
            "too_late",
            "lapse: due 1997-10-01 is too far in the past; it would have been of use until 1997-10-08",
        ),
        (
            "replenishment",
            "too_late",
            "replenishment: due 1997-07-04 is too far in the past; it would have been of use until 1997-07-11",
        ),
    ]
    assert shown["not_armed"][1]["due"] == "1997-10-01T00:00:00+00:00"


def test_fired_timers_say_when_they_fired_and_what_came_of_it(served):
    now = server_time(served.database)
    served.work.apply([add(now - HOUR), order(now - 90 * DAY, "A1", line("mug"), cart_id="other")])
    fire_all(served, 2)
    shown = timers(served)
    assert {(each["kind"], each["outcome"], each["due"]) for each in shown["fired"]} == {
        ("cart_idle", "announced", rfc(now)),
        ("lapse", "announced", rfc(now)),
    }
    assert all(each["fired_at"] >= each["due"] for each in shown["fired"])
    assert {(each["kind"], each["reason"]) for each in shown["not_armed"]} == {
        ("cart_idle", "reminded"),
        ("lapse", "reminded"),
        ("replenishment", "not_regular"),
    }
    served.work.apply([order(now - MINUTE, "A2")])
    outcomes = {each["kind"]: each["outcome"] for each in timers(served)["fired"]}
    assert outcomes == {"cart_idle": "overtaken", "lapse": "overtaken"}


def test_a_customer_is_found_by_email_and_customer_id_also_after_a_merge(served):
    now = server_time(served.database)
    served.work.apply([add(now, who="email:jane@example.com"), order(now - DAY, "A1", line("mug"), cart_id="x")])
    served.work.apply([group([JANE, "email:jane@example.com"], 1)])
    shown = timers(served)
    assert shown["identity_keys"] == ["email:jane@example.com", JANE]
    assert timers(served, "jane%40example.com") == timers(served, shown["customer_id"]) == shown
    assert [each["kind"] for each in shown["pending"]] == ["cart_idle", "lapse"]


def test_an_unknown_customer_and_a_missing_token_are_problems(served):
    problem = served.get(f"{BASE}/customers/user:nobody/timers", status=404)
    assert problem["code"] == "not_found"
    served.get(f"{BASE}/customers/user:nobody/carts", status=404)
    assert served.call("GET", f"{BASE}/policies", status=401, headers={"Authorization": ""})["code"] == "unauthorized"


def test_carts_show_what_is_open_with_its_reminder_and_what_was_abandoned(served):
    now = server_time(served.database)
    served.work.apply([add(now - HOUR, cart="old", quantity=2), add(now - MINUTE, "mug", cart="new")])
    fire_all(served, 1)
    served.work.apply([order(server_time(served.database), "A1", cart_id="old", amount=1800)])
    shown = served.get(f"{BASE}/customers/{JANE}/carts")
    assert [(cart["cart_id"], cart["reminder_due"], cart["detail"]) for cart in shown["open"]] == [
        ("new", rfc(now - MINUTE + HOUR), "")
    ]
    [abandoned] = shown["abandoned"]
    assert (abandoned["cart_id"], abandoned["status"], abandoned["amount"]) == ("old", "recovered", 1800)
    assert (abandoned["order_id"], abandoned["order_amount"], abandoned["order_currency"]) == ("A1", 1800, "EUR")
    assert served.get(f"{BASE}/abandoned-carts")["items"] == [abandoned]
    served.work.apply([cancel(server_time(served.database), "A1")])
    [row] = served.get(f"{BASE}/abandoned-carts")["items"]
    assert (row["status"], row["order_amount"]) == ("cancelled", 0)


def test_an_open_cart_without_a_reminder_says_why(served):
    policy = served.get(f"{BASE}/policies/cart")
    served.call("PUT", f"{BASE}/policies/cart", {**policy, "minimum_amounts": {"EUR": 1000}})
    served.work.apply([add(server_time(served.database), price=999)])
    [cart] = served.get(f"{BASE}/customers/{JANE}/carts")["open"]
    assert cart["reminder_due"] is None
    assert cart["detail"] == "cart_idle: the cart is worth less than the policy asks"


def test_abandoned_carts_are_listed_page_by_page_and_filtered(served):
    now = server_time(served.database)
    served.work.apply([add(now - HOUR - number * SECOND, who=f"user:{number}") for number in range(5)])
    fire_all(served, 5)
    first = served.get(f"{BASE}/abandoned-carts?limit=3")
    second = served.get(f"{BASE}/abandoned-carts?limit=3&cursor={first['next']}")
    times = [row["abandoned_at"] for row in [*first["items"], *second["items"]]]
    assert times == [rfc(now - HOUR - number * SECOND) for number in range(5)]
    assert second["next"] is None
    since = rfc(now - HOUR - 2 * SECOND).replace("+00:00", "Z")
    assert len(served.get(f"{BASE}/abandoned-carts?since={since}&status=open")["items"]) == 3
    assert served.get(f"{BASE}/abandoned-carts?status=recovered")["items"] == []
    assert set(served.get(f"{BASE}/abandoned-carts?status=lost&since=yesterday", status=400)["fields"]) == {"since", "status"}
    assert served.get(f"{BASE}/abandoned-carts?cursor=nonsense", status=400)["code"] == "bad_request"


def test_the_summary_counts_timers_and_abandoned_carts(served):
    now = server_time(served.database)
    served.work.apply([add(now - HOUR), add(now, who="user:7"), order(now, "B", line("mug"), who="user:7", cart_id="x")])
    fire_all(served, 1)
    shown = served.get(f"{BASE}/summary")
    assert {each["kind"]: each["pending"] for each in shown["timers"]} == {"cart_idle": 1, "lapse": 1, "replenishment": 0}
    assert {each["status"]: each["count"] for each in shown["abandoned_carts"]} == {
        "open": 1,
        "emptied": 0,
        "recovered": 0,
        "cancelled": 0,
        "bought_before": 0,
    }


def test_policies_are_shown_as_the_product_comes(served):
    shown = served.get(f"{BASE}/policies")
    assert set(shown) == {"cart", "lapse", "replenishment"}
    assert all((each["version"], each["enabled"], each["expires_after"]) == (0, True, "P7D") for each in shown.values())
    assert (shown["cart"]["delay"], shown["lapse"]["delay"]) == ("PT1H", "P90D")
    assert shown["replenishment"]["min_purchases"] == 2
    assert shown["cart"]["reevaluation"] is None


def test_a_policy_is_changed_and_reaches_every_customer(served):
    now = server_time(served.database)
    served.work.apply([add(now, who=f"user:{number}") for number in range(5)])
    policy = served.get(f"{BASE}/policies/cart")
    changed = served.call("PUT", f"{BASE}/policies/cart", {**policy, "delay": "PT2H", "changed_by": "ann"})
    assert (changed["version"], changed["changed_by"], changed["delay"]) == (1, "tests", "PT2H")
    assert changed["reevaluation"] == {"done": 0, "total": 5}
    with firing(served.settings):
        wait_until(lambda: served.get(f"{BASE}/policies/cart")["reevaluation"] is None)
    assert [each["due"] for each in timers(served, "user:3")["pending"]] == [rfc(now + 2 * HOUR)]
    versions = served.get(f"{BASE}/policies/cart/versions")
    assert [(each["version"], each["changed_by"], each["settings"]["delay"]) for each in versions["items"]] == [
        (1, "tests", "PT2H")
    ]


def test_a_change_to_an_old_version_is_refused(served):
    policy = served.get(f"{BASE}/policies/lapse")
    served.call("PUT", f"{BASE}/policies/lapse", {**policy, "delay": "P60D"})
    problem = served.call("PUT", f"{BASE}/policies/lapse", {**policy, "delay": "P30D"}, status=409)
    assert "version 1" in problem["detail"]
    assert served.get(f"{BASE}/policies/lapse")["delay"] == "P60D"


def test_a_change_that_makes_no_sense_names_the_fields(served):
    body = {"enabled": True, "delay": "P99D", "expires_after": "P7D", "extra": 1}
    problem = served.call("PUT", f"{BASE}/policies/cart", body, status=422)
    assert set(problem["fields"]) == {"version", "delay", "extra"}
    assert served.get(f"{BASE}/policies/browse/versions", status=404)["code"] == "not_found"


def test_replenishment_overrides_are_set_and_shown(served):
    now = server_time(served.database)
    served.work.apply([order(now, "A1", line("lenses", category="Optics"))])
    policy = served.get(f"{BASE}/policies/replenishment")
    overrides = [{"category": "optics", "days": 30}, {"product_id": "shirt", "days": None}]
    shown = served.call("PUT", f"{BASE}/policies/replenishment", {**policy, "overrides": overrides})
    assert [(each["product_id"], each["category"], each["days"]) for each in shown["overrides"]] == [
        (None, "optics", 30),
        ("shirt", None, None),
    ]
    with firing(served.settings):
        wait_until(lambda: len(timers(served)["pending"]) == 2)
    assert timers(served)["pending"][0]["due"] == rfc(now + 30 * DAY)


def test_the_openapi_document_is_valid_and_names_every_route(served):
    document = served.get(f"{BASE}/openapi.json")
    validate(document)
    assert {path.removeprefix(BASE) for path in document["paths"]} == {
        "/openapi.json",
        "/audit",
        "/summary",
        "/abandoned-carts",
        "/customers/{identity}/timers",
        "/customers/{identity}/carts",
        "/policies",
        "/policies/cart",
        "/policies/lapse",
        "/policies/replenishment",
        "/policies/{kind}/versions",
    }
