"""The collector's worker: the relay that publishes what was accepted, and the reader of the AMQP door."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.collector.doors import Doors
from services.collector.storage import EVENTS, Storage
from shared.consume import Reader
from shared.outbox import Relay
from shared.topology import INTAKE_QUEUE


def intake(database: Any, letters: Sequence[tuple[dict[str, Any], bytes]]) -> None:
    """Take what shops published to `shop.intake`; a message is acknowledged when this returns. Raises StoreAway."""
    Doors(Storage(database)).intake(letters, datetime.now(UTC))


class Collector:
    """Publishes `shop.events` from the archive, and takes events from the exchange `shop.intake`."""

    name = "collector"
    relay = Relay(EVENTS, keep=True)
    intake = Reader(INTAKE_QUEUE, intake)
