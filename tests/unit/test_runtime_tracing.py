"""Spans of requests and events: one trace from the one to the other, nothing personal, and nothing at all when off."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.envelope import Event
from shared.errors import ConfigurationError
from shared.tracing import ENDPOINT, Tracing
from shared.unit_of_work import Report

NOW = datetime.now(UTC)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def request(traces: Tracing, **headers: str) -> str:
    """The trace context that an application finds, behind tracing."""
    seen: dict[str, str] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("503 Service Unavailable", [])
        return [b""]

    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/profiles/customers/jane", **headers}
    list(traces.served(application)(environ, lambda status, answered: None))
    return seen["HTTP_TRACEPARENT"]


def event(traceparent: str | None) -> Event:
    return Event("1", "order_completed", "shop", "user:jane", NOW, NOW, b'{"order_id": "jane-1"}', traceparent=traceparent)


def test_what_follows_from_a_request_is_in_its_trace(spans: InMemorySpanExporter) -> None:
    traces = Tracing("support", spans)
    given = request(traces)
    traces.applied(lambda: Report(applied=[event(given)]))()
    traces.stop()
    asked, applied = spans.get_finished_spans()
    assert applied.parent is not None
    assert applied.context.trace_id == asked.context.trace_id == int(given.split("-")[1], 16)
    assert applied.parent.span_id == asked.context.span_id


def test_a_request_that_bears_a_trace_goes_on_with_it(spans: InMemorySpanExporter) -> None:
    traces = Tracing("collector", spans)
    trace = "a" * 32
    assert request(traces, HTTP_TRACEPARENT=f"00-{trace}-{'b' * 16}-01").split("-")[1] == trace


def test_spans_say_how_it_went_and_name_nobody(spans: InMemorySpanExporter) -> None:
    traces = Tracing("support", spans)
    request(traces)
    traces.applied(lambda: Report(applied=[event(None)], duplicates=[event(None)]))()
    traces.stop()
    asked, applied = spans.get_finished_spans()
    assert (asked.name, dict(asked.attributes or {})) == (
        "POST",
        {"http.request.method": "POST", "http.response.status_code": 503},
    )
    assert (applied.name, dict(applied.attributes or {})) == (
        "apply order_completed",
        {"crm.service": "support", "crm.event": "order_completed", "crm.batch.size": 1},
    )
    assert "jane" not in asked.to_json() + applied.to_json()


def test_without_an_endpoint_nothing_is_imported_and_nothing_wrapped() -> None:
    assert tracing.start("support", {}) is None
    code = "import sys, shared.tracing; print(shared.tracing.start('a', {}), any(m.startswith('opentelemetry') for m in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["None", "False"]


def test_an_endpoint_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="install the extra `tracing` or unset it"):
        tracing.start("support", {ENDPOINT: "http://127.0.0.1:4318"})
