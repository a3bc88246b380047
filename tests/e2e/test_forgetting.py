"""What a person may ask of the whole system, through its public doors: to be told all that is kept, and to be forgotten everywhere."""

import io
import secrets
import zipfile
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from shared.registry import service_names
from tests.e2e.conftest import System
from tests.e2e.journeys import Customer, Shop, becomes, order

REQUESTS = "/api/profiles/data-requests"


@pytest.fixture(scope="module")
def shop(stack: System) -> Iterator[Shop]:
    open_shop = Shop(stack, f"Forgetful {secrets.token_hex(4)}")
    yield open_shop
    open_shop.close()


def ask(stack: System, wish: str, customer: Customer) -> str:
    """Make a request and wait until every service has answered."""
    request_id: str = stack.call("POST", f"/api/profiles/customers/{customer.identity}/{wish}", {}, 202)["request_id"]
    becomes(lambda: (stack.find(f"{REQUESTS}/{request_id}") or {"state": None})["state"], "completed")
    return request_id


def kept(client: pymongo.MongoClient[Any], word: str) -> list[str]:
    """Where a word is kept, in any document of any service: database.collection."""
    databases = [client[f"sambandh_{service}"] for service in service_names()]
    return sorted(
        {
            f"{one.name}.{name}"
            for one in databases
            for name in one.list_collection_names()
            for row in one[name].find()
            if word in str(row)
        }
    )


def test_a_person_is_told_everything_and_then_forgotten_by_every_service(stack: System, shop: Shop) -> None:
    tag = secrets.token_hex(6)
    customer = Customer(stack, f"user:{tag}")
    visitor = {"user_id": tag, "anonymous_id": f"device-{tag}"}
    shop.analytics.identify(**visitor, traits={"email": f"{tag}@mail.example", "name": f"Jo {tag}"})
    shop.track(visitor, "Product Added", {"product_id": "lamp", "cart_id": f"cart-{tag}", "quantity": 1})
    shop.track(visitor, "Order Completed", order(f"o-{tag}"))
    stack.call(
        "POST",
        "/api/support/tickets",
        {"customer": f"user:{tag}", "subject": f"Help {tag}", "body": "?", "channel": "email"},
        201,
    )
    becomes(lambda: (customer.profile or {"orders": 0})["orders"], 1)
    becomes(lambda: len((customer.context or {"orders": []})["orders"]), 1)

    answer: Any = stack.client.request("GET", f"{REQUESTS}/{ask(stack, 'export', customer)}/archive")
    packed = zipfile.ZipFile(io.BytesIO(answer.body))
    told = {name.removesuffix(".json"): packed.read(name).decode() for name in packed.namelist()}
    assert [name for name in service_names() if tag not in told[name]] == []
    assert f"Help {tag}" in told["index.html"]

    ask(stack, "erasure", customer)
    with pymongo.MongoClient[Any](stack.mongo_uri, serverMonitoringMode="poll") as client:
        becomes(lambda: kept(client, tag), [])
    assert customer.profile is None
