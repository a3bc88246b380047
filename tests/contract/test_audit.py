"""The audit log: every change that is asked for is on record before it is made, with who asked, and without anybody's address."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.mongod import MongoServer
from shared.access.audit import COLLECTION, Attempt, AuditLog, create_indexes, impersonal
from shared.access.caller import Caller, Kind
from shared.errors import StoreAway
from shared.identity import id_of
from tests.serving import Served, bearer, serving

AUDIT, RULES, APART = "/api/profiles/audit", "/api/profiles/identity-rules", "/api/profiles/do-not-merge"
MIA = bearer("admin", subject="mia")
AGENT = bearer("agent", subject="leo")


@pytest.fixture
def profiles(mongo_server: MongoServer) -> Iterator[Served]:
    with serving("profiles", mongo_server, "sambandh_audit") as served:
        yield served


def entries(profiles: Served, **query: Any) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return list(profiles.get(f"{AUDIT}?{asked}")["items"])


def keep_apart(profiles: Served, left: str, right: str, headers: dict[str, str] = MIA) -> int:
    body = json.dumps({"customer": left, "other": right, "reason": "Twins."}).encode()
    return profiles.client.request("POST", APART, body, headers).status


def test_a_change_is_on_record_with_who_asked_and_what_came_of_it(profiles: Served) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    rules = profiles.get(RULES)
    rules = {name: rules[name] for name in ("kinds", "blocked_values", "fillers", "keys_per_customer", "version")}
    assert profiles.call("PUT", RULES, rules, headers=MIA)["changed_by"] == "mia"
    (entry,) = entries(profiles)
    assert began <= datetime.fromisoformat(entry.pop("at")) <= datetime.now(UTC)
    assert entry.pop("id")
    assert entry == {
        "who": "mia",
        "kind": "person",
        "method": "PUT",
        "route": RULES,
        "target": {},
        "status": 200,
        "outcome": "done",
    }


def test_what_is_refused_is_on_record_too_and_what_only_asks_is_not(profiles: Served) -> None:
    assert keep_apart(profiles, "user:1", "user:2", AGENT) == 403
    assert profiles.client.request("PUT", RULES, b"{}", MIA).status == 422
    assert profiles.client.request("POST", APART, b"{}", {"Authorization": "Bearer guessed"}).status == 401
    profiles.client.request("POST", "/api/profiles/customers/user:1/merge/preview", b'{"other": "user:2"}', MIA)
    profiles.get(RULES)
    found = [(one["who"], one["status"], one["outcome"]) for one in entries(profiles)]
    assert found == [("mia", 422, "refused"), ("leo", 403, "refused")]


def test_customers_are_named_by_their_ids_whatever_the_path_called_them(profiles: Served) -> None:
    address = "jane%40example.com"
    for identity in (address, f"email:{address}", "phone:%2B4912345678"):
        profiles.client.request(
            "POST", f"/api/profiles/customers/{identity}/merge", b'{"other": "user:2", "reason": "Same."}', MIA
        )
    text = repr(list(profiles.database[COLLECTION].find()))
    assert not any(part in text for part in ("jane", "example.com", "4912345678"))
    by_address = entries(profiles, target=address)
    assert [one["target"] for one in by_address] == [{"identity": id_of("email:jane@example.com")}] * 2
    assert entries(profiles, target=id_of("email:jane@example.com")) == by_address


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("id", "3f0c9a77d1e2", True),
        ("id", "tkt_01hzx3f0c9a77d1e2", True),
        ("audience_id", "big-spenders", True),
        ("id", "jane@example.com", False),
        ("id", "user:42", False),
        ("identity", "jane", False),
        ("customer", "user:42", False),
        ("id", "Jane Roe", False),
        ("id", "+4912345678", False),
    ],
)
def test_a_part_of_a_path_is_kept_only_where_it_is_an_id_of_ours(name: str, value: str, kept: bool) -> None:
    assert (impersonal(name, value) == value) == kept
    assert kept or impersonal(name, value).startswith("cus_")


def test_entries_are_found_by_who_what_when_and_outcome_and_read_page_by_page(profiles: Served) -> None:
    for number in range(3):
        keep_apart(profiles, f"user:{number}", "user:9", AGENT)
    keep_apart(profiles, "user:1", "user:9")
    assert {one["who"] for one in entries(profiles, who="leo")} == {"leo"}
    assert len(entries(profiles, outcome="refused", method="POST", route=APART)) == 4
    assert entries(profiles, outcome="done") == entries(profiles, kind="machine") == entries(profiles, method="DELETE") == []
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    assert (len(entries(profiles, until=now)), entries(profiles, since=now)) == (4, [])
    read, cursor = [], ""
    while cursor is not None:
        page = profiles.get(f"{AUDIT}?limit=3{cursor and f'&cursor={cursor}'}")
        read, cursor = [*read, *page["items"]], page["next"]
    assert read == entries(profiles)


def test_only_admins_read_it(profiles: Served) -> None:
    for role in ("marketer", "agent", "analyst"):
        assert profiles.client.request("GET", AUDIT, headers=bearer(role)).status == 403


def test_a_change_that_cannot_be_put_on_record_is_not_made(profiles: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: AuditLog, attempt: Attempt) -> str:
        raise StoreAway("ServerSelectionTimeoutError")

    monkeypatch.setattr(AuditLog, "begin", away)
    rules = profiles.get(RULES)
    assert profiles.client.request("PUT", RULES, json.dumps(rules).encode(), MIA).status == 503
    assert profiles.get(RULES)["version"] == rules["version"]


def test_an_entry_gets_one_outcome_and_is_unknown_until_then(profiles: Served) -> None:
    log = AuditLog(profiles.database)
    entry = log.begin(Attempt(Caller("key:1", Kind.MACHINE), "DELETE", "/api/profiles/things/{id}", {"id": "3f0c9a77d1e2"}))
    assert [(one["outcome"], one["status"]) for one in entries(profiles, outcome="unknown", kind="machine")] == [
        ("unknown", None)
    ]
    log.finish(entry, 500, {})
    log.finish(entry, 200, {"id": "0" * 12})
    assert [(one["outcome"], one["status"]) for one in entries(profiles, who="key:1")] == [("failed", 500)]


def test_what_was_made_is_found_by_its_id(mongo_server: MongoServer) -> None:
    with serving("support", mongo_server, "sambandh_audit_made") as support:
        ticket = {"customer": "jane@example.com", "subject": "Where is it?", "body": "It should be here."}
        made = support.post("/api/support/tickets", ticket, 201)["ticket_id"]
        support.post(f"/api/support/tickets/{made}/assign", {"agent_id": "ann", "version": 1})
        (assigned, opened) = support.get(f"/api/support/audit?target={made}")["items"]
    assert opened["target"] == {"ticket_id": made}
    assert assigned["target"] == {"ticket": made}


def test_entries_go_with_age_by_the_setting_also_where_it_changes(profiles: Served) -> None:
    for days in (400, 30):
        create_indexes(profiles.database, days)
        assert profiles.database[COLLECTION].index_information()["retention"]["expireAfterSeconds"] == days * 86_400
