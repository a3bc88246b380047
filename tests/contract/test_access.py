"""Every door of every service: what it asks for, who gets in, and that nobody else does."""

from functools import cache
from typing import Any

import pytest
from nameko.containers import ServiceContainer
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from shared.access import audit
from shared.access.guard import SETTING, Guard
from shared.access.scopes import ROLES, covers
from shared.config import Config
from shared.errors import BadRequest, Forbidden, Unauthorized, Unprocessable
from shared.http import Door
from shared.openapi import document
from shared.registry import service_classes, service_names
from tests.serving import DOORS, Remembered, bearer

OPEN = {
    *((f"/api/{service}/openapi.json", "GET") for service in service_names()),
    # What customers open by the links that they were sent: a sealed token in the path says who.
    *(
        (f"/api/profiles/public/{what}/{{token}}{page}", method)
        for what, page, method in (
            ("opt-in", "", "GET"),
            ("opt-in", "", "POST"),
            ("opt-in", "/page", "GET"),
            ("opt-in", "/page", "POST"),
            ("preferences", "", "GET"),
            ("preferences", "", "PATCH"),
            ("preferences", "/page", "GET"),
            ("preferences", "/page", "POST"),
        )
    ),
    # The tracking protocol: its write keys say who writes.
    ("/v1/{call}", "POST"),
    ("/v1/till/purchases", "POST"),
    ("/v1/pixel/{call}", "GET"),
    ("/v1/projects/{write_key}/settings", "GET"),
    ("/v1/{path}", "OPTIONS"),
}
ASKING = {"preview", "batch"}  # what the paths of posted questions end in: what would be, and what is of many at once
CREDENTIALS = {role: bearer(role) for role in ROLES}


@cache
def doors_of(service: str) -> list[Door]:
    """The entrypoints of the HTTP class as nameko binds them, before any is started."""
    settings = {
        SETTING: Guard(Config(service, **DOORS)),
        audit.SETTING: Remembered(),
        "SAMBANDH": Config(service),
        "DATABASE": None,
        "UNIT_OF_WORK": None,
    }
    CONTAINERS.append(ServiceContainer(service_classes(service).api, settings))
    assert all(isinstance(entry, Door) for entry in CONTAINERS[-1].entrypoints), "an entrypoint that no guard stands at"
    return sorted(CONTAINERS[-1].entrypoints, key=lambda door: (door.url, door.method))


CONTAINERS: list[ServiceContainer] = []  # entrypoints hold theirs weakly
ALL_DOORS = [(service, door) for service in service_names() for door in doors_of(service)]


def attempt(door: Door, headers: dict[str, str]) -> str:
    """What a request comes to before the method is called: `in` (also where its empty body is no good), `forbidden`, `unauthorized`."""
    request: Any = Request(EnvironBuilder(door.template, method=door.method, headers=headers).get_environ())
    request.path_values = {}
    try:
        door.get_entrypoint_parameters(request)
    except Forbidden:
        return "forbidden"
    except Unauthorized:
        return "unauthorized"
    except (BadRequest, Unprocessable):
        return "in"
    return "in"


def test_what_is_open_to_all_is_listed_here_and_nothing_else_is() -> None:
    assert {(door.template, door.method) for _, door in ALL_DOORS if door.scope is None} == OPEN


@pytest.mark.parametrize("role", [*ROLES, "nobody", "no token"])
def test_a_role_opens_the_doors_of_its_scopes_and_no_other(role: str) -> None:
    headers = {"no token": {}, "nobody": bearer("nobody")}.get(role) or CREDENTIALS.get(role, {})
    for _, door in ALL_DOORS:
        if role == "no token":
            expected = "in" if door.scope is None else "unauthorized"
        else:
            expected = "in" if door.scope is None or covers(ROLES.get(role, ()), door.scope) else "forbidden"
        assert attempt(door, headers) == expected, (role, door.method, door.template)


def test_every_scope_is_one_of_the_doors_own_service_and_an_admin_has_them_all() -> None:
    for service, door in ALL_DOORS:
        if door.scope is not None:
            assert door.scope.split(":")[0] == service, (door.template, door.scope)
            assert covers(ROLES["admin"], door.scope)


def test_what_only_asks_although_it_is_posted_is_known_by_its_path() -> None:
    """All else that is no GET changes something: it takes more than reading, and is in the audit log."""
    asking = [door for _, door in ALL_DOORS if door.scope and door.method != "GET" and not door.changes]
    assert {door.method for door in asking} == {"POST"}
    assert {door.template.rpartition("/")[2] for door in asking} == ASKING
    for _, door in ALL_DOORS:
        if door.scope is not None and door.changes:
            assert not door.scope.endswith(":read"), (door.method, door.template)


@pytest.mark.parametrize("service", service_names())
def test_every_service_shows_its_audit_log_to_those_who_may_see_it(service: str) -> None:
    (found,) = [door for door in doors_of(service) if door.template == f"/api/{service}/audit"]
    assert (found.method, found.scope) == ("GET", f"{service}:audit")
    assert [role for role in ROLES if covers(ROLES[role], found.scope)] == ["admin"]


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("marketer", "campaigns:write", "support:read"),
        ("marketer", "profiles:write", "profiles:consent"),
        ("agent", "support:write", "campaigns:write"),
        ("agent", "profiles:consent", "profiles:write"),
        ("analyst", "analytics:read", "profiles:read"),
    ],
)
def test_what_a_role_is_for_and_what_it_is_not_for(role: str, may: str, may_not: str) -> None:
    assert covers(ROLES[role], may)
    assert not covers(ROLES[role], may_not)


@pytest.mark.parametrize("service", service_names())
def test_the_openapi_document_says_which_scope_each_operation_asks_for(service: str) -> None:
    scopes = {(door.template, door.method.lower()): door.scope for door in doors_of(service)}
    paths: dict[str, Any] = document(service_classes(service).api)["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            scope = scopes[path, method]
            assert operation["security"] == ([{"token": [scope]}, {"key": [scope]}] if scope else [])
