"""The feed of changes: who is told of, in which sections, and that nobody is while nobody wants it."""

from dataclasses import replace
from typing import Any

from services.profiles.domain.feed import FeedRules
from services.profiles.domain.rules import Rules
from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS, ORDERS
from shared.envelope import Event
from shared.events import PROFILE_CHANGED
from shared.identity import id_of
from tests.order_free import NOW, History, assert_order_free
from tests.unit.profiles.given import bought, decided, identified, viewed

ON = Rules(feed=FeedRules(enabled=True))
STORY = [
    identified("user:1", "anon:a", at=1, name="Ann"),
    bought("o", 100, "user:1", at=2),
    viewed("anon:a", at=3),
    viewed("user:2", at=4),
]


class Told:
    """A history with a clock: each batch is applied a second after the one before."""

    def __init__(self, rules: Rules = ON) -> None:
        self.history, self.count = History(Profiles, [CUSTOMERS, ORDERS], rules), 0

    def of(self, *events: Event) -> list[Any]:
        """What is told of a batch, as (customer, sections)."""
        self.count += 1
        self.history.now = NOW.replace(second=self.count)
        before = set(self.history.announced)
        self.history.apply(*events)
        fresh = [said for key, said in self.history.announced.items() if key not in before and said.kind is PROFILE_CHANGED]
        return sorted((said.data["customer_id"], tuple(said.data["sections"]), said.backfill) for said in fresh)


def test_nobody_is_told_of_as_delivered() -> None:
    told = Told(Rules())
    assert told.of(*STORY) == []
    assert not any(
        name.startswith("section/") for view in told.history.batches["customers"].views.values() for name in view.applied.marks
    )


def test_a_new_customer_is_told_of_once_for_all_events_of_a_batch() -> None:
    assert Told().of(*STORY[:2]) == [(id_of("user:1"), ("identity", "traits", "orders", "activity", "stage"), False)]


def test_a_new_key_of_a_known_customer_is_a_change_of_its_identity() -> None:
    told = Told()
    told.of(*STORY)
    assert told.of(identified("user:1", "email:ann@example.com", at=5, name="Ann")) == [
        (id_of("user:1"), ("identity", "traits", "activity"), False)
    ]


def test_a_change_is_told_by_the_sections_that_it_is_in_and_of_nobody_else() -> None:
    told = Told()
    told.of(*STORY)
    assert told.of(viewed("user:1", at=9)) == [(id_of("user:1"), ("activity",), False)]
    assert told.of(identified("user:2", at=10, name="Bo", consent={"email": "granted"})) == [
        (id_of("user:2"), ("traits", "consent", "activity"), False)
    ]
    assert told.of(viewed("user:1", at=9)) == []


def test_the_same_change_there_and_back_is_told_each_time() -> None:
    told = Told()
    told.of(*STORY)
    apart = decided("keep_apart", ["user:1"], ["anon:a"], at=20)
    together = decided("let_merge", ["user:1"], ["anon:a"], at=21)
    first, second = told.of(apart), told.of(together)
    assert [sections[0] for _, sections, _ in first] == ["identity", "identity"]
    assert [sections[0] for _, sections, _ in second] == ["identity"]


def test_history_is_told_as_history() -> None:
    told = Told()
    told.of(*STORY)
    assert [backfill for *_, backfill in told.of(identified("user:2", at=1, name="Bo", backfill=True))] == [True]


def test_customers_who_were_there_before_the_feed_are_told_of_when_they_change_and_not_when_it_begins() -> None:
    told = Told(Rules())
    told.of(*STORY)
    told.history.rules = replace(told.history.rules, feed=FeedRules(enabled=True))
    for batch in told.history.batches.values():
        batch.look_again([id_of("user:1")])
    assert told.of(viewed("user:2", at=9)) == [(id_of("user:2"), ("activity",), False)]
    assert told.of(viewed("user:1", at=10)) == [(id_of("user:1"), ("activity",), False)]


def test_what_is_left_for_the_next_look_does_not_depend_on_order() -> None:
    assert_order_free(Profiles, [CUSTOMERS, ORDERS], [*STORY, bought("p", 5, "anon:a", at=5)], rules=ON, rounds=8)
