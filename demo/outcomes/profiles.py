"""Profiles: every customer with orders and spend."""

from functools import cached_property
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare, compare_each, count, dollars
from demo.figures import Buyer
from demo.outcomes import Reached, Replay, Sampling, spent
from demo.reader import identity

_TOP = 5


class Profiles:
    """Lists all customers to compare each one; customers that are not the demo's are left out by their ids."""

    name = "profiles"

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._sampling = Sampling(replay.sample, self._orders_of)

    def reached(self) -> Reached:
        return self._sampling.reached()

    def show(self, console: Console) -> list[Check]:
        """The customers who spent most, and every customer compared."""
        console.print(self._table())
        expected, found = self._replay.figures.buyers, self._listed
        return [
            compare("customers", len(expected), len(found), count),
            compare("orders", sum(one.orders for one in expected.values()), sum(row["orders"] for row in found.values()), count),
            compare("spend", sum(one.spend for one in expected.values()), sum(map(_spend, found.values())), dollars),
            compare_each(
                "orders and spend of each customer", _both(expected), {user: _both_of(row) for user, row in found.items()}
            ),
        ]

    @cached_property
    def _listed(self) -> dict[str, Any]:
        """Rows of the demo's customers by user id."""
        user_of = self._replay.user_of
        rows = self._replay.reader.pages("profiles/customers", sort="orders", min_orders=1)
        return {user_of[row["customer_id"]]: row for row in rows if row["customer_id"] in user_of}

    def _table(self) -> Table:
        table = Table(
            "customer", "orders", "spend", "first order", "last order", title="Profiles: who spent most", title_justify="left"
        )
        biggest = sorted(self._listed.items(), key=lambda item: (-spent(item[1]["spend"]), item[0]))[:_TOP]
        for user_id, row in biggest:
            whole = self._replay.reader.get(f"profiles/customers/{identity(user_id)}")
            dates = (whole[name]["placed_at"][:10] for name in ("first_order", "last_order"))
            table.add_row(f"user:{user_id}", count(row["orders"]), dollars(spent(row["spend"])), *dates)
        return table

    def _orders_of(self, buyer: Buyer) -> int:
        known = self._replay.reader.find(f"profiles/customers/{identity(buyer.user_id)}")
        return int(known["orders"]) if known else 0


def _spend(row: dict[str, Any]) -> int:
    return spent(row["spend"])


def _both(buyers: dict[str, Buyer]) -> dict[str, tuple[int, str]]:
    return {user_id: (buyer.orders, dollars(buyer.spend)) for user_id, buyer in buyers.items()}


def _both_of(row: dict[str, Any]) -> tuple[int, str]:
    return row["orders"], dollars(spent(row["spend"]))
