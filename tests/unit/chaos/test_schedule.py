"""Schedules: the same seed gives the same faults, every kind comes up, and processes take turns."""

from collections import Counter
from dataclasses import replace

import pytest

from chaos.faults.processes import Kill
from chaos.plans import PLANS
from chaos.schedule import makers, schedule

NAMES = ["collector", "profiles", "reengagement", "reengagement-2", "analytics"]


@pytest.mark.parametrize("plan", PLANS)
def test_the_same_seed_gives_the_same_schedule(plan: str) -> None:
    assert schedule(1, PLANS[plan], 50, NAMES) == schedule(1, PLANS[plan], 50, NAMES)


def test_another_seed_gives_another_schedule() -> None:
    assert schedule(1, PLANS["everything"], 50, NAMES) != schedule(2, PLANS["everything"], 50, NAMES)


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_has_no_fault_that_cannot_be_made(plan: str) -> None:
    assert PLANS[plan].weights.keys() <= makers(PLANS[plan]).keys()


def test_every_kind_of_fault_of_a_plan_comes_up() -> None:
    plan = PLANS["everything"]
    made = {step.fault.kind for step in schedule(3, plan, len(plan.weights), NAMES)}
    assert {"kill -9", "SIGTERM", "disk full", "clock off", "memory alarm", "poison", "connections reset"} <= made


def test_processes_are_killed_in_turns() -> None:
    plan = PLANS["kills"]
    kills = [step.fault for step in schedule(4, plan, 200, NAMES) if isinstance(step.fault, Kill)]
    times = Counter(kill.target for kill in kills)
    assert times.keys() == set(NAMES)
    assert max(times.values()) - min(times.values()) <= 20


def test_an_outage_is_as_long_as_it_is_told_to_be() -> None:
    plan = replace(PLANS["outage"], minutes=10.0)
    assert [step.fault.hold for step in schedule(5, plan, 1, NAMES)] == [600.0]
