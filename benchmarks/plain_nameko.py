"""The four effects of a purchase the plain nameko way: the control that Sambandh is compared with.

Four services on the stock `event_handler`, each with one `update_one`, and a shop that takes orders over HTTP and publishes them with the
stock dispatcher. Everything is left as nameko and pymongo set it: persistent messages, published with confirms, on durable classic
queues; ten workers a service and a prefetch of ten; a message is acknowledged when its handler returned *or raised*; writes use the
server's default concern (majority and journaled on a replica set). Nothing recognises a repeated delivery.

    AMQP_URI=amqp://… MONGO_URI=mongodb://… python -m benchmarks.plain_nameko [SERVICE ...]

`benchmarks.effects` says what an order is and what each service does with it. Each service keeps a database `plain_<service>` on the
server at MONGO_URI.
"""

import eventlet

eventlet.monkey_patch()  # before anything else is imported, as `nameko run` does

import json  # noqa: E402
import os  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402
from nameko.cli.run import run  # noqa: E402
from nameko.events import EventDispatcher, event_handler  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.web.handlers import http  # noqa: E402
from pymongo import MongoClient  # noqa: E402
from werkzeug.wrappers import Request, Response  # noqa: E402

from benchmarks import effects  # noqa: E402
from benchmarks.effects import Order  # noqa: E402


class Database(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Gives a service its database, through one client a process."""

    def setup(self) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGO_URI"])
        self._database = client[f"plain_{self.container.service_name}"]

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self._database


class Shop:
    """Takes orders over HTTP and publishes them; answers once the broker has confirmed."""

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
        self.database.customers.update_one(*effects.add_to_totals(order), upsert=True)


class Reengagement:
    """The reminder of each customer's cart."""

    name = "reengagement"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        self.database.timers.update_one(*effects.disarm_reminder(order), upsert=True)


class Support:
    """What agents see beside a customer's tickets."""

    name = "support"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        self.database.contexts.update_one(*effects.show_to_support(order), upsert=True)


class Analytics:
    """The figures of each day."""

    name = "analytics"
    database = Database()

    @event_handler("shop", "order_completed")
    def on_order_completed(self, order: Order) -> None:
        self.database.days.update_one(*effects.move_figures(order), upsert=True)


SERVICES = {service.name: service for service in (Shop, Profiles, Reengagement, Support, Analytics)}


@click.command()
@click.argument("services", nargs=-1, type=click.Choice(sorted(SERVICES)))
@click.option("--port", default=8000, show_default=True, help="Where the shop listens, on the loopback.")
def main(services: tuple[str, ...], port: int) -> None:
    """Run the services named, or all of them, in one process; SIGTERM stops it as it stops `nameko run`."""
    config = {"AMQP_URI": os.environ["AMQP_URI"], "WEB_SERVER_ADDRESS": f"127.0.0.1:{port}"}
    run([SERVICES[name] for name in services or SERVICES], config)


if __name__ == "__main__":
    main()
