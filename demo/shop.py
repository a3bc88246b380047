"""The shop's side: orders sent with the published Segment client as it comes, with nothing changed but host and write key."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from segment.analytics import Client

from demo.cast import Person
from demo.errors import DemoError
from demo.figures import Buyer
from demo.purchases import CURRENCY, Purchase

NETWORK = "x"
_UPLOAD_SIZE = 500  # messages in a request; the client also keeps a request below 475,000 bytes
_TIMEOUT = 60  # seconds for a request
_AN_HOUR = timedelta(hours=1)


class Shop:
    """A shop that tracks its orders. The client has its queue, its thread and its retries; messages that it gave up on are `lost`."""

    def __init__(self, url: str, write_key: str, messages: int) -> None:
        self.lost: list[str] = []
        self.handed_over = 0
        # A queue with room for all: the client drops what does not fit, also when the gateway asks it to wait and it queues a batch anew.
        self.analytics = Client(
            write_key,
            host=url,
            on_error=self._give_up,
            max_queue_size=2 * messages,
            upload_size=_UPLOAD_SIZE,
            timeout=_TIMEOUT,
        )

    @property
    def delivered(self) -> int:
        """Messages that the client is done with: answered with 200, or lost."""
        return max(0, self.handed_over - int(self.analytics.queue.unfinished_tasks))

    def track(self, purchases: Iterable[Purchase], namespace: str, tell: Callable[[], None]) -> None:
        """Hand orders to the client; `tell` is called now and then."""
        for purchase in purchases:
            self.analytics.track(
                purchase.user_id,
                "Order Completed",
                order(purchase, namespace),
                timestamp=purchase.placed_at,
                message_id=purchase.order_id,
            )
            self.handed_over += 1
            if self.handed_over % _UPLOAD_SIZE == 0:
                tell()

    def introduce(self, buyers: Iterable[Buyer]) -> None:
        """Tell a handle of each customer, under which they write in a social network, an hour after their first order."""
        for buyer in buyers:
            traits = {"twitter": handle_of(buyer)}
            at, message_id = buyer.purchases[0].placed_at + _AN_HOUR, f"{buyer.user_id}-handle"
            self.analytics.identify(buyer.user_id, traits, timestamp=at, message_id=message_id)
            self.handed_over += 1

    def name(self, people: Iterable[Person]) -> None:
        """Tell the names, addresses and loyalty cards of some customers, as they left them an hour after their first order."""
        for person in people:
            traits = {"firstName": person.given, "lastName": person.family, "language": person.language}
            keys = {"email": person.email, "loyaltyCard": person.loyalty_card}
            at, message_id = person.since + _AN_HOUR, f"{person.user_id}-name"
            self.analytics.identify(person.user_id, {**traits, **keys}, timestamp=at, message_id=message_id)
            self.handed_over += 1

    def check(self) -> None:
        """Raise DemoError if a message was given up on."""
        if self.lost:
            raise DemoError(f"the client gave up on {len(self.lost)} messages, the last for this reason: {self.lost[-1]}")

    def _give_up(self, reason: Exception, batch: list[Any]) -> None:
        self.lost += [str(reason)] * len(batch)


@contextmanager
def opened(url: str, write_key: str, messages: int) -> Iterator[Shop]:
    """A shop whose client is ended in the end; whoever needs all delivered waits for that before."""
    shop = Shop(url, write_key, messages)
    try:
        yield shop
    finally:
        shop.analytics.join()


def order(purchase: Purchase, namespace: str) -> dict[str, Any]:
    """The properties of an order as a shop sends them: decimal dollars, one line for the CDs."""
    line: dict[str, Any] = {"product_id": product_of(namespace), "name": "CD", "quantity": purchase.pieces}
    if purchase.price is not None:
        line["price"] = purchase.price / 100
    return {"order_id": purchase.order_id, "currency": CURRENCY, "total": purchase.amount / 100, "products": [line]}


def product_of(namespace: str) -> str:
    return f"{namespace}-cd"


def handle_of(buyer: Buyer) -> str:
    """The handle of a customer."""
    return buyer.user_id.replace("-", "_")
