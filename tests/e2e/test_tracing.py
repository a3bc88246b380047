"""A trace context goes from the request that brought an event through the event to everything that follows from it."""

import json
import secrets
import time
from typing import Any

from kombu import Connection, Exchange, Queue

from deploy.local.credentials import ADMIN
from tests.e2e.conftest import System

SOURCES = ("shop", "profiles", "campaigns")
# What a first order of an unknown customer makes the services say.
FOLLOWS = {"order_completed", "profile_created", "audience_entered"}


def heard(system: System, queue: Any, subject: str) -> dict[str, set[str]]:
    """Trace contexts by the name of the event, of all events about a subject; waits until every expected one was heard."""
    found: dict[str, set[str]] = {}
    deadline = time.monotonic() + 60
    while not found.keys() >= FOLLOWS:
        assert time.monotonic() < deadline, f"heard of {sorted(found)} only"
        message = queue.get(no_ack=True)
        if message is None:
            time.sleep(0.05)
        elif message.headers["ce-subject"] == subject:
            found.setdefault(message.headers["ce-type"], set()).add(message.headers.get("traceparent", ""))
    return found


def test_all_that_follows_from_a_request_bears_its_trace(stack: System) -> None:
    user, trace = f"traced-{secrets.token_hex(4)}", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    order = {"order_id": f"{user}-1", "total": 25.5, "currency": "EUR", "products": []}
    message = {"userId": user, "event": "Order Completed", "properties": order, "writeKey": stack.write_key}
    with Connection(stack.stack.amqp_uri(ADMIN)) as connection:
        queue = Queue(f"trace-{user}", exclusive=True, durable=False, auto_delete=True)(connection.channel())
        queue.declare()
        for source in SOURCES:
            queue.bind_to(Exchange(f"{source}.events", "topic"), routing_key="#")
        answer = stack.client.request(
            "POST", "/v1/track", json.dumps(message).encode(), {"Content-Type": "application/json", "traceparent": trace}
        )
        assert answer.status == 200
        found = heard(stack, queue, f"user:{user}")
    assert {name: found[name] for name in FOLLOWS} == {name: {trace} for name in FOLLOWS}
