"""Named points where a test may make this process fail: off unless ALLOW_FAULTS is set, and never set in production.

`FAULT=unit_of_work.before_commit:kill:3` kills the process with SIGKILL the third time that it reaches that point; `raise` raises
InjectedFault there instead, `hang` turns in circles there for ever. A process reads FAULT once, when it starts.
"""

import os
import signal
from dataclasses import dataclass

from shared.errors import SambandhError


class InjectedFault(SambandhError):
    """Raised at a fault point by order of a test."""


@dataclass(slots=True)
class _Fault:
    action: str
    countdown: int


_armed: dict[str, _Fault] = {}


def arm(specification: str) -> None:
    """Arm `point:action[:nth]`; several are separated by commas."""
    for part in filter(None, specification.split(",")):
        point, action, *nth = part.split(":")
        _armed[point] = _Fault(action, int(nth[0]) if nth else 1)


def disarm() -> None:
    _armed.clear()


def reached(point: str) -> None:
    """Do what is armed for `point`, if anything is."""
    if not _armed or point not in _armed:
        return
    fault = _armed[point]
    fault.countdown -= 1
    if fault.countdown > 0:
        return
    if fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    while fault.action == "hang":
        pass
    del _armed[point]
    raise InjectedFault(point)


def arm_from_environment() -> None:
    """Arm what the environment variable FAULT says."""
    arm(os.environ.get("FAULT", ""))
