"""Waiting until the client has delivered everything and each service has all of it.

Where the services have everything already from an earlier run, their time is that of the client: repeated messages reach no service.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.display import Watching
from demo.outcomes import Outcome, Reached
from demo.shop import Shop

_WHILE_SENDING = 4.0  # between two rounds of questions, which cost the machine something too
_AFTERWARDS = 1.0


@dataclass
class Timing:
    """Seconds since the first order was handed to the client; `services` holds those that got everything, in that order."""

    began: float
    sent: float = 0.0
    services: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def end_to_end(self) -> float:
        """Until the last service had everything."""
        return max(self.services.values(), default=self.sent)

    def now(self) -> float:
        return time.monotonic() - self.began


def wait(shop: Shop, outcomes: Sequence[Outcome], timing: Timing, watching: Watching, patience: float) -> None:
    """Return when all is delivered and every service is at the end, or when nothing has moved for `patience` seconds.

    Raises DemoError for messages that the client gave up on.
    """
    pending, known = list(outcomes), dict[str, Reached]()
    moved = time.monotonic()
    while pending or not timing.sent:
        if _deliver(shop, timing, watching):
            moved = time.monotonic()
        for outcome in list(pending):
            reached = outcome.reached()
            watching.tell(outcome.name, reached.done, reached.of, reached.unit)
            if reached != known.get(outcome.name):
                known[outcome.name], moved = reached, time.monotonic()
            if reached.complete and timing.sent:
                timing.services[outcome.name] = timing.now()
                pending.remove(outcome)
        if time.monotonic() - moved > patience:
            timing.missing = [outcome.name for outcome in pending]
            return
        watching.round()
        _pause(shop, timing, watching)


def _deliver(shop: Shop, timing: Timing, watching: Watching) -> bool:
    """Look at the client's queue; whether it moved. Notes when it is empty."""
    before, delivered = watching.done("sending"), shop.delivered
    watching.tell("sending", delivered, shop.handed_over, "messages")
    if delivered == shop.handed_over and not timing.sent:
        shop.check()
        timing.sent = timing.now()
    return delivered != before


def _pause(shop: Shop, timing: Timing, watching: Watching) -> None:
    """Between two rounds of questions; while the client is sending it is watched all the while, and its end ends the pause."""
    was_sending = not timing.sent
    until = time.monotonic() + (_WHILE_SENDING if was_sending else _AFTERWARDS)
    while time.monotonic() < until and was_sending == (not timing.sent):
        time.sleep(_AFTERWARDS / 4)
        if was_sending:
            _deliver(shop, timing, watching)
