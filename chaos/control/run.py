"""One run of the control: the same generator, ledger and faults, and then a count of what was lost and doubled."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from benchmarks.effects import EFFECTS
from chaos import ledger
from chaos.control.counting import Tally, tally, tally_of_sum
from chaos.control.plain import PlainSystem
from chaos.faults.processes import Kill, KillPair, Roll, kill, kill_pair, roll
from chaos.faults.servers import Away, KillServer, database_away
from chaos.history import History
from chaos.results import DIRECTORY
from chaos.system.management import STALE_SECONDS
from chaos.workload.doors import PlainDoor
from chaos.workload.generator import Generator
from chaos.workload.shop import Mix, Shop

CONTROL = DIRECTORY / "control"
_RATE = 40.0
_PAUSE = (0.2, 1.0)
_ORDERS_ONLY = Mix(carts=0.0, refunds=0.0, cancellations=0.0, consumables=0.0)
_SUMMED = "analytics"
Say = Callable[[str], None]
ControlFault = Kill | KillPair | Roll | KillServer | Away


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the faults come from, and after how many of them or how many seconds they end."""

    seed: int
    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What the plain way came to under a schedule. `services` tells lost and doubled orders by service."""

    seed: int
    date: str
    command: str
    seconds: float
    attempted: int
    accepted: int
    faults: Mapping[str, Mapping[str, int]]
    services: Mapping[str, Tally]


def run_control(seed: int, rounds: int, seconds: float, command: str, say: Say) -> ControlResult:
    """Do it in a directory that is gone afterwards, save what it came to, and return it."""
    with tempfile.TemporaryDirectory(prefix="chaos-control-") as directory:
        result = _run(Path(directory), Limits(seed, rounds, seconds), command, say)
    CONTROL.mkdir(parents=True, exist_ok=True)
    name = f"{result.date.replace(':', '').replace('-', '')[:15]}-control-{seed}.json"
    (CONTROL / name).write_text(json.dumps(asdict(result), indent=1) + "\n")
    return result


def load_control(directory: Path = CONTROL) -> list[ControlResult]:
    """Every result of the control that is kept, the oldest first."""
    return [_read(path) for path in sorted(directory.glob("*.json"))]


def _run(directory: Path, limits: Limits, command: str, say: Say) -> ControlResult:
    began, history = time.monotonic(), History(directory / "history.jsonl")
    system, book = PlainSystem(directory, history), ledger.Ledger(directory / "ledger.jsonl")
    try:
        say("starting the plain services")
        system.start()
        _break(system, book, limits, say)
        record = ledger.read(directory / "ledger.jsonl")
        services = _services(system, record)
    finally:
        system.stop()
    kinds = {entry.fault for entry in history.entries if entry.act == "inject"}
    return ControlResult(
        seed=limits.seed,
        date=history.began_at.isoformat(timespec="seconds"),
        command=command,
        seconds=round(time.monotonic() - began, 1),
        attempted=len(record.attempted),
        accepted=len(record.accepted),
        faults={kind: history.count("inject", kind) for kind in sorted(kinds)},
        services=services,
    )


def _break(system: PlainSystem, book: ledger.Ledger, limits: Limits, say: Say) -> None:
    random, names = Random(limits.seed), list(system.fleet.members)
    generator = Generator(PlainDoor(system.port), Shop(limits.seed, datetime.now(UTC), _ORDERS_ONLY), book, _RATE)
    generator.start()
    began = time.monotonic()
    try:
        for fault in _faults(random, names, limits.rounds):
            if time.monotonic() - began > limits.seconds:
                break
            _do(system, fault, random.uniform(*_PAUSE))
    finally:
        generator.stop()
    say(f"{book.accepted} of {book.attempted} orders accepted; waiting for the queues to empty")
    system.await_ready()
    _settle(system)


def _do(system: PlainSystem, fault: ControlFault, pause: float) -> None:
    time.sleep(pause)
    system.history.add("inject", fault.kind, fault.target)
    fault.inject(system)
    time.sleep(fault.hold)
    fault.heal(system)


def _faults(random: Random, names: Sequence[str], rounds: int) -> Iterator[ControlFault]:
    """In the proportions of the plans `kills`, `servers`, `rolls` and `away` together; every kind comes up before one does by chance."""
    makers: Mapping[str, tuple[int, Callable[[Sequence[str]], ControlFault]]] = {
        "kill": (9, lambda order: kill(random, order)),
        "pair": (1, lambda order: kill_pair(random, order)),
        "roll": (4, lambda order: roll(random, order)),
        "broker": (2, lambda order: KillServer("rabbitmq")),
        "database": (2, lambda order: KillServer("mongod")),
        "database away": (1, lambda order: database_away(random, order)),
    }
    weights = [weight for weight, _ in makers.values()]
    drawn = [*random.sample(list(makers), len(makers)), *random.choices(list(makers), weights, k=rounds)]
    for kind in drawn[:rounds]:
        yield makers[kind][1](random.sample(list(names), len(names)))


def _settle(system: PlainSystem) -> None:
    """Until all queues have been empty for longer than the broker's statistics are old."""
    empty_since = time.monotonic()
    while time.monotonic() - empty_since < STALE_SECONDS:
        queues = system.queues()
        if not queues or any(queue.get("messages") for queue in queues):
            empty_since = time.monotonic()
        time.sleep(0.5)


def _services(system: PlainSystem, record: ledger.Record) -> dict[str, Tally]:
    found = {}
    for service in EFFECTS:
        rows = system.rows(service)
        if service == _SUMMED:
            found[service] = tally_of_sum(record, sum(row["orders"] for row in rows))
        else:
            found[service] = tally(record, {row["_id"].removeprefix("user:"): row["orders"] for row in rows})
    return found


def _read(path: Path) -> ControlResult:
    values = json.loads(path.read_text())
    return ControlResult(**{**values, "services": {name: Tally(**one) for name, one in values["services"].items()}})
