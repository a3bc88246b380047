"""What a run is told on the command line."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from chaos import results
from chaos.plans import PLANS, Plan


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is told. `rounds` 0 is the plan's own number; after `seconds` no further fault begins.

    `settle_seconds` is how long nothing may change while the system comes to rest, `minutes` how long an outage lasts (0: as the
    plan says).
    `rebuilt` is the share of customers whose state is built anew from the archive.
    """

    plan: str
    seed: int
    rounds: int = 0
    rate: float = 0.0
    seconds: float = math.inf
    settle_seconds: float = 300.0
    rebuilt: float = 1.0
    minutes: float = 0.0
    command: str = ""
    results: Path = results.DIRECTORY

    @property
    def chosen(self) -> Plan:
        plan = PLANS[self.plan]
        minutes = self.minutes or plan.minutes
        return replace(plan, rounds=self.rounds or plan.rounds, rate=self.rate or plan.rate, minutes=minutes)
