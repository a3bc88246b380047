"""What is in a cart, given all that was said about it and about the orders.

A cart is the latest statement of its whole content (`cart_viewed`, or a `checkout_started` with products) and the moves after it.
An order ends what came up to it; what comes later begins a new round of the same cart. No fact is a transition: whether an order
closed a cart is a comparison of times, made anew on every reading, so that it does not matter which of the two was heard first.

Two rules bound what is kept, and both keep the fold a join (they cut a set, totally ordered by time and event id, from below):
moves up to the latest statement say nothing any more, and only the latest `MAX_MOVES` moves are kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.commerce.facts import CartMoved, CartViewed, CheckoutStarted, LineItem
from shared.commerce.orders import Order, Stamped, in_milliseconds, in_time, latest, stamp

UNNAMED_CART = "unnamed"  # the cart of shops that do not give carts an id
MAX_MOVES = 200


@dataclass(frozen=True, slots=True)
class Move:
    """Pieces of a product that were put in, or taken out."""

    at: datetime
    event_id: str
    item: LineItem
    removed: bool = False
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A statement of all that is in the cart."""

    at: datetime
    event_id: str
    products: tuple[LineItem, ...] = ()
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Checkout:
    """The ids by which an order will know the cart."""

    at: datetime
    event_id: str
    checkout_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cart:
    """Facts about one cart. `moves` are keyed by event id."""

    cart_id: str
    moves: dict[str, Move] = field(default_factory=dict)
    seen: Snapshot | None = None
    checkout: Checkout | None = None

    @property
    def last_activity(self) -> datetime | None:
        """When the customer last touched it; None for a cart without facts."""
        facts: list[Stamped | None] = [*self.moves.values(), self.seen, self.checkout]
        return max((fact.at for fact in facts if fact), default=None)

    @property
    def currency(self) -> str | None:
        """The currency of the latest fact that has one. A cart is priced in one currency."""
        facts: list[Move | Snapshot | None] = [*self.moves.values(), self.seen]
        priced = [fact for fact in facts if fact and fact.currency]
        return max(priced, key=stamp).currency if priced else None

    @property
    def amount(self) -> int | None:
        """Sum of the lines whose price is known, in minor units of `currency`; None where no price is known."""
        return amount_of(self.lines())

    def lines(self) -> tuple[LineItem, ...]:
        """The content, one line for each `product_id`, in the order in which products came in.

        A line takes what it does not say itself from the facts before it. It drops when less than one piece is left, and taking
        out more than there was leaves none. A price in another currency than the cart's is left out.
        """
        content: dict[str, LineItem] = {}
        currency = self.currency
        if self.seen:
            for item in self.seen.products:
                _put(content, _priced(item, self.seen.currency, currency), item.quantity)
        for move in sorted(self.moves.values(), key=stamp):
            pieces = -move.item.quantity if move.removed else move.item.quantity
            _put(content, _priced(move.item, move.currency, currency), pieces)
        return tuple(content.values())

    def after(self, time: datetime) -> "Cart":
        """The cart with only what happened later than `time`."""
        return Cart(
            self.cart_id,
            {event_id: move for event_id, move in self.moves.items() if move.at > time},
            self.seen if self.seen and self.seen.at > time else None,
            self.checkout if self.checkout and self.checkout.at > time else None,
        )

    def until(self, time: datetime) -> "Cart":
        """The cart with only what happened up to `time`, that moment included."""
        return Cart(
            self.cart_id,
            {event_id: move for event_id, move in self.moves.items() if move.at <= time},
            self.seen if self.seen and self.seen.at <= time else None,
            self.checkout if self.checkout and self.checkout.at <= time else None,
        )


Carts = dict[str, Cart]


def amount_of(lines: Iterable[LineItem]) -> int | None:
    """Sum of the lines whose price is known, in minor units; None where no price is known."""
    amounts = [line.amount for line in lines if line.amount is not None]
    return sum(amounts) if amounts else None


def add_to_cart(carts: Carts, fact: CartMoved, at: datetime, event_id: str) -> Carts:
    """Hear of pieces put in. Like the others below it returns new carts, or the same object if the fact says nothing new."""
    move = Move(in_milliseconds(at), event_id, fact.item, currency=fact.currency)
    return _heard(carts, Cart(fact.cart_id or UNNAMED_CART, {event_id: move}))


def remove_from_cart(carts: Carts, fact: CartMoved, at: datetime, event_id: str) -> Carts:
    """Hear of pieces taken out."""
    move = Move(in_milliseconds(at), event_id, fact.item, removed=True, currency=fact.currency)
    return _heard(carts, Cart(fact.cart_id or UNNAMED_CART, {event_id: move}))


def view_cart(carts: Carts, fact: CartViewed, at: datetime, event_id: str) -> Carts:
    """Hear what all is in a cart."""
    seen = Snapshot(in_milliseconds(at), event_id, fact.products, fact.currency)
    return _heard(carts, Cart(fact.cart_id or UNNAMED_CART, seen=seen))


