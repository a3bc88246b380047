"""The runtime's fold: groups, merges, differences in what follows. A small service of its own stands for any."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared import events
from shared.difference import Applied, View
from shared.envelope import Event
from shared.fold import Batch
from shared.handlers import Consequences, Figure, Folded, Timer, follows, handlers_of, handles
from shared.identity import id_of
from shared.model import Member, Model
from tests.order_free import NOW, assert_order_free, event


@dataclass(frozen=True)
class Purchases:
    orders: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    order_id: str
    amount: int


def combine(states: list[Purchases]) -> Purchases:
    return Purchases({order: amount for state in states for order, amount in state.orders.items()})


CUSTOMERS = Model("customers", Purchases, combine)


class Shop:
    name = "toy"

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Purchases, order: Placed, event: Event) -> Purchases:
        """The first amount heard by event id counts."""
        return replace(customer, orders={**customer.orders, order.order_id: order.amount})

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Purchases, rules: None, now: datetime) -> Consequences:
        if not customer.orders:
            return Consequences()
        total = {"revenue": sum(customer.orders.values()), "customers": 1}
        due = NOW + timedelta(days=len(customer.orders))
        return Consequences(timers=(Timer("lapse", customer_id, customer_id, due),), figures=(Figure("figures", "all", total),))


def order(subject: str, order_id: str, amount: int) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": "USD", "products": []}
    return event(events.ORDER_COMPLETED, subject, data)


def merged(keys: list[str], revision: int) -> Event:
    data = {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision, "former_customer_ids": []}
    return event(events.PROFILE_MERGED, keys[0], data, name=str(revision))


def test_figures_are_the_sum_over_customers_whatever_the_order():
    history = assert_order_free(Shop, [CUSTOMERS], [order("user:1", "a", 100), order("user:1", "b", 50), order("user:2", "c", 7)])
    assert history.state()["figures"] == {"figures/all": {"revenue": 157, "customers": 2}}


def test_a_customer_of_whom_nothing_follows_any_more_is_kept_like_one_of_whom_nothing_ever_did():
    followed = View(id_of("user:1"), [id_of("user:1")], Applied(rows={"reminders/1": "digest"}))
    batch = Batch(CUSTOMERS, [Member("user:1", id_of("user:1"), Purchases(), view=followed)])
    batch.look_again([id_of("user:1")])
    changes = batch.settle(Shop().follow_up, None, NOW)
    assert changes.deleted_rows == ["reminders/1"]
    assert [member.view for member in changes.members] == [None]


def test_a_merge_counts_the_customer_once_and_joins_the_orders():
    happened = [order("user:1", "a", 100), order("anon:x", "b", 50), merged(["user:1", "anon:x"], 1)]
    history = assert_order_free(Shop, [CUSTOMERS], happened)
    assert history.customer("anon:x").orders == {"a": 100, "b": 50}
    assert history.state()["figures"] == {"figures/all": {"revenue": 150, "customers": 1}}
    assert list(history.timers) == [f"lapse/{id_of('user:1')}"]


def test_a_split_gives_back_exactly_what_was_before_the_merge():
    happened = [order("user:1", "a", 100), order("anon:x", "b", 50), merged(["user:1", "anon:x"], 1)]
    happened += [merged(["user:1"], 2), merged(["anon:x"], 2)]
    history = assert_order_free(Shop, [CUSTOMERS], happened)
    apart = assert_order_free(Shop, [CUSTOMERS], happened[:2])
    assert history.state()["figures"] == apart.state()["figures"]
    assert history.state()["timers"] == apart.state()["timers"]
    assert history.customer("user:1").orders == {"a": 100}


def rolled_up(figure: Figure) -> list[Figure]:
    return [Figure(figure.collection, "year", figure.values)] if figure.id != "year" else []


TILL = Model("till", Purchases, combine, rollup=rolled_up)


class Till:
    """Counts events by month as they come, and what was bought by month; both roll up into the year."""

    name = "till"

    @handles(events.ORDER_COMPLETED, TILL)
    def on_order_completed(self, customer: Purchases, order: Placed, event: Event) -> Folded:
        counts = (Figure("counts", f"{event.time:%Y-%m}", {"events": 1}),)
        return Folded(replace(customer, orders={**customer.orders, order.order_id: order.amount}), counts=counts)

    @handles(events.PAGE_VIEWED, TILL)
    def on_page_viewed(self, customer: Purchases, page: dict[str, Any], event: Event) -> Folded:
        return Folded(customer, counts=(Figure("counts", f"{event.time:%Y-%m}", {"events": 1}),))

    @follows(TILL)
    def follow_up(self, customer_id: str, customer: Purchases, rules: None, now: datetime) -> Consequences:
        return Consequences(figures=(Figure("sales", "2026-06", {"revenue": sum(customer.orders.values())}),))


def test_counts_are_added_once_an_event():
    viewed = [event(events.PAGE_VIEWED, "anon:x", {}, name=str(number)) for number in range(3)]
    history = assert_order_free(Till, [TILL], viewed)
    assert history.state()["figures"] == {"counts/2026-06": {"events": 3}, "counts/year": {"events": 3}}


def test_figures_and_counts_roll_up_into_coarser_rows():
    earlier = event(events.PAGE_VIEWED, "user:1", {}, NOW - timedelta(days=31))
    history = assert_order_free(Till, [TILL], [order("user:1", "a", 100), order("user:2", "b", 50), earlier])
    assert history.state()["figures"] == {
        "counts/2026-05": {"events": 1},
        "counts/2026-06": {"events": 2},
        "counts/year": {"events": 3},
        "sales/2026-06": {"revenue": 150},
        "sales/year": {"revenue": 150},
    }


def test_a_row_that_several_figures_of_a_batch_add_to_is_written_once():
    batch = Batch(TILL)
    handler = next(one for one in handlers_of(Till) if one.event == "page_viewed")
    for number in range(3):
        batch.apply(Till(), handler, event(events.PAGE_VIEWED, "anon:x", {}, name=str(number)), ["anon:x"])
    changes = batch.settle(None, None, NOW)
    assert [(one.id, one.values) for one in changes.figures] == [
        ("2026-06", {"events": 3}),
        ("year", {"events": 3}),
    ]
    assert changes.members == []  # what is only counted keeps no facts
