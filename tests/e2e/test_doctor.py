"""`crm doctor` before a whole system: it finds nothing wrong with one that is well, and each thing that is broken on purpose."""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import amqp
import pytest
from pymongo import MongoClient

from deploy.local.credentials import ADMIN
from deploy.local.settings import REPOSITORY
from shared.broker import connect
from shared.doctor import Finding, Verdict
from shared.doctor.broker import Management
from shared.doctor.database import declared_indexes
from shared.doctor.examination import check_clock, check_secrets, examine
from shared.rights import service_rights
from shared.topology import declare, whole
from tests.e2e.conftest import System

Break = Callable[[System], Any]


def findings(system: System, **instead: str) -> list[Finding]:
    return list(examine({**system.stack.environment(), **instead}))


def wrong(found: list[Finding]) -> set[str]:
    return {finding.about for finding in found if finding.verdict is Verdict.WRONG}


def test_nothing_is_wrong_with_a_system_that_is_well(stack: System) -> None:
    found = findings(stack)
    assert wrong(found) == set()
    looked_at = {finding.about for finding in found if finding.verdict is Verdict.GOOD}
    assert {
        "topology",
        "indexes",
        "hash plugin",
        "last net",
        "rights at the broker",
        "rights at the database",
        "doors",
    } <= looked_at
    # what is so on one machine and with this version of the broker
    assert {f.about for f in found if f.verdict is Verdict.LOOK} <= {"replica set", "broker version", "access tokens"}


def test_the_command_says_what_it_found_and_ends_with_what_a_script_can_read(stack: System) -> None:
    well = crm_doctor(stack.stack.environment())
    assert (well.returncode, well.stdout.splitlines()[-1].split(",")[0]) == (0, "0 wrong")
    ill = crm_doctor({**stack.stack.environment(), "MONGO_URI": "mongodb://127.0.0.1:1/"})
    assert ill.returncode == 1
    assert "✗ database: does not let us in at MONGO_URI (ServerSelectionTimeoutError)" in ill.stdout
    assert stack.stack.credentials.rabbit[ADMIN] not in well.stdout + ill.stdout


