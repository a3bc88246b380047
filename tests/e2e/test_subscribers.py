"""Systems beside ours: a stock nameko service and any CloudEvents reader hear of a purchase, and a shop may come in over AMQP."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from amqp.exceptions import AccessRefused
from cloudevents.core.bindings import rabbitmq
from kombu import Connection, Exchange, Producer, Queue
from nameko.containers import ServiceContainer
from nameko.events import event_handler

from deploy.local.credentials import SHOP, SUBSCRIBER
from tests.e2e.conftest import System
from tests.e2e.journeys import Customer, becomes, order


class Loyalty:
    """An engineer's own service, as nameko's documentation has it."""

    name = "loyalty"
    orders: ClassVar[list[dict[str, Any]]] = []

    @event_handler("shop", "order_completed")
    def on_order(self, order: dict[str, Any]) -> None:
        self.orders.append(order)


@pytest.fixture
def loyalty(stack: System) -> Iterator[type[Loyalty]]:
    container = ServiceContainer(Loyalty, {"AMQP_URI": stack.stack.amqp_uri(SUBSCRIBER)})
    container.start()
    yield Loyalty
    container.stop()


@pytest.fixture
def messages(stack: System) -> Iterator[Queue]:
    """A queue of a subscriber that knows nothing of nameko."""
    with Connection(stack.stack.amqp_uri(SUBSCRIBER)) as connection:
        exchange = Exchange("shop.events", "topic", passive=True)
        queue = Queue(f"evt-raw-{secrets.token_hex(4)}", exchange, "order_completed", channel=connection.channel())
        queue.declare()
        yield queue
        queue.delete()


def buy(system: System, order_id: str, **more: Any) -> dict[str, Any]:
    """A purchase over HTTP, by a customer who is logged in on a known device; returns what was sent."""
    message = {
        "type": "track",
        "event": "Order Completed",
        "userId": f"reader-{order_id}",
        "anonymousId": f"device-{order_id}",
        "messageId": f"m-{order_id}",
        "timestamp": "2026-03-01T12:30:00.250Z",
        "properties": order(order_id),
        "writeKey": system.write_key,
        **more,
    }
    traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    system.call("POST", "/v1/track", message, headers={"traceparent": traceparent})
    return {**message, "traceparent": traceparent}


def test_a_stock_nameko_service_is_given_the_data_of_the_purchase(stack: System, loyalty: type[Loyalty]) -> None:
    order_id = f"N-{secrets.token_hex(4)}"
    buy(stack, order_id)
    (data,) = stack.wait_until(lambda: [one for one in loyalty.orders if one["order_id"] == order_id], "it hears of the order")
    assert (data["amount"], data["currency"], data["shop_source"]) == (100_00, "EUR", "Web shop")
    assert data["identity_keys"] == [f"user:reader-{order_id}", f"anon:device-{order_id}"]
    assert [(line["product_id"], line["price"], line["quantity"]) for line in data["products"]] == [
        ("lamp", 40_00, 1),
        ("rug", 30_00, 2),
    ]


def test_a_cloudevents_reader_understands_the_same_message(stack: System, messages: Queue) -> None:
    order_id, before = f"C-{secrets.token_hex(4)}", datetime.now(UTC) - timedelta(milliseconds=1)
    sent = buy(stack, order_id)
    message = stack.wait_until(lambda: _about(messages, order_id), "the message is in the queue")
    event = rabbitmq.from_rabbitmq_event(
        rabbitmq.RabbitMQMessage(headers=message.headers, content_type=message.content_type, body=_bytes(message.body))
    )
    source = stack.get("/api/collector/sources")["items"]
    source_id = next(one["id"] for one in source if one["name"] == "Web shop")
    archived = stack.get(f"/api/collector/events?source={source_id}&message_id={sent['messageId']}")
    attributes = dict(event.get_attributes())
    received = datetime.fromisoformat(attributes.pop("receivedat"))
    assert before <= received <= datetime.now(UTC)
    assert attributes == {
        "specversion": "1.0",
        "id": archived["id"],
        "source": "shop",
        "type": "order_completed",
        "subject": f"user:reader-{order_id}",
        "time": datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC),
        "dataschema": "urn:sambandh:shop:order_completed:1",
        "datacontenttype": "application/json",
    }
    assert event.get_data() == json.loads(_bytes(message.body)) == archived["data"]
    assert message.headers["traceparent"] == sent["traceparent"]
    assert message.properties["delivery_mode"] == 2


def _about(queue: Queue, order_id: str) -> Any:
    """The next message, if it is about that order."""
    message = queue.get(no_ack=True)
    return message if message and json.loads(message.body)["order_id"] == order_id else None


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def publish(system: System, user: str, exchange: str, routing_key: str, body: dict[str, Any]) -> None:
    """As a shop that speaks AMQP does it, waiting for the broker's word."""
    with Connection(system.stack.amqp_uri(user), transport_options={"confirm_publish": True}) as connection:
        Producer(connection.channel()).publish(body, exchange=exchange, routing_key=routing_key, serializer="json")


def test_a_shop_may_speak_amqp_instead_of_http(stack: System) -> None:
    tag = secrets.token_hex(4)
    message = {"type": "track", "event": "Order Completed", "userId": f"amqp-{tag}", "messageId": f"m-{tag}"}
    for _ in range(2):  # a shop that is not sure publishes again
        publish(stack, SHOP, "shop.intake", "orders", {**message, "properties": order(f"Q-{tag}"), "writeKey": stack.write_key})
    customer = Customer(stack, f"user:amqp-{tag}")
    becomes(lambda: (customer.profile or {}).get("orders"), 1)
    becomes(lambda: [seen["order_id"] for seen in (customer.context or {"orders": []})["orders"]], [f"Q-{tag}"])
    assert [entry["name"] for entry in customer.timeline() if entry["service"] == "shop"] == ["order_completed"]


@pytest.mark.parametrize(
    ("user", "exchange"),
    [
        (SHOP, "shop.events"),
        (SHOP, "profiles.events"),
        (SHOP, "profiles.inbox"),
        (SUBSCRIBER, "shop.events"),
        (SUBSCRIBER, "shop.intake"),
        ("campaigns", "profiles.events"),
        ("profiles", "shop.events"),
    ],
)
def test_nobody_speaks_for_another(stack: System, user: str, exchange: str) -> None:
    with pytest.raises(AccessRefused):
        publish(stack, user, exchange, "order_completed", {"order_id": "forged"})


@pytest.mark.parametrize(
    ("user", "queue"),
    [(SHOP, "collector.intake"), (SUBSCRIBER, "profiles.inbox.0"), ("campaigns", "support.inbox.0"), ("social", "unrouted")],
)
def test_nobody_reads_what_is_for_another(stack: System, user: str, queue: str) -> None:
    with Connection(stack.stack.amqp_uri(user)) as connection, pytest.raises(AccessRefused):
        connection.channel().basic_get(queue)
