"""Social: a mention finds the customer who wrote it."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare_each, dollars
from demo.figures import Buyer
from demo.outcomes import Reached, Replay, Sampling, spent
from demo.reader import identity
from demo.shop import NETWORK, handle_of

_MENTIONS = "social/mentions"


class Social:
    """Reports a mention by each customer in the sample, and compares whom it is linked with.

    They are reported as history, so that nobody is contacted because of them; the network's ids are fixed, so another run adds none.
    """

    name = "social"

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._sampling = Sampling(replay.sample, self._orders_of_author)

    def mention(self) -> None:
        """Have the sample write something, before the shop says whose handles these are: the link comes whichever is first."""
        now = datetime.now(UTC).isoformat()
        mentions = [
            {
                "network": NETWORK,
                "handle": handle_of(buyer),
                "external_id": f"{buyer.user_id}-1",
                "text": "Found the album that I had been looking for, and it came in two days.",
                "published_at": now,
                "backfill": True,
            }
            for buyer in self._replay.sample
        ]
        self._replay.reader.post(_MENTIONS, {"mentions": mentions})

    def reached(self) -> Reached:
        return self._sampling.reached()

    def show(self, console: Console) -> list[Check]:
        """One mention with its author; all of the sample compared."""
        sample = self._replay.sample
        authors = {buyer.user_id: _told(self._author(buyer)) for buyer in sample}
        wanted = {buyer.user_id: f"{buyer.orders} orders, {dollars(buyer.spend)}" for buyer in sample}
        console.print(self._table(sample[0]))
        return [compare_each("mentions linked with their customers, with orders and spend", wanted, authors)]

    def _author(self, buyer: Buyer) -> Any:
        found = self._replay.reader.find(f"social/customers/{identity(buyer.user_id)}/mentions")
        items = found["items"] if found else []
        return next((one["author"] for one in items if one["handle"] == handle_of(buyer)), None)

    def _orders_of_author(self, buyer: Buyer) -> int:
        author = self._author(buyer)
        return int(author["orders_count"]) if author else 0

    def _table(self, buyer: Buyer) -> Table:
        table = Table("mention", "handle", "written by", "text", title="Social: a mention and its customer", title_justify="left")
        one = self._replay.reader.get(f"{_MENTIONS}/{NETWORK}:{buyer.user_id}-1")
        author = one["author"]
        who = f"user:{buyer.user_id} ({_told(author)})" if author else "nobody known"
        table.add_row(one["mention_id"], f"@{one['handle']}", who, one["text"])
        return table


def _told(author: Any) -> str:
    return f"{author['orders_count']} orders, {dollars(spent(author['spend']))}" if author else "nobody known"
