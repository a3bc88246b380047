"""Orders and carts come out the same for every order, repetition and grouping of the facts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.commerce import (
    MAX_MOVES,
    UNNAMED_CART,
    Cart,
    CartMoved,
    Carts,
    CartViewed,
    CheckoutStarted,
    LineItem,
    OrderCancelled,
    OrderContent,
    OrderRefunded,
    Orders,
    OrderStatus,
    add_to_cart,
    cancel,
    closes,
    closing_order,
    counted,
    merge_carts,
    merge_orders,
    open_cart,
    open_carts,
    place,
    refund,
    remove_from_cart,
    revise,
    spend_by_currency,
    start_checkout,
    view_cart,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Fold = Callable[..., Any]


@dataclass(frozen=True)
class Heard:
    """A fact, when it happened, and the fold that hears it."""

    fold: Fold
    fact: Any
    at: datetime
    event_id: str
    backfill: bool = False


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def hear(state: Any, heard: Sequence[Heard]) -> Any:
    for each in heard:
        more = (each.backfill,) if each.fold is place else ()
        state = each.fold(state, each.fact, each.at, each.event_id, *more)
    return state


def content(amount: int = 5000, **more: Any) -> OrderContent:
    fields: dict[str, Any] = {"order_id": "A1", "currency": "EUR", "shop_source": "Web shop", "amount": amount}
    return OrderContent(**{**fields, **more})


SHIRT = LineItem(product_id="shirt", quantity=2, price=1500)
MUG = LineItem(product_id="mug", quantity=1, price=2000)

# -- any set of facts --------------------------------------------------------------------------------------------------

times = st.integers(0, 8).map(at)
money = st.integers(0, 9000)
products = st.lists(
    st.builds(
        LineItem,
        product_id=st.sampled_from(["shirt", "mug", "cap"]),
        quantity=st.integers(1, 3),
        price=st.none() | money,
        sku=st.none() | st.sampled_from(["S-1", "mug"]),
    ),
    max_size=3,
).map(tuple)
order_ids = st.sampled_from(["A1", "A2"])
currencies = st.sampled_from(["EUR", "USD"])
cart_ids = st.none() | st.sampled_from(["c1", "c2"])

contents = st.builds(
    OrderContent,
    order_id=order_ids,
    amount=money,
    currency=currencies,
    shop_source=st.sampled_from(["Web shop", "Till"]),
    products=products,
    cart_id=cart_ids,
    checkout_id=st.none() | st.just("k1"),
)
order_facts = st.one_of(
    st.tuples(st.just(place), contents),
    st.tuples(st.just(revise), contents),
    st.tuples(st.just(cancel), st.builds(OrderCancelled, order_id=order_ids)),
    st.tuples(
        st.just(refund),
        st.builds(
            OrderRefunded,
            order_id=order_ids,
            refund_id=st.sampled_from(["r1", "r2", "r3"]),
            currency=currencies,
            amount=st.none() | money,
            products=products,
        ),
    ),
)
moved = st.builds(
    CartMoved,
    product_id=st.sampled_from(["shirt", "mug", "cap"]),
    quantity=st.integers(1, 3),
    price=st.none() | money,
    currency=currencies,
    cart_id=cart_ids,
)
cart_facts = st.one_of(
    st.tuples(st.just(add_to_cart), moved),
    st.tuples(st.just(remove_from_cart), moved),
    st.tuples(st.just(view_cart), st.builds(CartViewed, cart_id=cart_ids, currency=currencies, products=products)),
    st.tuples(
        st.just(start_checkout),
        st.builds(
            CheckoutStarted, cart_id=cart_ids, checkout_id=st.none() | st.just("k1"), currency=currencies, products=products
        ),
    ),
)


@st.composite
def histories(draw: st.DrawFn, facts: st.SearchStrategy[tuple[Fold, Any]]) -> list[Heard]:
    """Facts that happened, each with an event id of its own; equal times are common."""
    drawn = draw(st.lists(st.tuples(facts, times, st.booleans()), max_size=9))
    return [Heard(fold, fact, when, f"e{n}", backfill) for n, ((fold, fact), when, backfill) in enumerate(drawn)]


@st.composite
def retold(draw: st.DrawFn, facts: st.SearchStrategy[tuple[Fold, Any]]) -> tuple[list[Heard], list[Heard]]:
    """A history, and the same history in another order with repetitions."""
    history = draw(histories(facts))
    repeats = draw(st.lists(st.sampled_from(history), max_size=5)) if history else []
    return history, draw(st.permutations(history + repeats))


@given(retold(order_facts))
def test_orders_do_not_depend_on_sequence_or_repetition(told: tuple[list[Heard], list[Heard]]) -> None:
    history, again = told
    assert hear({}, again) == hear({}, history)


@given(retold(cart_facts))
def test_carts_do_not_depend_on_sequence_or_repetition(told: tuple[list[Heard], list[Heard]]) -> None:
    history, again = told
    assert hear({}, again) == hear({}, history)


@given(histories(order_facts), st.data())
def test_merging_orders_gives_what_one_key_would_have_heard(history: list[Heard], data: st.DataObject) -> None:
    parts = _split(history, data)
    one, two, three = (hear({}, part) for part in parts)
    whole = hear({}, history)
    assert merge_orders(merge_orders(one, two), three) == whole
    assert merge_orders(three, merge_orders(two, one)) == whole
    assert merge_orders(whole, one) == merge_orders(whole, whole) == whole


@given(histories(cart_facts), st.data())
def test_merging_carts_gives_what_one_key_would_have_heard(history: list[Heard], data: st.DataObject) -> None:
    one, two, three = (hear({}, part) for part in _split(history, data))
    whole = hear({}, history)
    assert merge_carts(merge_carts(one, two), three) == whole
    assert merge_carts(three, merge_carts(two, one)) == whole
    assert merge_carts(whole, one) == merge_carts(whole, whole) == whole


@given(histories(cart_facts), histories(order_facts))
def test_moves_before_the_latest_statement_say_nothing_about_the_open_cart(carts: list[Heard], orders: list[Heard]) -> None:
    """The bound on stored moves is invisible: a cart that kept them all would stand open with the same lines."""
    bought = hear({}, orders)
    for cart_id, cart in hear({}, carts).items():
        unbounded = {
            h.event_id: move
            for h in carts
            if h.fold in (add_to_cart, remove_from_cart) and (h.fact.cart_id or UNNAMED_CART) == cart_id
            for move in hear({}, [h])[cart_id].moves.values()
        }
        later = open_cart(cart, bought)
        kept_all = open_cart(Cart(cart_id, unbounded, cart.seen, cart.checkout), bought)
        since = {e: m for e, m in kept_all.moves.items() if not cart.seen or (m.at, e) > (cart.seen.at, cart.seen.event_id)}
        assert later.lines() == Cart(cart_id, since, kept_all.seen, kept_all.checkout).lines()


@given(histories(order_facts))
def test_an_order_never_gives_back_more_than_it_brought(history: list[Heard]) -> None:
    orders: Orders = hear({}, history)
    for order in orders.values():
        assert 0 <= order.refunded <= order.amount
        assert order.net == (order.amount - order.refunded if order.counts else 0)
    assert sum(spend_by_currency(orders).values()) == sum(order.net for order in orders.values())


@given(histories(order_facts), histories(cart_facts))
def test_state_survives_being_stored(orders: list[Heard], carts: list[Heard]) -> None:
    for state, kind in ((hear({}, orders), Orders), (hear({}, carts), Carts)):
        document = msgspec.to_builtins(state, builtin_types=(datetime,))
        assert msgspec.convert(document, kind) == state


def _split(history: list[Heard], data: st.DataObject) -> tuple[list[Heard], list[Heard], list[Heard]]:
    keys = data.draw(st.lists(st.integers(0, 2), min_size=len(history), max_size=len(history)))
    one, two, three = ([h for h, key in zip(history, keys, strict=True) if key == wanted] for wanted in range(3))
    return one, two, three


# -- orders ------------------------------------------------------------------------------------------------------------

PLACED = Heard(place, content(5000, products=(SHIRT, MUG)), at(0), "placed")


def back(amount: int | None = None, refund_id: str = "r1", currency: str = "EUR", lines: tuple[LineItem, ...] = ()) -> Heard:
    fact = OrderRefunded(order_id="A1", refund_id=refund_id, currency=currency, amount=amount, products=lines)
    return Heard(refund, fact, at(5), f"refund-{refund_id}-{amount}")


@pytest.mark.parametrize(
    ("refunds", "refunded", "status"),
    [
        pytest.param([], 0, OrderStatus.PLACED, id="none"),
        pytest.param([back()], 5000, OrderStatus.REFUNDED, id="whole"),
        pytest.param([back(1200)], 1200, OrderStatus.PARTLY_REFUNDED, id="sum"),
        pytest.param([back(1200), back(800, "r2")], 2000, OrderStatus.PARTLY_REFUNDED, id="two sums add up"),
        pytest.param([back(1200), back(1200)], 1200, OrderStatus.PARTLY_REFUNDED, id="the same refund twice"),
        pytest.param([back(4000), back(4000, "r2")], 5000, OrderStatus.REFUNDED, id="never more than the amount"),
        pytest.param([back(9000)], 5000, OrderStatus.REFUNDED, id="more than the amount"),
        pytest.param([back(), back(1200, "r2")], 5000, OrderStatus.REFUNDED, id="whole and sum"),
        pytest.param([back(lines=(SHIRT,))], 3000, OrderStatus.PARTLY_REFUNDED, id="lines with price"),
        pytest.param(
            [back(lines=(LineItem(product_id="shirt", quantity=1),))], 1500, OrderStatus.PARTLY_REFUNDED, id="price of the order"
        ),
        pytest.param([back(lines=(LineItem(product_id="cap"),))], 0, OrderStatus.PLACED, id="line of unknown price"),
        pytest.param([back(lines=(LineItem(product_id="mug", price=0),))], 0, OrderStatus.PLACED, id="line given for free"),
        pytest.param([back(700, lines=(SHIRT,))], 700, OrderStatus.PARTLY_REFUNDED, id="sum outweighs lines"),
        pytest.param([back(1200, currency="USD")], 0, OrderStatus.PLACED, id="sum in another currency"),
        pytest.param([back(currency="USD")], 5000, OrderStatus.REFUNDED, id="whole in another currency"),
        pytest.param([back(-300)], 0, OrderStatus.PLACED, id="negative"),
    ],
)
def test_refunds(refunds: list[Heard], refunded: int, status: OrderStatus) -> None:
    order = hear({}, [*refunds, PLACED])["A1"]
    assert (order.refunded, order.net, order.status) == (refunded, 5000 - refunded, status)
    assert order.counts


def test_the_earliest_message_about_a_refund_is_the_refund() -> None:
    first = Heard(refund, OrderRefunded(order_id="A1", refund_id="r1", currency="EUR", amount=100), at(3), "z")
    assert hear({}, [PLACED, back(900), first])["A1"].refunded == 100


@pytest.mark.parametrize(
    "heard",
    [
        Heard(revise, content(), at(1), "u"),
        Heard(cancel, OrderCancelled(order_id="A1"), at(1), "c"),
        back(100),
    ],
)
def test_an_order_known_only_by_what_came_after_it_counts_for_nothing(heard: Heard) -> None:
    orders = hear({}, [heard])
    order = orders["A1"]
    assert (order.counts, order.amount, order.refunded, order.net, order.currency) == (False, 0, 0, 0, None)
    assert order.status is OrderStatus.UNKNOWN
    assert spend_by_currency(orders) == {}


def test_the_same_order_under_two_message_ids_counts_once_as_first_placed() -> None:
    again = Heard(place, content(7000, shop_source="Till"), at(1), "again", backfill=True)
    order = hear({}, [again, PLACED])["A1"]
    assert (order.amount, order.source, order.placed_at, order.backfill) == (5000, "Web shop", at(0), False)


def test_an_update_replaces_the_content_and_keeps_lines_it_leaves_out() -> None:
    update = Heard(revise, content(4000, shop_source="Back office", coupon="MAY"), at(2), "u")
    order = hear({}, [update, PLACED])["A1"]
    assert (order.amount, order.products, order.source, order.placed_at) == (4000, (SHIRT, MUG), "Web shop", at(0))
    assert order.content is not None
    assert order.content.coupon == "MAY"


def test_of_two_updates_the_later_is_the_content_whichever_is_heard_last() -> None:
    newer = Heard(revise, content(3000, products=(SHIRT,)), at(9), "n")
    older = Heard(revise, content(4000), at(2), "o")
    assert hear({}, [PLACED, newer, older])["A1"].amount == 3000


def test_a_cancelled_order_brings_nothing_and_stays_cancelled() -> None:
    cancelled = Heard(cancel, OrderCancelled(order_id="A1"), at(1), "c")
    orders = hear({}, [cancelled, PLACED, back(100), Heard(revise, content(9000), at(2), "u")])
    order = orders["A1"]
    assert (order.status, order.counts, order.net) == (OrderStatus.CANCELLED, False, 0)
    assert (counted(orders), spend_by_currency(orders)) == ([], {})


def test_spend_is_summed_by_currency() -> None:
    dollars = Heard(place, content(700, order_id="A2", currency="USD"), at(1), "d")
    more = Heard(place, content(300, order_id="A3"), at(2), "m")
    orders = hear({}, [more, dollars, PLACED, back(1000)])
    assert spend_by_currency(orders) == {"EUR": 4300, "USD": 700}
    assert [order.order_id for order in counted(orders)] == ["A1", "A2", "A3"]


def test_a_fact_that_says_nothing_new_gives_back_the_same_object() -> None:
    orders = hear({}, [PLACED])
    assert hear(orders, [PLACED]) is orders
    carts = hear({}, [added("mug", 0)])
    assert hear(carts, [added("mug", 0)]) is carts


def test_times_are_compared_as_they_are_stored() -> None:
    """A fraction of a millisecond would order facts in memory and be gone once the state was stored and loaded."""
    early = Heard(place, content(1), START.replace(microsecond=100), "z")
    late = Heard(place, content(2), START.replace(microsecond=900), "a")
    assert hear({}, [early, late])["A1"].amount == 2


# -- carts -------------------------------------------------------------------------------------------------------------


def added(product: str, minutes: float, quantity: int = 1, fold: Fold = add_to_cart, **more: Any) -> Heard:
    fields: dict[str, Any] = {"product_id": product, "quantity": quantity, "price": 1000, "currency": "EUR", "cart_id": "c1"}
    return Heard(fold, CartMoved(**{**fields, **more}), at(minutes), f"{fold.__name__}-{product}-{minutes}")


def seen(minutes: float, *lines: LineItem, cart_id: str | None = "c1") -> Heard:
    return Heard(view_cart, CartViewed(cart_id=cart_id, currency="EUR", products=lines), at(minutes), f"seen-{minutes}")


def bought(minutes: float, *lines: LineItem, order_id: str = "A1", **more: Any) -> Heard:
    return Heard(place, content(order_id=order_id, products=lines, **more), at(minutes), f"order-{order_id}")


def pieces(cart: Cart) -> dict[str, int]:
    return {line.product_id: line.quantity for line in cart.lines()}


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param([added("mug", 0), added("mug", 1, 2)], {"mug": 3}, id="additions add up"),
        pytest.param([added("mug", 1, fold=remove_from_cart), added("mug", 0, 2)], {"mug": 1}, id="removal heard first"),
        pytest.param([added("mug", 0), added("mug", 1, fold=remove_from_cart)], {}, id="nothing left"),
        pytest.param(
            [added("mug", 0), added("mug", 1, 5, fold=remove_from_cart), added("mug", 2)], {"mug": 1}, id="more out than in"
        ),
        pytest.param([added("mug", 0), seen(1, SHIRT)], {"shirt": 2}, id="a statement replaces moves before it"),
        pytest.param([seen(1, SHIRT), added("mug", 2)], {"shirt": 2, "mug": 1}, id="moves after a statement are added"),
        pytest.param([seen(3), seen(1, SHIRT), added("mug", 2)], {}, id="the latest statement decides"),
        pytest.param([seen(1, SHIRT, SHIRT)], {"shirt": 4}, id="a product on two lines"),
    ],
)
def test_content_of_a_cart(heard: list[Heard], expected: dict[str, int]) -> None:
    assert pieces(hear({}, heard)["c1"]) == expected


def test_a_line_takes_what_a_later_move_leaves_open_from_earlier_ones() -> None:
    carts = hear({}, [added("mug", 0, name="Blue mug", sku="M-1"), added("mug", 1, price=None)])
    (line,) = carts["c1"].lines()
    assert (line.name, line.sku, line.price, line.quantity) == ("Blue mug", "M-1", 1000, 2)


def test_a_cart_is_worth_its_lines_in_one_currency() -> None:
    cart = hear({}, [added("cap", 0, price=900, currency="USD"), added("mug", 1, 2)])["c1"]
    assert (cart.amount, cart.currency, cart.last_activity) == (2000, "EUR", at(1))
    assert Cart("c9").amount is None
    assert Cart("c9").last_activity is None


def test_only_the_latest_moves_are_kept() -> None:
    heard = [added("mug", n) for n in range(MAX_MOVES + 5)]
    carts = hear({}, heard)
    assert pieces(carts["c1"]) == {"mug": MAX_MOVES}
    assert hear({}, heard[::-1]) == carts


@pytest.mark.parametrize(
    ("order", "closed"),
    [
        pytest.param(bought(5, SHIRT, cart_id="c1"), True, id="same cart, other products"),
        pytest.param(bought(5, MUG), True, id="a product in common"),
        pytest.param(bought(5, MUG, cart_id="c2"), True, id="a product in common, from another cart"),
        pytest.param(bought(5, LineItem(product_id="4711", sku="mug")), True, id="a product known by its SKU"),
        pytest.param(bought(5, SHIRT), False, id="other products"),
        pytest.param(bought(5), True, id="an order that names no products"),
        pytest.param(bought(5, cart_id="c2"), False, id="an order of another cart that names no products"),
        pytest.param(bought(0.5, MUG, cart_id="c1"), False, id="an order before the cart"),
        pytest.param(bought(1, MUG), True, id="an order at the very moment"),
        pytest.param(bought(5, SHIRT, checkout_id="k1"), False, id="a checkout that the cart does not know"),
    ],
)
def test_which_orders_close_a_cart(order: Heard, closed: bool) -> None:
    cart, orders = hear({}, [added("mug", 1)])["c1"], hear({}, [order])
    assert (open_cart(cart, orders).lines() == ()) is closed
    assert (closing_order(cart, orders) is not None) is closed


@pytest.mark.parametrize("ids", [{"checkout_id": "k1"}, {"order_id": "A1"}])
def test_an_order_closes_the_cart_whose_checkout_it_names(ids: dict[str, str]) -> None:
    started = Heard(start_checkout, CheckoutStarted(cart_id="c1", products=(MUG,), **ids), at(2), "k")
    cart = hear({}, [added("mug", 1), started])["c1"]
    assert closes(hear({}, [bought(5, SHIRT, checkout_id="k1")])["A1"], cart)


def test_a_cancelled_order_does_not_open_its_cart_again() -> None:
    orders = hear({}, [bought(5, MUG), Heard(cancel, OrderCancelled(order_id="A1"), at(6), "c")])
    assert open_cart(hear({}, [added("mug", 1)])["c1"], orders).lines() == ()


def test_an_order_that_was_never_placed_closes_nothing() -> None:
    orders = hear({}, [Heard(revise, content(products=(MUG,)), at(5), "u")])
    assert pieces(open_cart(hear({}, [added("mug", 1)])["c1"], orders)) == {"mug": 1}


def test_moves_after_the_order_start_a_new_round_of_the_same_cart() -> None:
    cart = hear({}, [added("mug", 1), added("cap", 7), added("mug", 20)])["c1"]
    first, second = bought(5, MUG), bought(10, LineItem(product_id="cap"), order_id="A2")
    again = open_cart(cart, hear({}, [second, first]))
    assert pieces(again) == {"mug": 1}
    assert again.last_activity == at(20)


def test_an_order_is_held_against_its_own_round_only() -> None:
    """The second order has nothing to do with what was put in after the first, so that stays open."""
    cart = hear({}, [added("mug", 1), added("cap", 7)])["c1"]
    orders = hear({}, [bought(5, MUG), bought(10, MUG, order_id="A2")])
    assert pieces(open_cart(cart, orders)) == {"cap": 1}


def test_a_checkout_without_the_name_of_the_cart_does_not_open_a_second_one() -> None:
    started = Heard(start_checkout, CheckoutStarted(products=(MUG,)), at(2), "k")
    carts = hear({}, [added("mug", 1), started])
    assert set(carts) == {"c1", UNNAMED_CART}
    assert set(open_carts(carts, {})) == {"c1"}
    assert set(open_carts(hear({}, [started]), {})) == {UNNAMED_CART}


def test_open_carts_leaves_out_the_empty_ones() -> None:
    carts = hear({}, [added("mug", 1), added("cap", 2, cart_id="c2"), added("hat", 3, cart_id=None)])
    assert set(open_carts(carts, hear({}, [bought(5, MUG)]))) == {"c2", UNNAMED_CART}
