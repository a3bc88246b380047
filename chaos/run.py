"""One run: start a system, load it, break it by schedule, heal it, wait until it is at rest, and judge."""

import math
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from chaos import ledger, results
from chaos.checker.evidence import Observed, Residue
from chaos.checker.rules import recovered, tallies
from chaos.checker.timers import bought, lateness
from chaos.checker.verdict import judge
from chaos.faults import deliveries
from chaos.faults.processes import TRANSACTION_POINTS, UNCLEAN
from chaos.faults.servers import BACKLOG
from chaos.history import History
from chaos.holdings import KINDS, Holdings
from chaos.plans import PLANS, Plan, possible
from chaos.rebuild import differences
from chaos.results import Result
from chaos.schedule import Step, schedule
from chaos.settling import queues, settle
from chaos.setup import policies
from chaos.system.fleet import BY_ITSELF, INSIDE
from chaos.system.tap import Tap
from chaos.system.telemetry import Telemetry
from chaos.system.whole import System
from chaos.workload.doors import SegmentDoor
from chaos.workload.generator import Generator
from chaos.workload.shop import Shop

Say = Callable[[str], None]
_WARM_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is told. `rounds` 0 is the plan's own number; after `seconds` no further fault begins.

    `settle_seconds` is how long the system may take to come to rest.
    `rebuilt` is the share of customers whose state is built anew from the archive.
    """

    plan: str
    seed: int
    rounds: int = 0
    rate: float = 0.0
    seconds: float = math.inf
    settle_seconds: float = 300.0
    rebuilt: float = 1.0
    command: str = ""
    results: Path = results.DIRECTORY

    @property
    def chosen(self) -> Plan:
        plan = PLANS[self.plan]
        return replace(plan, rounds=self.rounds or plan.rounds, rate=self.rate or plan.rate)


def run(options: Options, say: Say) -> Result:
    """Do it in a directory that is gone afterwards, and return what it came to."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        return Run(options, Path(directory), say).result()


