"""The runtime forgets people: what they brought goes, what was counted stays, and nothing that happened before comes back."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import events
from shared.documents import writes_of
from shared.envelope import Event
from shared.fold import Batch
from shared.handlers import Announcement, Consequences, Figure, Row, Timer, follows, handlers_of, handles
from shared.identity import Grouping, id_of
from shared.model import Model
from shared.timers import LOOK_AGAIN
from shared.unit_of_work import fold, keys_of
from tests.order_free import NOW, event, timer
from tests.unit.test_runtime_fold import Placed, Purchases, combine

ERASED = NOW + timedelta(hours=1)
LATER = NOW + timedelta(hours=2)


CUSTOMERS = Model("customers", Purchases, combine, sizes=("sizes",))
ORDERS: Model[Purchases] = Model("orders", Purchases, combine, keys=lambda event: ())


class Shop:
    name = "toy"

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Purchases, order: Placed, event: Event) -> Purchases:
        """The order counts."""
        return replace(customer, orders={**customer.orders, order.order_id: order.amount})

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Purchases, rules: None, now: datetime) -> Consequences:
        if not customer.orders:
            return Consequences()
        return Consequences(
            timers=(Timer("lapse", customer_id, customer_id, NOW + timedelta(days=30)),),
            rows=(Row("directory", customer_id, {"orders": len(customer.orders)}),),
            figures=(
                Figure("figures", "all", {"revenue": sum(customer.orders.values()), "customers": 1}),
                Figure("sizes", "buyers", {"members": 1}),
            ),
        )


def order(subject: str, order_id: str, amount: int, at: datetime = NOW) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": "USD", "products": []}
    return event(events.ORDER_COMPLETED, subject, data, at)


def merged(keys: list[str], revision: int, at: datetime = NOW) -> Event:
    data = {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}
    return event(events.PROFILE_MERGED, keys[0], data, at, name=str(revision))


def unstated(grouping: Grouping, former: Any, name: str) -> Announcement:
    raise AssertionError("nobody decides here who is who")


class Kept:
    """What the toy shop holds, from batch to batch."""

    def __init__(self) -> None:
        self.service, self.members, self.figures, self.sizes = Shop(), {}, dict[str, int](), dict[str, int]()

    def batch(self) -> Batch[Purchases]:
        return Batch(CUSTOMERS, self.members.values())

    def apply(self, *events: Event) -> "Kept":
        batch = self.batch()
        for one in events:
            keys = [key for key in keys_of(CUSTOMERS, one) if not batch.has_forgotten(key, one.time)]
            if keys:
                handlers = [handler for handler in handlers_of(Shop) if handler.event == one.name]
                fold(batch, self.service, handlers, one, keys)
        return self._settle(batch)

    def forget(self, *keys: str, before: datetime = ERASED) -> "Kept":
        batch = self.batch()
        batch.forget(keys, before, unstated)
        return self._settle(batch)

    def _settle(self, batch: Batch[Purchases]) -> "Kept":
        self.changes = batch.settle(self.service.follow_up, None, NOW)
        self.members = batch.members
        for figure in self.changes.figures:
            counted = self.sizes if figure.collection == "sizes" else self.figures
            for name, value in figure.values.items():
                counted[name] = counted.get(name, 0) + value
        return self

    @property
    def rows(self) -> list[Any]:
        return writes_of(self.changes, "0")["customers_facts"].rows


def test_facts_rows_and_timers_go_and_the_text_of_the_key_with_them():
    kept = Kept().apply(order("user:1", "a", 100)).forget("user:1")
    assert kept.changes.deleted_rows == [f"directory/{id_of('user:1')}"]
    assert [slot for slot, _ in kept.changes.disarm] == [f"lapse/{id_of('user:1')}"]
    (row,) = kept.rows
    assert row["_id"] == id_of("user:1")
    assert (row["key"], row["state"], row["forgotten"]) == ("", '{"orders":{}}', ERASED)
    assert "view" not in row


def test_what_was_counted_stays_counted():
    kept = Kept().apply(order("user:1", "a", 100), order("user:2", "b", 7)).forget("user:1")
    assert kept.figures == {"revenue": 107, "customers": 2}
    assert kept.sizes == {"members": 1}


def test_what_happened_before_is_never_heard_again_and_what_happens_later_is_somebody_new():
    kept = Kept().apply(order("user:1", "a", 100)).forget("user:1")
    kept.apply(order("user:1", "late", 5, ERASED - timedelta(seconds=1)))
    assert kept.rows == []
    kept.apply(order("user:1", "b", 30, LATER))
    assert kept.batch().member("user:1").state.orders == {"b": 30}
    assert kept.figures == {"revenue": 130, "customers": 2}
    kept.apply(order("user:1", "later still", 5, ERASED - timedelta(seconds=1)))
    assert kept.batch().member("user:1").state.orders == {"b": 30}


def test_forgetting_again_leaves_alone_who_came_since():
    kept = Kept().apply(order("user:1", "a", 100)).forget("user:1").apply(order("user:1", "b", 30, LATER)).forget("user:1")
    assert kept.batch().member("user:1").state.orders == {"b": 30}
    kept.forget("user:1", before=LATER + timedelta(hours=1))
    assert kept.batch().members[id_of("user:1")].state.orders == {}


@pytest.mark.parametrize("strongest_goes", [True, False])
def test_who_shared_a_customer_with_a_forgotten_key_is_one_alone_with_all_their_facts(strongest_goes: bool):
    kept = Kept().apply(order("user:1", "a", 100), order("anon:x", "b", 50), merged(["user:1", "anon:x"], 1))
    gone, left = ("user:1", "anon:x") if strongest_goes else ("anon:x", "user:1")
    kept.forget(gone)
    member = kept.batch().member(left)
    assert member.customer_id == id_of(left)
    assert member.view is not None
    assert list(member.view.applied.rows) == [f"directory/{id_of(left)}"]
    assert kept.figures == {"revenue": 150, "customers": 1}
    kept.apply(order(left, "c", 1, LATER))
    assert kept.figures == {"revenue": 151, "customers": 1}


def test_an_old_statement_of_who_is_who_does_not_bring_a_forgotten_key_back():
    kept = Kept().apply(order("user:1", "a", 100), order("anon:x", "b", 50)).forget("user:1")
    kept.apply(merged(["anon:x", "user:1"], 1))
    assert kept.members[id_of("user:1")].key == ""
    assert kept.members[id_of("anon:x")].customer_id == id_of("anon:x")


def test_a_revision_goes_on_counting_after_its_key_was_forgotten():
    kept = Kept().apply(order("user:1", "a", 100), merged(["user:1", "anon:x"], 7)).forget("user:1", "anon:x")
    assert {row["revision"] for row in kept.rows} == {7}


def test_looking_again_at_a_person_touches_no_model_that_is_about_something_else():
    batch = Batch(ORDERS)
    fold(batch, Shop(), (), timer(LOOK_AGAIN, "user:1", {}, NOW), ())
    assert batch.settle(None, None, NOW).members == []
