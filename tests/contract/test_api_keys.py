"""API keys: issued by admins at the collector, known to every service by events, and good nowhere for more than was allowed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from deploy.local.mongod import MongoServer
from services.collector.issued_keys import IssuedKeys
from shared.access import key_book
from shared.access.api_keys import statement
from shared.access.caller import Kind
from shared.access.guard import Guard
from shared.access.machines import TRUSTED_FOR, USES, Machines
from shared.access.tokens import Refused
from shared.config import Config
from shared.envelope import Event, encode
from shared.errors import Unauthorized
from shared.events import API_KEY_ISSUED, API_KEY_REVOKED, API_KEY_ROTATED, API_KEY_USED
from shared.outbox import waiting
from tests.serving import ADMIN, DOORS, Served, bearer, serving

KEYS = "/api/collector/api-keys"
MIA = bearer("admin", subject="mia")


class Clock:
    """The time of a verifier, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def both(mongo_server: MongoServer) -> Iterator[tuple[Served, Served]]:
    """The service that issues keys, and another that verifies them."""
    with (
        serving("collector", mongo_server, "test_keys_issued") as collector,
        serving("support", mongo_server, "test_keys") as support,
    ):
        yield collector, support


@pytest.fixture
def collector(both: tuple[Served, Served]) -> Served:
    for served in both:
        for name in served.database.list_collection_names():
            served.database[name].delete_many({})
    return both[0]


@pytest.fixture
def support(both: tuple[Served, Served], collector: Served) -> Served:
    return both[1]


def issue(collector: Served, *scopes: str, **more: Any) -> Any:
    return collector.post(KEYS, {"name": "Warehouse", "scopes": list(scopes), **more}, 201, headers=MIA)


def told(served: Served) -> list[Event]:
    """What waits to be published, in the order in which it came to be."""
    return waiting(served.database)


def hear(collector: Served, support: Served) -> None:
    support.work.apply(told(collector))


def asks(served: Served, key: str, method: str = "GET", path: str = "/api/support/tickets") -> int:
    """The status of a request with an API key and nothing else."""
    status: int = served.client.request(method, path, b"{}", {"X-API-Key": key, "Authorization": ""}).status
    return status


def _secret(key: str) -> str:
    """The part after the key's id; it may hold underscores itself."""
    return key.split("_", 2)[2]


def test_a_key_is_shown_once_and_kept_as_a_digest(collector: Served) -> None:
    issued = issue(collector, "support:read")
    key = issued.pop("key")
    assert key.startswith(f"sak_{issued['key_id']}_")
    assert (issued["created_by"], issued["state"], issued["last_used_on"]) == ("mia", "active", None)
    assert collector.get(f"{KEYS}/{issued['key_id']}") == issued
    kept = repr([list(collector.database[name].find()) for name in collector.database.list_collection_names()])
    assert key not in kept
    assert _secret(key) not in kept


def test_every_service_verifies_a_key_by_itself_once_it_has_heard_of_it(collector: Served, support: Served) -> None:
    key = issue(collector, "support:read")["key"]
    assert asks(support, key) == 401
    hear(collector, support)
    assert asks(support, key) == 200
    assert asks(support, key, "POST") == 403
    assert asks(collector, key, path="/api/collector/sources") == 403


def test_a_machine_is_on_record_by_the_id_of_its_key(collector: Served, support: Served) -> None:
    issued = issue(collector, "support:*")
    hear(collector, support)
    assert asks(support, issued["key"], "POST") == 422
    (entry,) = support.get("/api/support/audit")["items"]
    assert (entry["who"], entry["kind"]) == (f"key:{issued['key_id']}", "machine")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key.replace("sak_", "wk_"),
        lambda key: key.removesuffix(f"_{_secret(key)}"),
        lambda key: f"sak_{'0' * 12}_{_secret(key)}",
        lambda key: f"{key} {key}",
        lambda key: "",
        lambda key: "sak_" + "9" * 5_000,
    ],
)
def test_what_is_no_good_key_is_refused_like_a_token_that_is_not_good(collector: Served, spoil: Any) -> None:
    key = issue(collector, "*:read")["key"]
    answer = collector.client.request("GET", "/api/collector/sources", headers={"X-API-Key": spoil(key), "Authorization": ""})
    token = collector.client.request("GET", "/api/collector/sources", headers={"Authorization": "Bearer guessed"})
    assert (answer.status, answer.body) == (token.status, token.body) == (401, token.body)


def test_a_key_beside_a_token_is_refused_since_only_one_can_count(collector: Served) -> None:
    key = issue(collector, "*:read")["key"]
    assert collector.client.request("GET", "/api/collector/sources", headers={"X-API-Key": key, **ADMIN}).status == 401


