"""The proxy between the parts: a link for each service and server, and one for the gateway."""

import json
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.proxy.behaviour import Weather
from deploy.local.processes import Process, wait_until
from deploy.local.settings import LOOPBACK, SERVICES, Settings, free_ports

HTTP = "http"
_START_SECONDS = 20.0


def links() -> Sequence[str]:
    """The names of all links."""
    return [HTTP, *(f"{server}-{service}" for server in ("amqp", "mongo") for service in SERVICES)]


class Proxy:
    """The proxy process of one system, and its orders."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.control, *ports = free_ports(1 + len(links()))
        self.ports: Mapping[str, int] = dict(zip(links(), ports, strict=True))
        names = {"amqp": "AMQP_PORT", "mongo": "MONGO_PORT", HTTP: "GATEWAY_PORT"}
        targets = {name: settings.ports[names[name.partition("-")[0]]] for name in links()}
        options = [word for name, port in self.ports.items() for word in ("--link", f"{name}:{port}:{targets[name]}")]
        command = [sys.executable, "-m", "chaos.proxy", "--control", str(self.control), *options]
        self.process = Process("proxy", command, directory)

    def start(self) -> None:
        """Start, and return when it takes orders."""
        self.process.start()
        wait_until(self._listening, self.process, _START_SECONDS)

    def stop(self) -> None:
        self.process.stop()

    def change(self, link: str, weather: Weather) -> None:
        """Give a link its weather, from now on."""
        self._order({"link": link, "weather": weather.to_json()})

    def reset(self, link: str) -> None:
        """Reset every connection of a link."""
        self._order({"link": link, "reset": True})

    def environment(self, service: str, environment: Mapping[str, str]) -> dict[str, str]:
        """A service's environment with both servers behind the proxy.

        The driver would go on to the members that a replica set names, past the proxy; so it is told that this is the only one.
        """
        amqp = _at(environment["AMQP_URI"], self.ports[f"amqp-{service}"])
        mongo = _at(environment["MONGO_URI"], self.ports[f"mongo-{service}"])
        return {**environment, "AMQP_URI": amqp, "MONGO_URI": re.sub(r"replicaSet=\w+", "directConnection=true", mongo)}

    def _order(self, order: Mapping[str, Any]) -> None:
        told(self.control, order)

    def _listening(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.control), timeout=1):
                return True
        except OSError:
            return False


def told(control: int, order: Mapping[str, Any]) -> dict[str, int]:
    """Give the proxy an order, and return the bytes that the link has `taken` and `given`. Raises OSError."""
    with socket.create_connection((LOOPBACK, control), timeout=5) as connection:
        connection.sendall(json.dumps(order).encode() + b"\n")
        with connection.makefile() as answer:
            found: dict[str, int] = json.loads(answer.readline())
            return found


def _at(uri: str, port: int) -> str:
    return re.sub(rf"@{re.escape(LOOPBACK)}:\d+", f"@{LOOPBACK}:{port}", uri)
