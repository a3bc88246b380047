"""The topology in the words of RabbitMQ's definitions files and of its management API."""

from typing import Any

from shared.topology import UNROUTED, Topology

VHOST = "sambandh"
UNROUTED_PATTERN = r"^[a-z]+\.events$"


def definitions(topology: Topology, vhost: str = VHOST) -> dict[str, Any]:
    """What a broker that loads this at its start has: exchanges, queues, bindings and the policy of the last net, all in `vhost`."""
    return {
        "vhosts": [{"name": vhost}],
        "policies": [unrouted_policy(vhost)],
        "exchanges": [
            {
                "name": exchange.name,
                "vhost": vhost,
                "type": exchange.type,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": exchange.arguments,
            }
            for exchange in topology.exchanges
        ],
        "queues": [
            {"name": queue.name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": queue.arguments}
            for queue in topology.queues
        ],
        "bindings": [
            {
                "source": binding.source,
                "vhost": vhost,
                "destination": binding.destination,
                "destination_type": "exchange" if binding.exchange_to_exchange else "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            }
            for binding in topology.bindings
        ],
    }


def unrouted_policy(vhost: str = VHOST) -> dict[str, Any]:
    """Events that no service is bound to go to the exchange `unrouted`.

    A policy and not a declaration argument: nameko declares the events exchanges too, without arguments, and RabbitMQ refuses a second
    declaration whose alternate exchange differs.
    """
    return {
        "name": UNROUTED,
        "vhost": vhost,
        "pattern": UNROUTED_PATTERN,
        "apply-to": "exchanges",
        "definition": {"alternate-exchange": UNROUTED},
        "priority": 0,
    }
