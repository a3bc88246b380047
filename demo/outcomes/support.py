"""Support: what an agent sees of a customer."""

from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare_each, dollars
from demo.figures import Buyer
from demo.outcomes import Reached, Replay, Sampling, spent
from demo.reader import identity

_SHOWN = 5
_MOST = 500


class Support:
    """Compares the context of each customer in the sample."""

    name = "support"

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._sampling = Sampling(replay.sample, lambda buyer: int((self._context(buyer) or {"orders_count": 0})["orders_count"]))

    def reached(self) -> Reached:
        return self._sampling.reached()

    def show(self, console: Console) -> list[Check]:
        """The context of one customer; orders and spend of the sample."""
        sample = self._replay.sample
        found = {buyer.user_id: self._context(buyer, _MOST) for buyer in sample}
        shown = max(sample, key=lambda buyer: buyer.orders)
        console.print(_table(found[shown.user_id], shown))
        orders = {
            user_id: {one["order_id"]: one["amount"] for one in context["orders"]}
            for user_id, context in found.items()
            if context
        }
        wanted = {buyer.user_id: {one.order_id: one.amount for one in buyer.purchases[-_MOST:]} for buyer in sample}
        spend = {user_id: dollars(spent(context["spend"])) for user_id, context in found.items() if context}
        return [
            compare_each("orders of each customer in the sample", wanted, orders),
            compare_each("spend of each customer in the sample", {one.user_id: dollars(one.spend) for one in sample}, spend),
        ]

    def _context(self, buyer: Buyer, limit: int = 1) -> Any:
        return self._replay.reader.find(f"support/customers/{identity(buyer.user_id)}/context", limit=limit)


def _table(context: Any, buyer: Buyer) -> Table:
    said = f"{context['orders_count']} orders, {dollars(spent(context['spend']))}" if context else "nothing is known"
    table = Table(
        "order", "placed", "status", "content", "amount", title=f"Support: user:{buyer.user_id}, {said}", title_justify="left"
    )
    for order in context["orders"][:_SHOWN] if context else ():
        content = ", ".join(f"{line['quantity']} × {line['name']}" for line in order["products"])
        table.add_row(order["order_id"], order["placed_at"][:10], order["status"], content, dollars(order["amount"]))
    return table