def crm_doctor(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REPOSITORY / "crm", "doctor"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def channel(system: System) -> Iterator[Any]:
    """A channel of the administrator's."""
    connection: amqp.Connection = connect(system.amqp_uri, "a test")
    try:
        yield connection.channel()
    finally:
        connection.close()


@contextmanager
def topology_broken(system: System) -> Iterator[None]:
    """A binding is gone, a queue of ours that nobody declared is there, and one of another make."""
    with channel(system) as broken:
        broken.exchange_unbind("support.inbox", "campaigns.events", "message_complained")
        broken.queue_declare("social.inbox.9", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        broken.queue_delete("analytics.dead")
        broken.queue_declare("analytics.dead", durable=True, auto_delete=False, arguments={"x-queue-type": "classic"})
    try:
        yield
    finally:
        with channel(system) as mended:
            mended.queue_delete("social.inbox.9")
            mended.queue_delete("analytics.dead")
            declare(mended, whole(4))


def test_a_topology_that_is_not_the_declared_one_is_told_name_by_name(stack: System) -> None:
    with topology_broken(stack):
        found = findings(stack)
    assert wrong(found) == {
        "binding campaigns.events → support.inbox",
        "queue social.inbox.9",
        "queue analytics.dead",
        "binding analytics.dead → analytics.dead",  # it went with the queue
    }
    assert all(finding.remedy for finding in found if finding.verdict is not Verdict.GOOD)
    stack.wait_until(lambda: wrong(findings(stack)) == set(), "all is mended")


def management(system: System, method: str, path: str, body: Any = None) -> None:
    """Change something at the broker as its administrator."""
    assert system.stack.rabbit is not None
    api = Management.of(system.stack.rabbit.management_url, system.amqp_uri)
    request = Request(api.url + path, method=method, data=None if body is None else json.dumps(body).encode())
    credentials = base64.b64encode(f"{api.user}:{api.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=10) as answer:
        assert answer.status < 300


@contextmanager
def too_many_rights(system: System) -> Iterator[None]:
    path = "/api/permissions/sambandh/social"
    management(system, "PUT", path, {"configure": ".*", "write": ".*", "read": ".*"})
    try:
        yield
    finally:
        management(system, "PUT", path, vars(service_rights("social")))


@contextmanager
def no_last_net(system: System) -> Iterator[None]:
    management(system, "DELETE", "/api/policies/sambandh/unrouted")
    try:
        yield
    finally:
        body = {"pattern": r"^[a-z]+\.events$", "apply-to": "exchanges", "definition": {"alternate-exchange": "unrouted"}}
        management(system, "PUT", "/api/policies/sambandh/unrouted", body)


@contextmanager
def a_guest(system: System) -> Iterator[None]:
    management(system, "PUT", "/api/users/guest", {"password": "guest", "tags": ""})
    try:
        yield
    finally:
        management(system, "DELETE", "/api/users/guest")


@contextmanager
def an_index_gone(system: System) -> Iterator[None]:
    keys, options = declared_indexes("support")["tickets"]["number"]
    with MongoClient[Any](system.mongo_uri) as client:
        tickets = client["sambandh_support"]["tickets"]
        tickets.drop_index("number")
        try:
            yield
        finally:
            tickets.create_index(keys, name="number", **options)


@contextmanager
def another_database_open(system: System) -> Iterator[None]:
    both = [{"role": "readWrite", "db": f"sambandh_{name}"} for name in ("social", "profiles")]
    with MongoClient[Any](system.mongo_uri) as client:
        client.admin.command("updateUser", "social", roles=both)
        try:
            yield
        finally:
            client.admin.command("updateUser", "social", roles=both[:1])


@pytest.mark.parametrize(
    ("broken", "about"),
    [
        (too_many_rights, "rights of social"),
        (no_last_net, "last net"),
        (a_guest, "password of guest"),
        (an_index_gone, "index support.tickets.number"),
        (another_database_open, "database user social"),
    ],
)
def test_what_is_broken_on_purpose_is_found_alone(stack: System, broken: Break, about: str) -> None:
    with broken(stack):
        assert wrong(findings(stack)) == {about}


@pytest.mark.parametrize(
    ("instead", "about"),
    [
        ({"AMQP_URI": "amqp://admin:nonsense@127.0.0.1:1/sambandh"}, "broker"),
        ({"MONGO_URI": "mongodb://127.0.0.1:1/"}, "database"),
    ],
)
def test_what_is_away_is_told_and_the_rest_is_looked_at(stack: System, instead: dict[str, str], about: str) -> None:
    found = findings(stack, **instead)
    assert about in wrong(found)
    assert "doors" in {finding.about for finding in found if finding.verdict is Verdict.GOOD}


def test_doors_that_do_not_answer_are_told_one_by_one(stack: System) -> None:
    found = findings(stack, SAMBANDH_URL="http://127.0.0.1:1")
    assert wrong(found) == {f"API of {name}" for name in stack.stack.services}


def test_a_user_who_may_not_look_is_told_to_bring_one_who_may(stack: System) -> None:
    found = findings(stack, MONGO_URI=stack.stack.mongo_uri("support"), AMQP_URI=stack.stack.amqp_uri("support"))
    remedies = " ".join(finding.remedy for finding in found if finding.verdict is Verdict.LOOK)
    assert "give MONGO_URI of an administrator" in remedies
    assert "give AMQP_URI of a user with the tag administrator" in remedies


def test_what_is_not_named_is_not_looked_at_and_said_so() -> None:
    found = list(examine({}))
    assert {(finding.about, finding.remedy) for finding in found if finding.verdict is Verdict.LOOK} == {
        ("database", "set MONGO_URI"),
        ("broker", "set AMQP_URI"),
        ("doors", "set SAMBANDH_URL"),
        ("issuer", "set JWKS and JWT_ISSUER as the services have them"),
    }


@pytest.mark.parametrize(("off", "verdict"), [(0, Verdict.GOOD), (-30, Verdict.LOOK), (30, Verdict.LOOK)])
def test_a_clock_that_is_off_is_told(off: int, verdict: Verdict) -> None:
    now = datetime.now(UTC)
    (finding,) = check_clock("a server", now + timedelta(seconds=off), now)
    assert finding.verdict is verdict


@pytest.mark.parametrize(
    ("environment", "about"),
    [
        ({"AMQP_URI": "amqp://guest:guest@broker/"}, "password in AMQP_URI"),
        ({"MONGO_URI": "mongodb://profiles:profiles@database/"}, "password in MONGO_URI"),
    ],
)
def test_secrets_that_everybody_tries_first_are_told_and_not_shown(environment: dict[str, str], about: str) -> None:
    found = list(check_secrets(environment))
    assert wrong(found) == {about}
    assert not any(value in repr(found) for value in environment.values())


def test_good_secrets_are_good() -> None:
    (finding,) = check_secrets({"AMQP_URI": f"amqp://profiles:{secrets.token_hex(24)}@broker/"})
    assert finding.verdict is Verdict.GOOD
