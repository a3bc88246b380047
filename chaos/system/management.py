"""What the broker says of its queues, by its management API. Its figures are up to five seconds old."""

import base64
import json
from typing import Any
from urllib.request import Request, urlopen

from deploy.local.credentials import ADMIN
from deploy.local.rabbitmq import RabbitServer

STALE_SECONDS = 6.0


def queues_of(rabbit: RabbitServer, password: str) -> list[dict[str, Any]]:
    """Every queue with its `name`, `messages` and `consumers`. Raises OSError while the broker is away."""
    token = base64.b64encode(f"{ADMIN}:{password}".encode()).decode()
    request = Request(f"{rabbit.management_url}/api/queues", headers={"Authorization": f"Basic {token}"})  # noqa: S310 - our own
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
        found: list[dict[str, Any]] = json.loads(answer.read())
    return found
