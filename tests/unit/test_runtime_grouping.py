"""Who is who, decided by a model: what is stated when groups change, and what is left alone. A register of owners stands for any."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared import events
from shared.envelope import Event
from shared.fold import Batch
from shared.grouping import MOST_CONNECTED, Belonging, connected
from shared.handlers import Announcement, handles
from shared.identity import Grouping, id_of
from shared.model import Member, Model
from tests.order_free import NOW, History, event


@dataclass(frozen=True)
class Owned:
    """The last login by text that was named with a device, and the devices that were named with a login."""

    owner: str = ""
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    identity_keys: tuple[str, ...]


class ByOwner:
    """A device belongs to its owner: any rule that depends on the set of events alone will do."""

    def evidence(self, state: Owned) -> object:
        return state

    def neighbours(self, key: str, state: Owned, rules: object) -> set[str]:
        return {*state.devices, *([state.owner] if state.owner else [])}

    def resolve(self, states: Mapping[str, Owned], rules: object) -> dict[str, Belonging[Owned]]:
        return {key: Belonging(state.owner or key, state) for key, state in states.items()}


REGISTER: Model[Owned] = Model("register", Owned, lambda states: states[0], regroup=ByOwner())


class Register:
    name = "register"

    @handles(events.PAGE_VIEWED, REGISTER, every_key=True)
    def on_page_viewed(self, state: Owned, fact: Named, event: Event, key: str) -> Owned:
        """Remember who was named with whom."""
        logins = [other for other in fact.identity_keys if other.startswith("user:")]
        devices = [other for other in fact.identity_keys if other.startswith("anon:")]
        if key in logins:
            return replace(state, devices=tuple(sorted({*state.devices, *devices})))
        return replace(state, owner=max([state.owner, *logins]))


def seen(*keys: str, name: str = "") -> Event:
    return event(events.PAGE_VIEWED, keys[0], {"identity_keys": list(keys)}, name=name)


def statements(told: History) -> list[tuple[str, dict[str, Any]]]:
    return [(one.kind.name, dict(one.data)) for one in told.announced.values()]


def test_keys_that_come_together_are_stated_as_a_merge_with_all_customers_that_went_in():
    told = History(Register, [REGISTER]).apply(seen("user:1", "anon:x"))
    statement = {
        "customer_id": id_of("user:1"),
        "identity_keys": ["anon:x", "user:1"],
        "revision": 1,
        "merged_from": [id_of("anon:x")],
    }
    assert statements(told) == [("profile_merged", statement)]


def test_a_key_that_moves_is_a_merge_where_it_goes_and_a_split_where_it_was():
    told = History(Register, [REGISTER]).apply(seen("user:1", "anon:x", "anon:y")).apply(seen("user:2", "anon:x"))
    merged = {
        "customer_id": id_of("user:2"),
        "identity_keys": ["anon:x", "user:2"],
        "revision": 2,
        "merged_from": [id_of("user:1")],
    }
    split = {
        "customer_id": id_of("user:1"),
        "identity_keys": ["anon:y", "user:1"],
        "revision": 2,
        "split_from": [id_of("user:1")],
    }
    said = statements(told)[1:]
    assert sorted(said) == [("profile_merged", merged), ("profile_split", split)]


def test_a_group_that_stays_as_it_was_is_left_alone_when_its_neighbour_changes():
    told = History(Register, [REGISTER]).apply(seen("user:2", "anon:x")).apply(seen("user:1", "anon:x", "anon:new"))
    assert [data["customer_id"] for _, data in statements(told)] == [id_of("user:2"), id_of("user:1")]
    members = {member.key: member for member in told.batches["register"].members.values()}
    assert {key: member.revision for key, member in members.items()} == {"user:2": 1, "anon:x": 1, "user:1": 1, "anon:new": 1}


def test_an_event_that_changes_no_group_states_nothing():
    told = (
        History(Register, [REGISTER])
        .apply(seen("user:2", "anon:x"))
        .apply(seen("user:1", "anon:x"), seen("user:2", "anon:x", name="again"))
    )
    assert len(statements(told)) == 1
    assert told.customer_id("user:1", "register") == id_of("user:1")


def near(graph: Mapping[str, str]) -> Mapping[str, Collection[str]]:
    return {key: set(others) for key, others in graph.items()}


def region(graph: Mapping[str, str], *seeds: str) -> tuple[set[str], set[str]]:
    everybody = near(graph)
    return connected(seeds, lambda keys: {key: everybody[key] for key in keys if key in everybody}, lambda key: [key])


@pytest.mark.parametrize(
    ("graph", "seeds", "inside", "beside"),
    [
        pytest.param({"a": "b", "b": "a", "c": ""}, "a", "ab", "", id="those who look at each other"),
        pytest.param({"a": "b", "b": "ac", "c": "b"}, "a", "abc", "", id="and whom these look at in turn"),
        pytest.param({"a": "b", "b": "c", "c": "b"}, "a", "a", "b", id="not who does not look back, nor who is behind"),
        pytest.param({"a": "x"}, "a", "a", "", id="nobody whom nothing is known of"),
        pytest.param({"a": "b", "b": "a", "c": "d", "d": "c"}, "ac", "abcd", "", id="around each of the seeds"),
    ],
)
def test_connected_are(graph: Mapping[str, str], seeds: str, inside: str, beside: str):
    assert region(graph, *seeds) == (set(inside), set(beside))


def test_all_of_a_customer_are_judged_together_also_where_nothing_connects_them_any_more():
    found = connected("a", lambda keys: dict.fromkeys(keys, ()), lambda key: "ab" if key in "ab" else key)
    assert found == ({"a", "b"}, set())


def chain(length: int) -> dict[str, Member[Owned]]:
    """Logins and devices that were named in turn, each with the next."""
    keys = [f"{'user' if number % 2 else 'anon'}:{number:05}" for number in range(length)]
    members = {}
    for before, key, after in zip([None, *keys], keys, [*keys[1:], None], strict=False):
        others = tuple(one for one in (before, after) if one)
        state = Owned(devices=others) if key.startswith("user:") else Owned(owner=others[0], devices=others[1:])
        members[key] = Member(key, id_of(key), state)
    return members


def told(grouping: Grouping, former: object, name: str) -> Announcement:
    return Announcement(events.PROFILE_MERGED, grouping.customer_id, name, NOW, {})


def test_members_that_are_connected_are_fetched_and_written_and_no_others():
    stored = chain(6)
    asked: list[str] = []

    def fetch(keys: Iterable[str]) -> list[Member[Owned]]:
        asked.extend(keys)
        return [stored[key] for key in keys]

    batch = Batch(REGISTER, [stored["anon:00000"]], None, fetch)
    batch.reconsider([id_of("anon:00000")], told)
    written = {member.key for member in batch.settle(None, None, NOW).members}
    assert set(asked) == set(stored) - {"anon:00000"}
    assert written == set(stored)


def test_more_than_can_be_judged_together_stays_as_it_is():
    batch = Batch(REGISTER, chain(MOST_CONNECTED + 50).values())
    batch.reconsider([id_of("user:00001")], told)
    assert batch.settle(None, None, NOW).announcements == []
    assert {member.customer_id for member in batch.members.values()} == {member.id for member in batch.members.values()}


def test_judging_more_than_can_be_judged_ends_soon_after_the_limit():
    seen = 0

    def look_up(keys: Iterable[str]) -> dict[str, Collection[str]]:
        nonlocal seen
        found = {key: {str(int(key) - 1), str(int(key) + 1)} for key in keys}
        seen += len(found)
        return found

    connected(["0"], look_up, lambda key: [key])
    assert MOST_CONNECTED < seen < MOST_CONNECTED + 10
