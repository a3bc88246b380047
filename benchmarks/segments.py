"""Who is in which segment, with a million profiles and two hundred segments: how soon after an event, how soon after a window's end, at
what rest, and how a new segment is filled meanwhile.
"""

import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from benchmarks.ingest import post
from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, quantile
from benchmarks.population import Population
from benchmarks.processor import Meter
from benchmarks.shop_segments import definitions
from benchmarks.system import System, wait_until
from benchmarks.visitors import AT_A_TIME, BROWSING, VISIT, Visitors, visits
from benchmarks.witness import Witness
from services.profiles.domain.segments.definitions import Segment
from services.profiles.storage.segments import SegmentStore
from shared import indexes
from shared.config import Config
from shared.mongo import durable
from shared.registry import service_classes

CALM, BUSY, SEGMENTS = 100, 300, 200  # events a second; segments
_BATCH = 10  # events in a request
_SECONDS = 15.0  # of a trial, for each second that others measure 1
_WARM_UP_SECONDS, _REST_SECONDS, _ALONE_SECONDS = 10.0, 20.0, 60.0
_WINDOW = timedelta(minutes=1)  # of `cart-left-1`
_CACHE = "cache_size=4G"  # of MongoDB: a shop of this size gives it more than a laptop does
_SERVICES = ("collector", "profiles")


@dataclass(frozen=True)
class Trial:
    """Seconds from accepting the first event of each visit until `segment_entered`, and by which windows' ends were late; processor
    seconds an event; events and changes of membership a second until all was done.
    """

    delays: Sequence[float]
    lateness: Sequence[float]
    cost: Mapping[str, float]
    events: float
    changes: float


@dataclass(frozen=True)
class Rest:
    """What happens while nothing does: percent of a core of profiles, documents and index entries looked at a second, whole scans."""

    processor: float
    looked_at: float
    scans: int


class Shop:
    """Customers who come back after weeks, each for one visit."""

    def __init__(self, system: System, population: Population, write_key: str) -> None:
        self._system = system
        self._visitors, self._came = Visitors(write_key, users=visits(population.users(seed=1)), mix=BROWSING), set[str]()
        self._groups = {name: [system.service(name, part="all")] for name in _SERVICES}
        system.await_ready(_SERVICES)
        self._groups["mongod"] = [system.mongo.process]
        self._timers = system.client["sambandh_profiles"]["timers"]

    def trial(self, rate: int, seconds: float) -> Trial:
        """Events at a steady rate, and waiting until their effects have been told."""
        witness, meter, began = Witness(self._system.rabbit.uri()), Meter(self._groups), datetime.now(UTC)
        count = self._post(rate, seconds, witness)
        wait_until(lambda: witness.satisfied, "everybody entered a segment")
        taken = (datetime.now(UTC) - began).total_seconds()
        cost = {name: spent / count for name, spent in meter.spent().items()}
        witness.stop()
        late = self._late(began + _WINDOW, datetime.now(UTC) + _WINDOW)
        return Trial(witness.delays, late, cost, count / taken, witness.changes / taken)

    def rest(self) -> Rest:
        meter, before = Meter({"profiles": self._groups["profiles"]}), self._server_work()
        time.sleep(_REST_SECONDS)
        after, spent = self._server_work(), meter.spent()["profiles"]
        looked_at = (after["looked_at"] - before["looked_at"]) / _REST_SECONDS
        return Rest(100 * spent / _REST_SECONDS, looked_at, after["scans"] - before["scans"])

    def stop(self) -> None:
        self._system.stop([process for name in _SERVICES for process in self._groups[name]])

    def _post(self, rate: int, seconds: float, witness: Witness) -> int:
        """Post at the rate; a request that comes late does not put off the next ones. How many events."""
        connection = http.client.HTTPConnection("127.0.0.1", self._system.stack.settings.services["collector"].api, timeout=60)
        requests, began = int(seconds * rate / _BATCH), time.monotonic()
        for number in range(requests):
            time.sleep(max(0.0, began + number * _BATCH / rate - time.monotonic()))
            messages = [self._visitors.message() for _ in range(_BATCH)]
            post(connection, self._visitors.body(messages))
            accepted = time.monotonic()
            users = {message["userId"] for message in messages}
            for user in users - self._came:  # whoever was away enters a segment by whatever they do first
                witness.expect(user, accepted)
            self._came |= users
        connection.close()
        return requests * _BATCH

    def _late(self, begin: datetime, end: datetime) -> list[float]:
        """By how many seconds the windows that ended in that time were late, once they have all been told of."""
        wait_until(lambda: datetime.now(UTC) > end, "the last window is over")
        ours = {"kind": "look_again", "due": {"$gte": begin, "$lt": end}}
        wait_until(lambda: not self._timers.count_documents({**ours, "state": "pending"}, limit=1), "all that was due is done")
        return [(row["fired_at"] - row["due"]).total_seconds() for row in self._timers.find({**ours, "state": "fired"})]

    def _server_work(self) -> dict[str, int]:
        executor = self._system.client.admin.command("serverStatus")["metrics"]["queryExecutor"]
        return {
            "looked_at": executor["scanned"] + executor["scannedObjects"],
            "scans": executor["collectionScans"]["total"],
        }


