"""Who an author is to the shop, whatever the order in which orders, names, merges and splits came in."""

from datetime import timedelta

from services.social.domain.authors import Author, author_of
from services.social.service import Social
from services.social.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import NOW, History, assert_order_free, event


def days(number: int):
    return NOW + timedelta(days=number)


def order(
    subject: str, order_id: str, amount: int, at=NOW, *, kind=events.ORDER_COMPLETED, currency="EUR", backfill=False
) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": currency, "products": []}
    return event(kind, subject, data, at, backfill=backfill)


def cancelled(subject: str, order_id: str) -> Event:
    return event(events.ORDER_CANCELLED, subject, {"order_id": order_id, "products": []}, days(9))


def refunded(subject: str, order_id: str, amount: int) -> Event:
    data = {"order_id": order_id, "refund_id": f"r-{amount}", "currency": "EUR", "amount": amount, "products": []}
    return event(events.ORDER_REFUNDED, subject, data, days(8))


def identified(subject: str, at=NOW, **traits) -> Event:
    return event(events.CUSTOMER_IDENTIFIED, subject, {"traits": traits}, at)


def grouped(kind: events.EventKind, keys: list[str], revision: int) -> Event:
    return event(kind, keys[0], {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}, name=str(revision))


def author(history: History, key: str) -> Author:
    return author_of(history.customer_id(key), history.customer(key))


def spent(found: Author) -> dict[str, int]:
    return {spend.currency: spend.amount for spend in found.spend}


HAPPENED = [
    order("user:1", "A1", 3000, days(1)),
    order("user:1", "A1", 3000, days(2)),
    order("user:1", "A2", 900, days(-400), currency="USD", backfill=True),
    order("anon:x", "A3", 5000, days(3)),
    order("anon:x", "A3", 4000, days(4), kind=events.ORDER_UPDATED),
    order("anon:x", "A4", 7000, days(5)),
    cancelled("user:1", "A4"),
    refunded("user:1", "A1", 500),
    refunded("anon:x", "A1", 200),
    identified("user:1", days(1), first_name="Jane", last_name="Roe"),
    identified("anon:x", days(2), last_name="Doe", name=None),
    grouped(events.PROFILE_MERGED, ["user:1", "anon:x", "social:x:jane"], 1),
]


def test_the_author_is_the_customer_whom_the_handle_belongs_to():
    history = assert_order_free(Social, [CUSTOMERS], HAPPENED)
    found = author(history, "social:x:jane")
    assert found == author(history, "user:1")
    assert (found.customer_id, found.name, found.is_buyer, found.orders_count) == (id_of("user:1"), "Jane Doe", True, 3)
    assert spent(found) == {"EUR": 2300 + 4000, "USD": 900}
    assert (found.first_order_at, found.last_order_at) == (days(-400), days(3))


def test_a_split_gives_the_orders_back_to_whom_they_came_from():
    apart = [grouped(events.PROFILE_SPLIT, ["user:1"], 2), grouped(events.PROFILE_SPLIT, ["anon:x", "social:x:jane"], 2)]
    history = assert_order_free(Social, [CUSTOMERS], HAPPENED + apart)
    found = author(history, "social:x:jane")
    assert (found.customer_id, found.orders_count, found.name) == (id_of("anon:x"), 2, "Doe")
    assert author(history, "user:1").orders_count == 2


def test_who_cancelled_the_only_order_is_no_buyer():
    history = assert_order_free(Social, [CUSTOMERS], [order("user:1", "A1", 3000), cancelled("user:1", "A1")])
    found = author(history, "user:1")
    assert (found.is_buyer, found.spend, found.last_order_at) == (False, (), None)


def test_a_full_name_goes_before_its_parts_until_it_is_taken_back():
    parts = identified("user:1", days(1), first_name="Jane", last_name="Doe")
    whole = identified("user:1", days(0), name="J. Doe")
    assert author(assert_order_free(Social, [CUSTOMERS], [parts, whole]), "user:1").name == "J. Doe"
    back = identified("user:1", days(2), name=None)
    assert author(assert_order_free(Social, [CUSTOMERS], [parts, whole, back]), "user:1").name == "Jane Doe"


def test_nobody_is_known_by_a_handle_alone():
    found = author(History(Social, [CUSTOMERS]), "social:x:nobody")
    assert (found.name, found.is_buyer, found.orders_count) == (None, False, 0)
