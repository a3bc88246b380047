"""Who gets through gateway and service, with the credentials that a running system hands out."""

import json
import os
import subprocess
from typing import Any

import pytest

from deploy.local.settings import REPOSITORY
from shared.access.scopes import ROLES
from tests.e2e.conftest import System
from tests.servers import Answer, HttpClient


def asked(system: System, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
    sent = None if body is None else json.dumps(body).encode()
    return HttpClient(system.stack.settings.ports["GATEWAY_PORT"]).request(method, path, sent, headers)


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def crm(system: System, *words: str) -> str:
    environment = {**os.environ, **system.stack.environment()}
    done = subprocess.run([str(REPOSITORY / "crm"), *words], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("role", "statuses"),
    [("admin", [200, 200, 200]), ("marketer", [200, 200, 403]), ("agent", [200, 403, 403]), ("analyst", [403, 200, 403])],
)
def test_each_role_has_a_token_that_opens_its_doors(stack: System, role: str, statuses: list[int]) -> None:
    assert role in ROLES
    headers = bearing(stack.stack.environment()[f"SAMBANDH_{role.upper()}_TOKEN"])
    paths = ["/api/profiles/customers", "/api/analytics/revenue?bucket=day", "/api/collector/sources"]
    assert [asked(stack, "GET", path, headers).status for path in paths] == statuses


def test_a_token_made_on_the_command_line_is_good_for_what_it_was_made_for(stack: System) -> None:
    headers = bearing(crm(stack, "token", "--role", "agent", "--subject", "maria", "--hours", "8"))
    ticket = {"subject": "Where is it?", "body": "It should be here.", "customer": "user:e2e-access", "agent_id": "maria"}
    opened = asked(stack, "POST", "/api/support/tickets", headers, ticket)
    assert opened.status == 201, opened.body
    narrowed = bearing(crm(stack, "token", "--role", "agent", "--scope", "support:read"))
    refused = asked(stack, "POST", "/api/support/tickets", narrowed, ticket)
    assert (refused.status, json.loads(refused.body)["code"]) == (403, "forbidden")
    assert 'scope="support:write"' in refused.headers["www-authenticate"]


def test_a_key_issued_at_one_door_opens_others_until_it_is_revoked(stack: System) -> None:
    admin = bearing(stack.admin_token)
    wanted = {"name": "Warehouse", "scopes": ["profiles:read", "support:read"]}
    issued = json.loads(asked(stack, "POST", "/api/collector/api-keys", admin, wanted).body)
    machine = {"X-API-Key": issued["key"]}
    paths = ["/api/profiles/customers", "/api/support/tickets"]

    def statuses() -> set[int]:
        return {asked(stack, "GET", path, machine).status for path in paths}

    stack.wait_until(lambda: statuses() == {200}, "every service has heard of the key")
    assert asked(stack, "GET", "/api/analytics/revenue?bucket=day", machine).status == 403
    assert asked(stack, "POST", "/api/support/tickets", machine, {}).status == 403
    known = f"/api/collector/api-keys/{issued['key_id']}"
    stack.wait_until(lambda: json.loads(asked(stack, "GET", known, admin).body)["last_used_on"] is not None, "its use is known")
    rotated = json.loads(asked(stack, "POST", f"{known}/rotate", admin, {"overlap_hours": 1}).body)
    assert statuses() == {200}
    machine["X-API-Key"] = rotated["key"]
    stack.wait_until(lambda: statuses() == {200}, "the new secret is good")
    assert asked(stack, "DELETE", known, admin).status == 200
    stack.wait_until(lambda: statuses() == {401}, "it is good nowhere")
    audit = json.loads(asked(stack, "GET", f"/api/collector/audit?target={issued['key_id']}", admin).body)["items"]
    assert [(entry["who"], entry["method"], entry["outcome"]) for entry in audit] == [
        ("local-admin", "DELETE", "done"),
        ("local-admin", "POST", "done"),
        ("local-admin", "POST", "done"),
    ]
    entries = json.loads(asked(stack, "GET", f"/api/support/audit?who=key:{issued['key_id']}", admin).body)["items"]
    assert [(entry["kind"], entry["outcome"], entry["status"]) for entry in entries] == [("machine", "refused", 403)]
