"""Visitors of a web shop, tracked with the published Segment client: batches of messages as it would post them."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any

from segment.analytics.client import Client

VISIT = 10  # events of one visit
AT_A_TIME = 307  # visits; a prime, so that everybody does everything in turn
BUYING = {"view": 9, "page": 4, "add": 3, "order": 2, "sign-in": 2}  # every visit of ten ends in an order
BROWSING = {"view": 150, "page": 99, "add": 30, "sign-in": 20, "order": 1}  # one visit of thirty does, as in most shops
_VISITORS = 5_000
_PRODUCTS = 200


def visits(users: Iterator[str]) -> Iterator[str]:
    """Who sends the next event: each user comes for one visit, hundreds visit at a time, and as many come as leave at any moment."""
    shop = [(user, 1 + number % VISIT) for number, user in enumerate(islice(users, AT_A_TIME))]
    while True:
        for place, (user, left) in enumerate(shop):
            yield user
            shop[place] = (user, left - 1) if left > 1 else (next(users), VISIT)


class Visitors:
    """Makes messages with the client's own code; nothing is sent. What they do comes in turns, as often as in the `mix`.

    They are some thousands of whom nothing is known yet, or `users` in turn, who are known.
    """

    def __init__(
        self, write_key: str, seed: int = 0, users: Iterator[str] | None = None, mix: Mapping[str, int] = BUYING
    ) -> None:
        self._client = Client(write_key, send=False)
        self._write_key, self._users = write_key, users
        self._tag, self._random, self._made = secrets.token_hex(4), Random(seed), 0
        kinds: Mapping[str, Callable[[str], Any]] = {
            "view": self._viewed,
            "page": self._paged,
            "add": self._added,
            "order": self._ordered,
            "sign-in": self._identified,
        }
        self._kinds = [kinds[kind] for kind, times in mix.items() for _ in range(times)]
        Random(seed).shuffle(self._kinds)

    def batch(self, messages: int) -> bytes:
        """The body of a request."""
        return self.body([self.message() for _ in range(messages)])

    def body(self, messages: list[dict[str, Any]]) -> bytes:
        sent_at = datetime.now(UTC).isoformat()
        return json.dumps({"batch": messages, "sentAt": sent_at, "writeKey": self._write_key}, default=_text).encode()

    def message(self) -> dict[str, Any]:
        """One message; the kinds take turns."""
        self._made += 1
        user = next(self._users) if self._users else f"{self._tag}-{self._random.randrange(_VISITORS)}"
        _, message = self._kinds[self._made % len(self._kinds)](user)
        return dict(message)

    def _viewed(self, user: str) -> Any:
        return self._client.track(user, "Product Viewed", self._product(), context=_CONTEXT)

    def _added(self, user: str) -> Any:
        return self._client.track(user, "Product Added", {"cart_id": f"cart-{user}", **self._product()}, context=_CONTEXT)

    def _paged(self, user: str) -> Any:
        return self._client.page(user, name="Category", properties={"path": "/games", "title": "Games"}, context=_CONTEXT)

    def _identified(self, user: str) -> Any:
        traits = {"email": f"{user}@example.com", "firstName": "Jane", "lastName": "Roe", "plan": "free"}
        news = {"last_sign_in": datetime.now(UTC).isoformat()}  # of somebody who is known with all the rest
        return self._client.identify(user, news if self._users else traits, context=_CONTEXT)

    def _ordered(self, user: str) -> Any:
        lines = [self._product(), self._product()]
        total = round(sum(line["price"] * line["quantity"] for line in lines), 2)
        order = {"order_id": f"{self._tag}-{self._made}", "cart_id": f"cart-{user}", "total": total, "currency": "EUR"}
        return self._client.track(user, "Order Completed", {**order, "products": lines}, context=_CONTEXT)

    def _product(self) -> dict[str, Any]:
        number = self._random.randrange(_PRODUCTS)
        return {
            "product_id": f"product-{number}",
            "sku": f"P-{number}",
            "name": f"Product number {number}",
            "category": f"Category {number % 10}",
            "price": round(1 + number * 0.07, 2),
            "currency": "EUR",
            "quantity": self._random.randrange(1, 4),
        }


_CONTEXT = {"page": {"path": "/games", "title": "Games", "url": "https://shop.example/games"}, "locale": "en-GB"}


def _text(value: Any) -> str:
    """JSON of what the client leaves as it was: times."""
    return str(value.isoformat())
