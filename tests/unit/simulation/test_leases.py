"""Who does what one replica should do: leases, and timers in the transaction of what they belong to."""

from typing import Any

import pytest

from shared import mongo
from shared.envelope import Event
from shared.handlers import TIMER_SOURCE, Timer
from shared.lease import Lease
from shared.timers import Timers, write_timers
from tests.simulation.alone import place
from tests.simulation.world import BEGIN


def _hold(database: Any) -> bool:
    return Lease(database, "job").hold()


def test_one_process_at_a_time_holds_a_lease() -> None:
    with place() as here:
        first, second = here.process("first"), here.process("second")
        held = [
            here.do(process, lambda database: [Lease(database, "job", 3600.0).hold() for _ in range(2)])
            for process in (first, second, first)
        ]
        assert held == [[True, True], [False, False], [True, True]]


def test_a_lease_ends_by_itself() -> None:
    with place() as here:
        first, second = here.process("first"), here.process("second")
        assert here.do(first, _hold)
        assert here.do(second, _hold), "half a minute later"


def test_a_timer_is_armed_with_what_caused_it_or_not_at_all() -> None:
    timer = Timer("cart_idle", "c", "user:1", BEGIN)

    def fails(session: Any) -> None:
        write_timers(database, [timer], [], session)
        raise ZeroDivisionError

    with place() as here:
        process = here.process("only")
        database = process.database

        def arm(database: Any) -> None:
            with pytest.raises(ZeroDivisionError):
                mongo.transaction(database, fails)

        here.do(process, arm)
        assert list(here.server.documents("timers")) == []


def test_what_was_disarmed_in_a_transaction_does_not_fire_in_it() -> None:
    timer = Timer("cart_idle", "c", "user:1", BEGIN)
    firing = Event("firing", "cart_idle", TIMER_SOURCE, "user:1", BEGIN, BEGIN, b"{}")

    def fired(database: Any) -> list[Event]:
        mongo.transaction(database, lambda session: write_timers(database, [timer], [], session))
        (due,) = database["timers"].find({})
        hand = Timers()
        hand.database, hand._timers = database, database["timers"]

        def fire(session: Any) -> list[Event]:
            write_timers(database, [], [(timer.slot, timer.due)], session)
            return hand._still_pending(session, [firing], {firing.id: due})

        return mongo.transaction(database, fire)

    with place() as here:
        assert here.do(here.process("only"), fired) == []
        assert list(here.server.documents("timers")) == []
