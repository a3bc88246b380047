"""One measured run: how many, how long, at what cost of processor time."""

from dataclasses import dataclass, field

from benchmarks.processor import Spent


@dataclass(frozen=True)
class Trial:
    """`seconds` of wall time and `spent` seconds of processor time, by group of processes, for `count` orders, events or messages.

    `apart` is what each of the services spent, where it was looked at.
    """

    count: int
    seconds: float
    spent: Spent
    apart: Spent = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.count / self.seconds

    @property
    def cost(self) -> float:
        """Milliseconds of processor time for one, in all groups together."""
        return sum(self.spent.values()) / self.count * 1000

    def cost_in(self, group: str) -> float:
        """Milliseconds of processor time for one, in one group."""
        return self.spent[group] / self.count * 1000
