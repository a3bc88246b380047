"""The shop outside: what it tries, what was accepted, and what therefore has to be so. It knows nothing of inboxes or tables."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.collector.sorting import Entry
from shared import events
from shared.envelope import Event, derived_id, encode
from shared.events.kind import EventKind
from shared.identity import id_of
from tests.simulation.scenario import Scenario
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.processes import Collector

ORDERS, CARTS, VIEWS = 8, 4, 3
KEYS = [f"user:{number}" for number in range(5)]


@dataclass
class Workload:
    """A client that sends everything until it is accepted, and the events that it tried."""

    world: World
    scenario: Scenario
    attempted: dict[str, Event] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    bombs: set[str] = field(default_factory=set)
    bomb_events: set[str] = field(default_factory=set)
    undecodable: set[bytes] = field(default_factory=set)
    done: bool = False

    def run(self, collectors: list["Collector"]) -> None:
        waiting = self._events()
        while waiting:
            size = self.world.chance.randint(1, 5)
            lot, waiting = waiting[:size], waiting[size:]
            for event in lot:
                self.attempted[event.id] = event
            self._send(lot, collectors)
            self.world.sleep(self.world.chance.random() * 0.9)
        self.done = True

    def _send(self, lot: list[Event], collectors: list["Collector"]) -> None:
        entries = [Entry(event, "shop", event.id, None, None) for event in lot]
        while True:
            living = [collector for collector in collectors if collector.alive]
            answers: list[bool] = []
            if living:
                self.world.chance.choice(living).accept(entries, answers).wait()
            if answers and answers[0]:
                self.accepted |= {event.id for event in lot}
                return
            self.world.sleep(0.3)
            if self.world.chance.random() < 0.2:
                return  # not every client is patient: whether it was accepted is then unknown to it

    def _events(self) -> list[Event]:
        chance = self.world.chance
        carts = [f"c-{number}" for number in range(CARTS)]
        owner = {cart: chance.choice(KEYS) for cart in carts}
        made = [self._touch(cart, owner[cart]) for cart in carts for _ in range(chance.randint(1, 2))]
        bought = chance.sample(carts, CARTS // 2)
        for number in range(ORDERS):
            cart = bought[number] if number < len(bought) else ""
            made.append(self._order(f"o-{number}", owner.get(cart) or chance.choice(KEYS), cart))
        made += [
            self._event(events.PRODUCT_VIEWED, chance.choice(KEYS), {"product_id": f"p-{n % 2}"}, str(n)) for n in range(VIEWS)
        ]
        made += self._groupings()
        self._spoil([event for event in made if event.name == events.ORDER_COMPLETED.name])
        chance.shuffle(made)
        return made

    def _touch(self, cart: str, key: str) -> Event:
        return self._event(events.PRODUCT_ADDED, key, {"cart_id": cart}, str(self.world.chance.random()))

    def _order(self, order_id: str, key: str, cart: str) -> Event:
        data = {"order_id": order_id, "amount": self.world.chance.getrandbits(40), "cart_id": cart}
        return self._event(events.ORDER_COMPLETED, key, data, order_id)

    def _groupings(self) -> list[Event]:
        """The first two keys turn out to be one customer, and perhaps not after all."""
        said = {"customer_id": id_of(KEYS[0]), "identity_keys": KEYS[:2], "revision": 1}
        made = [self._event(events.PROFILE_MERGED, KEYS[0], said, "1")]
        if self.world.chance.random() < 0.5:
            for key in KEYS[:2]:
                alone = {"customer_id": id_of(key), "identity_keys": [key], "revision": 2}
                made.append(self._event(events.PROFILE_SPLIT, key, alone, "2"))
        return made

    def _spoil(self, orders: list[Event]) -> None:
        """Some orders are poison to a handler, some end the process that handles them."""
        chosen = self.world.chance.sample(orders, self.scenario.poison + self.scenario.bombs)
        for event in chosen[: self.scenario.poison]:
            self.poison.add(event.data()["order_id"])
        for event in chosen[self.scenario.poison :]:
            self.bombs.add(event.data()["order_id"])
            self.bomb_events.add(event.id)

    def _event(self, kind: EventKind, key: str, data: dict[str, Any], name: str) -> Event:
        at: datetime = self.world.now + timedelta(milliseconds=self.world.chance.randint(0, 4000))
        return Event(derived_id("simulation", kind.name, key, name), kind.name, kind.source, key, at, at, encode(data))
