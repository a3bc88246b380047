"""All services over one database server, with a broker that is a function: what one announces, every subscriber applies."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from deploy.local.mongod import MongoServer
from shared.envelope import Event
from shared.outbox import events_of
from shared.privacy import Privacy
from shared.registry import service_names
from tests.serving import Served, serving


@dataclass(frozen=True)
class Company:
    """Services by name."""

    services: dict[str, Served]

    def __getitem__(self, service: str) -> Served:
        return self.services[service]

    def publish(self, *events: Event) -> None:
        """Apply events wherever they are subscribed to, and everything that is announced because of them."""
        heard = list(events)
        while heard:
            for service in self.services.values():
                wanted = [event for event in heard if (event.source, event.name) in service.work.subscriptions]
                if wanted:
                    Privacy(service.work).apply(wanted)
            heard = [event for service in self.services.values() for event in self._announced(service)]

    def settle(self) -> None:
        """Deliver what was announced through the doors."""
        self.publish(*(event for service in self.services.values() for event in self._announced(service)))

    def _announced(self, service: Served) -> Sequence[Event]:
        rows = list(service.database["outbox"].find().sort("pending_since"))
        service.database["outbox"].delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        return [event for row in rows for event in events_of(row)]

    def documents(self, service: str) -> Iterator[tuple[str, Any]]:
        """Every document that a service keeps, with its collection."""
        database = self[service].database
        for name in database.list_collection_names():
            for row in database[name].find():
                yield name, row


@contextmanager
def company(mongo: MongoServer, prefix: str) -> Iterator[Company]:
    """Every service over a database of its own."""
    with ExitStack() as stack:
        yield Company({name: stack.enter_context(serving(name, mongo, f"{prefix}_{name}")) for name in service_names()})
