"""What a run can be told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`seconds` is about how long one trial of one side measures; `customers` are the sizes that growth compares; a
    million takes hours on a small machine and has to be asked for.
    """

    trials: int = 3
    seconds: float = 4.0
    timers: int = 1_000_000
    customers: tuple[int, ...] = (10_000, 100_000)
