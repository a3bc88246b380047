"""A real broker loads the definitions file of the cluster, and has then what the code declares."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from deploy.k8s.generated import topology
from deploy.local.credentials import ADMIN
from deploy.local.rabbitmq import RabbitServer
from shared.broker import connect
from shared.definitions import VHOST
from shared.doctor import Verdict
from shared.doctor.broker import Management, check_policy, check_topology
from shared.topology import declare, whole

ELSEWHERE = "as-in-the-cluster"


def ask(server: RabbitServer, method: str, path: str, body: Any = None) -> None:
    api = Management.of(server.management_url, server.uri(ADMIN))
    request = Request(api.url + path, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{api.user}:{api.password}".encode()).decode())
    request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=60) as answer:
        assert answer.status < 300


@pytest.fixture
def loaded(rabbit_server: RabbitServer) -> Iterator[RabbitServer]:
    """The broker after it read the file, into a vhost of its own: other tests have theirs."""
    definitions = json.loads(topology().replace(f'"vhost": "{VHOST}"', f'"vhost": "{ELSEWHERE}"'))
    definitions["vhosts"] = [{"name": ELSEWHERE}]
    definitions["permissions"] = [{"user": ADMIN, "vhost": ELSEWHERE, "configure": ".*", "write": ".*", "read": ".*"}]
    ask(rabbit_server, "POST", "/api/definitions", definitions)
    yield rabbit_server
    ask(rabbit_server, "DELETE", f"/api/vhosts/{ELSEWHERE}")


def test_the_file_makes_what_the_code_declares_and_declaring_it_again_changes_nothing(loaded: RabbitServer) -> None:
    uri = loaded.uri(ADMIN).replace(f"/{VHOST}", f"/{ELSEWHERE}")
    api = Management.of(loaded.management_url, uri)
    connection = connect(uri, "a test")
    declare(connection.channel(), whole(4))
    connection.close()
    findings = [
        *check_topology(api.in_vhost("definitions"), 4, ELSEWHERE),
        *check_policy(api.in_vhost("policies"), ELSEWHERE),
    ]
    assert [finding for finding in findings if finding.verdict is not Verdict.GOOD] == []
    assert {finding.about for finding in findings} == {"topology", "last net"}