def test_a_rotated_key_has_two_secrets_for_a_while(collector: Served, support: Served) -> None:
    first = issue(collector, "support:read")
    second = collector.post(f"{KEYS}/{first['key_id']}/rotate", {"overlap_hours": 2, "expires_in_days": 365})
    third = collector.post(f"{KEYS}/{first['key_id']}/rotate", {"overlap_hours": 1})
    hear(collector, support)
    clock = Clock()
    machines = Machines(support.work, clock)
    assert third["key_id"] == first["key_id"]
    assert [good(machines, one["key"]) for one in (first, second, third)] == [False, True, True]
    clock.now += timedelta(hours=1, seconds=6)
    assert [good(machines, one["key"]) for one in (first, second, third)] == [False, False, True]
    clock.now += timedelta(days=90)
    assert not good(machines, third["key"])


def test_a_rotation_without_overlap_ends_the_secret_before_at_once(collector: Served) -> None:
    first = issue(collector, "collector:read")
    second = collector.post(f"{KEYS}/{first['key_id']}/rotate", {"overlap_hours": 0})
    assert [asks(collector, one["key"], path="/api/collector/sources") for one in (first, second)] == [401, 200]


def test_an_overlap_never_makes_a_secret_last_longer(collector: Served, support: Served) -> None:
    first = issue(collector, "support:read", expires_in_days=1)
    collector.post(f"{KEYS}/{first['key_id']}/rotate", {"overlap_hours": 720})
    hear(collector, support)
    clock = Clock()
    machines = Machines(support.work, clock)
    assert good(machines, first["key"])
    clock.now += timedelta(days=1, seconds=6)
    assert not good(machines, first["key"])


def good(machines: Machines, key: str) -> bool:
    try:
        return machines.caller(key).kind is Kind.MACHINE
    except Refused:
        return False


def test_a_revoked_key_is_good_for_nothing_within_seconds_and_for_ever(collector: Served, support: Served) -> None:
    issued = issue(collector, "support:read")
    hear(collector, support)
    clock = Clock()
    machines = Machines(support.work, clock)
    assert good(machines, issued["key"])
    revoked = collector.call("DELETE", f"{KEYS}/{issued['key_id']}")
    assert (revoked["state"], revoked["former_secret_until"]) == ("revoked", None)
    assert collector.call("DELETE", f"{KEYS}/{issued['key_id']}") == revoked
    hear(collector, support)
    clock.now += TRUSTED_FOR
    assert not good(machines, issued["key"])
    assert collector.post(f"{KEYS}/{issued['key_id']}/rotate", {}, 409)["code"] == "conflict"


def test_statements_end_in_the_same_key_in_whatever_order_they_are_heard(collector: Served, support: Served) -> None:
    issued = issue(collector, "support:read")
    collector.post(f"{KEYS}/{issued['key_id']}/rotate", {})
    collector.call("DELETE", f"{KEYS}/{issued['key_id']}")
    statements = told(collector)
    assert [event.name for event in statements] == [kind.name for kind in (API_KEY_ISSUED, API_KEY_ROTATED, API_KEY_REVOKED)]
    ends = set()
    for order in permutations(statements):
        for batches in ([order], [[event] for event in order], [order, order]):
            support.database[key_book.COLLECTION].delete_many({})
            support.database["inbox"].delete_many({})
            for batch in batches:
                support.work.apply(list(batch))
            key = key_book.find(support.database, issued["key_id"])
            assert key is not None
            ends.add(json.dumps(statement(key)))
    assert len(ends) == 1
    assert '"revision": 3' in ends.pop()


def test_a_service_that_lost_what_it_heard_is_told_the_last_word_on_every_key(collector: Served, support: Served) -> None:
    kept, revoked = issue(collector, "support:read"), issue(collector, "support:read")
    collector.post(f"{KEYS}/{kept['key_id']}/rotate", {})
    hear(collector, support)
    collector.call("DELETE", f"{KEYS}/{revoked['key_id']}")
    assert asks(support, revoked["key"]) == 200  # as after a backup from before
    latest = key_book.statements(collector.database, datetime.now(UTC))
    assert {event.id for event in latest} <= {event.id for event in told(collector)}
    support.work.apply(latest)
    machines = Machines(support.work)
    assert (good(machines, kept["key"]), good(machines, revoked["key"])) == (True, False)


