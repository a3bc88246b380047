"""Who is who, decided by a model: what is stated when groups change, and what is left alone. A register of owners stands for any."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import events
from shared.envelope import Event
from shared.fold import Model
from shared.handlers import handles
from shared.identity import id_of
from tests.order_free import History, event


@dataclass(frozen=True)
class Owned:
    """The last key by text that named this one: any rule that depends on the set of events alone will do."""

    owner: str = ""


@dataclass(frozen=True)
class Named:
    identity_keys: tuple[str, ...]


def by_owner(states: Mapping[str, Owned]) -> dict[str, str]:
    return {key: state.owner if state.owner in states else key for key, state in states.items()}


REGISTER: Model[Owned] = Model("register", Owned, lambda states: states[0], regroup=by_owner)


class Register:
    name = "register"

    @handles(events.PAGE_VIEWED, REGISTER, every_key=True)
    def on_page_viewed(self, state: Owned, fact: Named, event: Event, key: str) -> Owned:
        """A device belongs to the last login by text."""
        logins = [other for other in fact.identity_keys if other.startswith("user:") and not key.startswith("user:")]
        owner = max([state.owner, *logins])
        return state if owner == state.owner else Owned(owner)


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
    assert {key: member.revision for key, member in members.items()} == {"user:2": 1, "anon:x": 1, "user:1": 2, "anon:new": 2}


def test_an_event_that_changes_no_group_states_nothing():
    told = (
        History(Register, [REGISTER])
        .apply(seen("user:2", "anon:x"))
        .apply(seen("user:1", "anon:x"), seen("user:2", "anon:x", name="again"))
    )
    assert len(statements(told)) == 1
    assert told.customer_id("user:1", "register") == id_of("user:1")
