"""Waiting until nothing is under way any more: the state in which the checker looks."""

import time
from collections.abc import Mapping
from http.client import HTTPException

from pymongo.errors import PyMongoError

from chaos.holdings import Holdings
from chaos.system import probes, tap
from chaos.system.management import STALE_SECONDS, queues_of
from chaos.system.whole import System
from deploy.local.credentials import ADMIN


def settle(system: System, seconds: float) -> float:
    """Wait until outboxes, queues and due timers are gone and stay gone; returns how long that took.

    After `seconds` it returns all the same: what is left is for the checker to say.
    """
    began, quiet_since = time.monotonic(), None
    holdings = Holdings(system.client())
    while time.monotonic() - began < seconds:
        if _is_quiet(system, holdings):
            quiet_since = quiet_since or time.monotonic()
            if time.monotonic() - quiet_since >= STALE_SECONDS:
                return quiet_since - began
        else:
            quiet_since = None
        time.sleep(0.5)
    return time.monotonic() - began


def queues(system: System) -> Mapping[str, int]:
    """Messages by queue, those in somebody's hands included; queues of our own left out."""
    found = queues_of(system.rabbit, system.stack.credentials.rabbit[ADMIN])
    return {queue["name"]: queue.get("messages", 0) for queue in found if queue["name"] not in (tap.QUEUE, probes.QUEUE)}


def _is_quiet(system: System, holdings: Holdings) -> bool:
    """Whether nothing is under way; a server that does not answer is no quiet one."""
    try:
        residue = holdings.residue(queues(system))
    except (OSError, HTTPException, PyMongoError):
        return False
    return not (any(residue.queues.values()) or any(residue.outboxes.values()) or residue.overdue)