def start_checkout(carts: Carts, fact: CheckoutStarted, at: datetime, event_id: str) -> Carts:
    """Hear that a cart went to the checkout; if products are named, they are all that is in it."""
    time = in_milliseconds(at)
    seen = Snapshot(time, event_id, fact.products, fact.currency) if fact.products else None
    checkout = Checkout(time, event_id, fact.checkout_id, fact.order_id)
    return _heard(carts, Cart(fact.cart_id or UNNAMED_CART, seen=seen, checkout=checkout))


def merge_carts(left: Carts, right: Carts) -> Carts:
    """All carts of both; of a cart that both know, the facts of both. Commutative, associative, idempotent."""
    return {
        cart_id: _joined(left[cart_id], right[cart_id]) if cart_id in left and cart_id in right else cart
        for cart_id, cart in {**left, **right}.items()
    }


def closes(order: Order, cart: Cart) -> bool:
    """Whether the order is what became of these facts about a cart; times are the caller's to compare.

    It is when cart, checkout or order id agree, or when a product of the cart was bought. Where one of the two names no products,
    it is unless both name a cart and the ids differ. A cancelled order closes its cart too: what was bought was wanted no longer.
    """
    content = order.content
    if content is None:
        return False
    if _same_ids(order, cart):
        return True
    bought, held = _codes(order.products), _codes(cart.lines())
    if bought and held:
        return not bought.isdisjoint(held)
    return content.cart_id is None or cart.cart_id == UNNAMED_CART


def closing_order(cart: Cart, orders: Mapping[str, Order]) -> Order | None:
    """The last order that closed the cart, each being held against what happened since the one before it."""
    closing: Order | None = None
    rest = cart
    for order in in_time(orders):
        if order.placed_at is None or rest.last_activity is None:
            continue
        round_ = rest.until(order.placed_at)
        if round_.last_activity is not None and closes(order, round_):
            closing, rest = order, rest.after(order.placed_at)
    return closing


def open_cart(cart: Cart, orders: Mapping[str, Order]) -> Cart:
    """The cart as it stands: what happened after the last order that closed it; without lines if that is nothing."""
    closing = closing_order(cart, orders)
    return cart.after(closing.placed_at) if closing and closing.placed_at else cart


def open_carts(carts: Mapping[str, Cart], orders: Mapping[str, Order]) -> Carts:
    """The carts that stand open with something in them.

    The unnamed cart yields to a named one that holds one of its products: shops that name their carts often start the checkout
    without the name, and the same goods would be open twice.
    """
    standing = {cart_id: open_cart(cart, orders) for cart_id, cart in carts.items()}
    filled = {cart_id: cart for cart_id, cart in standing.items() if cart.lines()}
    unnamed = filled.get(UNNAMED_CART)
    if unnamed is None:
        return filled
    named = {cart_id: cart for cart_id, cart in filled.items() if cart_id != UNNAMED_CART}
    held = _codes(unnamed.lines())
    return named if any(_codes(cart.lines()) & held for cart in named.values()) else filled


def _same_ids(order: Order, cart: Cart) -> bool:
    content = order.content
    if content is None:
        return False
    if content.cart_id is not None and content.cart_id == cart.cart_id:
        return True
    checkout = cart.checkout
    if checkout is None:
        return False
    return checkout.order_id == order.order_id or (
        content.checkout_id is not None and content.checkout_id == checkout.checkout_id
    )


def _codes(lines: tuple[LineItem, ...]) -> frozenset[str]:
    return frozenset(code for line in lines for code in line.codes)


def _priced(item: LineItem, given: str | None, wanted: str | None) -> LineItem:
    return item if given == wanted else replace(item, price=None)


def _put(content: dict[str, LineItem], item: LineItem, pieces: int) -> None:
    known = content.get(item.product_id)
    quantity = (known.quantity if known else 0) + pieces
    if quantity < 1:
        content.pop(item.product_id, None)
    else:
        line = item.completed_by(known) if known else item
        content[item.product_id] = line if line.quantity == quantity else replace(line, quantity=quantity)


def _heard(carts: Carts, fact: Cart) -> Carts:
    known = carts.get(fact.cart_id)
    cart = _joined(known, fact) if known else fact
    return carts if cart == known else {**carts, fact.cart_id: cart}


def _joined(left: Cart, right: Cart) -> Cart:
    seen = latest(left.seen, right.seen)
    moves = {**left.moves, **right.moves}
    telling = [move for move in moves.values() if seen is None or stamp(move) > stamp(seen)]
    kept = sorted(telling, key=stamp)[-MAX_MOVES:]
    return Cart(left.cart_id, {move.event_id: move for move in kept}, seen, latest(left.checkout, right.checkout))
