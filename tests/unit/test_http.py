"""What every HTTP class has: headers by schema, and bodies that the database can hold. A small class of its own stands for any."""

import json
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from marshmallow import Schema, fields, validate
from nameko.containers import ServiceContainer

from deploy.local.settings import free_ports
from shared.access import audit
from shared.access.guard import SETTING, Guard
from shared.config import Config
from shared.http import Api, Server, route
from shared.openapi import document
from tests.servers import HttpClient
from tests.serving import DOORS, Remembered, listening


class Once(Schema):
    key = fields.String(data_key="Idempotency-Key", load_default=None, validate=validate.Length(max=8))


class Said(Schema):
    text = fields.String(required=True)


class EchoApi(Api):
    """Says what it was told."""

    name = "echo_api"

    @route("POST", "/api/echo/<path:who>", summary="Echo", headers=Once(), body=Said())
    def echo(self, who: str, headers: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        return {"who": who, **headers, **body}


def settings() -> dict[str, Any]:
    config = Config("echo", **DOORS)
    return {"SAMBANDH": config, SETTING: Guard(config), audit.SETTING: Remembered(), "DATABASE": None, "max_workers": 4}


@pytest.fixture(scope="module")
def client() -> Iterator[HttpClient]:
    with listening(EchoApi, settings()) as found:
        yield found


def test_a_header_reaches_the_handler_in_whatever_case_it_came(client):
    for name in ("Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"):
        answer = client.request("POST", "/api/echo/user:1%2F2", b'{"text": "hi"}', {name: "k"})
        assert json.loads(answer.body) == {"who": "user:1/2", "key": "k", "text": "hi"}


def test_a_header_that_is_not_sent_takes_its_default(client):
    assert json.loads(client.request("POST", "/api/echo/a", b'{"text": "hi"}').body)["key"] is None


def test_a_header_that_breaks_its_schema_is_a_bad_request_that_names_it(client):
    answer = client.request("POST", "/api/echo/a", b'{"text": "hi"}', {"Idempotency-Key": "longer than eight"})
    assert answer.status == 400
    assert list(json.loads(answer.body)["fields"]) == ["Idempotency-Key"]


@pytest.mark.parametrize("text", [r"\ud800", r"a \udc00 b", r"\ud83d"])
def test_half_a_character_is_a_bad_request(client, text):
    assert client.request("POST", "/api/echo/a", f'{{"text": "{text}"}}'.encode()).status == 400


def test_an_escaped_whole_character_arrives(client):
    answer = client.request("POST", "/api/echo/a", rb'{"text": "\ud83d\ude42 \u00e9"}')
    assert json.loads(answer.body)["text"] == "🙂 é"


def test_headers_are_part_of_the_openapi_document():
    operation = document(EchoApi)["paths"]["/api/echo/{who}"]["post"]
    assert [p["name"] for p in operation["parameters"] if p["in"] == "header"] == ["Idempotency-Key"]


def test_a_server_that_was_never_started_can_be_stopped():
    server = Server()
    server.stop()
    assert server.active == 0


def test_a_server_stops_in_order_although_others_take_over_the_number_of_its_socket():
    container = ServiceContainer(EchoApi, {**settings(), "WEB_SERVER_ADDRESS": f"127.0.0.1:{free_ports(1)[0]}"})
    container.start()
    eventlet.sleep(0.01)  # the server waits for its first connection
    stopping = eventlet.spawn(container.stop)
    eventlet.sleep(0.01)  # its socket is closed, and it waits for the last answers to have left
    opened = [eventlet.listen(("127.0.0.1", 0)) for _ in range(20)]
    waiting = [eventlet.spawn(one.accept) for one in opened]
    eventlet.sleep(0)
    stopping.wait()
    container.wait()
    for thread, one in zip(waiting, opened, strict=True):
        thread.kill()
        one.close()
