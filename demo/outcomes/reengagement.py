"""Re-engagement: what customers would be reminded of, and why nobody who bought in 1998 is."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check, compare, compare_each, count
from demo.figures import Buyer
from demo.outcomes import Reached, Replay, Sampling
from demo.reader import identity

_LONGEST = timedelta(days=3660 + 366)  # no policy waits longer than ten years, or lets a timer be late by more than one


class Reengagement:
    """Compares the last order that the lapse of each customer in the sample is counted from."""

    name = "reengagement"

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._sampling = Sampling(replay.sample, self._orders_up_to_last)

    def reached(self) -> Reached:
        return self._sampling.reached()

    def show(self, console: Console) -> list[Check]:
        """The timers of one customer with their reasons; that no timer is armed for dates that are long past."""
        sample = self._replay.sample
        found = {buyer.user_id: self._timers(buyer) or {} for buyer in sample}
        console.print(_table(sample[0], found[sample[0].user_id]))
        last = {user_id: _last_order(timers) for user_id, timers in found.items()}
        wanted = {buyer.user_id: buyer.last.order_id for buyer in sample}
        past = [buyer for buyer in sample if buyer.last.placed_at < datetime.now(UTC) - _LONGEST]
        armed = sum(len(found[buyer.user_id].get("pending", ())) for buyer in past)
        return [
            compare_each("last order of each customer in the sample", wanted, last),
            compare(f"timers armed for {len(past)} customers of long ago", 0, armed, count),
        ]

    def _timers(self, buyer: Buyer) -> Any:
        return self._replay.reader.find(f"reengagement/customers/{identity(buyer.user_id)}/timers")

    def _orders_up_to_last(self, buyer: Buyer) -> int:
        """How many orders there are up to the one that it takes for the last."""
        known = _last_order(self._timers(buyer) or {})
        ids = [purchase.order_id for purchase in buyer.purchases]
        return ids.index(known) + 1 if known in ids else 0


def _last_order(timers: dict[str, Any]) -> str | None:
    told = [*timers.get("pending", ()), *timers.get("not_armed", ())]
    return next((one.get("order_id") for one in told if one["kind"] == "lapse"), None)


def _table(buyer: Buyer, timers: dict[str, Any]) -> Table:
    title = f"Re-engagement: timers of user:{buyer.user_id} (a reminder that is due so long ago is of no use: it is not armed)"
    table = Table("timer", "due", "why", title=title, title_justify="left")
    for one in [*timers.get("pending", ()), *timers.get("not_armed", ())]:
        table.add_row(one["kind"], (one["due"] or "")[:10], one.get("detail", "armed"))
    return table
