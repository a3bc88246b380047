"""One customer from all sides, and found by a name in whatever script it was written."""

from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import compare, compare_each, dollars
from demo.outcomes import spent
from demo.scenes import Played, Stage

_NEWEST = 6
_CATEGORIES = "orders,identity,segments"
_SEARCHED = "gurpreet"


class OneCustomer:
    """Shows who bought on the web and at the till, and compares orders and spend by channel."""

    title = "One customer: web and till, from all sides"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self, console: Console) -> Played:
        at_the_till = self._stage.cast.at_the_till()
        if not at_the_till:
            return Played()
        user_id = at_the_till[0][0].user_id
        customer = self._stage.customer(user_id)
        console.print(_portrait(customer))
        console.print(_stages(self._stage.customer(user_id, "/journey")))
        console.print(_timeline(self._stage.customer(user_id, "/timeline", limit=_NEWEST, category=_CATEGORIES)))
        wanted = {person.user_id: f"{purchase.order_id}, {dollars(purchase.amount)}" for person, purchase in at_the_till}
        found = {person.user_id: self._bought_in_store(person.user_id) for person, _ in at_the_till}
        checks = [
            compare_each("purchases at the till on their customers, by e-mail, loyalty card and customer number", wanted, found)
        ]
        path = f"profiles/customers/user:{user_id}"
        return Played(checks, [path, f"{path}/journey", f"{path}/timeline?category=orders"])

    def _bought_in_store(self, user_id: str) -> str:
        """What the timeline has of the channel."""
        rows = self._stage.customer(user_id, "/timeline", channel="store", event="order_completed")["items"]
        return ", ".join(f"{row['summary'].get('order_id')}, {dollars(row['summary'].get('amount'))}" for row in rows)


class Search:
    """Looks for one name that five customers have, each in another script."""

    title = "Search: one name, five scripts (the names are invented: the log has none)"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self, console: Console) -> Played:
        alike = {person.name for person in self._stage.cast.alike}
        rows = list(self._stage.reader.pages("profiles/customers", name=_SEARCHED))
        own = [row for row in rows if row["customer_id"] in self._stage.replay.user_of]
        table = Table("found", "by", "customer", "orders", "spend")
        for row in own:
            who = f"user:{self._stage.replay.user_of[row['customer_id']]}"
            table.add_row(row["name"], row["found_by"], who, str(row["orders"]), dollars(spent(row["spend"])))
        console.print(table)
        found = {row["name"] for row in own}
        checks = [compare(f"customers found by {_SEARCHED!r}", sorted(alike), sorted(found), lambda names: ", ".join(names))]
        return Played(checks, [f"profiles/customers?name={_SEARCHED}", "profiles/customers?name=muller"])


def _portrait(customer: Any) -> Table:
    table = Table("", customer["name"] or customer["customer_id"])
    channels = {customer[which]["channel"] or "web" for which in ("first_order", "last_order")}
    table.add_row("known by", ", ".join(customer["identity_keys"]))
    table.add_row(
        "bought", f"{customer['orders']} orders, {dollars(spent(customer['spend']))}, by {' and '.join(sorted(channels))}"
    )
    table.add_row(
        "first and last order", " and ".join(customer[which]["placed_at"][:10] for which in ("first_order", "last_order"))
    )
    gap = customer["days_between_orders"]
    table.add_row("days between orders", f"{gap['median']:g} (median)" if gap else "one order")
    table.add_row("stage", f"{customer['journey']['stage']} since {customer['journey']['since'][:10]}")
    return table


def _stages(journey: Any) -> Table:
    table = Table("stage", "since", "because")
    for one in journey["stages"]:
        order = f" {one['order_id']}" if one["order_id"] else ""
        table.add_row(one["stage"], one["at"][:10], f"{one['reason']}{order}")
    return table


def _timeline(page: Any) -> Table:
    table = Table("newest on the timeline", "what", "channel", "told by")
    for row in page["items"]:
        what = row["summary"].get("order_id") or row["summary"].get("stage") or ""
        table.add_row(row["time"][:16].replace("T", " "), f"{row['name']} {what}".strip(), row["channel"] or "", row["source"])
    return table
