"""Which faults a run does, how often, under which load, and what it has to have hit to count."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chaos.faults.clock import library
from chaos.system.small_disk import may_mount
from chaos.system.whole import Layout
from chaos.workload.shop import Mix

_HITS = {"redelivered": 1, "duplicates": 1, "kills inside a transaction": 1}


@dataclass(frozen=True, slots=True)
class Plan:
    """`weights` is how often each kind of fault comes up; `pause` the seconds between two; `needed` what makes the run valid.

    `rate` is facts a second, `minutes` how long an outage lasts. `title` says what the run shows, for the page of proof.
    """

    title: str
    weights: Mapping[str, float]
    pause: tuple[float, float] = (0.2, 1.0)
    rounds: int = 60
    rate: float = 40.0
    minutes: float = 2.0
    mix: Mix = field(default_factory=Mix)
    layout: Layout = field(default_factory=Layout)
    needed: Mapping[str, int] = field(default_factory=lambda: dict(_HITS))


_KILLS = {"kill": 9, "pair": 1, "gateway": 2}
_SERVERS = {"broker": 4, "database": 4, "gateway": 1, "server and service": 2, "commit": 2}
_DELIVERIES = {"duplicates": 4, "shuffle": 2, "poison": 3, "bomb": 1, "endless": 1}
_NETWORK = {"delay": 1, "slow": 1, "black hole": 2, "cut": 2, "hold": 2, "reset": 2}
_RESOURCES = {"pause": 3, "alarm": 1, "disk": 2, "clock": 2}
_EVERYTHING = {
    **{name: 3 * weight for name, weight in _KILLS.items()},
    **_SERVERS,
    **_DELIVERIES,
    **_NETWORK,
    **_RESOURCES,
    "roll": 3,
    "broker away": 1,
    "database away": 1,
}

_SKIPPED = {
    "disk": "no disk is filled: only root may mount a small one",
    "clock": "no clock is set wrong: libfaketime is not installed",
}

PLANS: Mapping[str, Plan] = {
    "everything": Plan(
        "every kind of fault, in turns",
        _EVERYTHING,
        rounds=70,
        layout=Layout(replicated=("reengagement",), proxied=True, small_disks=True),
    ),
    "sample": Plan(
        "a little of what needs no rights and no packages",
        {"kill": 5, "commit": 3, "broker": 1, "roll": 1, "duplicates": 1, "poison": 1},
        rounds=12,
        rate=20.0,
        mix=Mix(customers=60, due_within=(3.0, 10.0)),
    ),
    "kills": Plan("kill -9 of every kind of service process, alone and in pairs", _KILLS, layout=Layout(("reengagement",))),
    "servers": Plan("kill -9 of broker, database and gateway, alone and with a service", _SERVERS, rounds=20),
    "primary": Plan(
        "kill -9 of the primary of three members of MongoDB",
        {"primary": 4, "commit": 1},
        rounds=20,
        rate=20.0,
        layout=Layout(members=3),
    ),
    "rolls": Plan(
        "SIGTERM of one process after the other, as a deployment does",
        {"roll": 1},
        rounds=40,
        needed={"applied": 1},
        layout=Layout(("profiles", "reengagement")),
    ),
    "away": Plan(
        "broker and database away under load",
        {"broker away": 1, "database away": 1},
        rounds=6,
        needed={"retries": 1},
    ),
    "outage": Plan(
        "the broker away for minutes at a hundred facts a second",
        {"outage": 1},
        rounds=1,
        rate=100.0,
        mix=Mix(customers=4000),
        needed={"applied": 1},
    ),
    "deliveries": Plan("deliveries repeated and shuffled, and events that nobody can handle", _DELIVERIES, rounds=30),
    "network": Plan(
        "a network that is late, slow, deaf, cut and reset",
        _NETWORK,
        rounds=20,
        needed={"redelivered": 1, "duplicates": 1},
        layout=Layout(proxied=True),
    ),
    "resources": Plan(
        "processes paused past their leases, memory alarm, full disks, wrong clocks",
        _RESOURCES,
        rounds=12,
        needed={"redelivered": 1},
        layout=Layout(("reengagement", "profiles"), small_disks=True),
    ),
    "timers": Plan(
        "timers whose owners are killed, one after the other",
        {"owner": 1},
        pause=(15.0, 20.0),
        rounds=12,
        mix=Mix(customers=4000, carts=0.9, bought=0.15, due_within=(10.0, 25.0)),
        layout=Layout(("reengagement",)),
    ),
    "flood": Plan(
        "hundreds of timers a second, most of them of orders of many products, while their owners are killed now and then",
        {"owner": 1},
        pause=(40.0, 50.0),
        rounds=6,
        mix=Mix(customers=4000, carts=0.4, bought=0.3, due_within=(10.0, 25.0), consumables=0.5, refills=20),
        layout=Layout(("reengagement",)),
    ),
    "punctual": Plan(
        "timers while nothing is broken",
        {"duplicates": 1},
        pause=(8.0, 12.0),
        rounds=8,
        rate=20.0,
        mix=Mix(customers=200, carts=0.8, bought=0.2, due_within=(10.0, 25.0)),
        needed={"duplicates": 1, "timers fired": 100},
        layout=Layout(("reengagement",)),
    ),
}


def possible(plan: Plan) -> tuple[Plan, list[str]]:
    """The plan without what cannot be done here, and why not."""
    impossible = [kind for kind, able in (("disk", may_mount()), ("clock", library() is not None)) if not able]
    left_out = [kind for kind in impossible if kind in plan.weights]
    weights = {kind: weight for kind, weight in plan.weights.items() if kind not in left_out}
    layout = replace(plan.layout, small_disks=plan.layout.small_disks and "disk" in weights)
    return replace(plan, weights=weights, layout=layout), [_SKIPPED[kind] for kind in left_out]
