"""What a service is told about the time before, so that it can announce how something changed."""

from dataclasses import dataclass
from datetime import datetime

from shared import events
from shared.envelope import Event
from shared.handlers import Consequences, Row, follows, handles
from shared.identity import id_of
from shared.model import Before, Model
from tests.order_free import History, event


@dataclass(frozen=True)
class Seen:
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    order_id: str


def combine(states: list[Seen]) -> Seen:
    return Seen(tuple(sorted({order for state in states for order in state.orders})))


CUSTOMERS = Model("customers", Seen, combine)


class Shop:
    name = "toy"
    asked: dict[str, Before]

    def __init__(self) -> None:
        self.asked = {}

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Seen, order: Placed) -> Seen:
        return combine([customer, Seen((order.order_id,))])

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Seen, rules: None, now: datetime, before: Before) -> Consequences:
        self.asked[customer_id] = before
        rows = tuple(Row("orders", f"{order}:{customer_id}", {}) for order in customer.orders)
        return Consequences(rows=rows, marks={"orders": len(customer.orders)} if customer.orders else {})


def order(subject: str, order_id: str, *, backfill: bool = False) -> Event:
    data = {"order_id": order_id, "amount": 1, "currency": "USD", "products": []}
    return event(events.ORDER_COMPLETED, subject, data, name=str(backfill), backfill=backfill)


def grouped(kind: events.EventKind, keys: list[str], revision: int) -> Event:
    return event(kind, keys[0], {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}, name=str(revision))


JANE, DEVICE = id_of("user:jane"), id_of("anon:x")


def test_rows_of_the_look_before_are_told_and_nothing_of_other_customers():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "a"), order("user:joe", "b"))
    assert history.service.asked[JANE] == Before(set())
    history.apply(order("user:jane", "c"), order("user:joe", "d"))
    assert history.service.asked[JANE] == Before({f"orders/a:{JANE}"}, marks={"orders": 1})


def test_after_a_merge_and_after_a_split_the_rows_of_all_former_customers_are_told():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "a"), order("anon:x", "b"))
    history.apply(grouped(events.PROFILE_MERGED, ["user:jane", "anon:x"], 1))
    assert history.service.asked[JANE].rows == {f"orders/a:{JANE}", f"orders/b:{DEVICE}"}
    history.apply(grouped(events.PROFILE_SPLIT, ["user:jane"], 2), grouped(events.PROFILE_SPLIT, ["anon:x"], 2))
    both = {f"orders/a:{JANE}", f"orders/b:{JANE}"}
    assert history.service.asked[JANE].rows == history.service.asked[DEVICE].rows == both


def test_imported_history_alone_is_told_as_such_for_each_customer():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "a", backfill=True), order("user:joe", "b"))
    assert history.service.asked[JANE].backfill
    assert not history.service.asked[id_of("user:joe")].backfill


def test_history_that_comes_with_a_live_event_of_the_customer_or_with_nothing_new_is_not_backfill():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "a", backfill=True), order("user:jane", "b"))
    assert not history.service.asked[JANE].backfill
    batch = history.batches["customers"]
    batch.look_again([JANE])
    batch.settle(history.service.follow_up, None, history.now)
    assert not history.service.asked[JANE].backfill


def test_the_lowest_mark_of_all_former_customers_is_told_and_none_where_one_was_never_looked_at():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "a"), order("user:jane", "b"), order("anon:x", "c"))
    history.apply(grouped(events.PROFILE_MERGED, ["user:jane", "anon:x"], 1))
    assert history.service.asked[JANE].marks == {"orders": 1}
    history.apply(grouped(events.PROFILE_MERGED, ["user:jane", "anon:x", "anon:new"], 2))
    assert history.service.asked[JANE].marks == {}


def test_facts_are_told_as_they_were_before_the_batch_for_each_former_customer():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "a"), order("anon:x", "b"))
    history.apply(order("anon:x", "c"), grouped(events.PROFILE_MERGED, ["user:jane", "anon:x"], 1))
    assert history.service.asked[JANE].formerly() == {JANE: Seen(("a",)), DEVICE: Seen(("b",))}
    history.apply(order("anon:x", "d"), grouped(events.PROFILE_SPLIT, ["anon:x"], 2))
    assert history.service.asked[DEVICE].formerly() == {JANE: Seen(("a", "b", "c"))}


def test_imported_history_of_a_batch_counts_as_known_before_its_live_events():
    history = History(Shop, [CUSTOMERS]).apply(order("user:jane", "b"), order("user:jane", "a", backfill=True))
    asked = history.service.asked[JANE]
    assert (asked.imported, asked.backfill, asked.formerly()) == (True, False, {JANE: Seen(("a",))})
    history.apply(order("user:jane", "c"))
    assert not history.service.asked[JANE].imported
