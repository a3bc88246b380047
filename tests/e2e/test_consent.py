"""From a customer's word to whoever contacts them: every service obeys soon after, by the gateway, the broker and all databases."""

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.e2e.conftest import System
from tests.e2e.journeys import Customer, Shop, becomes, order
from tests.e2e.letters import letters_to, link_in
from tests.servers import HttpClient

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def shop(stack: System) -> Iterator[Shop]:
    open_shop = Shop(stack, f"With consent {secrets.token_hex(4)}")
    yield open_shop
    open_shop.close()


def contactable(stack: System, identity: str) -> dict[str, Any]:
    """The channels on which each service that contacts customers holds this one to be contactable."""
    customer = quote(identity, safe="")
    doors = {"campaigns": "audiences", "reengagement": "timers"}
    found = {service: stack.find(f"/api/{service}/customers/{customer}/{what}") for service, what in doors.items()}
    return {service: answer and answer["contactable"] for service, answer in found.items()}


def members(stack: System, audience: str, tag: str) -> list[str]:
    listed = stack.get(f"/api/campaigns/audiences/{audience}/members?limit=500")["items"]
    return sorted(one["identity_key"] for one in listed if tag in one["identity_key"])


def test_a_word_reaches_whoever_contacts_and_a_withdrawal_by_a_link_takes_it_back(stack: System, shop: Shop) -> None:
    tag = secrets.token_hex(4)
    customer = Customer(stack, f"user:{tag}")
    rule = {"kind": "bought_recently", "days": 30, "contactable": "email"}
    audience = stack.call("POST", "/api/campaigns/audiences", {"name": f"Mail {tag}", "rule": rule}, 201)["id"]
    shop.track({"user_id": tag}, "Order Completed", order(f"consent-{tag}"))
    becomes(lambda: contactable(stack, customer.identity), {"campaigns": [], "reengagement": []})
    assert members(stack, audience, tag) == []

    shop.identify({"user_id": tag}, {"email": f"{tag}@shop.example", "emailOptIn": True})
    becomes(lambda: contactable(stack, customer.identity), {"campaigns": ["email"], "reengagement": ["email"]})
    becomes(lambda: members(stack, audience, tag), [customer.identity])

    made = stack.call("POST", f"/api/profiles/customers/{tag}@shop.example/preference-link", {}, 201)
    visitor = HttpClient(stack.stack.settings.ports["GATEWAY_PORT"])
    assert visitor.request("GET", made["page"]).status == 200
    assert contactable(stack, customer.identity)["campaigns"] == ["email"]
    saved = visitor.request("POST", made["page"], urlencode({"do": "withdraw"}).encode(), FORM)
    assert (saved.status, b"saved" in saved.body) == (200, True)
    becomes(lambda: contactable(stack, customer.identity), {"campaigns": [], "reengagement": []})
    becomes(lambda: members(stack, audience, tag), [])
    stack.call("DELETE", f"/api/campaigns/audiences/{audience}", status=204)


def test_a_flag_that_the_shop_goes_on_repeating_does_not_undo_a_withdrawal(stack: System, shop: Shop) -> None:
    tag = secrets.token_hex(4)
    identity, door = f"user:{tag}", f"/api/profiles/customers/user:{tag}/consent"
    shop.track({"user_id": tag}, "Order Completed", order(f"flag-{tag}"))
    shop.identify({"user_id": tag}, {"emailOptIn": True})
    becomes(lambda: contactable(stack, identity)["campaigns"], ["email"])
    words = [{"purpose": "all", "channel": "email", "status": "withdrawn"}]
    stack.call("POST", door, {"words": words, "source": "agent"}, 201)
    becomes(lambda: contactable(stack, identity), {"campaigns": [], "reengagement": []})
    shop.identify({"user_id": tag}, {"emailOptIn": True})
    becomes(lambda: len((stack.find(door) or {"items": []})["items"]), 3)
    assert contactable(stack, identity)["campaigns"] == []


@pytest.fixture
def confirming(stack: System) -> Iterator[None]:
    """Grants by e-mail have to be confirmed."""
    _switch(stack, on=True)
    yield
    _switch(stack, on=False)


def _switch(stack: System, *, on: bool) -> None:
    rules = stack.get("/api/profiles/consent-rules")
    channels = [{**one, "double_opt_in": on} if one["id"] == "email" else one for one in rules["channels"]]
    stack.call("PUT", "/api/profiles/consent-rules", {**rules, "channels": channels})


def test_a_grant_is_confirmed_by_the_mail_that_asks_for_it(stack: System, confirming: None) -> None:
    tag = secrets.token_hex(4)
    identity, address = f"email:{tag}@shop.example", f"{tag}@shop.example"
    customer = f"/api/profiles/customers/{quote(identity, safe='')}"
    words = [{"channel": "email", "status": "granted"}]
    stack.call("PATCH", f"{customer}/preferences", {"language": "de"})
    granted = stack.call("POST", f"{customer}/consent", {"words": words, "source": "storefront"}, 201)
    assert _status(granted) == "pending"

    (mail,) = stack.wait_until(lambda: letters_to(stack.stack.settings.run_dir, address), "the mail is there")
    assert mail["Content-Language"] == "de"
    opt_ins = f"/api/campaigns/customers/{quote(identity, safe='')}/opt-ins"
    becomes(lambda: [one["state"] for one in stack.get(opt_ins)["items"]], ["sent"])

    page = link_in(mail).removeprefix(stack.stack.settings.url)
    visitor = HttpClient(stack.stack.settings.ports["GATEWAY_PORT"])
    assert visitor.request("GET", page).status == 200
    assert _status(stack.get(f"{customer}/consent")) == "pending", "a scanner that opens the link confirms nothing"
    assert visitor.request("POST", page, b"", FORM).status == 200
    becomes(lambda: contactable(stack, identity), {"campaigns": ["email"], "reengagement": ["email"]})
    becomes(lambda: [one["state"] for one in stack.get(opt_ins)["items"]], ["confirmed"])
    assert len(letters_to(stack.stack.settings.run_dir, address)) == 1


def _status(stand: dict[str, Any]) -> str:
    found = [one["status"] for one in stand["permissions"] if (one["purpose"], one["channel"]) == ("marketing", "email")]
    return str(found[0])
