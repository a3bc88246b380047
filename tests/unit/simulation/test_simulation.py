"""The delivery path in simulated time: whatever dies, breaks, repeats or waits, every effect is there once.

A seed that fails is repeated by the command that the failure names; `python -m tests.simulation 0-10000` looks at more of them.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from unittest import mock

import pytest

from shared import faults, metrics
from shared.envelope import Event
from shared.mailbox import Mailbox
from shared.unit_of_work import Report, UnitOfWork
from tests.simulation.scenario import SCENARIOS
from tests.simulation.simulation import Simulation, simulate
from tests.simulation.verdict import violations

MORE = os.environ.get("SIMULATION_SEEDS")  # of each scenario; else as many as a unit test may take
SEEDS = {"storm": 60}
PATIENCE = 60  # seeds in which a simulation with a known fault has to find it
POINTS = (
    "unit_of_work.after_inbox",
    "unit_of_work.before_outbox",
    "unit_of_work.before_commit",
    "unit_of_work.after_commit",
    "consume.before_ack",
    "timers.before_commit",
    "relay.before_confirm",
    "relay.after_confirm",
)


@cache
def seeds(scenario: str) -> Counter[str]:
    """Run a scenario for every seed, assert that nothing is wrong, and count what was hit."""
    hit: Counter[str] = Counter()
    for seed in range(int(MORE or SEEDS.get(scenario, 10))):
        duplicates = _duplicates()
        run = simulate(seed, scenario)
        found = violations(run)
        assert not found, "\n".join([f"repeat with: python -m tests.simulation {seed} '{scenario}'", *found])
        hit += _hits(run) + Counter({"duplicates": int(_duplicates() - duplicates)})
    return hit


def _duplicates() -> float:
    return sum(
        sample.value for metric in metrics.DUPLICATES.collect() for sample in metric.samples if sample.name.endswith("total")
    )


def _hits(run: Simulation) -> Counter[str]:
    servers = run.servers.values()
    counted = {
        "redeliveries": sum(queue.came_back for queue in run.broker.queues.values()),
        "transactions left open": sum(server.expired for server in servers),
        "writes rolled back": sum(server.rolled_back for server in servers),
        "write conflicts": sum(server.conflicts for server in servers),
        "connections broken": run.link.broken + run.network.broken,
        "timers": sum(row["state"] == "fired" for row in run.servers["toy"].documents("timers")),
    }
    return run.reached + Counter(counted)


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_every_effect_is_there_once(scenario: str) -> None:
    seeds(scenario)


def test_the_storm_hits_what_it_is_for() -> None:
    hit = seeds("storm")
    assert all(hit[point] >= 10 for point in POINTS), hit
    for what in ("redeliveries", "transactions left open", "writes rolled back", "write conflicts", "connections broken"):
        assert hit[what] > 0, what
    assert hit["duplicates"] > 0
    assert sum(count for point, count in hit.items() if point.startswith("killed at")) > 0


def test_a_seed_is_one_run() -> None:
    first, second = simulate(7, "storm"), simulate(7, "storm")
    assert first.world.steps == second.world.steps
    assert first.world.chance.random() == second.world.chance.random()
    assert list(first.servers["toy"].documents("inbox")) == list(second.servers["toy"].documents("inbox"))


def _acknowledge_first(mailbox: Any, messages: list[Any]) -> None:
    mailbox._channel.basic_ack(messages[-1].tag, multiple=True)
    mailbox.handle(mailbox, messages)


def _nothing_is_known(work: Any, events: Sequence[Event], session: Any) -> Report:
    return Report(list(events), [])


def _nothing_is_noted(work: Any, events: Sequence[Event], *rest: Any) -> bool:
    return bool(_write(work, (), *rest))


_write = UnitOfWork._write


@pytest.mark.parametrize(
    ("owner", "method", "faulty"),
    [
        (Mailbox, "_finish", _acknowledge_first),
        (UnitOfWork, "_unseen", _nothing_is_known),
        (UnitOfWork, "_write", _nothing_is_noted),
    ],
    ids=["acknowledged before the commit", "an inbox that is not asked", "an inbox that is not written"],
)
def test_the_simulation_finds_a_fault_that_is_there(owner: type, method: str, faulty: Callable[..., Any]) -> None:
    with mock.patch.object(owner, method, faulty):
        assert any(violations(simulate(seed, "storm")) for seed in range(PATIENCE))


def test_a_simulation_leaves_nothing_behind() -> None:
    reached = faults.reached
    simulate(0, "calm")
    assert faults.reached is reached
