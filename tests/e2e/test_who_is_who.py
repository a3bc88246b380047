"""Customers that people merge and part: every service follows within seconds, through the gateway, the broker and all databases."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import System
from tests.e2e.journeys import Customer, Shop, becomes, order

WHY = {"reason": "One person with two accounts."}


@pytest.fixture(scope="module")
def shop(stack: System) -> Iterator[Shop]:
    open_shop = Shop(stack, f"Two accounts {secrets.token_hex(4)}")
    yield open_shop
    open_shop.close()


def bought(customer: Customer) -> dict[str, Any]:
    """How many orders each service that shows a customer knows of."""
    profile, context = customer.profile or {"orders": 0}, customer.context or {"orders": []}
    return {"profiles": profile["orders"], "support": len(context["orders"])}


def test_accounts_that_a_person_merges_are_one_customer_everywhere_and_two_again_when_it_is_taken_back(
    stack: System, shop: Shop
) -> None:
    tag = secrets.token_hex(4)
    old, new = Customer(stack, f"user:old-{tag}"), Customer(stack, f"user:new-{tag}")
    shop.track({"user_id": f"old-{tag}"}, "Order Completed", order(f"old-{tag}"))
    shop.track({"user_id": f"new-{tag}"}, "Order Completed", order(f"new-{tag}"))
    becomes(lambda: (bought(old), bought(new)), ({"profiles": 1, "support": 1}, {"profiles": 1, "support": 1}))
    path = f"/api/profiles/customers/{old.identity}"
    (would_be,) = stack.call("POST", f"{path}/merge/preview", {"other": new.identity})["customers"]
    assert would_be["orders"] == 2
    (decision,) = stack.call("POST", f"{path}/merge", {"other": new.identity, **WHY})["decision_ids"]
    becomes(lambda: (bought(old), bought(new)), ({"profiles": 2, "support": 2}, {"profiles": 2, "support": 2}))
    shop.track({"user_id": f"new-{tag}"}, "Order Completed", order(f"later-{tag}"))
    becomes(lambda: bought(old), {"profiles": 3, "support": 3})
    stack.call("POST", f"{path}/unmerge", {"decision_id": decision, **WHY})
    becomes(lambda: (bought(old), bought(new)), ({"profiles": 1, "support": 1}, {"profiles": 2, "support": 2}))


def test_an_order_that_the_page_and_the_shop_platform_report_under_different_keys_counts_once(stack: System, shop: Shop) -> None:
    tag = secrets.token_hex(4)
    device, account = Customer(stack, f"anon:device-{tag}"), Customer(stack, f"user:account-{tag}")
    shop.track({"anonymous_id": f"device-{tag}"}, "Order Completed", order(f"same-{tag}"))
    shop.track({"user_id": f"account-{tag}"}, "Order Completed", order(f"same-{tag}"))
    becomes(lambda: (bought(device), bought(account)), ({"profiles": 1, "support": 1}, {"profiles": 1, "support": 1}))
    becomes(lambda: device.profile["customer_id"], (account.profile or {})["customer_id"])


def test_a_second_login_on_a_device_is_refused_and_listed(stack: System, shop: Shop) -> None:
    tag = secrets.token_hex(4)
    for login in ("first", "second"):
        visitor = {"user_id": f"{login}-{tag}", "anonymous_id": f"tablet-{tag}"}
        shop.track(visitor, "Products Searched", {"query": "lamp"})

    def refused() -> list[str]:
        found = stack.get("/api/profiles/refused-merges?limit=500")["items"]
        return [one["kept_key"] for one in found if one["refused_key"] == f"anon:tablet-{tag}"]

    becomes(refused, [f"user:second-{tag}"])
