"""One run: start a system, load it, break it by schedule, heal it, wait until it is at rest, and judge."""

import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

from chaos import ledger, results, telling
from chaos.checker.evidence import Observed, Residue
from chaos.checker.rules import check_done, recovered, tallies
from chaos.checker.timers import bought, lateness
from chaos.checker.verdict import Colour, Verdict, judge
from chaos.deadlines import Overdue, within
from chaos.faults import deliveries
from chaos.faults.processes import UNCLEAN
from chaos.history import History
from chaos.holdings import KINDS, Holdings
from chaos.options import Options
from chaos.plans import possible
from chaos.rebuild import differences
from chaos.results import Result
from chaos.schedule import Step, schedule
from chaos.settling import queues, settle
from chaos.setup import policies
from chaos.system.fleet import BY_ITSELF
from chaos.system.tap import Tap
from chaos.system.telemetry import Telemetry
from chaos.system.whole import System
from chaos.workload.doors import SegmentDoor
from chaos.workload.generator import Generator
from chaos.workload.shop import Shop

Say = Callable[[str], None]
_WARM_SECONDS = 3.0
_START_SECONDS, _FAULT_SECONDS, _STEP_SECONDS, _JUDGING_SECONDS, _STOP_SECONDS = 300.0, 240.0, 180.0, 600.0, 120.0
_REST_SECONDS = 1800.0


