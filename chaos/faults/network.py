"""Faults of the network between services and their servers, and between the outside and the gateway, through the proxy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from chaos.faults.fault import Passing
from chaos.proxy.behaviour import CLEAR, Behaviour, Weather
from chaos.system.links import HTTP, links
from chaos.system.whole import System


@dataclass(frozen=True)
class BadWeather:
    """A link that misbehaves for `hold` seconds."""

    kind: str
    target: str
    weather: Weather
    hold: float

    def inject(self, system: System) -> None:
        system.proxy.change(self.target, self.weather)

    def heal(self, system: System) -> None:
        system.proxy.change(self.target, CLEAR)


@dataclass(frozen=True)
class Reset(Passing):
    """Every connection of a link is reset."""

    target: str
    kind: ClassVar[str] = "connections reset"

    def inject(self, system: System) -> None:
        system.proxy.reset(self.target)


def delay(random: Random, names: Sequence[str]) -> BadWeather:
    late = Behaviour(delay=random.uniform(0.1, 0.8))
    return BadWeather("network late", _link(random), Weather(late, late), random.uniform(5.0, 10.0))


def slow(random: Random, names: Sequence[str]) -> BadWeather:
    thin = Behaviour(rate=random.randrange(10_000, 100_000))
    return BadWeather("network slow", _link(random), Weather(thin, thin), random.uniform(5.0, 10.0))


def black_hole(random: Random, names: Sequence[str]) -> BadWeather:
    """Bytes vanish in one direction or in both, and nobody is told."""
    gone, usual = Behaviour(black_hole=True), Behaviour()
    name, weather = random.choice(
        [("up", Weather(gone, usual)), ("down", Weather(usual, gone)), ("both ways", Weather(gone, gone))]
    )
    return BadWeather(f"network black hole {name}", _link(random), weather, random.uniform(8.0, 20.0))


def cut(random: Random, names: Sequence[str]) -> BadWeather:
    """Every connection is reset in the middle of what it carries, after so many bytes."""
    short = Behaviour(cut_after=round(10 ** random.uniform(2.0, 4.7)))
    weather = random.choice([Weather(up=short), Weather(down=short)])
    return BadWeather("network cut after bytes", _link(random), weather, random.uniform(3.0, 8.0))


def hold(random: Random, names: Sequence[str]) -> BadWeather:
    """Answers are kept back, and come after all: commits are known to the server alone for a while."""
    return BadWeather("network answers held", _link(random), Weather(down=Behaviour(hold=True)), random.uniform(5.0, 20.0))


def reset(random: Random, names: Sequence[str]) -> Reset:
    return Reset(_link(random))


def _link(random: Random) -> str:
    """A link of the gateway once in seven times; else one of a service."""
    return HTTP if random.random() < 1 / 7 else random.choice([name for name in links() if name != HTTP])


MAKERS: Mapping[str, Callable[[Random, Sequence[str]], BadWeather | Reset]] = {
    "delay": delay,
    "slow": slow,
    "black hole": black_hole,
    "cut": cut,
    "hold": hold,
    "reset": reset,
}
