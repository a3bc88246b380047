"""Durable timers: arming and cancelling a great many, what they cost while they wait, and how fast and how late they fire."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

from pymongo.database import Database

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, quantile
from benchmarks.processor import Meter
from benchmarks.system import System, wait_until
from benchmarks.workload import Carts, publish
from deploy.local.processes import Process
from services.reengagement.domain.policies import CartPolicy
from shared.handlers import Timer
from shared.mongo import Document, Session, durable, transaction
from shared.registry import service_names
from shared.timers import write_timers

_WINDOW = 1_000  # timers in one transaction
_CANCELLED = 10  # one in so many is cancelled
_SETTLE_SECONDS, _REST_SECONDS = 5.0, 20.0
_CROWD = 10_000  # timers due in the same second
_STEADY, _STEADY_GAP = 4_000, timedelta(milliseconds=5)  # timers due one after another, 200 a second
_LEAD = timedelta(seconds=30)  # enough to arm a crowd


def run(system: System, options: Options) -> Outcome:
    """Arm and cancel by the runtime's own statements; rest with all services idle; fire abandoned carts of the re-engagement service."""
    names = service_names()
    system.declare(names)
    system.open_source()
    processes = [system.service(name, part="all") for name in names]
    system.await_ready(names)
    database = durable(system.client["sambandh_reengagement"])
    armed, cancelled = _arm_and_cancel(database, options.timers)
    rest = _at_rest(processes)
    system.stop(processes)
    worker = system.service("reengagement")
    system.await_ready(["reengagement"])
    fired = [_fire_crowd(system, database) for _ in range(options.trials)]
    lateness = _fire_steadily(system, database)
    system.stop([worker])
    figures = [
        Row("timers: armed a second, in transactions of 1,000", armed, "timers/s"),
        Row("timers: cancelled a second, in transactions of 1,000", cancelled, "timers/s"),
        *rows(fired, lateness, rest),
    ]
    raw = {"cpu_at_rest_percent": rest, "fired_per_second": fired}
    return Outcome(figures, raw, f"{options.timers:,} other timers armed in the same collection; abandoned carts, each announced")


def rows(fired: Sequence[float], lateness: Sequence[float], rest: Mapping[str, float]) -> list[Row]:
    """Timers a second, lateness in seconds, and percent of a core that each service takes at rest."""
    return [
        Row("timers: fired a second, state, announcement and timer in one transaction", median(fired), "timers/s", Aim(3_000)),
        Row("timers: p50 lateness at 200 a second", quantile(lateness, 0.5), "s"),
        Row("timers: p99 lateness at 200 a second", quantile(lateness, 0.99), "s", Aim(1, at_most=True)),
        Row("timers: earliest firing after its due time", min(lateness), "s", Aim(0)),
        Row("rest: processor of the busiest service", max(rest.values()), "% of a core", Aim(2, at_most=True)),
    ]


def _at_rest(processes: Sequence[Process]) -> Mapping[str, float]:
    """Percent of a core that each of these processes takes when nothing happens."""
    time.sleep(_SETTLE_SECONDS)
    meter = Meter({process.name: [process] for process in processes})
    time.sleep(_REST_SECONDS)
    return {name: 100 * seconds / _REST_SECONDS for name, seconds in meter.spent().items()}


def _arm_and_cancel(database: Database[Document], count: int) -> tuple[float, float]:
    """Timers a second, armed and cancelled."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=365)
    timers = [Timer("cart_idle", f"bench/{number}", f"user:bench-{number}", due, {}) for number in range(count)]

    def cancel(window: Sequence[Timer], session: Session) -> None:
        write_timers(database, [], [(timer.slot, due) for timer in window], session)

    armed = _rate(database, timers, lambda window, session: write_timers(database, window, [], session))
    return armed, _rate(database, timers[::_CANCELLED], cancel)


def _rate(database: Database[Document], timers: Sequence[Timer], write: Callable[[Sequence[Timer], Session], None]) -> float:
    began = time.monotonic()
    for start in range(0, len(timers), _WINDOW):
        transaction(database, partial(write, timers[start : start + _WINDOW]))
    return len(timers) / (time.monotonic() - began)


def _fire_crowd(system: System, database: Database[Document]) -> float:
    """Timers fired a second, when all of them fall due at once."""
    due = _soon()
    fired = _fire(system, database, [due] * _CROWD)
    return _CROWD / max(fired)


def _fire_steadily(system: System, database: Database[Document]) -> list[float]:
    """How late each timer fired, in seconds, when they fall due one after another."""
    first = _soon()
    return _fire(system, database, [first + _STEADY_GAP * number for number in range(_STEADY)])


def _soon() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + _LEAD


def _fire(system: System, database: Database[Document], moments: Sequence[datetime]) -> list[float]:
    """Have carts left so that their reminders fall due at these moments; the lateness of each in seconds, once all have fired."""
    delay = CartPolicy().delay
    publish(system.rabbit.uri(), Carts().left_at([moment - delay for moment in moments]))
    ours = {"kind": "cart_idle", "due": {"$gte": moments[0], "$lte": moments[-1]}}
    wait_until(lambda: database["timers"].count_documents(ours) == len(moments), "every reminder is armed")
    if datetime.now(UTC) > moments[0]:
        raise RuntimeError("arming took longer than the timers' time: nothing can be said of their lateness")
    pending = {**ours, "state": "pending"}
    wait_until(lambda: not database["timers"].count_documents(pending, limit=1), "every reminder has fired")
    return [(timer["fired_at"] - timer["due"]).total_seconds() for timer in database["timers"].find(ours)]
