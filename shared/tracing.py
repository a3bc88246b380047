"""Traces for those who ask for them: a span for each request and for each applied event, sent by OTLP over HTTP.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set: then nothing of OpenTelemetry is imported, nothing is wrapped, and it costs nothing.
OpenTelemetry comes with the extra `tracing`. Spans name methods, statuses, services and events, never a path, a subject or a body.
"""

import importlib.util
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from shared.unit_of_work import Report

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def start(service: str, environment: Mapping[str, str]) -> "Tracing | None":
    """Tracing to the endpoint that the environment names, None where it names none. Raises ConfigurationError without the extra."""
    if not environment.get(ENDPOINT):
        return None
    if importlib.util.find_spec("opentelemetry") is None:
        raise ConfigurationError(f"{ENDPOINT} is set and OpenTelemetry is not installed: install the extra `tracing` or unset it")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return Tracing(service, OTLPSpanExporter())


class Tracing:
    """Spans of one process; they are sent in the background, and dropped where nobody takes them."""

    def __init__(self, service: str, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._service = service
        self._provider = TracerProvider(resource=Resource({"service.name": f"sambandh-{service}"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sambandh")
        self._propagator = TraceContextTextMapPropagator()

    def served(self, application: Application) -> Application:
        """`application` with a span around each request; what the request causes bears that span's context."""

        def traced(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            parent = self._propagator.extract({"traceparent": environ.get("HTTP_TRACEPARENT", "")})
            method = environ.get("REQUEST_METHOD", "")
            with self._tracer.start_as_current_span(method, parent, attributes={"http.request.method": method}) as span:
                carrier: dict[str, str] = {}
                self._propagator.inject(carrier)
                environ["HTTP_TRACEPARENT"] = carrier["traceparent"]

                def started(status: str, *rest: Any) -> Any:
                    span.set_attribute("http.response.status_code", int(status.split()[0]))
                    return start_response(status, *rest)

                return list(application(environ, started))

        return traced

    def applied(self, apply: "Callable[..., Report]") -> "Callable[..., Report]":
        """`apply` of a unit of work, with a span for each event whose effects it committed."""

        def traced(*given: Any, **options: Any) -> "Report":
            began = time.time_ns()
            report = apply(*given, **options)
            ended = time.time_ns()
            for event in report.applied:
                parent = self._propagator.extract({"traceparent": event.traceparent or ""})
                attributes: dict[str, str | int] = {
                    "crm.service": self._service,
                    "crm.event": event.name,
                    "crm.batch.size": len(report.applied),
                }
                self._tracer.start_span(f"apply {event.name}", parent, attributes=attributes, start_time=began).end(ended)
            return report

        return traced

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
