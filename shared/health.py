"""Health and metrics of a process on a port of its own.

Live: the event loop turns. Ready: every part works and nothing is being stopped. An outage of broker or database makes a process
unready, never unlive: restarting it would not help.
"""

import json
from collections.abc import Callable, Iterable
from time import monotonic, sleep
from typing import Any

import eventlet
from eventlet import wsgi
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shared import metrics

_STUCK = 20.0  # seconds without a turn of the event loop after which a process is not live
_TICK = 0.5
_CAUSES = {  # of a failing task, by the name of the error that it reports
    "starting": "starting",
    "BrokerAway": "broker",
    **dict.fromkeys(("StoreAway", "TooMuchAtOnce", "ServerSelectionTimeoutError", "AutoReconnect", "NetworkTimeout"), "database"),
}


class Health:
    """What the parts of this process say of themselves."""

    def __init__(self) -> None:
        self._parts: dict[str, str | None] = {}
        self._turned = monotonic()
        self.draining = False

    def expect(self, part: str) -> None:
        """A part that has to report before the process is ready."""
        if part not in self._parts:
            self.failing(part, "starting")

    def working(self, part: str) -> None:
        self._note(part, None)

    def failing(self, part: str, reason: str) -> None:
        """`reason` is the name of an error: it is shown to whoever asks, and metrics are told its cause."""
        self._note(part, reason)

    def _note(self, part: str, reason: str | None) -> None:
        if reason is not None or self._parts.get(part, "") is not None:
            cause = None if reason is None else _CAUSES.get(reason, "other")
            for each in {*_CAUSES.values(), "other"}:
                metrics.TASK_FAILING.labels(part, each).set(each == cause)
        self._parts[part] = reason

    def turn(self, lag: float) -> None:
        self._turned = monotonic()
        metrics.HUB_LAG.observe(max(0.0, lag))

    @property
    def live(self) -> bool:
        return monotonic() - self._turned < _STUCK

    @property
    def waiting_for(self) -> dict[str, str]:
        """Parts that do not work, with the reason; empty when ready."""
        waiting = {part: reason for part, reason in self._parts.items() if reason is not None}
        return {**waiting, "process": "draining"} if self.draining else waiting


HEALTH = Health()

Start = Callable[[str, list[tuple[str, str]]], Any]


def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """WSGI: /metrics, /health/live, /health/ready."""
    path = environ.get("PATH_INFO", "")
    if path == "/metrics":
        return _answer(start, "200 OK", CONTENT_TYPE_LATEST, generate_latest(metrics.REGISTRY))
    if path == "/health/live":
        return _state(start, HEALTH.live, {})
    if path == "/health/ready":
        return _state(start, not HEALTH.waiting_for, HEALTH.waiting_for)
    return _answer(start, "404 Not Found", "text/plain; charset=utf-8", b"see /metrics, /health/live, /health/ready\n")


def _state(start: Start, good: bool, waiting_for: dict[str, str]) -> Iterable[bytes]:
    body = json.dumps({"status": "ok" if good else "unavailable", "waiting_for": waiting_for}).encode()
    return _answer(start, "200 OK" if good else "503 Service Unavailable", "application/json", body)


def _answer(start: Start, status: str, content_type: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def serve(host: str, port: int) -> None:
    """Serve in the background, and keep measuring how late the event loop is."""
    listener = eventlet.listen((host, port), reuse_port=False)
    eventlet.spawn_n(wsgi.server, listener, application, log_output=False)
    eventlet.spawn_n(_measure_lag)


def _measure_lag() -> None:
    while True:
        before = monotonic()
        sleep(_TICK)
        HEALTH.turn(monotonic() - before - _TICK)
