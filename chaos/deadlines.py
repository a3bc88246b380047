"""A time limit for a part of a run, whatever it waits for: a run ends in a verdict, never in somebody's patience.

The limit is an alarm signal, which breaks into every wait of the main thread: a read, a lock, a sleep, another process.
"""

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_AGAIN_SECONDS = 5.0  # what caught the exception is told again


class Overdue(Exception):
    """A part of a run took too long; the text says which, and where every thread of the run was."""


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Let the main thread do something for up to so many seconds. Raises Overdue. Limits do not nest."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Overdue(f"{what}: not done within {seconds:.0f} s; {whereabouts(frame)}")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def whereabouts(main: FrameType | None) -> str:
    """Where each thread is, by its innermost three calls; `main` is the main thread's frame, as a signal's handler is given it."""
    frames = sys._current_frames()
    places = [("main", main)] + [
        (thread.name, frames.get(thread.ident or 0)) for thread in threading.enumerate() if thread is not threading.main_thread()
    ]
    return "; ".join(f"{name} at {_place(frame)}" for name, frame in places if frame is not None)


def _place(frame: FrameType) -> str:
    calls = traceback.extract_stack(frame)[-3:]
    return " > ".join(f"{Path(call.filename).name}:{call.lineno} {call.name}" for call in calls)
