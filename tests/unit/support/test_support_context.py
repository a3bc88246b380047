"""What an agent sees of a customer, whatever the order in which the facts came in."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.support.domain.context import Context, TicketWords, context_of
from services.support.domain.customer import KEPT, Trait, latest_of_each
from services.support.service import Support
from services.support.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import NOW, History, assert_order_free, event

SHIRT = {"product_id": "shirt", "name": "Shirt", "quantity": 2, "price": 1500}
MUG = {"product_id": "mug", "quantity": 1, "price": 900}


def days(number: float):
    return NOW + timedelta(days=number)


def order(subject: str, order_id: str, at=NOW, amount: int = 3000, currency: str = "EUR", backfill: bool = False) -> Event:
    data = {"order_id": order_id, "amount": amount, "currency": currency, "products": [SHIRT]}
    return event(events.ORDER_COMPLETED, subject, data, at, backfill=backfill)


def refund(subject: str, order_id: str, amount: int, at=NOW) -> Event:
    data = {"order_id": order_id, "refund_id": f"r-{amount}", "currency": "EUR", "amount": amount, "products": []}
    return event(events.ORDER_REFUNDED, subject, data, at)


def added(subject: str, cart: str, at=NOW) -> Event:
    return event(events.PRODUCT_ADDED, subject, {**MUG, "cart_id": cart, "currency": "EUR"}, at)


def abandoned(subject: str, cart: str, left_at, at) -> Event:
    data = {"customer_id": "cus_1", "cart_id": cart, "products": [MUG], "abandoned_at": left_at.isoformat()}
    return event(events.CART_ABANDONED, subject, data, at)


def identified(subject: str, at=NOW, **traits) -> Event:
    return event(events.CUSTOMER_IDENTIFIED, subject, {"traits": traits}, at)


def mention(number: int, at=NOW) -> Event:
    data = {"mention_id": f"x:{number}", "network": "x", "handle": "jane", "text": "Where is my parcel?"}
    return event(events.MENTION_RECEIVED, "social:x:jane", data, at)


def message(kind: events.EventKind, key: str, message_id: str, at=NOW, **more) -> Event:
    data = {"message_id": message_id, "customer_id": "cus_1", "campaign_id": "spring", "channel": "email", **more}
    return event(kind, key, data, at)


def grouped(kind: events.EventKind, keys: list[str], revision: int) -> Event:
    data = {"customer_id": id_of(keys[0]), "identity_keys": keys, "revision": revision}
    return event(kind, keys[0], data, name=str(revision))


def merged(*keys: str, revision: int = 1) -> Event:
    return grouped(events.PROFILE_MERGED, list(keys), revision)


def seen(*happened: Event, key: str = "user:1", words: Sequence[TicketWords] = (), most: int = 50) -> Context:
    """The context after some events, which had to be the same for every order and repetition of them."""
    history = assert_order_free(Support, [CUSTOMERS], list(happened), rounds=8)
    return context_of(history.customer(key), [key], words, most)


def test_orders_are_newest_first_and_count_net_of_refunds_and_cancellations():
    context = seen(
        order("user:1", "A1", days(0)),
        order("user:1", "A2", days(2), 5000),
        order("user:1", "A3", days(1), 700, "USD"),
        refund("user:1", "A1", 500),
        event(events.ORDER_CANCELLED, "user:1", {"order_id": "A3", "products": []}, days(3)),
    )
    assert [(o.order_id, o.status, o.net) for o in context.orders] == [
        ("A2", "placed", 5000),
        ("A3", "cancelled", 0),
        ("A1", "partly_refunded", 2500),
    ]
    assert [(s.currency, s.amount) for s in context.spend] == [("EUR", 7500)]
    assert (context.orders_count, context.orders_placed) == (2, 3)
    assert (context.first_order_at, context.last_order_at) == (days(0), days(2))
    assert context.orders[2].refunds[0].amount == 500
    assert context.orders[1].cancelled_at == days(3)


def test_a_refund_of_an_order_that_was_not_heard_of_shows_nothing_yet():
    context = seen(refund("user:1", "A9", 500))
    assert (context.orders, context.spend, context.orders_count) == ((), (), 0)


def test_the_same_order_under_two_message_ids_counts_once():
    context = seen(order("user:1", "A1"), order("user:1", "A1", days(1)))
    assert [s.amount for s in context.spend] == [3000]


def test_imported_history_shows_like_any_other():
    assert seen(order("user:1", "A1", days(-900), backfill=True)).orders_count == 1


def test_the_cart_touched_last_is_the_open_one_and_an_order_closes_it():
    carts = [added("user:1", "c1", days(0)), added("user:1", "c2", days(1))]
    context = seen(*carts)
    assert context.open_cart is not None
    assert (context.open_cart.cart_id, [cart.cart_id for cart in context.other_carts]) == ("c2", ["c1"])
    bought = event(
        events.ORDER_COMPLETED,
        "user:1",
        {"order_id": "A1", "amount": 900, "currency": "EUR", "products": [MUG], "cart_id": "c2"},
        days(2),
    )
    context = seen(*carts[1:], bought)
    assert context.open_cart is None


def test_a_cart_is_abandoned_until_it_is_touched_again():
    left = [added("user:1", "c1", days(0)), abandoned("user:1", "c1", days(0), days(0.1))]
    context = seen(*left)
    assert context.open_cart is not None
    assert context.open_cart.abandoned_at == days(0)
    context = seen(*left, added("user:1", "c1", days(1)))
    assert context.open_cart is not None
    assert context.open_cart.abandoned_at is None


def test_the_latest_word_on_a_trait_counts_and_null_takes_it_back():
    context = seen(
        identified("user:1", days(0), first_name="Jane", last_name="Roe", phone="1", favourite_colour="red"),
        identified("user:1", days(2), last_name="Doe"),
        identified("user:1", days(1), last_name="Poe", phone=None),
    )
    assert context.name == "Jane Doe"
    assert context.contact == {"first_name": "Jane", "last_name": "Doe"}


def test_an_address_that_the_customer_wrote_from_serves_where_none_was_stated():
    history = History(Support, [CUSTOMERS])
    keys = ["email:jane@example.com", "user:1"]
    assert context_of(history.customer("user:1"), keys, [], 5).contact == {"email": "jane@example.com"}


def test_a_message_shows_once_with_its_most_telling_step_and_dated_when_it_was_sent():
    context = seen(
        message(events.MESSAGE_CLICKED, "user:1", "m1", days(3)),
        message(events.MESSAGE_OPENED, "user:1", "m1", days(2)),
        message(events.MESSAGE_SENT, "user:1", "m1", days(1), subject="Hello"),
        message(events.MESSAGE_SKIPPED, "user:1", "m2", days(2), reason="quiet_hours"),
        message(events.MESSAGE_OPENED, "user:1", "m3", days(0)),
    )
    assert [(m.id, m.at, m.status, m.subject, m.reason) for m in context.messages] == [
        ("m2", days(2), "skipped", None, "quiet_hours"),
        ("m1", days(1), "clicked", "Hello", None),
        ("m3", days(0), "opened", None, None),
    ]


def test_mentions_messages_and_words_in_tickets_are_one_conversation():
    written = TicketWords(days(2), "tic_1", 7, "email", "agent", "Parcel", "On its way.")
    context = seen(
        merged("user:1", "social:x:jane"),
        mention(1, days(1)),
        message(events.MESSAGE_SENT, "user:1", "m1", days(0)),
        words=[written],
    )
    assert [(m.kind, m.direction, m.channel) for m in context.messages] == [
        ("ticket", "out", "email"),
        ("mention", "in", "x"),
        ("campaign", "out", "email"),
    ]
    assert [m.mention_id for m in context.mentions] == ["x:1"]


def test_no_more_than_asked_for_is_shown_and_it_is_the_newest():
    context = seen(*[order("user:1", f"A{n}", days(n)) for n in range(6)], most=2)
    assert ([o.order_id for o in context.orders], context.orders_placed) == (["A5", "A4"], 6)


def test_of_many_mentions_the_latest_are_kept_in_whatever_order_they_came():
    context = seen(*[mention(n, days(n)) for n in range(KEPT + 9)], key="social:x:jane", most=500)
    assert [m.mention_id for m in context.mentions] == [f"x:{n}" for n in reversed(range(9, KEPT + 9))]


def test_a_merge_shows_one_customer_and_a_split_gives_back_two():
    happened = [
        order("user:1", "A1"),
        order("email:jane@example.com", "A2", days(1)),
        refund("anon:x", "A1", 500),
        added("anon:x", "c1", days(2)),
        identified("user:1", days(0), name="Jane Doe"),
        identified("email:jane@example.com", days(1), name="Jane Roe"),
        mention(1),
        message(events.MESSAGE_SENT, "anon:x", "m1"),
        merged("user:1", "email:jane@example.com", "anon:x", "social:x:jane"),
    ]
    together = assert_order_free(Support, [CUSTOMERS], happened)
    context = context_of(together.customer("anon:x"), [], [], 50)
    assert ([o.order_id for o in context.orders], context.name) == (["A2", "A1"], "Jane Roe")
    assert (context.spend[0].amount, len(context.messages), context.open_cart is None) == (5500, 2, False)
    apart = [
        *happened,
        grouped(events.PROFILE_SPLIT, ["user:1", "anon:x"], 2),
        grouped(events.PROFILE_SPLIT, ["email:jane@example.com", "social:x:jane"], 2),
    ]
    split = assert_order_free(Support, [CUSTOMERS], apart)
    assert [o.order_id for o in context_of(split.customer("user:1"), [], [], 50).orders] == ["A1"]
    assert [o.order_id for o in context_of(split.customer("social:x:jane"), [], [], 50).orders] == ["A2"]


traits = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(
        lambda minute, event_id: Trait(NOW + timedelta(minutes=minute), event_id), st.integers(0, 4), st.sampled_from("xyz")
    ),
    max_size=6,
)


@given(traits, traits, traits, st.integers(1, 4))
def test_keeping_the_latest_is_a_join(a, b, c, most):
    def join(left, right):
        return latest_of_each(left, right, most)

    # Of two facts of one event under two keys either may go first, so only events that differ are compared.
    distinct = {(fact.at, fact.event_id): (key, fact) for each in (a, b, c) for key, fact in sorted(each.items())}
    a, b, c = ({key: fact for key, fact in each.items() if distinct[fact.at, fact.event_id] == (key, fact)} for each in (a, b, c))
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c))
    assert join(join(a, b), b) == join(a, b)
