"""What was granted, and what becomes of a key: rules without any server."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.access.api_keys import ApiKey, Secret, digest_of, read, revoked, rotated, stated, statement, written
from shared.access.caller import Actor, Caller, Kind
from shared.access.scopes import covers, is_grant, scope_of
from shared.errors import Forbidden

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("granted", "scope", "covered"),
    [
        ({"support:read"}, "support:read", True),
        ({"support:read"}, "support:write", False),
        ({"support:read"}, "profiles:read", False),
        ({"support:write"}, "support:read", False),
        ({"support:*"}, "support:write", True),
        ({"support:*"}, "profiles:write", False),
        ({"*:read"}, "profiles:read", True),
        ({"*:read"}, "profiles:audit", False),
        ({"*:*"}, "collector:keys", True),
        ({"support:read"}, "*:read", False),
        ({"support:read"}, "support:*", False),
        ({"support:*", "*:read"}, "*:*", False),
        ({"*:*"}, "*:*", True),
        ({"support:read", "profiles:write"}, "profiles:write", True),
        (set(), "support:read", False),
    ],
)
def test_a_scope_is_covered_by_what_is_as_wide(granted: set[str], scope: str, covered: bool) -> None:
    assert covers(granted, scope) is covered


@pytest.mark.parametrize("text", ["support:read", "*:read", "support:*", "*:*"])
def test_what_is_written_like_a_scope_is_a_grant(text: str) -> None:
    assert is_grant(text)


@pytest.mark.parametrize(
    "text", ["", "openid", "support", "support:", ":read", "support:read:all", "Support:read", "support:read\n", "**:read"]
)
def test_what_is_not_is_none(text: str) -> None:
    assert not is_grant(text)


def test_a_route_asks_by_its_method_for_its_service_or_cannot_be_declared() -> None:
    assert scope_of("GET", "/api/support/tickets") == scope_of("HEAD", "/api/support/tickets") == "support:read"
    assert {scope_of(method, "/api/support/tickets") for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")} == {
        "support:write"
    }
    for path in ("/v1/track", "/", "/api/support", "/apis/support/tickets"):
        with pytest.raises(ValueError, match="open to all"):
            scope_of("GET", path)


@pytest.mark.parametrize(
    ("grants", "may"),
    [
        ((), False),
        ((frozenset({"*:*"}),), True),
        ((frozenset({"*:*"}), frozenset({"support:read"})), True),
        ((frozenset({"*:*"}), frozenset({"support:write"})), False),
        ((frozenset(), frozenset({"*:*"})), False),
    ],
)
def test_each_set_of_grants_has_to_cover_what_is_asked_for(grants: tuple[frozenset[str], ...], may: bool) -> None:
    assert Caller("mia", Kind.PERSON, grants).may("support:read") is may


def test_a_person_acts_under_no_other_name_and_a_machine_never_hides_behind_one() -> None:
    mia, machine = Caller("mia", Kind.PERSON), Caller("key:1", Kind.MACHINE)
    assert mia.acting_as(None, "decided_by") == mia.acting_as("mia", "decided_by") == "mia"
    with pytest.raises(Forbidden, match="decided_by"):
        mia.acting_as("leo", "decided_by")
    assert machine.acting_as(None, "decided_by") == "key:1"
    assert machine.acting_as("leo", "decided_by") == "leo via key:1"
    assert Actor().required is False


def key(*secrets: Secret, life: timedelta = 90 * DAY) -> ApiKey:
    return ApiKey("3f0c9a77d1e2", 1, "Warehouse", frozenset({"support:read"}), secrets, NOW + life)


FIRST, SECOND, THIRD = "a" * 43, "b" * 43, "c" * 43


@pytest.mark.parametrize(
    ("after", "good"),
    [
        (timedelta(0), [False, True, True]),
        (2 * DAY - timedelta(seconds=1), [False, True, True]),
        (2 * DAY, [False, False, True]),
        (30 * DAY - timedelta(seconds=1), [False, False, True]),
        (30 * DAY, [False, False, False]),
    ],
)
def test_the_last_secret_is_good_to_the_end_the_one_before_for_the_overlap_and_older_ones_no_more(
    after: timedelta, good: list[bool]
) -> None:
    once = rotated(key(Secret(digest_of(FIRST))), digest_of(SECOND), NOW, 7 * DAY, NOW + 60 * DAY)
    twice = rotated(once, digest_of(THIRD), NOW, 2 * DAY, NOW + 30 * DAY)
    assert [twice.good_until(secret, NOW + after) is not None for secret in (FIRST, SECOND, THIRD)] == good
    assert twice.revision == 3


def test_an_overlap_gives_no_secret_more_time_than_it_had() -> None:
    again = rotated(key(Secret(digest_of(FIRST)), life=DAY), digest_of(SECOND), NOW, 30 * DAY, NOW + 90 * DAY)
    assert again.good_until(FIRST, NOW) == NOW + DAY
    assert again.good_until(SECOND, NOW) == NOW + 90 * DAY


def test_a_revoked_key_has_no_secret_left() -> None:
    gone = revoked(key(Secret(digest_of(FIRST))), NOW)
    assert (gone.good_until(FIRST, NOW), gone.secrets, gone.state(NOW)) == (None, (), "revoked")


def test_a_key_is_what_its_statement_says() -> None:
    once = rotated(key(Secret(digest_of(FIRST))), digest_of(SECOND), NOW, DAY, NOW + 60 * DAY)
    for one in (key(Secret(digest_of(FIRST))), once, revoked(once, NOW)):
        assert stated(statement(one)) == one
    assert FIRST not in repr(statement(once))


def test_a_key_is_read_as_it_was_written_and_nothing_else_is_one() -> None:
    secret = "A_b-" + "c" * 39
    assert read(written("3f0c9a77d1e2", secret)) == ("3f0c9a77d1e2", secret)
    for text in ("", "sak_", f"sak_3f0c9a77d1e2_{secret}x", f"sak_3F0C9A77D1E2_{secret}", f" sak_3f0c9a77d1e2_{secret}", "wk_x"):
        assert read(text) is None