def run(options: Options, say: Say) -> Result:
    """Do it in a directory that is gone afterwards, and return what it came to."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        return Run(options, Path(directory), say).result()


class Run:
    """The parts of one run, and the order in which they act.

    Each part has its time. One that fails or takes longer makes the run red, and the next one is tried all the same.
    """

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
        self._undone: list[str] = []
        self._ended = threading.Event()
        signal.signal(signal.SIGINT, self._end)
        self._settled = self._rested = self._loaded = 0.0

    def result(self) -> Result:
        """Start, break, heal, judge; the system is stopped whatever happens."""
        began = time.monotonic()
        self._say(f"starting the system: plan {self._options.plan}, seed {self._options.seed}")
        try:
            if self._step("start the system", _START_SECONDS, self._start):
                self._break()
                self._heal()
                found = self._judged()
            else:
                found = self._result(ledger.Record(), None, Verdict(Colour.INVALID, [], self._undone), {})
            result = replace(found, seconds=round(time.monotonic() - began, 1))
            self._saved(result)
        finally:
            self._say("stopping the system")
            if not self._step("stop the system", _STOP_SECONDS, self._system.stop):
                self._system.abandon()
        return result

    def _start(self) -> None:
        self._system.start()
        policies(self._system)
        self._tap.start()
        self._telemetry.start()

    def _end(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C: no further faults, heal and judge. The second one leaves at once."""
        if self._ended.is_set():
            raise KeyboardInterrupt
        self._ended.set()
        self._say("no more faults: healing and judging; once more Ctrl-C leaves at once")

    def _step(self, what: str, seconds: float, work: Callable[[], None]) -> bool:
        """Do one part of the run in its time; whether it was done."""
        try:
            with within(seconds, what):
                work()
        except Exception as error:
            text = str(error) if isinstance(error, Overdue) else f"{what}: {type(error).__name__}: {error}"
            self._undone.append(text)
            self._history.add("note", "not done", what, text)
            self._say(f"NOT DONE {text}")
            return False
        return True

    def _break(self) -> None:
        generator = self._generator()
        names = list(self._system.fleet.members)
        self._loaded = self._history.seconds()
        generator.start()
        self._ended.wait(_WARM_SECONDS)
        for number, step in enumerate(schedule(self._options.seed, self._plan, self._plan.rounds, names), 1):
            if self._ended.is_set() or self._history.seconds() - self._loaded > self._options.seconds:
                break
            self._ended.wait(step.pause)
            if not self._step(
                f"{step.fault.kind} {step.fault.target}", _FAULT_SECONDS + step.fault.hold, partial(self._do, step)
            ):
                break
            if number % 10 == 0:
                self._say(f"{number} of {self._plan.rounds} faults done, {self._ledger.accepted} facts accepted")
        self._step("end the load", _STEP_SECONDS, generator.stop)

    def _generator(self) -> Generator:
        shop = Shop(self._options.seed, datetime.now(UTC), self._plan.mix)
        key = self._system.stack.credentials.write_key
        return Generator(SegmentDoor(self._system.door, key), shop, self._ledger, self._plan.rate)

    def _do(self, step: Step) -> None:
        fault = step.fault
        self._history.add("inject", fault.kind, fault.target)
        fault.inject(self._system)
        if fault.hold:
            self._ended.wait(fault.hold)
            fault.heal(self._system)
            self._history.add("heal", fault.kind, fault.target)

    def _heal(self) -> None:
        self._say(f"healing: {self._ledger.accepted} of {self._ledger.attempted} facts were accepted")
        self._step("end what was armed", _STEP_SECONDS, self._system.fleet.disarm)
        self._step("have all processes ready", _STEP_SECONDS, self._system.await_ready)
        self._step("replay what was parked", _STEP_SECONDS, self._replay)
        began = self._history.seconds()
        self._step("come to rest", _REST_SECONDS + self._options.settle_seconds, self._settle)
        self._rested = began + self._settled
        self._step("see what is left under way", _STEP_SECONDS, self._look)
        self._step("end the tap", _STEP_SECONDS, self._tap.stop)
        self._step("end the telemetry", _STEP_SECONDS, self._telemetry.stop)

    def _replay(self) -> None:
        replayed = deliveries.replay_parked(self._system)
        if replayed:
            self._history.add("note", "parked events replayed", "all", str(replayed))

    def _settle(self) -> None:
        self._settled = settle(self._system, self._options.settle_seconds)

    def _look(self) -> None:
        self._residue = Holdings(self._system.client()).residue(queues(self._system))
        self._telemetry.look()

    def _judged(self) -> Result:
        self._say(f"at rest after {self._settled:.0f} s; judging")
        record, found = ledger.read(self._directory / "ledger.jsonl"), list[Observed]()
        self._step("read what the services hold", _JUDGING_SECONDS, lambda: found.append(self._observed(record)))
        hits = {**self._telemetry.sums(), "kills inside a transaction": telling.within_transactions(self._history)}
        if not found:
            return self._result(record, None, Verdict(Colour.RED, list(check_done(self._undone)), []), hits)
        observed = replace(found[0], undone=self._undone)
        return self._result(record, observed, judge(record, observed, hits, self._plan.needed), hits)

    def _result(self, record: ledger.Record, observed: Observed | None, verdict: Verdict, hits: Mapping[str, int]) -> Result:
        """The verdict with all figures, as far as the services could be looked at."""
        timers = observed.timers if observed else ()
        states = [f"{timer.kind} {timer.state}" for timer in timers]
        closed = {"carts bought": len(bought(record, observed))} if observed else {}
        accepted = len(record.accepted)
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
            accepted=accepted,
            recovered=recovered(record, observed) if observed else 0,
            faults=telling.faults(self._history),
            deaths=telling.deaths(self._history),
            hits=hits,
            lateness=lateness(record, timers),
            timers={state: states.count(state) for state in sorted(set(states))} | closed,
            settle_seconds=round(self._settled, 1),
            services=tallies(record, observed) if observed and observed.residue.at_rest else {},
            figures=telling.outage(self._history, accepted, self._loaded, self._rested) if self._residue.at_rest else {},
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

    def _saved(self, result: Result) -> None:
        path = results.save(result, self._history.path, self._options.results)
        for finding in result.findings:
            self._say(f"BROKEN {finding}")
        self._say(f"{result.colour.upper()}: {result.accepted} facts accepted, {result.recovered} recovered; {path}")
        for missing in result.missing:
            self._say(f"MISSING {missing}")
