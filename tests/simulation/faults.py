"""The nemesis: what goes wrong, one thing after the other, and at last the healing of all of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.broker import letter
from shared.topology import inbox_exchange
from tests.simulation.broker.queues import Message
from tests.simulation.processes import ServiceProcess

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


class Nemesis:
    """Does the scenario's actions at random moments, and starts again what died."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._world, self._scenario = simulation.world, simulation.scenario
        self._actions: dict[str, Callable[[], None]] = {
            "kill": self._kill,
            "pause": self._pause,
            "nobody reads": self._nobody_reads,
            "stop": self._stop,
            "fail over": self._fail_over,
            "restart broker": self._restart_broker,
            "repeat": self._repeat,
            "cut": self._cut,
        }

    def run(self) -> None:
        self._send_undecodable()
        end = self._world.seconds + self._scenario.seconds
        while self._world.seconds < end:
            self._world.sleep(self._world.chance.uniform(0.2, 1.0))
            if self._scenario.actions:
                self._actions[self._world.chance.choice(self._scenario.actions)]()
            self._revive(1)
        self._heal()
        while True:
            self._revive(2)
            self._world.sleep(1.0)

    def _revive(self, wanted: int) -> None:
        """At least `wanted` processes of each service live, and sometimes two."""
        for kind in ("collector", "toy"):
            living = len(self._simulation.living(kind))
            if living < wanted or (living < 2 and self._world.chance.random() < 0.5):
                self._simulation.start(kind)

    def _victim(self) -> ServiceProcess | None:
        kind = self._world.chance.choice(["toy", "toy", "collector"])
        living = self._simulation.living(kind)
        return self._world.chance.choice(living) if living else None

    def _kill(self) -> None:
        victim = self._victim()
        if victim:
            victim.kill()

    def _pause(self) -> None:
        """Longer than any lease, and often longer than a transaction may live."""
        victim = self._victim()
        if victim:
            victim.paused_until = self._world.seconds + self._world.chance.uniform(1.0, 9.0)

    def _nobody_reads(self) -> None:
        """Every replica of the service stands still, and what is published fills the queues."""
        for process in self._simulation.living("toy"):
            process.paused_until = self._world.seconds + 3.0

    def _stop(self) -> None:
        """A rolling restart: another one is there first."""
        victim = self._victim()
        if victim and victim.alive:
            self._simulation.start(victim.config.service)
            victim.stop()

    def _fail_over(self) -> None:
        server = self._simulation.servers[self._world.chance.choice(["toy", "collector"])]
        lag, server.lag = server.lag, 0.6  # the others fall behind, and then the primary goes
        self._world.sleep(0.4)
        server.lag = lag
        server.fail_over(self._world.chance.choice([0.0, 0.3, 4.0]))

    def _restart_broker(self) -> None:
        self._simulation.link.restart(self._world.chance.uniform(0.0, 1.0))

    def _cut(self) -> None:
        connections = self._simulation.link.open
        if connections:
            self._world.chance.choice(connections).cut()

    def _repeat(self) -> None:
        """Events arrive again, as often as it pleases whoever sends them."""
        known = list(self._simulation.workload.attempted.values())
        for _ in range(self._world.chance.randint(1, 6) if known else 0):
            event = self._world.chance.choice(known)
            if event.id not in self._simulation.workload.accepted:
                continue  # what was not accepted was not published either
            again = letter(event)
            self._simulation.broker.publish(Message(again.body, again.headers, again.exchange, again.routing_key))

    def _send_undecodable(self) -> None:
        """What somebody sends who does not know the envelope."""
        for number in range(self._scenario.undecodable):
            body = f"undecodable {number}".encode()
            self._simulation.workload.undecodable.add(body)
            self._simulation.broker.publish(Message(body, {"ce-subject": "user:0"}, inbox_exchange("toy"), "order_completed"))

    def _heal(self) -> None:
        """Nothing breaks any more; and what is undecodable, or was bound to nothing, is dealt with."""
        self._simulation.healed = True
        self._simulation.network.breaks = self._simulation.link.breaks = self._simulation.link.refuses = 0.0
        self._simulation.broker.loses_dead_letters = False
        for queue in self._simulation.broker.queues.values():
            queue.arguments = {**queue.arguments, "x-max-length-bytes": None}
        if self._scenario.binds_late:
            self._simulation.bind(self._simulation.link.connect(self._simulation.outside).channel())
        for process in [*self._simulation.shops, *self._simulation.collectors]:
            process.paused_until = 0.0
