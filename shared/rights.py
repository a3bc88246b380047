"""What a service may do on the broker: the least that lets it work.

RabbitMQ knows three rights: *configure* creates and deletes, *write* publishes to an exchange, *read* consumes from a queue. Each is a
regular expression over names that must match from start to end. Services get no configure at all: what exists is decided by
`shared.topology` alone.
"""

import re
from dataclasses import dataclass

from shared.topology import INTAKE_QUEUE, SHOP_EVENTS, UNROUTED

NOTHING = "^$"


@dataclass(frozen=True)
class Rights:
    """What one user may configure, write and read."""

    configure: str
    write: str
    read: str


def service_rights(service: str) -> Rights:
    """Its own exchanges and its own queues. The collector speaks for the source `shop`, empties the AMQP door and the last net."""
    own = re.escape(service)
    exchanges, queues = rf"{own}\.(events|inbox|dead)", rf"{own}\.(inbox\.\d+|dead)"
    if service == "collector":
        exchanges = rf"{re.escape(SHOP_EVENTS)}|{exchanges}"
        queues = rf"{queues}|{re.escape(INTAKE_QUEUE)}|{UNROUTED}"
    return Rights(NOTHING, f"^({exchanges})$", f"^({queues})$")
