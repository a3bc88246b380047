"""What an operator sets before a run, through the API."""

from chaos.system.whole import System
from chaos.workload.segment import CONSUMABLE
from chaos.workload.shop import CONSUMED_AFTER

_TEN_YEARS = "P3650D"


def policies(system: System) -> None:
    """Only consumables run out, a day after they were bought; what customers buy again and again does not, within any run."""
    known = system.api("GET", "/api/reengagement/policies/replenishment")
    override = {"category": CONSUMABLE, "days": CONSUMED_AFTER.days}
    wanted = {
        "enabled": True,
        "expires_after": known["expires_after"],
        "min_purchases": 50,
        "shortest_interval": _TEN_YEARS,
        "longest_interval": _TEN_YEARS,
        "overrides": [override],
        "version": known["version"],
        "changed_by": "chaos",
    }
    system.api("PUT", "/api/reengagement/policies/replenishment", wanted)
