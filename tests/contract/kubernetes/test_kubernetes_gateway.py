"""The doors in the cluster let through what the local gateway lets through."""

from functools import cache
from typing import Any

import yaml

from deploy.local.gateway import CONFIGURATION
from shared.access.issuers import keys_of
from shared.config import Config
from tests.contract.kubernetes.manifests import Manifests, Object

UNITS = {"Ki": 1024, "Mi": 1024**2}
Route = tuple[str, str, str | int, str]


@cache
def local() -> dict[str, Any]:
    """The connection manager of the local gateway."""
    config = yaml.safe_load(CONFIGURATION.read_text())
    manager: dict[str, Any] = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def virtual_host() -> dict[str, Any]:
    host: dict[str, Any] = local()["route_config"]["virtual_hosts"][0]
    return host


def local_routes() -> set[Route]:
    """(kind of match, path, service or status, timeout)."""
    found: set[Route] = set()
    for route in virtual_host()["routes"]:
        match = route["match"]
        if "safe_regex" in match:
            found.add(("RegularExpression", match["safe_regex"]["regex"], route["direct_response"]["status"], ""))
        elif route["name"] != "unknown":  # Envoy answers what no route fits with 404 by itself
            found.add(("PathPrefix", match["prefix"].rstrip("/"), route["route"]["cluster"], route["route"]["timeout"]))
    return found


def cluster_routes(manifests: Manifests) -> set[Route]:
    found: set[Route] = set()
    for route in manifests.of("HTTPRoute").values():
        for rule in route["spec"]["rules"]:
            (match,) = rule["matches"]
            path = match["path"]
            found.add((path["type"], path["value"], target(manifests, rule), rule.get("timeouts", {}).get("request", "")))
    return found


def target(manifests: Manifests, rule: Object) -> str | int:
    """The service that a rule leads to, or the status that it answers with."""
    if "filters" in rule:
        (filter_,) = rule["filters"]
        answer = manifests.one("HTTPRouteFilter", filter_["extensionRef"]["name"])
        return int(answer["spec"]["directResponse"]["statusCode"])
    (backend,) = rule["backendRefs"]
    service = manifests.one("Service", backend["name"])
    assert backend["port"] in {port["port"] for port in service["spec"]["ports"]}
    return str(service["spec"]["selector"]["app.kubernetes.io/name"])


def test_both_gateways_have_the_same_routes(manifests: Manifests) -> None:
    assert cluster_routes(manifests) == local_routes()
    assert len(local_routes()) == 9


def test_every_route_hangs_on_the_one_gateway(manifests: Manifests) -> None:
    assert set(manifests.of("Gateway")) == {"doors"}
    for route in manifests.of("HTTPRoute").values():
        assert route["spec"]["parentRefs"] == [{"name": "doors"}]


def limits(part: dict[str, Any]) -> dict[str, Any]:
    """Requests a second of a rate limit in the local configuration."""
    limit: dict[str, Any] = part["typed_per_filter_config"]["envoy.filters.http.local_ratelimit"]["token_bucket"]
    assert limit["fill_interval"] == "1s"
    return limit


def quantity(text: str) -> int:
    return int(text[:-2]) * UNITS[text[-2:]]


def test_both_gateways_limit_rates_and_bodies_alike(manifests: Manifests) -> None:
    events = next(route for route in virtual_host()["routes"] if route["name"] == "events")
    buffer = events["typed_per_filter_config"]["envoy.filters.http.buffer"]["buffer"]["max_request_bytes"]
    everywhere = next(one for one in local()["http_filters"] if one["name"].endswith("buffer"))["typed_config"][
        "max_request_bytes"
    ]
    expected = {
        "events": (limits(events)["tokens_per_fill"], buffer),
        "apis": (limits(virtual_host())["tokens_per_fill"], everywhere),
    }
    found = {}
    for name, policy in manifests.of("BackendTrafficPolicy").items():
        (rule,) = policy["spec"]["rateLimit"]["local"]["rules"]
        assert rule["limit"]["unit"] == "Second"
        assert policy["spec"]["targetRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": name}]
        found[name] = (rule["limit"]["requests"], quantity(policy["spec"]["requestBuffer"]["limit"]))
    assert found == expected


