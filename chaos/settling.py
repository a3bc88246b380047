"""Waiting until nothing is under way any more: the state in which the checker looks."""

import math
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

    When nothing became less for `seconds` it returns all the same: what is left is for the checker to say. A slow machine may take long.
    """
    began = time.monotonic()
    least, progress, quiet_since = math.inf, began, None
    holdings = Holdings(system.client())
    while time.monotonic() - progress < seconds:
        left = _left(system, holdings)
        if left == 0:
            quiet_since = quiet_since or time.monotonic()
            if time.monotonic() - quiet_since >= STALE_SECONDS:
                return quiet_since - began
        else:
            quiet_since = None
        if left < least:
            least, progress = left, time.monotonic()
        time.sleep(0.5)
    return time.monotonic() - began


def queues(system: System) -> Mapping[str, int]:
    """Messages by queue, those in somebody's hands included; queues of our own left out."""
    found = queues_of(system.rabbit, system.stack.credentials.rabbit[ADMIN])
    return {queue["name"]: queue.get("messages", 0) for queue in found if queue["name"] not in (tap.QUEUE, probes.QUEUE)}


def _left(system: System, holdings: Holdings) -> float:
    """How much is under way: messages, rows of outboxes, due timers. Without an answer nobody knows."""
    try:
        residue = holdings.residue(queues(system))
    except (OSError, HTTPException, PyMongoError):
        return math.inf
    return sum(residue.queues.values()) + sum(residue.outboxes.values()) + residue.overdue
