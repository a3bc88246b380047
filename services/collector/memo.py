"""Answers remembered for a few seconds, so that a busy door asks the database a few times a second and not per request."""

from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_MOST = 10_000  # answers; strangers must not fill the memory with keys that do not exist


class Memo(Generic[K, V]):
    """`ask(key)`, asked again when the last answer is older than `seconds`. What `ask` raises is not remembered."""

    def __init__(self, ask: Callable[[K], V], seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._ask, self._seconds, self._clock = ask, seconds, clock
        self._answers: dict[K, tuple[float, V]] = {}

    def __call__(self, key: K) -> V:
        known = self._answers.get(key)
        now = self._clock()
        if known is not None and now - known[0] < self._seconds:
            return known[1]
        answer = self._ask(key)
        if len(self._answers) >= _MOST:
            self._answers.clear()
        self._answers[key] = (now, answer)
        return answer

    def __len__(self) -> int:
        return len(self._answers)
