"""A replay that somebody asked for happens, also where the broker refuses it at first."""

from typing import Any

from shared import parked
from shared.broker import Publisher, Receipt
from shared.outbox import Relay
from tests.simulation.alone import place


class _Refusing(Publisher):
    def publish(self, letters: Any, timeout: float = 15.0) -> Receipt:
        return Receipt(refused={one.id for one in letters})


def test_a_replay_that_the_broker_refused_is_still_to_be_sent() -> None:
    with place() as here:
        process = here.process("only")

        def ask(database: Any) -> int:
            entry = parked.park(database, {"ce-id": "e"}, b"{}", "a reason", "order_completed")
            parked.ask_for_replay(database, entry)
            relay = Relay()
            relay.config, relay.database, relay._publisher = process.config, database, _Refusing("", "")
            relay._replay_parked()
            return len(parked.to_replay(database, "toy", 10))

        assert here.do(process, ask) == 1
