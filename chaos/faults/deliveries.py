"""Faults of messages: delivered again up to twenty times, in another order, and messages that nobody can handle."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from chaos.faults.fault import Passing
from chaos.faults.processes import POINTS
from chaos.system.testbed import wait_for
from chaos.system.whole import System
from shared.broker import Letter, Publisher, letter
from shared.envelope import from_document
from shared.errors import BrokerAway

EXCHANGE = "shop.events"
_ORDER = "order_completed"
_LIVES = 6  # one more than the returns after which a message is not handled any more
_LARGE = 17 * 1024 * 1024  # more than a document of MongoDB holds
Headers = dict[str, Any]


@dataclass(frozen=True)
class Duplicates(Passing):
    """Events that were published are published again, each `least` to `most` times, shuffled."""

    seed: int
    events: int
    least: int = 1
    most: int = 20
    kind: ClassVar[str] = "deliveries repeated"

    @property
    def target(self) -> str:
        return f"{self.least} to {self.most} times"

    def inject(self, system: System) -> None:
        random = Random(self.seed)
        rows = _published(system, self.events)
        letters = [letter(from_document(row)) for row in rows for _ in range(random.randint(self.least, self.most))]
        random.shuffle(letters)
        publish(system, letters)


@dataclass(frozen=True)
class Poison(Passing):
    """A message that cannot be applied, put among the others: it is parked, and holds up nobody."""

    target: str
    kind: ClassVar[str] = "poison"

    def inject(self, system: System) -> None:
        headers, body = POISONS[self.target](f"poison-{secrets.token_hex(8)}")
        publish(system, [Letter("poison", EXCHANGE, _ORDER, headers, body)])


@dataclass(frozen=True)
class Bomb(Passing):
    """An event that ends every process which handles it, until it is parked: the service dies at the same point in life after life."""

    target: str
    point: str
    kind: ClassVar[str] = "event that ends its process"
    action: ClassVar[str] = "kill"
    environment: ClassVar[Mapping[str, str]] = {}

    def inject(self, system: System) -> None:
        system.fleet.kill(self.target, self.point, lives=_LIVES, action=self.action, environment=self.environment)
        wait_for(lambda: not system.fleet.members[self.target].armed, f"{_LIVES} deaths of {self.target}", 120)


@dataclass(frozen=True)
class Endless(Bomb):
    """An event whose handling never ends: the watchdog has to notice, in life after life, until the event is parked."""

    kind: ClassVar[str] = "event that never ends"
    action: ClassVar[str] = "hang"
    environment: ClassVar[Mapping[str, str]] = {"HANDLING_SECONDS": "8"}  # longer than rows of a dead process stay locked


def publish(system: System, letters: Sequence[Letter]) -> None:
    """Have the broker confirm all of them; again after an outage, as a relay does."""
    publisher = Publisher(system.amqp_uri(), "chaos")
    for start in range(0, len(letters), 200):
        while not _confirmed(publisher, letters[start : start + 200]):
            time.sleep(1)
    publisher.discard()


def replay_parked(system: System) -> int:
    """Ask for the replay of every parked event of the workload, as an operator does once a bug is mended; returns how many."""
    client, asked = system.client(), 0
    known = client["sambandh_collector"]["events"]
    for service in POINTS:
        parked = client[f"sambandh_{service}"]["parked"]
        ids = [row["_id"] for row in parked.find({"state": "open"}) if known.find_one({"_id": row["event_id"]})]
        change = {"$set": {"state": "replaying"}, "$unset": {"sent_at": ""}}
        asked += parked.update_many({"_id": {"$in": ids}}, change).modified_count
    return asked


def duplicates(random: Random, names: Sequence[str]) -> Duplicates:
    return Duplicates(random.randrange(2**32), random.randrange(20, 60))


def shuffled(random: Random, names: Sequence[str]) -> Duplicates:
    """Hundreds of events once more, the old after the new."""
    return Duplicates(random.randrange(2**32), 400, 1, 1)


def poison(random: Random, names: Sequence[str]) -> Poison:
    return Poison(random.choice(sorted(POISONS)))


def bomb(random: Random, names: Sequence[str]) -> Bomb:
    return Bomb(random.choice(["support", "social", "campaigns"]), "unit_of_work.before_commit:1")


def endless(random: Random, names: Sequence[str]) -> Endless:
    return Endless(random.choice(["support", "social", "campaigns"]), "unit_of_work.handling:1")


def _published(system: System, count: int) -> list[dict[str, Any]]:
    wanted: list[dict[str, Any]] = [{"$match": {"pending_since": {"$exists": False}}}, {"$sample": {"size": count}}]
    return list(system.client()["sambandh_collector"]["events"].aggregate(wanted))


def _confirmed(publisher: Publisher, letters: Sequence[Letter]) -> bool:
    try:
        return not publisher.publish(letters).refused
    except BrokerAway:
        return False


def _cloud_event(event_id: str) -> Headers:
    named = {"ce-id": event_id, "ce-source": "shop", "ce-type": _ORDER, "ce-subject": "user:nobody"}
    return {"ce-specversion": "1.0", "ce-time": "2026-03-01T12:30:00Z", **named}


def _undecodable(event_id: str) -> tuple[Headers, bytes]:
    return {"ce-subject": event_id}, secrets.token_bytes(200)


def _another_schema(event_id: str) -> tuple[Headers, bytes]:
    return _cloud_event(event_id), b'{"order_id": 7}'


def _too_large(event_id: str) -> tuple[Headers, bytes]:
    """More than a document of the database holds."""
    return _cloud_event(event_id), b'{"order_id": "' + b"9" * _LARGE + b'"}'


POISONS = {"undecodable": _undecodable, "another schema": _another_schema, "too large": _too_large}
