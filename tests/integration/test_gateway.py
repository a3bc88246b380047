"""The gateway as a stranger meets it: a real Envoy with the repository's configuration, and an echo in each service's place."""

import base64
import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from deploy.local.gateway import Gateway
from deploy.local.settings import SERVICES, Settings
from shared.access.guard import CHALLENGE, HOW_TO_CALL
from shared.access.signing import SigningKey
from shared.errors import Unauthorized
from shared.http import problem
from tests.servers import Answer, HttpClient
from tests.serving import SIGNING_KEY

EVENT_LIMIT, API_LIMIT = 600 * 1024, 1024 * 1024


class Echo(BaseHTTPRequestHandler):
    """Answers with what arrived and names itself, as a chatty framework would."""

    protocol_version = "HTTP/1.1"
    server_version = "chatty/1.0"

    def do_GET(self) -> None:
        size = len(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"port": self.server.server_port, "path": self.path, "headers": headers, "size": size}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base class asks for this name

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test's output is not the place."""


class EchoServer(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def gateway(settings: Settings) -> Iterator[Gateway]:
    started = Gateway(settings, SIGNING_KEY.key_set)
    started.start()
    try:
        yield started
    finally:
        started.process.stop()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.on_free_ports(tmp_path_factory.mktemp("gateway"))


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[HttpClient]:
    """A client of a gateway before seven echoes."""
    echoes = [EchoServer(("127.0.0.1", settings.services[name].api), Echo) for name in SERVICES]
    for echo in echoes:
        Thread(target=echo.serve_forever, daemon=True).start()
    with gateway(settings):
        yield HttpClient(settings.ports["GATEWAY_PORT"])
    for echo in echoes:
        echo.shutdown()
        echo.server_close()


def echoed(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    return json.loads(answer.body)


@pytest.mark.parametrize("service", SERVICES)
def test_each_api_reaches_its_service_with_the_whole_path(client: HttpClient, settings: Settings, service: str) -> None:
    seen = echoed(client.request("GET", f"/api/{service}/things?cursor=1"))
    assert (seen["port"], seen["path"]) == (settings.services[service].api, f"/api/{service}/things?cursor=1")


@pytest.mark.parametrize("path", ["/v1/track", "/v1/b", "/v1/m", "/v1/projects/wk_1/settings", "/v1/pixel/track?data=e30"])
def test_the_tracking_protocol_reaches_the_collector(client: HttpClient, settings: Settings, path: str) -> None:
    seen = echoed(client.request("GET", path))
    assert (seen["port"], seen["path"]) == (settings.services["collector"].api, path)


@pytest.mark.parametrize("identity", ["user:42", "email:ana%40example.com", "user:a%2Fb", "user:%E0%A8%B8"])
def test_identities_pass_as_they_were_written(client: HttpClient, identity: str) -> None:
    path = f"/api/profiles/customers/{identity}/timeline"
    assert echoed(client.request("GET", path))["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/api/nobody/things",
        "/metrics",
        "/health/ready",
        "/internal/faults",
        "/api/profiles/metrics",
        "/api/profiles//metrics",
        "/api/profiles/%6Detrics",
        "/api/profiles/customers/../metrics",
        "/api/profiles/health/live",
        "/v1/../metrics",
    ],
)
def test_what_is_closed_is_not_found(client: HttpClient, path: str) -> None:
    answer = client.request("GET", path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert (problem["status"], problem["code"], problem["title"]) == (404, "not_found", "Not Found")


def test_the_gateway_says_who_the_client_is_whatever_the_client_says(client: HttpClient) -> None:
    lies = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Real-Ip": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "X-Request-Id": "mine",
        "X-Envoy-Internal": "true",
        "X-Envoy-Upstream-Rq-Timeout-Ms": "1",
    }
    seen = echoed(client.request("GET", "/api/support/tickets", headers=lies))["headers"]
    assert not any("203.0.113.9" in value or "evil" in value for value in seen.values())
    assert seen["x-forwarded-proto"] == "http"
    assert not {"x-envoy-internal", "x-envoy-upstream-rq-timeout-ms"} & seen.keys()


def test_a_request_gets_an_id_that_both_sides_see(client: HttpClient) -> None:
    answer = client.request("GET", "/api/support/tickets", headers={"X-Request-Id": "mine"})
    assert answer.headers["x-request-id"] == echoed(answer)["headers"]["x-request-id"] != "mine"


def test_answers_do_not_tell_what_serves_them(client: HttpClient) -> None:
    for path in ("/api/support/tickets", "/nothing"):
        assert not {"server", "x-envoy-upstream-service-time", "x-powered-by"} & client.request("GET", path).headers.keys()


def test_a_body_up_to_the_limit_passes(client: HttpClient) -> None:
    assert echoed(client.request("POST", "/v1/batch", b"x" * EVENT_LIMIT))["size"] == EVENT_LIMIT
    assert echoed(client.request("POST", "/api/social/mentions", b"x" * API_LIMIT))["size"] == API_LIMIT


def test_a_larger_event_body_is_refused_in_the_words_of_the_tracking_protocol(client: HttpClient) -> None:
    answer = client.request("POST", "/v1/batch", b"x" * (EVENT_LIMIT + 1))
    assert (answer.status, answer.headers["content-type"]) == (413, "application/json")
    assert json.loads(answer.body).keys() == {"code", "message"}
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_larger_api_body_is_refused_as_a_problem(client: HttpClient) -> None:
    answer = client.request("POST", "/api/social/mentions", b"x" * (API_LIMIT + 1))
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    assert json.loads(answer.body)["code"] == "payload_too_large"


@pytest.mark.parametrize(
    ("path", "kind"), [("/v1/track", "application/json"), ("/api/support/tickets", "application/problem+json")]
)
def test_a_service_that_is_away_is_told_as_temporary(tmp_path: Path, path: str, kind: str) -> None:
    lonely = Settings.on_free_ports(tmp_path)
    with gateway(lonely):
        answer = HttpClient(lonely.ports["GATEWAY_PORT"]).request("GET", path)
    assert (answer.status, answer.headers["content-type"], answer.headers["retry-after"]) == (503, kind, "1")
    assert json.loads(answer.body)["code"] == "unavailable"


def _limited(settings: Settings, path: str) -> list[Answer]:
    """The refused ones of ten requests at once, where one a second is allowed."""
    with gateway(dataclasses.replace(settings, event_rate=1, api_rate=1)):
        door = HttpClient(settings.ports["GATEWAY_PORT"])
        answers = [door.request("GET", path) for _ in range(10)]
    return [answer for answer in answers if answer.status == 429]


def _event_words(body: dict[str, Any]) -> bool:
    return body.keys() == {"code", "message"}


def _problem(body: dict[str, Any]) -> bool:
    return body["status"] == 429 and "detail" in body


@pytest.mark.parametrize(("path", "shape"), [("/v1/track", _event_words), ("/api/profiles/customers", _problem)])
def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path, path: str, shape: Callable[[dict[str, Any]], bool]) -> None:
    refused = _limited(Settings.on_free_ports(tmp_path), path)
    assert refused
    for answer in refused:
        body = json.loads(answer.body)
        assert (answer.headers["retry-after"], body["code"]) == ("1", "rate_limited")
        assert shape(body)


