"""What every service keeps of the workload, read straight from its database: facts, counters, timers, and what is left under way."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from chaos.checker.evidence import Counters, Held, Holding, Residue, Timer
from chaos.ledger import Fact, Kind
from chaos.workload.segment import product_of
from services.analytics import storage as figures
from services.analytics.domain.rows import By, Span, key_of, start_from

Document = dict[str, Any]
ORDERS = frozenset({Kind.ORDER.value, Kind.REFUND.value, Kind.CANCELLATION.value})
KINDS = {
    "profiles": ORDERS | {Kind.CART.value},
    "reengagement": ORDERS | {Kind.CART.value},
    "support": ORDERS | {Kind.CART.value},
    "campaigns": ORDERS,
    "social": ORDERS,
    "analytics": ORDERS,
}
DUE_SOON = timedelta(seconds=30)  # every timer of the workload falls due within this of being armed
_FIRING_KINDS = ("cart_idle", "replenishment")
_ABOUT = {"cart_idle": ("cart_id",), "lapse": ("order_id",), "replenishment": ("order_id", "product_id")}


class Holdings:
    """Reads one system, at rest."""

    def __init__(self, client: MongoClient[Document]) -> None:
        self._client = client

    def archived(self) -> dict[str, str]:
        """Fact ids by event id, of everything in the archive."""
        return {row["_id"]: row["message_id"] for row in self._of("collector")["events"].find({}, {"message_id": 1})}

    def holding(self, service: str, archived: Mapping[str, str]) -> Holding:
        """What a service keeps; cancellations have no id of their own and are known by the event that said so."""
        facts = self._of(service)["customers_facts"].find({}, {"key": 1, "state": 1})
        held = [one for row in facts for one in _held(row, archived)]
        if service == "profiles":
            held += self._carts_on_timelines(archived)
        parked = self._of(service)["parked"].find({}, {"event_id": 1})
        return Holding(
            service,
            frozenset(KINDS[service]),
            held,
            frozenset(archived[row["event_id"]] for row in parked if row["event_id"] in archived),
        )

    def counters(self, facts: Iterable[Fact]) -> Counters:
        """The running figures of analytics. Customers are those of `facts`."""
        customers = {product_of(fact.customer): fact.customer for fact in facts}
        volumes, heard = Counter[tuple[str, datetime]](), Counter[str]()
        orders, gross = Counter[str](), Counter[str]()
        for row, values in figures.stored(self._of("analytics")).items():
            by, span, start, _, key = row.split("|")
            name = key_of(key)
            if span != Span.QUARTER:
                continue
            if by == By.EVENT and name.startswith("shop."):
                volumes[name.removeprefix("shop."), start_from(start)] += values["events"]
            elif by == By.EVENT:
                heard[name] += values["events"]
            elif by == By.PRODUCT and name in customers:
                orders[customers[name]] += values.get("orders", 0)
                gross[customers[name]] += values.get("gross", 0)
        return Counters(volumes, orders, gross, heard)

    def timers(self) -> list[Timer]:
        """The timers of re-engagement that are about a cart, an order or a product."""
        rows = self._of("reengagement")["timers"].find({"kind": {"$in": list(_ABOUT)}})
        return [_timer(row) for row in rows]

    def due_soon(self) -> int:
        """Timers that are due or will be in a moment."""
        soon = datetime.now(UTC) + DUE_SOON
        wanted = {"state": "pending", "kind": {"$in": list(_FIRING_KINDS)}, "due": {"$lt": soon}}
        return int(self._of("reengagement")["timers"].count_documents(wanted))

    def residue(self, queues: Mapping[str, int]) -> Residue:
        """What is left in queues (as the caller read them), outboxes and timers."""
        pending = {"pending_since": {"$exists": True}}
        outboxes = {name: self._of(name)["outbox"].count_documents(pending) for name in KINDS}
        outboxes["collector"] = self._of("collector")["events"].count_documents(pending, hint="pending")
        return Residue(dict(queues), outboxes, self.due_soon())

    def _carts_on_timelines(self, archived: Mapping[str, str]) -> Iterator[Held]:
        rows = self._of("profiles")["timeline"].find({"name": Kind.CART.value}, {"identity_key": 1})
        return (Held(archived.get(row["_id"], row["_id"]), _customer(row["identity_key"]), 0) for row in rows)

    def _of(self, service: str) -> Any:
        return self._client[f"sambandh_{service}"]


def _held(row: Document, archived: Mapping[str, str]) -> Iterator[Held]:
    customer, state = _customer(row["key"]), json.loads(row["state"])
    for order_id, order in state.get("orders", {}).items():
        if order.get("placed"):
            yield Held(order_id, customer, order["placed"]["content"]["amount"])
        if order.get("cancelled"):
            event_id = order["cancelled"]["event_id"]
            yield Held(archived.get(event_id, event_id), customer, 0)
        for refund_id, refund in order.get("refunds", {}).items():
            yield Held(refund_id, customer, refund["amount"])
    for cart_id, cart in state.get("carts", {}).items():
        yield from (Held(cart_id, customer, 0) for _ in cart.get("moves", {}))


def _customer(key: str) -> str:
    return key.removeprefix("user:")


def _timer(row: Document) -> Timer:
    about = [str(row["data"][field]) for field in _ABOUT[row["kind"]]]
    return Timer("/".join(about), row["kind"], about[0], row["state"], row["due"], row.get("fired_at"))
