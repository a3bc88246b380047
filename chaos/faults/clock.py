"""One process whose clock is minutes off, by libfaketime (Debian's package `libfaketime`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import ClassVar

from chaos.system.whole import System

_PLACES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1")


@dataclass(frozen=True)
class WrongClock:
    """A process that starts anew with a wall clock `seconds` ahead (or behind). Its monotonic clock is right."""

    target: str
    seconds: int
    hold: float
    kind: ClassVar[str] = "clock off"

    def inject(self, system: System) -> None:
        found = library()
        assert found is not None, "a plan without the library has no such fault"
        wrong = {"LD_PRELOAD": found, "FAKETIME": f"{self.seconds:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        system.fleet.kill(self.target, environment=wrong)
        system.await_ready([self.target])

    def heal(self, system: System) -> None:
        system.fleet.kill(self.target)


def library() -> str | None:
    """The library to load before all others; None where it is not installed."""
    return next((place for place in _PLACES if Path(place).exists()), None)


def wrong_clock(random: Random, names: Sequence[str]) -> WrongClock:
    return WrongClock(names[0], random.choice([-300, 300]), random.uniform(10.0, 15.0))
