"""What those who run the system rely on: closed doors, metrics and health of every process, documents that are true, the command line."""

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Producer
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.credentials import ADMIN
from deploy.local.settings import REPOSITORY, SERVICES
from tests.e2e.conftest import System
from tests.e2e.journeys import becomes
from tests.servers import Answer, HttpClient

PROMISED = {
    "crm_events_received": "counter",
    "crm_events_applied": "counter",
    "crm_events_duplicate": "counter",
    "crm_events_parked": "counter",
    "crm_batches_retried": "counter",
    "crm_batch_size_events": "histogram",
    "crm_batch_handling_seconds": "histogram",
    "crm_event_age_when_applied_seconds": "histogram",
    "crm_outbox_pending_events": "gauge",
    "crm_outbox_oldest_seconds": "gauge",
    "crm_timers_due_timers": "gauge",
    "crm_timer_lateness_seconds": "histogram",
    "crm_inbox_messages": "gauge",
    "crm_hub_lag_seconds": "histogram",
    "crm_task_failing_state": "gauge",
    "crm_database_known_members": "gauge",
}
LABELS = {
    "event",
    "cause",
    "kind",
    "queue",
    "route",
    "method",
    "status",
    "door",
    "code",
    "le",
    "task",
    "state",
    "reason",
    "collection",
    "channel",
    "outcome",
}


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/health",
        "/health/live",
        "/health/ready",
        "/internal",
        "/internal/anything",
        "//metrics",
        "/v1/../metrics",
        "/v1/%2e%2e/health/ready",
        "/api/profiles/../../internal",
    ],
)
def test_nobody_outside_reaches_what_is_for_operations(stack: System, path: str) -> None:
    assert stack.client.request("GET", path).status == 404


def page(system: System, service: str, path: str) -> Answer:
    """A page of the listener that only operations see."""
    return HttpClient(system.stack.settings.services[service].metrics).request("GET", path)


@pytest.mark.parametrize("service", SERVICES)
def test_every_process_says_that_it_lives_and_is_ready(stack: System, service: str) -> None:
    stack.wait_until(lambda: stack.stack.ready(service), "it is ready", 60)
    for path in ("/health/live", "/health/ready"):
        answer = page(stack, service, path)
        assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok", "waiting_for": {}})


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_all_there_and_named_as_prometheus_wants_them(stack: System, service: str) -> None:
    stack.get(f"/api/{service}/openapi.json")  # so that a route has been measured
    answer = page(stack, service, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert {name: family.type for name, family in families.items() if name in PROMISED} == PROMISED
    assert [complaint for family in families.values() for complaint in _complaints(family)] == []
    routes = {sample.labels["route"] for sample in families["crm_http_request_seconds"].samples if "route" in sample.labels}
    assert f"/api/{service}/openapi.json" in routes
    if shutil.which("promtool"):
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=answer.body, capture_output=True, timeout=30, check=False
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def _complaints(family: Metric) -> Iterator[str]:
    """What is not by convention: a name with its unit, a help text, labels out of closed sets. A counter's `_total` is the parser's."""
    if not re.fullmatch(r"crm(_[a-z]+)+", family.name):
        yield f"{family.name}: not a name of ours in lower case"
    if family.type in ("gauge", "histogram") and not family.name.endswith(
        ("_seconds", "_events", "_timers", "_messages", "_members", "_state", "_created")
    ):
        yield f"{family.name}: says no unit"
    if family.type == "unknown" or not family.documentation:
        yield f"{family.name}: no type or no help"
    yield from (f"{family.name}: label {name}" for sample in family.samples for name in sample.labels.keys() - LABELS)


def openapi(system: System, service: str) -> Any:
    """The document as anybody may read it, without a token."""
    answer = HttpClient(system.stack.settings.ports["GATEWAY_PORT"]).request("GET", f"/api/{service}/openapi.json")
    assert answer.status == 200
    return json.loads(answer.body)


@pytest.mark.parametrize("service", SERVICES)
def test_every_api_describes_itself_in_openapi_3_1(stack: System, service: str) -> None:
    document = openapi(stack, service)
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()
    for path, operations in document["paths"].items():
        assert path.startswith(f"/api/{service}/")
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]


@pytest.mark.parametrize("service", SERVICES)
def test_no_door_opens_without_the_token(stack: System, service: str) -> None:
    port = stack.stack.settings.ports["GATEWAY_PORT"]
    strangers = [{}, _bearer("guessed"), _bearer(stack.write_key), _bearer(""), {"Authorization": stack.admin_token}]
    closed = list(_closed(openapi(stack, service)))
    assert closed
    for method, path in closed:
        for headers in strangers:
            answer = HttpClient(port).request(method, path, b"{}", headers)
            problem = json.loads(answer.body)
            assert (answer.status, problem["status"], problem["code"]) == (401, 401, "unauthorized"), (method, path)
            assert answer.headers["content-type"].startswith("application/problem+json")
            assert answer.headers["www-authenticate"].startswith("Bearer")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _closed(document: Any) -> Iterator[tuple[str, str]]:
    """Method and path of everything but the document itself, and what customers open by a link that was sent to them."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["security"]:
                yield method.upper(), re.sub(r"{\w+}", "somebody", path)
            else:
                of_customers = path.startswith("/api/profiles/public/") and "{token}" in path
                assert of_customers or path.endswith("/openapi.json"), f"{path} is open to all"


def crm(system: System, *words: str) -> str:
    """What the command line of those who run the system says."""
    environment = {**os.environ, "MONGO_URI": system.mongo_uri}
    done = subprocess.run([REPOSITORY / "crm", *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_event_that_cannot_be_read_is_parked_in_sight_and_can_be_replayed_and_discarded(stack: System) -> None:
    event_id = f"poison-{secrets.token_hex(4)}"
    _publish_nonsense(stack, event_id)
    becomes(lambda: _attempts(stack, event_id), 1)
    shown = crm(stack, "parked", "show", "support", event_id)
    assert "reason: order_completed: " in shown
    assert "header ce-subject: user:nobody" in shown
    assert '{"order_id": 7}' in shown
    assert crm(stack, "parked", "replay", "support", event_id).startswith("1 to be replayed")
    becomes(lambda: _attempts(stack, event_id), 2)
    assert crm(stack, "parked", "discard", "support", event_id, "--yes") == "Deleted.\n"
    assert _attempts(stack, event_id) is None


def _attempts(system: System, event_id: str) -> int | None:
    """How often an event was parked; None where the list of all services does not have it."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in crm(system, "parked", "list").splitlines()]
    return next((int(row[4]) for row in rows if row[:3] == ["support", event_id, "order_completed"]), None)


def _publish_nonsense(system: System, event_id: str) -> None:
    """An order whose data are not what the catalogue says, as only a broken publisher could send it, into the inbox of support."""
    headers = {"ce-specversion": "1.0", "ce-id": event_id, "ce-source": "shop", "ce-type": "order_completed"}
    headers |= {"ce-subject": "user:nobody", "ce-time": "2026-03-01T12:30:00Z"}
    with Connection(system.stack.amqp_uri(ADMIN), transport_options={"confirm_publish": True}) as connection:
        Producer(connection.channel()).publish(
            b'{"order_id": 7}',
            exchange="support.inbox",
            routing_key="order_completed",
            headers=headers,
            content_type="application/json",
            content_encoding="utf-8",
        )
