"""How many events a second the collector takes over HTTP for each core that it spends, in batches as the Segment SDKs send them."""

import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row
from benchmarks.processor import Meter
from benchmarks.system import System
from benchmarks.trial import Trial
from benchmarks.visitors import Visitors

BATCH = 100
_CONNECTIONS = 4
_WARM_UP = 20  # requests
_MOST = 2_000


def run(system: System, options: Options) -> Outcome:
    """The HTTP half of the collector in a process of its own, as on Kubernetes; the relay rests meanwhile."""
    system.declare(["collector"])
    write_key = system.open_source()
    door = system.service("collector", part="api")
    try:
        system.await_ready(["collector"])
        port = system.stack.settings.services["collector"].api
        archive = system.client["sambandh_collector"]["events"]
        trials = []
        for _ in range(options.trials):
            requests = _calibrated(port, write_key, options.seconds)
            before = archive.estimated_document_count()
            groups = {"collector": [door], "mongod": [system.mongo.process]}
            trials.append(_measure(port, requests, Meter(groups)))
            _check(archive.estimated_document_count() - before, trials[-1].count)
    finally:
        system.stop([door])
    return Outcome(rows(trials), [asdict(one) for one in trials], f"batches of {BATCH}, {_CONNECTIONS} connections")


def rows(trials: Sequence[Trial]) -> list[Row]:
    per_core = median(trial.count / trial.spent["collector"] for trial in trials)
    wall = median(trial.rate for trial in trials)
    database = median(trial.cost_in("mongod") for trial in trials)
    return [
        Row("ingest: events a second for each core spent in the collector", per_core, "events/s", Aim(5_000)),
        Row("ingest: events a second accepted, everything on this machine", wall, "events/s"),
        Row("ingest: processor time of MongoDB for an event", database, "ms"),
    ]


def _calibrated(port: int, write_key: str, seconds: float) -> list[bytes]:
    """Requests for about so many seconds, made before they are sent."""
    began = time.monotonic()
    _send(port, [Visitors(write_key).batch(BATCH) for _ in range(_WARM_UP)])
    requests = min(_MOST, max(_WARM_UP, int(_WARM_UP / (time.monotonic() - began) * seconds)))
    visitors = Visitors(write_key)
    return [visitors.batch(BATCH) for _ in range(requests)]


def _measure(port: int, requests: Sequence[bytes], meter: Meter) -> Trial:
    began = time.monotonic()
    accepted = _send(port, requests)
    return Trial(accepted, time.monotonic() - began, meter.spent())


def _send(port: int, requests: Sequence[bytes]) -> int:
    """Post requests over a few connections; how many events were accepted."""
    shares = [requests[number::_CONNECTIONS] for number in range(_CONNECTIONS)]
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        return sum(pool.map(lambda share: _post_all(port, share), shares))


def _post_all(port: int, requests: Sequence[bytes]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    accepted = sum(post(connection, body) for body in requests)
    connection.close()
    return accepted


def post(connection: http.client.HTTPConnection, body: bytes) -> int:
    """How many events of a batch were accepted. Raises RuntimeError for any answer but 200."""
    connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content: dict[str, Any] = json.loads(answer.read())
    if answer.status != 200:
        raise RuntimeError(f"the collector answered {answer.status}: {content}")
    return int(content["accepted"])


def _check(stored: int, accepted: int) -> None:
    if stored != accepted:
        raise RuntimeError(f"{accepted} events were accepted and {stored} stored")
