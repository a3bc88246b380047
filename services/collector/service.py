"""The collector's worker: the relay that publishes what was accepted, imports of tills, the readers of the AMQP door and of unrouted
events, and an inbox for what people ask about the archive.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.collector.doors import Doors
from services.collector.imports import Imports
from services.collector.storage import EVENTS, HOLDINGS, Storage
from shared.config import load
from shared.consume import Inbox, Reader, bury
from shared.outbox import Relay
from shared.topology import INTAKE_QUEUE, SHOP_EVENTS, UNROUTED


def intake(database: Any, letters: Sequence[tuple[dict[str, Any], bytes]]) -> None:
    """Take what shops published to `shop.intake`; a message is acknowledged when this returns. Raises StoreAway."""
    Doors(Storage(database), phone_region=load("collector").phone_region).intake(letters, datetime.now(UTC))


class Collector:
    """Publishes `shop.events` from the archive, takes events from the exchange `shop.intake`, and parks what nobody listens to."""

    name = "collector"
    inbox = Inbox()
    hears_of_keys = True
    holdings = HOLDINGS
    relay = Relay(EVENTS, keep=True)
    answers = Relay(title="answers")
    imports = Imports()
    intake = Reader(INTAKE_QUEUE, intake)
    unrouted = Reader(UNROUTED, bury("no service was bound to this event: declare the topology, then replay", SHOP_EVENTS))
