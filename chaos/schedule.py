"""Which fault comes when, out of one seed: the same seed, plan and processes give the same schedule."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from chaos.faults import clock, deliveries, network, processes, servers
from chaos.faults.fault import Fault
from chaos.plans import Plan

# Given the names of all processes, the one whose turn it is first.
Maker = Callable[[Random, Sequence[str]], Fault]
MAKERS: Mapping[str, Maker] = {
    "kill": processes.kill,
    "commit": processes.kill_within_commit,
    "owner": processes.kill_owner,
    "pair": processes.kill_pair,
    "pause": processes.pause,
    "roll": processes.roll,
    "broker": lambda random, names: servers.KillServer("rabbitmq"),
    "database": lambda random, names: servers.KillServer("mongod"),
    "gateway": lambda random, names: servers.KillServer("gateway"),
    "primary": lambda random, names: servers.KillPrimary(),
    "server and service": servers.kill_with_service,
    "broker away": servers.broker_away,
    "database away": servers.database_away,
    "alarm": lambda random, names: servers.MemoryAlarm(random.uniform(8.0, 15.0)),
    "disk": lambda random, names: servers.DiskFull(random.choice(["mongod", "rabbitmq"]), random.uniform(5.0, 10.0)),
    "clock": clock.wrong_clock,
    "duplicates": deliveries.duplicates,
    "shuffle": deliveries.shuffled,
    "poison": deliveries.poison,
    "bomb": deliveries.bomb,
    "endless": deliveries.endless,
    **network.MAKERS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Wait `pause` seconds, then do `fault`."""

    pause: float
    fault: Fault


def schedule(seed: int, plan: Plan, rounds: int, names: Sequence[str]) -> list[Step]:
    """`rounds` steps of a plan. Every kind of fault in it comes up before one comes up by chance.

    Processes take turns, in an order that is drawn anew for every turn: one that was killed is at work again when it is next.
    """
    random = Random(f"{seed}/{sorted(plan.weights.items())}")
    kinds = list(plan.weights)
    drawn = kinds[:rounds] + random.choices(kinds, list(plan.weights.values()), k=max(0, rounds - len(kinds)))
    random.shuffle(drawn)
    turns = _turns(random, names)
    made = makers(plan)
    return [Step(random.uniform(*plan.pause), made[kind](random, _next_first(turns, names))) for kind in drawn]


def makers(plan: Plan) -> Mapping[str, Maker]:
    """What makes each kind of fault; an outage is as long as the plan says."""
    return {**MAKERS, "outage": lambda random, names: servers.Outage(60.0 * plan.minutes)}


def _turns(random: Random, names: Sequence[str]) -> Iterator[str]:
    while True:
        yield from random.sample(list(names), len(names))


def _next_first(turns: Iterator[str], names: Sequence[str]) -> list[str]:
    """All names, the one whose turn it is first."""
    first = next(turns)
    return [first, *(name for name in names if name != first)]
