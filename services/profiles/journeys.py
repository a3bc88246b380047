"""Reading journeys: of one customer out of the facts and the timeline, of all out of the running figures."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from services.profiles.catalogue import BY_THE_CUSTOMER
from services.profiles.domain.customer import Customer
from services.profiles.domain.habits import Doing, Habits, habits_of, zone_of
from services.profiles.domain.journey import added, flow
from services.profiles.domain.lifecycle import Stage, lifecycle_of
from services.profiles.domain.rules import Rules
from services.profiles.domain.touches import BY_CUSTOMER, Touch, last_before
from services.profiles.storage import Customers
from services.profiles.storage.stages import Journeys
from services.profiles.storage.timeline import Excerpt, Timeline
from shared.commerce import counted

MOST_ORDERS = 50
MOST_TOUCHES = 1_000  # of the customer's own, among which the last before each order is looked for
MOST_DOINGS = 1_000
_DOINGS = tuple(kind.name for kind in BY_THE_CUSTOMER)


class Reader:
    """Whoever asks for a journey, at a time. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, customers: Customers, timeline: Timeline, journeys: Journeys, now: datetime) -> None:
        self._customers, self._timeline, self._journeys, self._now = customers, timeline, journeys, now

    def journey(self, customer_id: str, customer: Customer, query: Mapping[str, Any]) -> dict[str, Any]:
        """The stages of a customer, what led to each order, and a page of touchpoints."""
        keys = customer.identity_keys
        life = lifecycle_of(customer, self._customers.rules().profile.lifecycle, self._now)
        page = self._timeline.page(keys, Excerpt(touches=True), query["cursor"], query["limit"])
        first = self._timeline.first(keys, Excerpt(names=_DOINGS)) if customer.activity.counts else None
        return {
            "customer_id": customer_id,
            "stage": life.stage,
            "until": life.until,
            "stages": [change._asdict() for change in life.changes],
            "first_touch": _touchpoint(first) if first else None,
            "orders": self._orders(customer, timedelta(days=query["lookback_days"])),
            "touchpoints": [_touchpoint(row) for row in page["items"]],
            "next": page["next"],
        }

    def habits(self, customer: Customer, timezone: str | None) -> Habits:
        """How a customer comes, out of what they did last."""
        rows = self._timeline.latest(customer.identity_keys, Excerpt(names=_DOINGS), MOST_DOINGS)
        shop = zone_of(self._customers.rules().profile.timezone)
        assert shop is not None, "rules are checked when they are changed"
        return habits_of([_doing(row) for row in rows], zone_of(timezone) if timezone else None, shop)

    def flow(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """How all customers pass from stage to stage, by the days on which they came into it."""
        rules = self._customers.rules()
        begin, end = _days(query, rules, self._now)
        sums: dict[date, dict[Stage, list[Mapping[str, int]]]] = {}
        for day, stage, values in self._journeys.figures(begin, end):
            sums.setdefault(_period(day, query["by"], begin), {}).setdefault(stage, []).append(values)
        periods = [{"begins": day, "stages": _flows(found)} for day, found in sorted(sums.items())]
        now = [{"stage": stage, "customers": number} for stage, number in _ordered(self._journeys.now()).items()]
        return {"timezone": rules.profile.timezone, "periods": periods, "now": now}

    def _orders(self, customer: Customer, within: timedelta) -> list[dict[str, Any]]:
        """The latest orders, each with the customer's last touchpoint before it that is not the order itself."""
        orders = counted(customer.orders)[-MOST_ORDERS:]
        rows = self._timeline.latest(customer.identity_keys, Excerpt(touches=True), MOST_TOUCHES) if orders else []
        own = [row for row in reversed(rows) if row["touch"]["by"] == BY_CUSTOMER and "order_id" not in row["summary"]]
        touches = [Touch(row["time"], row) for row in own]
        found = []
        for order in reversed(orders):
            last = last_before(touches, order.placed_at, within) if order.placed_at else None
            shown = {"order_id": order.order_id, "placed_at": order.placed_at, "channel": order.channel}
            found.append({**shown, "last_touch": _touchpoint(last.row) if last else None})
        return found


def _flows(sums: Mapping[Stage, Sequence[Mapping[str, int]]]) -> list[Any]:
    found = [flow(stage, added(values)) for stage, values in _ordered(sums).items()]
    return [one for one in found if one.entered]


def _ordered(by_stage: Mapping[Stage, Any]) -> dict[Stage, Any]:
    return {stage: by_stage[stage] for stage in Stage if stage in by_stage}


def _days(query: Mapping[str, Any], rules: Rules, now: datetime) -> tuple[date, date]:
    """The first day and the one after the last; the last 30 days where nobody says."""
    zone = zone_of(rules.profile.timezone)
    end = query.get("to") or now.astimezone(zone).date() + timedelta(days=1)
    return query.get("from") or end - timedelta(days=30), end


def _period(day: date, by: str, begin: date) -> date:
    if by == "week":
        return day - timedelta(days=day.weekday())
    return {"all": begin, "day": day, "month": day.replace(day=1)}[by]


def _touchpoint(row: Mapping[str, Any]) -> dict[str, Any]:
    touch, summary = row.get("touch", {"by": BY_CUSTOMER}), row["summary"]
    of_message = {"id": summary["campaign_id"]} if "campaign_id" in summary else None
    shown = {name: row[name] for name in ("_id", "name", "time", "channel", "summary")}
    return {**shown, "by": touch["by"], "campaign": touch.get("campaign") or of_message, "referrer": touch.get("referrer")}


def _doing(row: Mapping[str, Any]) -> Doing:
    said = {name: row.get(name) for name in ("channel", "device", "locale", "timezone")}
    return Doing(row["time"], **said, query=row["summary"].get("query"))
