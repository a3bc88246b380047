"""Stages of the journey by brute force: what stage a buyer is in at a moment, asked for every moment at which it could change."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any


@dataclass(frozen=True, slots=True)
class StageRules:
    """What the shop set: how many orders, and how long without one, make which stage."""

    active_orders: int
    loyal_orders: int
    loyal_within: timedelta | None
    at_risk: timedelta
    lapsed: timedelta

    @staticmethod
    def of(settings: Mapping[str, Any]) -> "StageRules":
        """The rules as profiles shows them."""
        within = settings["loyal_within_days"]
        return StageRules(
            settings["active_orders"],
            settings["loyal_orders"],
            timedelta(days=within) if within else None,
            timedelta(days=settings["at_risk_days"]),
            timedelta(days=settings["lapsed_days"]),
        )


def stage_at(orders: Sequence[datetime], at: datetime, rules: StageRules) -> str | None:
    """The stage of somebody with these orders, earliest first, at a moment; None before the first of them."""
    placed = [one for one in orders if one <= at]
    if not placed:
        return None
    idle = at - placed[-1]
    if idle >= rules.lapsed:
        return "lapsed"
    if idle >= rules.at_risk:
        return "at_risk"
    if len(placed) > 1 and placed[-1] - placed[-2] > rules.lapsed:
        return "won_back"
    many = placed[-rules.loyal_orders :]
    if len(many) == rules.loyal_orders and (rules.loyal_within is None or at - many[0] < rules.loyal_within):
        return "loyal"
    return "active" if len(placed) >= rules.active_orders else "first_time"


def stages(orders: Sequence[datetime], rules: StageRules, now: datetime) -> list[tuple[str, datetime]]:
    """Every stage that somebody came into up to now, and when."""
    spans = [timedelta(0), rules.at_risk, rules.lapsed, *([rules.loyal_within] if rules.loyal_within else [])]
    found: list[tuple[str, datetime]] = []
    for at in sorted({one + span for one in orders for span in spans}):
        stage = stage_at(orders, at, rules)
        if at <= now and stage and (not found or found[-1][0] != stage):
            found.append((stage, at))
    return found


@dataclass
class Passages:
    """How many came into each stage, and how many went on from one to another."""

    entered: Counter[str] = field(default_factory=Counter)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, stages: Iterable[str], sign: int = 1) -> None:
        """One customer's stages, in their order; with the sign -1 taken away."""
        named = list(stages)
        for stage in named:
            self.entered[stage] += sign
        for step in pairwise(named):
            self.passed[step] += sign

    def stopped(self, stage: str) -> int:
        """Those who have not gone on from a stage."""
        return self.entered[stage] - sum(number for (origin, _), number in self.passed.items() if origin == stage)

    def told(self) -> dict[str, int]:
        """All figures by what they say; those that are nothing left out."""
        moves = {f"{origin} to {stage}": number for (origin, stage), number in self.passed.items()}
        return {name: number for name, number in {**self.entered, **moves}.items() if number}


def passages(lives: Iterable[Sequence[datetime]], rules: StageRules, now: datetime) -> Passages:
    """The journey of many, each with their orders."""
    found = Passages()
    for orders in lives:
        found.add(stage for stage, _ in stages(orders, rules, now))
    return found