class Sweep:
    """A new segment is made, and profiles looks at every customer for it."""

    def __init__(self, store: SegmentStore, customers: int) -> None:
        self._store, self._customers = store, customers
        rule = {"orders": "spend", "currency": "EUR", "gte": 12_345}
        store.create(Segment("filled-later", "Filled later", rule))
        self._began = time.monotonic()

    def speed(self, seconds: float) -> dict[str, float]:
        """How many customers a second were looked at until now, beside events, and in so many further seconds, alone."""
        done, taken = self._done(), time.monotonic() - self._began
        deadline = time.monotonic() + seconds
        while self._done() < self._customers and time.monotonic() < deadline:
            time.sleep(0.2)
        further, alone = self._done() - done, time.monotonic() - deadline + seconds
        return {
            "beside": done / taken,
            **({"alone": further / alone} if further else {}),
            "share": self._done() / self._customers,
        }

    def _done(self) -> int:
        progress = self._store.progress()
        return int(progress["done"]) if progress else self._customers


def run(system: System, options: Options) -> Outcome:
    """Collector and profiles as `make run` starts them, on a database in which everybody is known already."""
    system.declare(_SERVICES)
    write_key = system.open_source()
    population = Population(max(options.customers))
    seconds = options.seconds * _SECONDS
    if population.customers < BUSY / VISIT * (_WARM_UP_SECONDS + 3 * seconds) + AT_A_TIME:
        raise ValueError("nobody comes back twice: ask for more customers or fewer seconds")
    documents, filling = _fill(system, population)
    shop = Shop(system, population, write_key)
    try:
        shop.trial(CALM, _WARM_UP_SECONDS)
        calm, busy = shop.trial(CALM, seconds), shop.trial(BUSY, seconds)
        rest = shop.rest()
        sweep = Sweep(SegmentStore(durable(system.client["sambandh_profiles"])), population.customers)
        beside = shop.trial(CALM, seconds)
        filled = sweep.speed(_ALONE_SECONDS)
    finally:
        shop.stop()
    under = (
        f"{population.customers:,} profiles ({documents:,} documents copied in {filling:.0f} s), {SEGMENTS} segments; events "
        f"in requests of {_BATCH}, from visits of {VISIT} events by customers who were away; collector and profiles in one process each; "
        f"MongoDB with {_CACHE}"
    )
    raw = {"calm": _raw(calm), "busy": _raw(busy), "beside_backfill": _raw(beside), "rest": asdict(rest), "filled": filled}
    return Outcome(rows(calm, busy, rest, beside, filled), raw, under)


def rows(calm: Trial, busy: Trial, rest: Rest, beside: Trial, filled: Mapping[str, float]) -> list[Row]:
    """Delays and lateness in seconds, speed of filling in customers a second."""
    entry, end, speed = "accepted to entry announced", "lateness of the end of a window", "customers looked at for a new segment"
    second, two = Aim(1_000, at_most=True), Aim(2, at_most=True)
    late = [*calm.lateness, *busy.lateness]
    found = [
        *(Row(f"{entry}, p{share:g} at {CALM} events/s", quantile(calm.delays, share / 100) * 1000, "ms") for share in (50, 95)),
        Row(f"{entry}, p99 at {CALM} events/s", quantile(calm.delays, 0.99) * 1000, "ms", second),
        Row(f"{entry}, p99 while a new segment is filled", quantile(beside.delays, 0.99) * 1000, "ms", second),
        Row(f"{entry}, p99 at {BUSY} events/s", quantile(busy.delays, 0.99) * 1000, "ms", second),
        Row(f"of {BUSY} events/s kept up with", busy.events, "events/s", Aim(BUSY * 0.98)),
        Row("changes of membership announced meanwhile", busy.changes, "changes/s"),
        Row(f"{end}, p99", quantile(late, 0.99), "s", two),
        Row(f"{end}, most", max(late), "s", two),
        Row("earliest end of a window after its due time", min(late), "s", Aim(0)),
        Row("processor time of profiles for an event", busy.cost["profiles"] * 1000, "ms"),
        Row("processor time of MongoDB for an event, for collector and profiles", busy.cost["mongod"] * 1000, "ms"),
        Row("processor of profiles at rest", rest.processor, "% of a core", two),
        Row("index entries and documents looked at at rest", rest.looked_at, "a second", Aim(100, at_most=True)),
        Row("scans of a whole collection at rest", rest.scans, "scans", Aim(0, at_most=True)),
        *(Row(f"{speed}, {how}", filled[how], "customers/s") for how in ("beside", "alone") if how in filled),
    ]
    return [replace(row, what=f"segments: {row.what}") for row in found]


def _fill(system: System, population: Population) -> tuple[int, float]:
    """The settings, the customers, then the indexes: a long list is sorted faster than it is kept sorted. Documents, and seconds."""
    began = time.monotonic()
    system.client.admin.command({"setParameter": 1, "wiredTigerEngineRuntimeConfig": _CACHE})
    database = durable(system.client["sambandh_profiles"])
    work = indexes.unit_of_work(database, service_classes("profiles"))
    indexes.create(work, Config("profiles"))
    made = msgspec.json.encode(definitions(SEGMENTS, datetime.now(UTC) - timedelta(days=400))).decode()
    database["settings"].update_one({"_id": "customers"}, {"$set": {"segments": {"definitions": made}}}, upsert=True)
    for name in ("customer_index", "customer_spend", "customer_stages", "segment_members", "timers"):
        database[name].drop_indexes()
    documents = population.fill(work)
    indexes.declare(work, Config("profiles"))
    database["outbox"].delete_many({})  # what the past announced
    return documents, time.monotonic() - began


def _raw(trial: Trial) -> dict[str, Any]:
    delays = {f"p{share * 100:g}": quantile(trial.delays, share) for share in (0.5, 0.9, 0.95, 0.99, 1)}
    return {
        "visits": len(trial.delays),
        "delays": delays,
        "windows": len(trial.lateness),
        "lateness": max(trial.lateness),
        "cost": trial.cost,
        "events_a_second": trial.events,
        "changes_a_second": trial.changes,
    }
