"""Orders of a shop, as the collector publishes them."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from shared.broker import Publisher, letter
from shared.envelope import Event, derived_id, encode

_WINDOW = 500
_PRODUCTS = 200


class Shop:
    """Places orders of `customers` customers that nobody has heard of before. Each order has two lines, as in our samples."""

    def __init__(self, customers: int, seed: int = 0) -> None:
        self.customers = customers
        self._tag = secrets.token_hex(4)
        self._random = Random(seed)
        self._placed = 0

    @property
    def keys(self) -> list[str]:
        """The identity keys of all customers, all of one length."""
        return [self._key(customer) for customer in range(self.customers)]

    def _key(self, customer: int) -> str:
        return f"user:{self._tag}-{customer:07}"

    def first_orders(self) -> list[Event]:
        """One order of each customer."""
        return [self._order(customer) for customer in range(self.customers)]

    def orders(self, count: int) -> list[Event]:
        """So many orders, each of any customer."""
        return [self._order(self._random.randrange(self.customers)) for _ in range(count)]

    def _order(self, customer: int) -> Event:
        self._placed += 1
        number, key, now = f"{self._tag}-{self._placed}", self._key(customer), datetime.now(UTC)
        return Event(derived_id("bench", number), "order_completed", "shop", key, now, now, encode(self._content(number, key)))

    def _content(self, number: str, key: str) -> dict[str, Any]:
        lines = [self._line(position) for position in (1, 2)]
        amount = sum(line["price"] * line["quantity"] for line in lines)
        return {
            "identity_keys": [key],
            "shop_source": "Web shop",
            "shop_source_kind": "web",
            "context": {"page": {"path": "/checkout", "title": "Checkout"}, "locale": "en-GB", "device_type": "desktop"},
            "order_id": f"order-{number}",
            "cart_id": f"cart-{number}",
            "currency": "EUR",
            "amount": amount,
            "total": amount,
            "shipping": 0,
            "tax": amount // 6,
            "products": lines,
        }

    def _line(self, position: int) -> dict[str, Any]:
        number = self._random.randrange(_PRODUCTS)
        return {
            "product_id": f"product-{number}",
            "sku": f"P-{number}",
            "name": f"Product number {number}",
            "category": f"Category {number % 10}",
            "price": 100 + 7 * number,
            "quantity": self._random.randrange(1, 4),
            "position": position,
        }


class Carts:
    """Carts of visitors that nobody has heard of before, with one product each."""

    def __init__(self) -> None:
        self._tag = secrets.token_hex(4)

    def left_at(self, moments: Sequence[datetime]) -> list[Event]:
        """A cart for each moment, last touched then."""
        return [self._moved(number, at) for number, at in enumerate(moments)]

    def _moved(self, number: int, at: datetime) -> Event:
        key = f"user:{self._tag}-{number}"
        content = {
            "identity_keys": [key],
            "shop_source": "Web shop",
            "shop_source_kind": "web",
            "cart_id": f"cart-{self._tag}-{number}",
            "product_id": f"product-{number % _PRODUCTS}",
            "name": f"Product number {number % _PRODUCTS}",
            "price": 1900,
            "quantity": 1,
            "currency": "EUR",
        }
        identity = derived_id("bench-cart", self._tag, str(number))
        return Event(identity, "product_added", "shop", key, at, datetime.now(UTC), encode(content))


def publish(uri: str, events: Sequence[Event]) -> None:
    """Put events on their exchange, persistent and confirmed. Raises RuntimeError where no queue takes them."""
    publisher = Publisher(uri, "bench-shop")
    letters = [letter(event) for event in events]
    for start in range(0, len(letters), _WINDOW):
        window = letters[start : start + _WINDOW]
        receipt = publisher.publish(window)
        if len(receipt.confirmed) != len(window):
            raise RuntimeError(f"{len(window) - len(receipt.confirmed)} of {len(window)} messages were not taken by any queue")
    publisher.discard()
