"""Who does what one replica should do: leases, and timers in the transaction of what they belong to."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import mongo
from shared.config import Config
from shared.envelope import Event
from shared.handlers import TIMER_SOURCE, Timer
from shared.lease import Lease
from shared.timers import PARK_AFTER, Timers, write_timers
from shared.unit_of_work import Report
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


class Died(BaseException):
    """The end of a process: nothing of ours catches it."""


class Deadly:
    """In place of the unit of work and of the container: firing one timer ends the process, and threads run at once."""

    def __init__(self, kind: str) -> None:
        self.kind, self.fired = kind, list[str]()

    def apply(self, events: list[Event], by: str, **options: Any) -> Report:
        names = [event.name for event in events]
        if self.kind in names:
            raise Died
        self.fired += names
        return Report([], [])

    def spawn_managed_thread(self, run: Callable[[], None]) -> "Deadly":
        run()
        return self

    def wait(self) -> None:
        pass


def test_a_timer_that_ends_every_process_which_fires_it_is_set_aside_and_the_others_fire() -> None:
    others = [f"kind-{number}" for number in range(5)]
    deadly = Deadly("kind-of-death")

    def live(database: Any) -> bool:
        """One process that fires what is due. Whether it survived."""
        hand = Timers()
        hand.database, hand._timers, hand.work, hand.container = database, database["timers"], deadly, deadly
        hand.config = Config("toy")
        try:
            for _ in range(2):
                due = [row for row in database["timers"].find({"state": "pending"}) if row["kind"] not in deadly.fired]
                hand._fire(due, BEGIN)
        except Died:
            return False
        return True

    with place() as here:
        process = here.process("first")
        timers = [Timer(kind, kind, "user:1", BEGIN) for kind in (*others[:3], deadly.kind, *others[3:])]
        here.do(
            process, lambda database: mongo.transaction(database, lambda session: write_timers(database, timers, [], session))
        )
        survived = [here.do(here.process(f"number {number}"), live) for number in range(PARK_AFTER + 2)]
        assert survived == [False] * (PARK_AFTER + 1) + [True]
        assert sorted(deadly.fired) == others
        assert {row["kind"]: row["state"] for row in here.server.documents("timers")}[deadly.kind] == "parked"
        assert list(here.server.documents("suspects")) == []


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
