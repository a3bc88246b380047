"""A small service on the real runtime: it adds up orders, announces each customer once, and pings a customer by timer.

Run as a process (`python -m tests.integration.runtime.toy`) it can be killed; its database and queues are named by TOY_NAME, so that every
test has a service of its own.
"""

import shared.green  # noqa: F401, I001 - first: it patches what the others import

import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nameko.runners import ServiceRunner

from shared import events, faults, health, logs, parked, run, suspects
from shared.config import load
from shared.consume import Inbox
from shared.envelope import Event
from shared.model import Model
from shared.handlers import Announcement, Consequences, Figure, Timer, fires, follows, handles
from shared.outbox import Relay
from shared.registry import Classes
from shared.timers import Timers

POISON, BOMB, ENDLESS = "POISON", "BOMB", "ENDLESS"


@dataclass(frozen=True)
class Purchases:
    orders: dict[str, int] = field(default_factory=dict)
    first_heard_at: datetime | None = None
    key: str = ""
    pings: int = 0


@dataclass(frozen=True)
class Placed:
    order_id: str
    amount: int


@dataclass(frozen=True)
class Ping:
    note: str


def combine(states: list[Purchases]) -> Purchases:
    return replace(states[0], orders={order: amount for state in states for order, amount in state.orders.items()})


CUSTOMERS = Model("customers", Purchases, combine)


class Toy:
    name = "toy"
    inbox, timers, relay = Inbox(CUSTOMERS), Timers(), Relay()

    @handles(events.ORDER_COMPLETED, CUSTOMERS)
    def on_order_completed(self, customer: Purchases, order: Placed, event: Event) -> Purchases:
        """An order adds its amount, once."""
        if order.order_id.startswith(POISON):
            raise ZeroDivisionError("a bug in a handler")
        if order.order_id.startswith(BOMB):
            os._exit(3)
        while order.order_id.startswith(ENDLESS):
            pass
        first = min(event.time, customer.first_heard_at or event.time)
        return replace(
            customer, orders={**customer.orders, order.order_id: order.amount}, first_heard_at=first, key=event.subject
        )

    @fires("ping", CUSTOMERS)
    def on_ping(self, customer: Purchases, ping: Ping) -> Purchases:
        return replace(customer, pings=customer.pings + 1)

    @follows(CUSTOMERS)
    def follow_up(self, customer_id: str, customer: Purchases, rules: None, now: datetime) -> Consequences:
        if customer.first_heard_at is None:
            return Consequences()
        created = Announcement(
            events.PROFILE_CREATED,
            f"{os.environ.get('TOY_NAME')}/{customer_id}",
            customer.key,
            customer.first_heard_at,
            {"customer_id": customer_id, "identity_keys": [customer.key]},
        )
        values = {"revenue": sum(customer.orders.values()), "orders": len(customer.orders)}
        pings = (Timer("ping", customer_id, customer.key, customer.first_heard_at + timedelta(seconds=2), {"note": "hello"}),)
        return Consequences(
            timers=() if customer.pings else pings, figures=(Figure("figures", "all", values),), announcements=(created,)
        )


def main() -> None:
    config = load(os.environ["TOY_NAME"])
    logs.setup(config.service, config.log_level)
    faults.arm_from_environment()
    settings = run.prepare(config, Classes(Toy, Toy))
    settings["UNIT_OF_WORK"].create_indexes(config.inbox_retention_days)
    parked.create_indexes(settings["DATABASE"])
    suspects.create_indexes(settings["DATABASE"])
    health.serve(config.metrics_host, config.metrics_port)
    runner = ServiceRunner(settings)
    runner.add_service(Toy)
    run.stop_on_signals(runner)
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main()
