"""What the collector answers, and what it then has."""

from typing import Any

import pytest

from services.collector.sorting import Entry
from services.collector.storage import Archive
from shared import events
from shared.envelope import Event, derived_id
from shared.errors import StoreAway
from tests.simulation.alone import place
from tests.simulation.store.client import SELECTION_SECONDS
from tests.simulation.world import BEGIN


def _entry(number: int) -> Entry:
    event = Event(derived_id(str(number)), events.ORDER_COMPLETED.name, "shop", "user:1", BEGIN, BEGIN, b"{}")
    return Entry(event, "source", str(number), None, None)


def test_what_comes_with_a_repeated_event_is_kept() -> None:
    with place() as here:
        process = here.process("only")
        counts = [
            here.do(process, lambda database, numbers=numbers: Archive(database).accept([_entry(n) for n in numbers], BEGIN))
            for numbers in ((1, 2), (1, 3, 2, 4))
        ]
        assert counts == [0, 2]
        assert len(list(here.server.documents("events"))) == 4


@pytest.mark.parametrize("seconds", [3600.0, SELECTION_SECONDS + 0.2])  # the latter: what is read after the write succeeds
def test_nothing_is_accepted_while_the_database_is_away(seconds: float) -> None:
    with place() as here:
        process = here.process("only")
        here.server.fail_over(seconds)

        def accept(database: Any) -> None:
            with pytest.raises(StoreAway):
                Archive(database).accept([_entry(1)], BEGIN)

        here.do(process, accept)
        assert list(here.server.documents("events")) == []
