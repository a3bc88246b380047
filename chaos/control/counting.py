"""What the control lost and doubled: each order has a customer of its own, so the counters of customers are counters of orders."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.ledger import Record


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the accepted orders, how many a service never applied; and how often it applied one that it had applied before."""

    lost: int
    doubled: int


def tally(record: Record, applied: Mapping[str, int]) -> Tally:
    """`applied` says how often each order was applied, by its id; what is missing was never applied."""
    lost = sum(1 for order in record.accepted if not applied.get(order))
    return Tally(lost, sum(times - 1 for times in applied.values() if times > 1))


def tally_of_sum(record: Record, applied: int) -> Tally:
    """Where only the sum over all orders is known: what is surely lost, and surely too much. The truth may be both, and worse."""
    return Tally(max(0, len(record.accepted) - applied), max(0, applied - len(record.attempted)))
