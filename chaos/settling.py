"""Waiting until nothing is under way any more: the state in which the checker looks."""

import time
from collections.abc import Mapping
from http.client import HTTPException

from pymongo.errors import PyMongoError

from chaos.checker.evidence import Residue
from chaos.holdings import Holdings
from chaos.system import probes, tap
from chaos.system.management import STALE_SECONDS, queues_of
from chaos.system.whole import System
from deploy.local.credentials import ADMIN


def settle(system: System, seconds: float) -> float:
    """Wait until outboxes, queues and due timers are gone and stay gone; returns how long that took.

    When nothing changed for `seconds` it returns all the same: what is left is for the checker to say. A slow machine may take long. What
    is left need not become less all the time: an event leaves one outbox for six queues, and what follows from it goes into outboxes.
    """
    began = changed = time.monotonic()
    before, quiet_since = None, None
    holdings = Holdings(system.client())
    while time.monotonic() - changed < seconds:
        left = _left(system, holdings)
        if left is not None and left.at_rest:
            quiet_since = quiet_since or time.monotonic()
            if time.monotonic() - quiet_since >= STALE_SECONDS:
                return quiet_since - began
        else:
            quiet_since = None
        if left != before:
            before, changed = left, time.monotonic()
        time.sleep(0.5)
    return time.monotonic() - began


def queues(system: System) -> Mapping[str, int]:
    """Messages by queue, those in somebody's hands included; queues of our own left out."""
    found = queues_of(system.rabbit, system.stack.credentials.rabbit[ADMIN])
    return {queue["name"]: queue.get("messages", 0) for queue in found if queue["name"] not in (tap.QUEUE, probes.QUEUE)}


def _left(system: System, holdings: Holdings) -> Residue | None:
    """What is under way; None where that cannot be asked."""
    try:
        return holdings.residue(queues(system))
    except (OSError, HTTPException, PyMongoError):
        return None
