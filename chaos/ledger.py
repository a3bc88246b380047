"""What the outside knows: every fact that was tried, and every one that was accepted. Append-only, and on disk before it counts.

A fact that was tried and has no acceptance is *unknown*: its answer was an error or was lost on the way, so it may be applied or not.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What a fact says, by the name of the event that it becomes."""

    ORDER = "order_completed"
    REFUND = "order_refunded"
    CANCELLATION = "order_cancelled"
    CART = "product_added"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened in the shop.

    `weight` is a random number of 64 bits that no other fact has; as 16 hexadecimal digits it is the fact's id, and the id of its
    message, order, refund or cart as well. `amount` is minor units. `about` is the id of the order or cart that it concerns.
    `lines` is the number of products in an order.
    """

    weight: int
    kind: Kind
    customer: str
    amount: int
    at: datetime
    about: str = ""
    lines: int = 1

    @property
    def id(self) -> str:
        return f"{self.weight:016x}"

    def to_json(self) -> list[Any]:
        return [self.id, self.kind.value, self.customer, self.amount, self.at.isoformat(), self.about, self.lines]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Fact":
        fact_id, kind, customer, amount, at, about, lines = values
        return cls(int(fact_id, 16), Kind(kind), customer, amount, datetime.fromisoformat(at), about, lines)


class Ledger:
    """The file, written by any number of threads. A line is on the disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self.attempted = 0
        self.accepted = 0

    def attempt(self, batch: str, facts: Sequence[Fact]) -> None:
        """Note what is about to be sent, for the first time."""
        self._append({"attempt": batch, "facts": [fact.to_json() for fact in facts]})
        self.attempted += len(facts)

    def accept(self, batch: str, facts: Sequence[Fact]) -> None:
        """Note that a batch was answered with 200."""
        self._append({"accept": batch, "at": datetime.now(UTC).isoformat()})
        self.accepted += len(facts)

    def close(self) -> None:
        os.close(self._file)

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)
            os.fdatasync(self._file)


@dataclass(slots=True)
class Record:
    """The ledger read back: attempted facts by id, and when each accepted one was."""

    attempted: dict[str, Fact] = field(default_factory=dict)
    accepted: dict[str, datetime] = field(default_factory=dict)

    @property
    def unknown(self) -> set[str]:
        return self.attempted.keys() - self.accepted.keys()


def read(path: Path) -> Record:
    """Read a ledger. Raises ValueError where two facts have one id, or a batch was accepted that was never attempted."""
    record, batches = Record(), dict[str, list[Fact]]()
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        if "attempt" in entry:
            facts = [Fact.from_json(values) for values in entry["facts"]]
            batches[entry["attempt"]] = facts
            _add(record, facts)
        elif entry["accept"] not in batches:
            raise ValueError(f"batch {entry['accept']} was accepted and never attempted")
        else:
            at = datetime.fromisoformat(entry["at"])
            record.accepted |= {fact.id: at for fact in batches[entry["accept"]]}
    return record


def _add(record: Record, facts: Sequence[Fact]) -> None:
    for fact in facts:
        if fact.id in record.attempted:
            raise ValueError(f"two facts have the id {fact.id}")
        record.attempted[fact.id] = fact
