"""What can happen in a run, and how often."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta


@dataclass(frozen=True)
class Scenario:
    """Probabilities are per wait or per fault point; `actions` names what the nemesis does, drawn evenly."""

    name: str
    actions: tuple[str, ...] = ()
    seconds: float = 5.0  # until everything heals
    kill_at_points: float = 0.0
    store_breaks: float = 0.0
    broker_breaks: float = 0.0
    broker_refuses: float = 0.0
    skew: timedelta = timedelta(0)
    poison: int = 0  # events that a handler raises at
    bombs: int = 0  # events that end the process which handles them
    undecodable: int = 0
    binds_late: bool = False
    largest_backlog: int = 8 * 1024**3
    delivery_limit: int = 50
    most_writes: int = 10_000  # in one transaction, before the database has no time left for it


STORM = Scenario(
    "storm",
    ("kill", "kill", "pause", "stop", "fail over", "restart broker", "repeat", "repeat", "cut"),
    kill_at_points=0.004,
    store_breaks=0.01,
    broker_breaks=0.003,
    broker_refuses=0.01,
    skew=timedelta(minutes=5),
)
SCENARIOS = (
    STORM,
    Scenario("calm"),
    Scenario("rolling restarts", ("stop", "stop"), skew=timedelta(minutes=5)),
    Scenario("poison", ("repeat", "pause"), poison=2, undecodable=2, store_breaks=0.005, broker_refuses=0.05),
    Scenario("bombs", bombs=1, seconds=9.0),
    replace(STORM, name="dead letters", bombs=1, delivery_limit=3, seconds=8.0),
    Scenario("late bindings", ("kill", "cut"), binds_late=True, broker_refuses=0.05, store_breaks=0.01),
    Scenario("slow database", ("kill", "repeat"), most_writes=22),
    Scenario("full queues", ("nobody reads", "kill"), largest_backlog=120, broker_refuses=0.02),
)
_WEIGHTS = (8, 1, 1, 2, 1, 1, 1, 1, 1)


def scenario_of(chance: random.Random, name: str = "") -> Scenario:
    """The scenario of that name, or one by chance."""
    drawn = chance.choices(SCENARIOS, _WEIGHTS)[0]
    return next(one for one in SCENARIOS if one.name == name) if name else drawn
