"""How many messages make a batch: as many as are handled well before the database ends a transaction.

What a batch takes has a part that is the same for any number of messages, the commit above all, and one that grows with them. Only the
latter gets less by taking fewer. On a machine without a processor to spare the former may be seconds: then batches of two take as long as
those of two hundred, and whoever takes fewer and fewer comes to a standstill.
"""

from collections import deque
from statistics import fmean

SLOW_SECONDS = 3.0  # MongoDB ends a transaction after 5 here, 60 by default
_REMEMBERED = 12
_SMALLER, _CLEARLY = 0.6, 0.7


class Pace:
    """The size of the next batch, out of what the last ones took. `most` is what it begins with and never exceeds."""

    def __init__(self, most: int) -> None:
        self.size = self._most = most
        self._recent: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    def took(self, messages: int, seconds: float) -> None:
        """Learn from a batch: grow while batches are quick, shrink while they are slow and fewer messages make them quicker."""
        self._recent.append((messages, seconds))
        if seconds <= SLOW_SECONDS or not self._fewer_help():
            self.size = min(self._most, self.size + self.size // 4 + 1)
        elif 2 * messages > self.size:
            self.size = self.size // 2 + 1

    def _fewer_help(self) -> bool:
        """Whether smaller batches took clearly less time than larger ones, or nothing is known of smaller ones."""
        bound = _SMALLER * max(messages for messages, _ in self._recent)
        few = [seconds for messages, seconds in self._recent if messages <= bound]
        many = [seconds for messages, seconds in self._recent if messages > bound]
        return not few or fmean(few) < _CLEARLY * fmean(many)
