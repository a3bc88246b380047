"""The four effects of a purchase the plain nameko way: the control that Sambandh is compared with.

Four services on the stock `event_handler`, each with one `update_one`, and a shop that takes orders over HTTP and publishes them with the
stock dispatcher. Everything is left as nameko and pymongo set it: persistent messages, published with confirms, on durable classic
queues; ten workers a service and a prefetch of ten; a message is acknowledged when its handler returned *or raised*; writes use the
server's default concern (majority and journaled on a replica set). Nothing recognises a repeated delivery.

    AMQP_URI=amqp://… MONGO_URI=mongodb://… python -m benchmarks.plain_nameko [SERVICE ...]

An order is JSON as in `order_completed` of our catalogue: `identity_keys` (the first says whose it is), `order_id`, `amount` in minor
units of `currency`, `products`, and optionally `cart_id`. Each service keeps a database `plain_<service>` on the server at MONGO_URI.
"""

import eventlet

eventlet.monkey_patch()  # before anything else is imported, as `nameko run` does

import json  # noqa: E402
import os  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402
from nameko.cli.run import run  # noqa: E402
from nameko.events import EventDispatcher, event_handler  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.web.handlers import http  # noqa: E402
from pymongo import MongoClient  # noqa: E402
from werkzeug.wrappers import Request, Response  # noqa: E402

Order = Mapping[str, Any]
ORDERS_SHOWN = 20


class Database(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Gives a service its database, through one client a process."""

    def setup(self) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGO_URI"])
        self._database = client[database_of(self.container.service_name)]

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self._database


class Shop:
    """Takes orders over HTTP and publishes them; answered once the broker has confirmed."""

    name = "shop"
    dispatch = EventDispatcher()

    @http("POST", "/orders")
    def order(self, request: Request) -> Response:
        """Publish an order."""
        self.dispatch("order_completed", json.loads(request.get_data()))
        return Response(status=200)


class Profiles:
    """What each customer spent."""

    name = "profiles"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        """The purchase counts in the customer's totals."""
        totals = {"orders": 1, f"spend.{order['currency']}": order["amount"]}
        self.database.customers.update_one({"_id": customer_of(order)}, {"$inc": totals}, upsert=True)


class Reengagement:
    """The reminder of each customer's open cart."""

    name = "reengagement"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        """The purchase disarms the reminder."""
        disarmed = {"state": "disarmed", "cart_id": order.get("cart_id"), "by_order": order["order_id"]}
        change = {"$set": disarmed, "$inc": {"orders": 1}}
        self.database.timers.update_one({"_id": customer_of(order)}, change, upsert=True)


class Support:
    """What agents see beside a customer's tickets."""

    name = "support"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        """The order is the first among the customer's latest ones."""
        shown = {name: order[name] for name in ("order_id", "amount", "currency", "products")}
        latest = {"$each": [shown], "$position": 0, "$slice": ORDERS_SHOWN}
        change = {"$push": {"latest": latest}, "$inc": {"orders": 1}}
        self.database.contexts.update_one({"_id": customer_of(order)}, change, upsert=True)


class Analytics:
    """The figures of each day."""

    name = "analytics"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        """The purchase moves the revenue of the day on which it was heard of: the event does not say when it happened."""
        figures = {"orders": 1, f"revenue.{order['currency']}": order["amount"]}
        day = datetime.now(UTC).date().isoformat()
        self.database.days.update_one({"_id": day}, {"$inc": figures}, upsert=True)


LISTENERS = {service.name: service for service in (Profiles, Reengagement, Support, Analytics)}
SERVICES = {Shop.name: Shop, **LISTENERS}
# Where each listener counts the orders that it applied, in the field `orders`.
COUNTED_IN = {"profiles": "customers", "reengagement": "timers", "support": "contexts", "analytics": "days"}


def customer_of(order: Order) -> str:
    """The identity key that an order came with."""
    return str(order["identity_keys"][0])


def database_of(service: str) -> str:
    """The database of a service."""
    return f"plain_{service}"


@click.command()
@click.argument("services", nargs=-1, type=click.Choice(sorted(SERVICES)))
@click.option("--port", default=8000, show_default=True, help="Where the shop listens, on the loopback.")
def main(services: tuple[str, ...], port: int) -> None:
    """Run the services named, or all of them, in one process; SIGTERM stops it as it stops `nameko run`."""
    config = {"AMQP_URI": os.environ["AMQP_URI"], "WEB_SERVER_ADDRESS": f"127.0.0.1:{port}"}
    run([SERVICES[name] for name in services or SERVICES], config)


if __name__ == "__main__":
    main()