class Run:
    """The parts of one run, and the order in which they act."""

    def __init__(self, options: Options, directory: Path, say: Say) -> None:
        self._options, self._say = options, say
        self._plan, left_out = possible(options.chosen)
        self._directory = directory
        self._history = History(directory / "history.jsonl")
        for reason in left_out:
            say(f"left out: {reason}")
            self._history.add("note", "left out", "", reason)
        self._system = System(directory / "system", self._plan.layout, self._history)
        self._ledger = ledger.Ledger(directory / "ledger.jsonl")
        self._tap = Tap(self._system.amqp_uri(), directory / "tap.jsonl")
        self._telemetry = Telemetry(self._system)
        self._residue = Residue()
        self._ended = threading.Event()
        signal.signal(signal.SIGINT, self._end)
        self._settled = self._rested = self._loaded = 0.0

    def result(self) -> Result:
        """Start, break, heal, judge; the system is stopped whatever happens."""
        began = time.monotonic()
        self._say(f"starting the system: plan {self._options.plan}, seed {self._options.seed}")
        try:
            self._system.start()
            policies(self._system)
            self._tap.start()
            self._telemetry.start()
            self._break()
            result = replace(self._judged(), seconds=round(time.monotonic() - began, 1))
            self._saved(result)
        finally:
            self._say("stopping the system")
            self._system.stop()
        return result

    def _end(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C: no further faults, heal and judge. The second one leaves at once."""
        if self._ended.is_set():
            raise KeyboardInterrupt
        self._ended.set()
        self._say("no more faults: healing and judging; once more Ctrl-C leaves at once")

    def _break(self) -> None:
        generator = self._generator()
        names = list(self._system.fleet.members)
        self._loaded = self._history.seconds()
        generator.start()
        try:
            self._ended.wait(_WARM_SECONDS)
            for number, step in enumerate(schedule(self._options.seed, self._plan, self._plan.rounds, names), 1):
                if self._ended.is_set() or self._history.seconds() - self._loaded > self._options.seconds:
                    break
                self._do(number, step)
        finally:
            generator.stop()
        self._heal()

    def _generator(self) -> Generator:
        shop = Shop(self._options.seed, datetime.now(UTC), self._plan.mix)
        key = self._system.stack.credentials.write_key
        return Generator(SegmentDoor(self._system.door, key), shop, self._ledger, self._plan.rate)

    def _do(self, number: int, step: Step) -> None:
        self._ended.wait(step.pause)
        fault = step.fault
        self._history.add("inject", fault.kind, fault.target)
        fault.inject(self._system)
        if fault.hold:
            self._ended.wait(fault.hold)
            fault.heal(self._system)
            self._history.add("heal", fault.kind, fault.target)
        if number % 10 == 0:
            self._say(f"{number} of {self._plan.rounds} faults done, {self._ledger.accepted} facts accepted")

    def _heal(self) -> None:
        self._say(f"healing: {self._ledger.accepted} of {self._ledger.attempted} facts were accepted")
        self._system.fleet.disarm()
        self._system.await_ready()
        replayed = deliveries.replay_parked(self._system)
        if replayed:
            self._history.add("note", "parked events replayed", "all", str(replayed))
        began = self._history.seconds()
        self._settled = settle(self._system, self._options.settle_seconds)
        self._rested = began + self._settled
        self._residue = Holdings(self._system.client()).residue(queues(self._system))
        self._telemetry.look()
        for stop in (self._telemetry.stop, self._tap.stop):
            stop()

    def _judged(self) -> Result:
        self._say(f"at rest after {self._settled:.0f} s; judging")
        record = ledger.read(self._directory / "ledger.jsonl")
        observed = self._observed(record)
        hits = self._hits()
        verdict = judge(record, observed, hits, self._plan.needed)
        states = [f"{timer.kind} {timer.state}" for timer in observed.timers]
        return Result(
            plan=self._options.plan,
            title=self._plan.title,
            seed=self._options.seed,
            date=self._history.began_at.isoformat(timespec="seconds"),
            command=self._options.command,
            commit=results.commit(),
            seconds=0.0,
            colour=verdict.colour.value,
            findings=[f"{finding.rule}: {finding.detail}" for finding in verdict.findings],
            missing=verdict.missing,
            attempted=len(record.attempted),
            accepted=len(record.accepted),
            recovered=recovered(record, observed),
            faults=self._faults(),
            deaths=self._deaths(),
            hits=hits,
            lateness=lateness(record, observed.timers),
            timers={state: states.count(state) for state in sorted(set(states))}
            | {"carts bought": len(bought(record, observed))},
            settle_seconds=round(self._settled, 1),
            services=tallies(record, observed),
            figures=self._figures(len(record.accepted)),
        )

    def _observed(self, record: ledger.Record) -> Observed:
        client = self._system.client()
        holdings = Holdings(client)
        archived = holdings.archived()
        with self._system.fleet.held():
            rebuilt = differences(client, self._tap.received, self._options.rebuilt)
        return Observed(
            archived=frozenset(archived.values()),
            holdings=[holdings.holding(service, archived) for service in KINDS],
            counters=holdings.counters(record.attempted.values()),
            timers=holdings.timers(),
            announced=self._tap.announced(),
            residue=self._residue,
            differences=rebuilt,
            deaths=[f"{e.target} {e.detail}" for e in self._history.entries if e.fault in (BY_ITSELF, UNCLEAN)],
        )

    def _hits(self) -> dict[str, int]:
        inside = sum(count for point, count in self._deaths().items() if point in TRANSACTION_POINTS)
        return {**self._telemetry.sums(), "kills inside a transaction": inside}

    def _faults(self) -> Mapping[str, Mapping[str, int]]:
        kinds = {entry.fault for entry in self._history.entries if entry.act == "inject"}
        return {kind: self._history.count("inject", kind) for kind in sorted(kinds)} | {
            kind: found for kind in (INSIDE, BY_ITSELF) if (found := self._history.count("died", kind))
        }

    def _deaths(self) -> dict[str, int]:
        """Deaths at fault points, by point."""
        points = [entry.detail for entry in self._history.entries if (entry.act, entry.fault) == ("died", INSIDE)]
        return {point: points.count(point) for point in sorted(set(points))}

    def _figures(self, accepted: int) -> dict[str, float]:
        """Of an outage: how much had waited, how fast it was drained, and how fast it had come, in facts a second."""
        noted = next((entry for entry in self._history.entries if entry.fault == BACKLOG), None)
        if noted is None:
            return {}
        arrived = accepted / (noted.seconds - self._loaded)
        drained = int(noted.detail) / (self._rested - noted.seconds)
        return {"backlog": int(noted.detail), "arrived a second": round(arrived, 1), "drained a second": round(drained, 1)}

    def _saved(self, result: Result) -> None:
        path = results.save(result, self._history.path, self._options.results)
        for finding in result.findings:
            self._say(f"BROKEN {finding}")
        self._say(f"{result.colour.upper()}: {result.accepted} facts accepted, {result.recovered} recovered; {path}")
        for missing in result.missing:
            self._say(f"MISSING {missing}")
