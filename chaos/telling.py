"""What the history of a run says, counted for its result."""

from collections.abc import Mapping

from chaos.faults.processes import TRANSACTION_POINTS
from chaos.faults.servers import BACKLOG, OUTAGE
from chaos.history import History
from chaos.system.fleet import BY_ITSELF, INSIDE


def faults(history: History) -> Mapping[str, Mapping[str, int]]:
    """How often each kind of fault hit each target."""
    kinds = {entry.fault for entry in history.entries if entry.act == "inject"}
    return {kind: history.count("inject", kind) for kind in sorted(kinds)} | {
        kind: found for kind in (INSIDE, BY_ITSELF) if (found := history.count("died", kind))
    }


def deaths(history: History) -> dict[str, int]:
    """Deaths at fault points, by point."""
    points = [entry.detail for entry in history.entries if (entry.act, entry.fault) == ("died", INSIDE)]
    return {point: points.count(point) for point in sorted(set(points))}


def within_transactions(history: History) -> int:
    """Deaths with a transaction in hand."""
    return sum(count for point, count in deaths(history).items() if point in TRANSACTION_POINTS)


def outage(history: History, accepted: int, loaded: float, rested: float) -> dict[str, float]:
    """Of an outage: its minutes, how much had waited, how fast it was drained, and how fast it had come, in facts a second.

    `loaded` and `rested` are the seconds of the run at which the load began and the system was at rest; empty without an outage.
    """
    noted = next((entry for entry in history.entries if entry.fault == BACKLOG), None)
    began = next((entry for entry in history.entries if (entry.act, entry.fault) == ("inject", OUTAGE)), None)
    if noted is None or began is None:
        return {}
    backlog = int(noted.detail)
    return {
        "minutes": round((noted.seconds - began.seconds) / 60, 1),
        "backlog": backlog,
        "arrived a second": round(accepted / (noted.seconds - loaded), 1),
        "drained a second": round(backlog / (rested - noted.seconds), 1),
    }
