"""How long reading a profile takes at a steady rate: as a whole, with a tag that still holds, and many at once."""

import http.client
import itertools
import json
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, quantile
from benchmarks.processor import Meter
from benchmarks.system import System
from benchmarks.workload import Shop
from deploy.local.processes import Process
from shared import indexes
from shared.mongo import durable
from shared.registry import service_classes

RATE = 200  # requests a second
_CUSTOMERS, _ORDERS = 1_000, 6  # orders of each
_WINDOW = 300  # events in one transaction
_CONNECTIONS = 8
_WARM_UP_SECONDS = 2.0
_SECONDS = 2.5  # of one trial, for each second that others measure
_MANY, _BATCHES = 500, 6
_ROUTE = "/api/profiles/customers"


@dataclass(frozen=True)
class Trial:
    """Seconds that each answer took from when its request was due, and processor seconds of one answer by group of processes."""

    delays: Sequence[float]
    cost: Mapping[str, float]


def run(system: System, options: Options) -> Outcome:
    """The HTTP half of profiles in a process of its own, as on Kubernetes: with one thread it has one core."""
    system.declare(["profiles"])
    shop = _seed(system)
    door = system.service("profiles", part="api")
    try:
        system.await_ready(["profiles"])
        reader = Reader(system, door)
        reader.keep_up(shop.keys, _WARM_UP_SECONDS, tags=False)
        seconds = options.seconds * _SECONDS
        whole = [reader.keep_up(shop.keys, seconds, tags=False) for _ in range(options.trials)]
        known = [reader.keep_up(shop.keys, seconds, tags=True) for _ in range(options.trials)]
        many = [reader.read_many(shop.keys) for _ in range(_BATCHES)]
    finally:
        system.stop([door])
    under = f"{RATE} requests a second over {_CONNECTIONS} connections, {_CUSTOMERS:,} customers of {_ORDERS} orders with two lines each"
    return Outcome(rows(whole, known, many), {"whole": _raw(whole), "known": _raw(known), "many": many}, under)


def rows(whole: Sequence[Trial], known: Sequence[Trial], many: Sequence[float]) -> list[Row]:
    """Percentiles over all trials; `many` are seconds for 500 profiles in one answer."""
    found = []
    for what, trials in (("a profile", whole), ("a profile that is known by its tag", known)):
        delays = [delay for trial in trials for delay in trial.delays]
        aim = Aim(20, at_most=True) if trials is whole else None
        found.append(Row(f"read: {what} at {RATE} a second, p50", quantile(delays, 0.5) * 1000, "ms"))
        found.append(Row(f"read: {what} at {RATE} a second, p99", quantile(delays, 0.99) * 1000, "ms", aim))
        cost = sum(trial.cost["profiles"] for trial in trials) / len(trials)
        found.append(Row(f"read: processor time of the service for {what}", cost * 1000, "ms"))
    return [*found, Row(f"read: {_MANY} profiles in one answer, p50", quantile(many, 0.5) * 1000, "ms")]


class Reader:
    """Reads customers at a steady rate."""

    def __init__(self, system: System, door: Process) -> None:
        self._port = system.stack.settings.services["profiles"].api
        self._headers = {"Authorization": f"Bearer {system.stack.credentials.admin_token}"}
        self._groups = {"profiles": [door], "mongod": [system.mongo.process]}

    def keep_up(self, keys: Sequence[str], seconds: float, *, tags: bool) -> Trial:
        """Ask at the rate, whatever the answers take: the wait for one that comes late counts for those that are due meanwhile."""
        count = int(RATE * seconds)
        wanted = random.Random(0).choices(keys, k=count)
        known = self._tags(wanted) if tags else {}
        meter, began = Meter(self._groups), time.monotonic() + 0.1
        shares = [range(first, count, _CONNECTIONS) for first in range(_CONNECTIONS)]
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            found = pool.map(lambda share: self._ask([(began + n / RATE, wanted[n]) for n in share], known), shares)
            delays = list(itertools.chain.from_iterable(found))
        return Trial(delays, {group: spent / count for group, spent in meter.spent().items()})

    def read_many(self, keys: Sequence[str]) -> float:
        """Seconds for many profiles in one answer."""
        connection, began = self._connection(), time.monotonic()
        body = json.dumps({"identities": keys[:_MANY]})
        self._answer(connection, "POST", f"{_ROUTE}/batch", body, {"Content-Type": "application/json"})
        connection.close()
        return time.monotonic() - began

    def _ask(self, due: Sequence[tuple[float, str]], known: Mapping[str, str]) -> list[float]:
        connection, delays = self._connection(), []
        for at, key in due:
            time.sleep(max(0.0, at - time.monotonic()))
            more = {"If-None-Match": known[key]} if key in known else {}
            self._answer(connection, "GET", f"{_ROUTE}/{key}", None, more)
            delays.append(time.monotonic() - at)
        connection.close()
        return delays

    def _tags(self, keys: Sequence[str]) -> dict[str, str]:
        connection = self._connection()
        found = {key: self._answer(connection, "GET", f"{_ROUTE}/{key}", None, {}) for key in set(keys)}
        connection.close()
        return found

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: str | None, more: Mapping[str, str]
    ) -> str:
        """The tag of an answer. Raises RuntimeError for one that says anything but what was asked."""
        connection.request(method, path, body, {**self._headers, **more})
        answer = connection.getresponse()
        answer.read()
        if answer.status != (304 if "If-None-Match" in more else 200):
            raise RuntimeError(f"profiles answered {answer.status} to {method} {path}")
        return answer.headers.get("ETag", "")

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)


def _seed(system: System) -> Shop:
    """Customers who have bought, written by the service's own unit of work."""
    work = indexes.unit_of_work(durable(system.client["sambandh_profiles"]), service_classes("profiles"))
    work.create_indexes(30)
    shop = Shop(_CUSTOMERS)
    events = [event for _ in range(_ORDERS) for event in shop.first_orders()]
    for start in range(0, len(events), _WINDOW):
        work.apply(events[start : start + _WINDOW])
    return shop


def _raw(trials: Sequence[Trial]) -> list[dict[str, float]]:
    return [{"p50": quantile(one.delays, 0.5), "p99": quantile(one.delays, 0.99), **one.cost} for one in trials]
