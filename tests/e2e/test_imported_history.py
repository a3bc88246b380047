"""History that a shop imports counts in profiles and figures, and nothing ever reaches a customer because of it."""

import secrets
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from deploy.local.credentials import SUBSCRIBER
from tests.e2e.conftest import System
from tests.e2e.journeys import RUG, Customer, Shop, becomes, order

NOT_ARMED = {"cart_idle": "imported", "lapse": "imported", "replenishment": "not_regular"}
WHO_IS_WHO = {"profile_merged", "profile_split"}  # is stated for every customer, and sends nothing


@pytest.fixture(scope="module")
def shop(stack: System) -> Iterator[Shop]:
    open_shop = Shop(stack, f"Old shop {secrets.token_hex(4)}")
    yield open_shop
    open_shop.close()


class Listener:
    """Hears everything that the services announce, as an engineer's own service may."""

    def __init__(self, system: System) -> None:
        self.heard: list[dict[str, Any]] = []
        self._connection = Connection(system.stack.amqp_uri(SUBSCRIBER))
        channel = self._connection.channel()
        name = f"evt-listener-{secrets.token_hex(4)}"
        for service in ("profiles", "campaigns", "reengagement"):
            exchange = Exchange(f"{service}.events", "topic", passive=True)
            Queue(name, exchange, routing_key="#", channel=channel, durable=True).declare()
        self._queue = Queue(name, channel=channel)

    def about(self, *subjects: str) -> set[str]:
        """Names of the events about these subjects, up to now."""
        while (message := self._queue.get(no_ack=True)) is not None:
            self.heard.append(message.headers)
        return {str(headers["ce-type"]) for headers in self.heard if headers["ce-subject"] in subjects}

    def close(self) -> None:
        self._queue.delete()
        self._connection.release()


@pytest.fixture
def listener(stack: System) -> Iterator[Listener]:
    ear = Listener(stack)
    yield ear
    ear.close()


def imported(shop: Shop, user_id: str, device: str, order_id: str, day: datetime) -> list[dict[str, Any]]:
    """Yesterday's cart, and an order of some weeks ago, by a customer with an address and consent to mail."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    track = {"type": "track", "userId": user_id, "anonymousId": device}
    traits = {"email": f"{user_id}@example.com", "emailOptIn": True}
    cart = {**RUG, "cart_id": f"cart-of-{user_id}", "currency": "EUR"}
    return [
        {"type": "identify", "userId": user_id, "traits": traits, "timestamp": day.isoformat()},
        {**track, "event": "Order Completed", "properties": order(order_id), "timestamp": day.isoformat()},
        {**track, "event": "Product Added", "properties": cart, "timestamp": yesterday},
    ]


def test_history_counts_and_arms_and_announces_nothing(stack: System, shop: Shop, listener: Listener) -> None:
    tag, day = secrets.token_hex(4), shop.a_day_of_its_own()
    user_id, device, live = f"old-{tag}", f"old-device-{tag}", f"new-{tag}"
    customer, marker = Customer(stack, f"user:{user_id}"), Customer(stack, f"user:{live}")
    basic = {"Authorization": f"Basic {b64encode(f'{shop.write_key}:'.encode()).decode()}"}
    batch = {"batch": imported(shop, user_id, device, f"H-{tag}", day)}
    assert stack.call("POST", "/v1/import", batch, headers=basic)["accepted"] == 3

    becomes(lambda: (customer.profile or {}).get("spend"), [{"currency": "EUR", "amount": 100_00}])
    becomes(lambda: (shop.figures(day.date()) or {}).get("orders"), 1)
    becomes(customer.audiences, {"first-time-buyers", "recent-buyers"})
    becomes(lambda: [entry["backfill"] for entry in customer.timeline() if entry["service"] == "shop"], [True, True, True])
    assert all(entry["backfill"] for entry in customer.timeline())
    becomes(lambda: {each["kind"]: each["reason"] for each in (customer.timers or {"not_armed": []})["not_armed"]}, NOT_ARMED)
    becomes(lambda: (customer.timers["pending"], customer.timers["fired"]), ([], []))
    assert [one["channel"] for one in customer.profile["consent"]] == ["email"]

    # Relays publish in the order of writing: once a later customer is announced, nothing of the former is on its way.
    shop.track({"user_id": live}, "Order Completed", order(f"L-{tag}"))
    becomes(lambda: {"profile_created", "audience_entered"} <= listener.about(f"user:{live}"), True)
    assert marker.armed().keys() <= {"lapse"}
    keys = (f"user:{user_id}", f"anon:{device}", f"email:{user_id}@example.com")
    assert listener.about(*keys) <= WHO_IS_WHO | {
        "contact_permission_changed"
    }  # whoever contacts customers has to know of imported ones
