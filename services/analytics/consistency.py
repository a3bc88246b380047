"""Whether the running counters say what the facts say. Reads everything: for tests and for operators, never for an answer."""

from dataclasses import dataclass
from typing import Any

from services.analytics import storage
from services.analytics.domain.booking import Ledger, recount
from services.analytics.domain.rows import By, Span, coarser


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of figures that is not what it should be."""

    row: str
    counted: dict[str, int]
    expected: dict[str, int]


def differences(database: Any) -> list[Difference]:
    """Rows that differ from a computation from scratch over the facts; for volumes of events, from their own quarters.

    Meaningful while nothing is being applied and no recount is under way.
    """
    counted = storage.stored(database)
    expected = recount(storage.customers(database), storage.read_rules(database).timezone)
    expected |= _volumes(counted)
    return [
        Difference(row, counted.get(row, {}), expected.get(row, {}))
        for row in sorted(counted.keys() | expected.keys())
        if counted.get(row) != expected.get(row)
    ]


def _volumes(counted: Ledger) -> Ledger:
    sums: Ledger = {}
    for row, values in counted.items():
        if not row.startswith(f"{By.EVENT}|{Span.QUARTER}|"):
            continue
        for target in (row, *coarser(row)):
            known = sums.setdefault(target, {"events": 0})
            known["events"] += values["events"]
    return sums
