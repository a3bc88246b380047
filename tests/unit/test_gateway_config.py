"""The gateway's configuration: accepted by Envoy as it is in the repository and as it is rendered, with every service behind it."""

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.gateway import CONFIGURATION, command, render
from deploy.local.settings import SERVICES, Settings
from shared.access.signing import SigningKey

KEYS = SigningKey.generate().key_set


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return dataclasses.replace(Settings.on_free_ports(tmp_path), event_rate=70, api_rate=30)


def resources(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)["static_resources"]


def routes(text: str) -> list[dict[str, Any]]:
    manager = resources(text)["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return manager["route_config"]["virtual_hosts"][0]["routes"]


def validate(file: Path) -> None:
    done = subprocess.run([*command(file), "--mode", "validate"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_envoy_accepts_the_file_of_the_repository(tmp_path: Path) -> None:
    """With the key set where this machine can have one: Envoy reads it at once."""
    (tmp_path / "jwks.json").write_text(KEYS)
    file = tmp_path / "envoy.yaml"
    file.write_text(CONFIGURATION.read_text().replace("/etc/sambandh/", f"{tmp_path}/"))
    validate(file)


def test_envoy_accepts_the_rendered_file(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text(render(settings, KEYS))
    validate(file)


def test_every_service_has_a_route_and_an_address(settings: Settings) -> None:
    text = render(settings, KEYS)
    prefixes = {route["match"].get("prefix"): route.get("route", {}).get("cluster") for route in routes(text)}
    addresses = {
        cluster["name"]: cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        for cluster in resources(text)["clusters"]
    }
    for service in SERVICES:
        assert prefixes[f"/api/{service}/"] == service
        assert addresses[service] == {"address": "127.0.0.1", "port_value": settings.services[service].api}
    assert prefixes["/v1/"] == "collector"


def test_rates_of_the_settings_reach_both_doors(settings: Settings) -> None:
    buckets = re.findall(
        r"stat_prefix: (\w+_rate_limit)\s+token_bucket:\s+max_tokens: (\d+)\s+tokens_per_fill: (\d+)", render(settings, KEYS)
    )
    assert sorted(buckets) == [("api_rate_limit", "30", "30"), ("event_rate_limit", "70", "70")]


def test_the_admin_interface_is_on_the_loopback() -> None:
    admin = yaml.safe_load(CONFIGURATION.read_text())["admin"]
    assert admin["address"]["socket_address"]["address"] == "127.0.0.1"


def test_the_access_log_holds_no_path_query_or_client() -> None:
    manager = resources(CONFIGURATION.read_text())["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    logged = " ".join(manager["access_log"][0]["typed_config"]["log_format"]["json_format"].values())
    assert not re.search(r"PATH|QUERY|AGENT|ADDRESS|FORWARDED|AUTHORIZATION", logged, re.IGNORECASE)


@pytest.mark.parametrize(
    ("path", "closed"),
    [
        ("/metrics", True),
        ("/health/live", True),
        ("/healthz", True),
        ("/internal/anything", True),
        ("/api/metrics", True),
        ("/api/profiles/metrics", True),
        ("/api/profiles/health/ready", True),
        ("/v1/internal", True),
        ("/v1/m", False),
        ("/api/support/health-scores", False),
        ("/api/profiles/customers/user:42", False),
    ],
)
def test_operations_pages_are_closed_before_any_other_route(path: str, closed: bool) -> None:
    first = routes(CONFIGURATION.read_text())[0]
    assert first["direct_response"]["status"] == 404
    assert bool(re.fullmatch(first["match"]["safe_regex"]["regex"], path)) == closed