def test_the_day_of_use_is_announced_once_by_each_service_and_the_latest_counts(collector: Served, support: Served) -> None:
    issued = issue(collector, "support:read")
    hear(collector, support)
    clock = Clock()
    replicas = [Machines(support.work, clock), Machines(support.work, clock)]
    days = []
    for _ in range(2):
        days.append(clock.now.date().isoformat())
        for machines in replicas * 2:
            machines.caller(issued["key"])
        clock.now += timedelta(days=1)
    uses = [event for event in told(support) if event.name == API_KEY_USED.name]
    assert [(event.source, event.data()) for event in uses] == [
        ("support", {"key_id": issued["key_id"], "day": day}) for day in days
    ]
    assert [row["day"] for row in support.database[USES].find()] == [days[-1]]
    collector.work.apply(uses[::-1])
    assert collector.get(f"{KEYS}/{issued['key_id']}")["last_used_on"] == days[-1]


def test_a_use_of_a_key_that_is_not_known_makes_none(collector: Served) -> None:
    now = datetime.now(UTC)
    data = encode({"key_id": "3f0c9a77d1e2", "day": "2026-09-01"})
    collector.work.apply([Event("use", API_KEY_USED.name, "support", "key:3f0c9a77d1e2", now, now, data)])
    assert collector.get(KEYS)["items"] == []


def test_the_collector_keeps_what_it_alone_knows_when_it_hears_its_own_statements(collector: Served) -> None:
    issued = issue(collector, "support:read")
    collector.work.apply(told(collector))
    assert collector.get(f"{KEYS}/{issued['key_id']}")["created_by"] == "mia"


def test_keys_are_listed_by_state_page_by_page(collector: Served) -> None:
    ids = [issue(collector, "support:read")["key_id"] for _ in range(3)]
    collector.call("DELETE", f"{KEYS}/{ids[0]}")
    assert {key["key_id"] for key in collector.get(f"{KEYS}?state=active")["items"]} == set(ids[1:])
    assert [key["key_id"] for key in collector.get(f"{KEYS}?state=revoked")["items"]] == ids[:1]
    assert collector.get(f"{KEYS}?state=expired")["items"] == []
    first = collector.get(f"{KEYS}?limit=2")
    rest = collector.get(f"{KEYS}?limit=2&cursor={first['next']}")
    assert ({key["key_id"] for key in first["items"] + rest["items"]}, rest["next"]) == (set(ids), None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "", "scopes": ["support:read"]}, 422),
        ({"name": "Till", "scopes": []}, 422),
        ({"name": "Till", "scopes": ["everything"]}, 422),
        ({"name": "Till", "scopes": ["billing:read"]}, 422),
        ({"name": "Till", "scopes": ["*:*"]}, 422),
        ({"name": "Till", "scopes": ["collector:keys"]}, 422),
        ({"name": "Till", "scopes": ["support:read"], "expires_in_days": 366}, 422),
        ({"name": "Till", "scopes": ["support:read"], "expires_in_days": 0}, 422),
    ],
)
def test_a_key_that_would_allow_too_much_or_last_too_long_is_not_issued(collector: Served, body: Any, status: int) -> None:
    collector.post(KEYS, body, status)
    assert collector.get(KEYS)["items"] == []


def test_nobody_gives_a_key_more_than_they_may_themselves(collector: Served) -> None:
    headers = bearer("admin", scope="collector:keys support:read")
    body = {"name": "Till", "scopes": ["support:read"]}
    made = collector.post(KEYS, body, 201, headers=headers)
    collector.post(KEYS, {**body, "scopes": ["support:write"]}, 403, headers=headers)
    collector.post(KEYS, {**body, "scopes": ["support:*"]}, 403, headers=headers)
    others = bearer("admin", scope="collector:keys")
    collector.post(f"{KEYS}/{made['key_id']}/rotate", {}, 403, headers=others)


def test_only_admins_see_and_manage_keys(collector: Served) -> None:
    issued = issue(collector, "collector:read")
    for role in ("marketer", "agent", "analyst"):
        assert collector.client.request("GET", KEYS, headers=bearer(role)).status == 403
    assert asks(collector, issued["key"], path=KEYS) == 403


def test_a_key_that_does_not_exist_is_not_found(collector: Served) -> None:
    for method, path in (("GET", f"{KEYS}/none"), ("DELETE", f"{KEYS}/none"), ("POST", f"{KEYS}/none/rotate")):
        assert collector.client.request(method, path, b"{}").status == 404


def test_two_changes_at_once_do_not_both_count(collector: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = issue(collector, "support:read")
    stale = IssuedKeys(collector.database).find(issued["key_id"])
    collector.post(f"{KEYS}/{issued['key_id']}/rotate", {})
    monkeypatch.setattr(IssuedKeys, "find", lambda self, key_id: stale)
    collector.post(f"{KEYS}/{issued['key_id']}/rotate", {}, 409)


def test_without_a_book_of_keys_none_is_good() -> None:
    request = Request(EnvironBuilder(headers={"X-API-Key": f"sak_{'0' * 12}_{'A' * 43}"}).get_environ())
    with pytest.raises(Unauthorized):
        Guard(Config("any", **DOORS)).caller(request)
