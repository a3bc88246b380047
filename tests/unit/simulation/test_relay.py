"""What one transaction announced is published as a whole, and waits until the broker has taken all of it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import mongo
from shared.broker import Letter, Publisher, Receipt
from shared.envelope import Event
from shared.errors import BrokerAway
from shared.outbox import COLLECTION, PACK, Relay, append, create_indexes, waiting
from tests.simulation.alone import Place, place

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Choosy(Publisher):
    """Takes every letter but some."""

    def __init__(self, unwanted: Collection[str] = ()) -> None:
        super().__init__("", "")
        self.unwanted, self.taken = set(unwanted), list[str]()

    def publish(self, letters: Sequence[Letter], timeout: float = 15.0) -> Receipt:
        ids = [one.id for one in letters]
        self.taken += [one for one in ids if one not in self.unwanted]
        return Receipt(confirmed=set(ids) - self.unwanted, returned=self.unwanted.intersection(ids))


def said(number: int) -> Event:
    return Event(f"event-{number:03}", "order_completed", "toy", "user:1", NOW, NOW, b"{}")


def told(database: Any, events: Sequence[Event]) -> None:
    create_indexes(database)
    mongo.transaction(database, lambda session: append(database, events, session))


def relay(here: Place, database: Any, publisher: Publisher) -> Relay:
    relay = Relay()
    relay.config, relay.database = here.process("relay").config, database
    relay._rows, relay._publisher = database[COLLECTION], publisher
    return relay


def test_many_announcements_are_few_rows_and_all_of_them_are_published_in_their_order() -> None:
    with place() as here:
        publisher = Choosy()

        def work(database: Any) -> tuple[int, int, list[Event]]:
            told(database, [said(number) for number in (*range(2 * PACK + 1), 0)])  # the first one twice
            rows = len(list(database[COLLECTION].find()))
            return rows, relay(here, database, publisher)._publish_window(), waiting(database)

        assert here.do(here.process("only"), work) == (3, 3, [])
        assert publisher.taken == [said(number).id for number in range(2 * PACK + 1)]


def test_what_the_broker_did_not_take_waits_with_what_was_said_in_one_breath() -> None:
    with place() as here:
        publisher = Choosy([said(2).id])

        def work(database: Any) -> list[str]:
            told(database, [said(1)])
            told(database, [said(2), said(3)])
            with pytest.raises(BrokerAway):
                relay(here, database, publisher)._publish_window()
            return [event.id for event in waiting(database)]

        assert here.do(here.process("only"), work) == [said(2).id, said(3).id]


def test_rows_of_a_single_event_as_they_once_were_written_are_published() -> None:
    with place() as here:
        publisher = Choosy()

        def work(database: Any) -> list[Event]:
            create_indexes(database)
            database[COLLECTION].insert_many([{**said(1).document(), "pending_since": NOW}])
            relay(here, database, publisher)._publish_window()
            return waiting(database)

        assert here.do(here.process("only"), work) == []
        assert publisher.taken == [said(1).id]
