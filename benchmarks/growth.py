"""What an order costs when the services know ten thousand, a hundred thousand, a million customers."""

from dataclasses import asdict
from statistics import median

from benchmarks.consume import drain
from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, ratio
from benchmarks.seeding import Template, multiply, templates
from benchmarks.sides import SERVICES, Sambandh
from benchmarks.system import System
from benchmarks.trial import Trial
from benchmarks.workload import Shop

_TEMPLATES = 200
_FEWEST, _MOST = 2_000, 20_000
Made = dict[str, dict[str, list[Template]]]


def run(system: System, options: Options) -> Outcome:
    """Grow the databases from size to size; at each, measure orders of customers drawn from all of them."""
    side = Sambandh(system)
    shop = Shop(_TEMPLATES)
    done: dict[int, list[Trial]] = {}
    documents = 0
    with side.running():
        drain(side, shop.first_orders(), 0)
        made = {name: templates(system.client[f"sambandh_{name}"], shop.keys) for name in SERVICES}
        for size in sorted(options.customers):
            documents += _grow(system, made, shop, size)
            done[size] = _measure(side, shop, options)
    under = f"documents that the services made, copied under other ids: {documents:,} in four databases at the largest size"
    raw = {str(size): [asdict(one) for one in trials] for size, trials in done.items()}
    return Outcome(rows(done), raw, under)


def rows(done: dict[int, list[Trial]]) -> list[Row]:
    """The cost at each size, and how much dearer an order is at the largest than at the smallest."""
    costs = {size: median(trial.cost for trial in trials) for size, trials in done.items()}
    found = [Row(f"growth: processor time of an order at {size:,} customers", cost, "ms") for size, cost in costs.items()]
    more = 100 * (ratio(costs[max(costs)], costs[min(costs)]) - 1)
    return [*found, Row("growth: dearer at the largest size than at the smallest", more, "%", Aim(15, at_most=True))]


def _grow(system: System, made: Made, shop: Shop, size: int) -> int:
    """Documents written to have so many customers."""
    known = shop.customers
    shop.customers = size
    keys = shop.keys[known:]
    return sum(multiply(system.client[f"sambandh_{name}"], made[name], keys) for name in SERVICES)


def _measure(side: Sambandh, shop: Shop, options: Options) -> list[Trial]:
    """One run to warm the caches, then the trials."""
    trials: list[Trial] = []
    orders = _FEWEST
    for _ in range(options.trials + 1):
        trials.append(drain(side, shop.orders(orders), side.applied()))
        orders = min(_MOST, max(_FEWEST, int(trials[-1].rate * options.seconds)))
    return trials[1:]