def test_all_apis_share_one_limit(tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings.on_free_ports(tmp_path), api_rate=5)
    with gateway(settings):
        door = HttpClient(settings.ports["GATEWAY_PORT"])
        # Four for each, fewer than a bucket holds: only a common one can run out.
        statuses = [door.request("GET", f"/api/{service}/things").status for service in SERVICES * 4]
    assert 429 in statuses


def test_the_access_log_names_the_route_and_nobody(tmp_path: Path) -> None:
    settings = Settings.on_free_ports(tmp_path)
    with gateway(settings) as started:
        HttpClient(settings.ports["GATEWAY_PORT"]).request("GET", "/api/profiles/customers/email:ana%40example.com?phone=0123")
    lines = [json.loads(line) for line in started.process.log.read_text().splitlines()]
    assert [line["route"] for line in lines if "route" in line] == ["api-profiles"]
    assert "ana" not in started.process.log.read_text()


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def tricks() -> dict[str, str]:
    """Tokens that are not good, each for another reason."""
    stranger = SigningKey({**SigningKey.generate().jwk, "kid": SIGNING_KEY.jwk["kid"]})
    good = SIGNING_KEY.token("maria", roles=["admin"])
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return {
        "no token": "guessed",
        "alg none": f"{none}.{good.split('.')[1]}.",
        "a stranger's key": stranger.token("maria", roles=["admin"]),
        "expired": SIGNING_KEY.token("maria", roles=["admin"], lifetime=-timedelta(minutes=5)),
        "for others": SIGNING_KEY.token("maria", roles=["admin"], audience="billing"),
        "of others": SIGNING_KEY.token("maria", roles=["admin"], issuer="https://evil.example/"),
        "changed": good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:],
    }


@pytest.mark.parametrize("trick", tricks())
def test_a_token_that_is_not_good_ends_at_the_gateway_in_the_words_of_the_services(client: HttpClient, trick: str) -> None:
    answer = client.request("GET", "/api/support/tickets", headers=bearing(tricks()[trick]))
    assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    service = problem(Unauthorized(HOW_TO_CALL))
    assert answer.headers["content-type"] == service.content_type
    assert json.loads(answer.body) == json.loads(service.get_data())


def test_a_good_token_reaches_the_service_whole(client: HttpClient) -> None:
    token = SIGNING_KEY.token("maria", roles=["agent"])
    assert (
        echoed(client.request("GET", "/api/support/tickets", headers=bearing(token)))["headers"]["authorization"]
        == f"Bearer {token}"
    )


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "sak_1_2"}, {"Authorization": "Basic d2s6"}])
def test_what_bears_no_token_is_left_to_the_service(client: HttpClient, headers: dict[str, str]) -> None:
    seen = echoed(client.request("GET", "/api/support/tickets", headers=headers))["headers"]
    assert {name.lower(): value for name, value in headers.items()}.items() <= seen.items()


def test_the_doors_of_events_ask_for_no_token(client: HttpClient) -> None:
    assert client.request("POST", "/v1/track", b"{}", bearing("some.oauth.token")).status == 200


def test_a_token_in_the_address_is_no_token(client: HttpClient) -> None:
    assert client.request("GET", "/api/support/tickets?access_token=guessed").status == 200


def test_the_access_log_holds_no_token(tmp_path: Path) -> None:
    settings = Settings.on_free_ports(tmp_path)
    with gateway(settings) as started:
        for token in tricks().values():
            HttpClient(settings.ports["GATEWAY_PORT"]).request("GET", "/api/profiles/customers", headers=bearing(token))
    log = started.process.log.read_text()
    assert log.count('"status":401') == len(tricks())
    assert not any(part in log for token in tricks().values() for part in token.split(".") if len(part) > 20)
