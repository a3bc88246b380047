"""What can be done with the customers once they are there: a scene for each thing, played through the public doors, and checked.

Whatever a scene makes it finds again, or takes back: the demo may be run once more, also after it was interrupted anywhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from rich.console import Console

from demo.cast import Cast
from demo.checks import Check
from demo.figures import Buyer, Figures
from demo.outcomes import Replay
from demo.reader import Reader, identity

T = TypeVar("T")
_ROUND = 0.3


@dataclass(frozen=True)
class Stage:
    """Where scenes are played: the customers of the log and those who are known by name. `patience`: seconds without any progress."""

    replay: Replay
    url: str
    patience: float

    @property
    def reader(self) -> Reader:
        return self.replay.reader

    @property
    def figures(self) -> Figures:
        return self.replay.figures

    @property
    def cast(self) -> Cast:
        return self.replay.cast

    def customer(self, user_id: str, part: str = "", **query: Any) -> Any:
        """What profiles says of a customer, or a part of it. Raises DemoError."""
        return self.reader.get(f"profiles/customers/{identity(user_id)}{part}", **query)

    def buyer(self, user_id: str) -> Buyer:
        return self.figures.buyers[user_id]

    def until(self, found: Callable[[], T], good: Callable[[T], bool]) -> T:
        """What is found once it is good; or what is found still when nothing has moved for as long as the patience lasts."""
        moved, before = time.monotonic(), found()
        while not good(before) and time.monotonic() - moved < self.patience:
            time.sleep(_ROUND)
            answer = found()
            if answer != before:
                moved, before = time.monotonic(), answer
        return before


@dataclass
class Played:
    """What came of a scene: what was compared, and where below `/api/` to look at it."""

    checks: list[Check] = field(default_factory=list)
    look_at: list[str] = field(default_factory=list)


class Scene(Protocol):
    """A scene. What is not possible with so few customers is left out, and said."""

    title: str

    def play(self, console: Console) -> Played: ...
