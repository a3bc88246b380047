"""Environment → `Settings`: where the stack keeps its state and which ports it takes."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from urllib.parse import quote

from deploy.local.errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ("collector", "profiles", "reengagement", "campaigns", "support", "social", "analytics")
LOOPBACK = "127.0.0.1"

# Environment name, default. Far from the servers' usual ports, so that a MongoDB or RabbitMQ that is already on the
# machine stays untouched.
_PORTS = {
    "GATEWAY_PORT": 8080,
    "ENVOY_ADMIN_PORT": 9901,
    "MONGO_PORT": 27117,
    "AMQP_PORT": 5772,
    "EPMD_PORT": 4469,
    "RABBITMQ_DIST_PORT": 25772,
    "RABBITMQ_MANAGEMENT_PORT": 15772,
    "RABBITMQ_PROMETHEUS_PORT": 15792,
}
_SERVICE_PORT_BASE = 8100
_FIRST_FREE_PORT = 10_000
_OUTGOING_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_CHANCE = SystemRandom()  # whoever seeds the other one would be given the same ports as a neighbour
_given: set[int] = set()
_MAIL = ("MAIL_URL", "MAIL_FROM", "PUBLIC_URL")
_METRICS_OFFSET = 50


@dataclass(frozen=True)
class ServicePorts:
    """The two listeners of one service process: what the gateway routes to, and what only operations see."""

    api: int
    metrics: int


@dataclass(frozen=True)
class Settings:
    """Everything that `up` can be told. Ports are TCP ports; rates are requests per second."""

    run_dir: Path
    ports: Mapping[str, int]
    services: Mapping[str, ServicePorts]
    gateway_address: str = LOOPBACK
    event_rate: int = 1000
    api_rate: int = 200
    amqp_uri: str | None = None
    mongo_uri: str | None = None
    log_level: str = "INFO"
    mail: Mapping[str, str] = field(default_factory=dict)

    @property
    def mail_environment(self) -> dict[str, str]:
        """How campaigns sends mail: as the user says, else into files below `mail`."""
        local = {"MAIL_URL": f"file://{quote(str(self.run_dir / 'mail'))}", "MAIL_FROM": "Your shop <news@shop.example>"}
        return {"PUBLIC_URL": self.url, **(self.mail or local)}

    @property
    def signing_key_file(self) -> Path:
        """The private key of the local issuer of tokens."""
        return self.run_dir / "signing-key.json"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read and check the environment; every problem is named in the one `StackError`."""
        numbers = _Numbers(environ)
        ports = {name: numbers.port(name, default) for name, default in _PORTS.items()}
        base = numbers.port("SERVICE_PORT_BASE", _SERVICE_PORT_BASE)
        settings = cls(
            run_dir=Path(environ.get("SAMBANDH_RUN_DIR") or REPOSITORY / ".run").resolve(),
            ports=ports,
            services={name: ServicePorts(base + n, base + _METRICS_OFFSET + n) for n, name in enumerate(SERVICES, start=1)},
            gateway_address=environ.get("GATEWAY_ADDRESS", LOOPBACK),
            event_rate=numbers.positive("GATEWAY_EVENT_RATE", 1000),
            api_rate=numbers.positive("GATEWAY_API_RATE", 200),
            amqp_uri=_foreign(environ.get("AMQP_URI"), ports["AMQP_PORT"]),
            mongo_uri=_foreign(environ.get("MONGO_URI"), ports["MONGO_PORT"]),
            log_level=environ.get("LOG_LEVEL", "INFO"),
            mail={name: environ[name] for name in _MAIL if environ.get(name)} if environ.get("MAIL_URL") else {},
        )
        numbers.raise_problems()
        return settings

    @classmethod
    def on_free_ports(cls, run_dir: Path) -> Settings:
        """A stack of its own for a test: nothing shared with another stack, and no rate limit in its way."""
        free = iter(free_ports(len(_PORTS) + 2 * len(SERVICES)))
        return cls(
            run_dir=run_dir,
            ports={name: next(free) for name in _PORTS},
            services={name: ServicePorts(next(free), next(free)) for name in SERVICES},
            event_rate=100_000,
            api_rate=100_000,
        )

    @property
    def url(self) -> str:
        """Where the outside finds the system."""
        return f"http://{LOOPBACK}:{self.ports['GATEWAY_PORT']}"

    def listeners(self) -> dict[str, int]:
        """Every port that `up` will listen on, by the environment name that moves it."""
        ports = dict(self.ports)
        if self.mongo_uri:
            ports.pop("MONGO_PORT")
        if self.amqp_uri:
            for name in ("AMQP_PORT", "EPMD_PORT", *(name for name in _PORTS if name.startswith("RABBITMQ"))):
                ports.pop(name)
        for name, pair in self.services.items():
            ports |= {f"SERVICE_PORT_BASE (API of {name})": pair.api, f"SERVICE_PORT_BASE (metrics of {name})": pair.metrics}
        return ports


def _foreign(uri: str | None, own_port: int) -> str | None:
    """The address of a server of the user's; None for our own, which a shell that has read `.run/env` would hand back to us."""
    return uri if uri and f"@{LOOPBACK}:{own_port}/" not in uri else None


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, none of them given before by this process.

    They are not of those that the system gives to outgoing connections: such a port may be taken before anybody listens on it, or
    while a server that is being restarted does not.
    """
    found: list[int] = []
    while len(found) < count:
        port = _CHANCE.randrange(_FIRST_FREE_PORT, _first_outgoing_port())
        if port not in _given and _is_free(port):
            found.append(port)
            _given.add(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _first_outgoing_port() -> int:
    """Where the ports of outgoing connections begin; some machines give them all but the lowest, and then there is no safe place."""
    try:
        return max(int(_OUTGOING_PORTS.read_text().split()[0]), _FIRST_FREE_PORT + 10_000)
    except OSError:
        return 32_768


class _Numbers:
    """Reads whole numbers and collects what is wrong with them, to report all problems at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def port(self, name: str, default: int) -> int:
        return self._within(name, default, 1, 65535)

    def positive(self, name: str, default: int) -> int:
        return self._within(name, default, 1, 1_000_000)

    def _within(self, name: str, default: int, low: int, high: int) -> int:
        text = self._environ.get(name, "").strip()
        if not text:
            return default
        if not text.isdecimal() or not low <= int(text) <= high:
            self._problems.append(f"{name}={text!r} must be a whole number from {low} to {high}")
            return default
        return int(text)

    def raise_problems(self) -> None:
        if self._problems:
            raise StackError("; ".join(self._problems))
