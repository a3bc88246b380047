"""How fast the four effects of a purchase are applied, and what processor time an order costs, side by side."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, ratio, significant
from benchmarks.processor import Meter
from benchmarks.sides import SIDES, Side
from benchmarks.system import System
from benchmarks.trial import Trial
from benchmarks.workload import Shop
from shared.envelope import Event

CUSTOMERS = 2_000
_FEWEST, _MOST = 500, 60_000
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Standing:
    """The medians of a side's trials: orders a second, and milliseconds of processor time an order by group of processes."""

    rate: float
    cost: float
    costs: Mapping[str, float]


def run(system: System, options: Options) -> Outcome:
    """All sides in turn, as often as there are trials."""
    trials: dict[str, list[Trial]] = {side.name: [] for side in SIDES}
    for _ in range(options.trials):
        for side in SIDES:
            trials[side.name].append(trial(side(system), options.seconds))
    standings = {name: standing(done) for name, done in trials.items()}
    under = f"orders of {CUSTOMERS:,} customers, each of whom has ordered once before; two order lines"
    raw = {name: [asdict(one) for one in done] for name, done in trials.items()}
    return Outcome([*rows(standings), *each_service(trials["sambandh"])], raw, under, {"sides": sides(standings)})


def rows(standings: Mapping[str, Standing]) -> list[Row]:
    """Ours beside each of the others."""
    ours, plain = standings["sambandh"], standings["plain"]
    faststream, ceiling = standings["faststream"], standings["ceiling"]
    return [
        Row("consume: orders a second beside plain nameko", ratio(ours.rate, plain.rate), "times", Aim(10)),
        Row("consume: processor time plain nameko needs beside ours", ratio(plain.cost, ours.cost), "times", Aim(8)),
        Row("consume: processor time FastStream needs beside ours", ratio(faststream.cost, ours.cost), "times", Aim(4)),
        Row("consume: orders a second beside the ceiling", ratio(ours.rate, ceiling.rate), "times", Aim(0.5)),
    ]


def each_service(trials: Sequence[Trial]) -> list[Row]:
    """What an order costs in each of our services."""
    costs = {name: median(1000 * trial.apart[name] / trial.count for trial in trials) for name in trials[0].apart}
    return [Row(f"consume: processor time of {name} for an order", cost, "ms") for name, cost in costs.items()]


def sides(standings: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """What the table and the plot show of each side."""
    return [
        {
            "name": side.name,
            "title": side.title,
            "terms": side.terms,
            "orders_per_second": significant(standings[side.name].rate),
            "cpu_ms_per_order": {group: significant(cost) for group, cost in standings[side.name].costs.items()},
        }
        for side in SIDES
    ]


def standing(trials: Sequence[Trial]) -> Standing:
    """The medians of some trials of one side."""
    groups = trials[0].spent
    costs = {group: median(trial.cost_in(group) for trial in trials) for group in groups}
    return Standing(median(trial.rate for trial in trials), median(trial.cost for trial in trials), costs)


def trial(side: Side, seconds: float, customers: int = CUSTOMERS) -> Trial:
    """Start a side, let every customer order once, then measure about `seconds` of further orders that wait in its queues."""
    shop = Shop(customers)
    with side.running():
        already = side.applied()
        first = drain(side, shop.first_orders(), already)
        orders = min(_MOST, max(_FEWEST, int(first.rate * seconds)))
        return drain(side, shop.orders(orders), already + customers)


def drain(side: Side, orders: Sequence[Event], already: int) -> Trial:
    """Put orders into the queues of a side that stands still, let it go, and measure until all effects are there."""
    side.publish_paused(orders)
    time.sleep(_SETTLE_SECONDS)  # the broker finishes what publishing left it
    servers = side.system
    meter = Meter({"services": side.processes, "mongod": [servers.mongo.process], "rabbitmq": [servers.rabbit.process]})
    apart = Meter({process.name: [process] for process in side.processes})
    began = time.monotonic()
    side.resume()
    side.await_applied(already + len(orders))
    return Trial(len(orders), time.monotonic() - began, meter.spent(), apart.spent())
