"""Ends this process when the handling of something does not end.

A handler that turns in circles keeps the event loop from turning: no green thread of this process gets its turn any more, and no signal
is answered. So the standard library's `faulthandler` watches, from a thread below the interpreter that needs no lock of it: it writes where
every thread is and ends the process. The broker gives back what was in hand, and a message that ends every process which handles it alone
is set aside (shared/suspects.py).
"""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_STANDARD_ERROR = 2  # by its number: a test may have put something else in the place of sys.stderr


class Watchdog:
    """The one watch that a process has, for any number of things that go on at once."""

    def __init__(self) -> None:
        self._ends: dict[object, float] = {}

    @contextmanager
    def watching(self, seconds: float) -> Iterator[None]:
        """Let something take up to so many seconds; 0: as long as it likes."""
        if seconds <= 0:
            yield
            return
        one = object()
        self._ends[one] = monotonic() + seconds
        self._arm()
        try:
            yield
        finally:
            del self._ends[one]
            self._arm()

    def _arm(self) -> None:
        """For what has to end first."""
        if self._ends:
            left = min(self._ends.values()) - monotonic()
            faulthandler.dump_traceback_later(max(0.001, left), exit=True, file=_STANDARD_ERROR)
        else:
            faulthandler.cancel_dump_traceback_later()


WATCHDOG = Watchdog()