def test_neither_gateway_repeats_a_request_that_a_service_may_have_seen(manifests: Manifests) -> None:
    safe = {"connect-failure", "refused-stream", "reset-before-request"}
    for route in virtual_host()["routes"]:
        if "route" in route:
            assert set(route["route"]["retry_policy"]["retry_on"].split(",")) <= safe
    for policy in manifests.of("BackendTrafficPolicy").values():
        assert set(policy["spec"]["retry"]["retryOn"]["triggers"]) <= safe


def test_both_gateways_meet_clients_alike(manifests: Manifests) -> None:
    clients, manager = manifests.one("ClientTrafficPolicy", "clients")["spec"], local()
    removed = manager["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    assert set(clients["headers"]["earlyRequestHeaders"]["remove"]) == {one["remove"] for one in removed}
    assert clients["headers"]["withUnderscoresAction"] == "DropHeader"
    assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "DROP_HEADER"
    assert clients["path"] == {"disableMergeSlashes": not manager["merge_slashes"], "escapedSlashesAction": "KeepUnchanged"}
    assert manager["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"
    assert clients["timeout"]["http"] == {
        "requestReceivedTimeout": manager["request_timeout"],
        "idleTimeout": manager["common_http_protocol_options"]["idle_timeout"],
        "streamIdleTimeout": manager["stream_idle_timeout"],
    }
    assert clients["http2"]["maxConcurrentStreams"] == manager["http2_protocol_options"]["max_concurrent_streams"]


def test_production_speaks_tls_and_development_does_not_pretend_to(rendered: dict[str, Manifests]) -> None:
    (secure,) = rendered["production"].one("Gateway", "doors")["spec"]["listeners"]
    assert (secure["protocol"], secure["port"], secure["tls"]["mode"]) == ("HTTPS", 443, "Terminate")
    (plain,) = rendered["dev"].one("Gateway", "doors")["spec"]["listeners"]
    assert (plain["protocol"], "tls" in plain) == ("HTTP", False)


def test_both_gateways_ask_for_the_same_tokens_at_the_same_doors(manifests: Manifests) -> None:
    (filter_,) = (one["typed_config"] for one in local()["http_filters"] if one["name"] == "envoy.filters.http.jwt_authn")
    ((name, provider),) = filter_["providers"].items()
    (rule,) = filter_["rules"]
    policy = manifests.one("SecurityPolicy", "access")["spec"]
    (other,) = policy["jwt"]["providers"]
    assert rule["match"]["prefix"] == "/api/"
    assert policy["targetRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "apis"}]
    assert rule["requires"]["requires_any"]["requirements"] == [{"provider_name": name}, {"allow_missing": {}}]
    assert policy["jwt"]["optional"] is True
    taken_from = {(one["name"], one["value_prefix"]) for one in provider["from_headers"]}
    assert {(one["name"], one["valuePrefix"]) for one in other["extractFrom"]["headers"]} == taken_from
    assert other["audiences"] == provider["audiences"] == [Config("any").jwt_audience]
    assert provider["clock_skew_seconds"] == Config("any").jwt_leeway_seconds == 60  # what Envoy Gateway leaves it at


def test_the_gateway_and_the_services_of_a_cluster_believe_the_same_issuer(rendered: dict[str, Manifests]) -> None:
    for overlay, manifests in rendered.items():
        (provider,) = manifests.one("SecurityPolicy", "access")["spec"]["jwt"]["providers"]
        settings = manifests.one("ConfigMap", "issuer")["data"]
        assert provider["issuer"] == settings["issuer"], overlay
        if "remoteJWKS" in provider:
            assert provider["remoteJWKS"]["uri"] == settings["jwks"]
        else:
            assert provider["localJWKS"]["valueRef"]["name"] == "issuer"
            assert keys_of(settings["jwks"].encode())
