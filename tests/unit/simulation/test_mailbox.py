"""What a mailbox does with messages when its connection breaks."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from shared.extension import Worker
from shared.mailbox import Mailbox
from tests.simulation.alone import place
from tests.simulation.broker.queues import Message, Queue
from tests.simulation.world import Signal


class _Failure(Exception):
    """What handling raises once."""


def test_what_was_read_ahead_over_a_lost_connection_is_handled_when_it_comes_again() -> None:
    with place() as here:
        process = here.process("only")
        queues = {name: Queue(name, {}) for name in ("first", "second")}
        here.broker.queues.update(queues)
        queues["first"].put(Message(b"to be trusted", {}, "", ""))
        handled: list[bytes] = []
        failed: list[bool] = []

        def handle(mailbox: Mailbox, messages: list[Any]) -> None:
            if len(messages) > 1 and not failed:
                failed.append(True)
                mailbox.keep_alive(1.0)  # the rest arrives meanwhile
                raise _Failure
            handled.extend(message.body for message in messages)

        def work(database: Any) -> None:
            worker = Worker()
            worker.config, worker.database = replace(process.config, batch_size=2), database
            worker.stopping = Signal(here.world)  # type: ignore[assignment]
            mailbox = Mailbox(worker, "mailbox", list(queues), handle)
            mailbox.round()
            for name, queue in queues.items():
                for number in range(2):
                    queue.put(Message(f"{name} {number}".encode(), {}, "", ""))
            with pytest.raises(_Failure):
                mailbox.round()
            handled.clear()
            for _ in range(8):
                mailbox.round()

        here.do(process, work)
        assert failed
        assert Counter(handled) == Counter([b"first 0", b"first 1", b"second 0", b"second 1"])


def test_until_a_message_shows_that_nothing_came_back_one_is_in_hand() -> None:
    with place() as here:
        process = here.process("only")
        here.broker.queues["queue"] = queue = Queue("queue", {})
        for number in range(6):
            queue.put(Message(str(number).encode(), {}, "", ""))
        in_hand: list[int] = []

        def work(database: Any) -> None:
            worker = Worker()
            worker.config, worker.database = process.config, database
            worker.stopping = Signal(here.world)  # type: ignore[assignment]
            mailbox = Mailbox(worker, "mailbox", ["queue"], lambda box, messages: in_hand.append(_in_hand(box)))
            for _ in range(4):
                mailbox.round()

        here.do(process, work)
        assert in_hand[0] == 1
        assert max(in_hand) > 1


def test_a_mailbox_that_is_closed_handles_what_is_on_its_way_to_it() -> None:
    with place() as here:
        process = here.process("only")
        queues = {name: Queue(name, {}) for name in ("first", "second")}
        here.broker.queues.update(queues)
        queues["first"].put(Message(b"to be trusted", {}, "", ""))
        handled: list[bytes] = []

        def work(database: Any) -> None:
            worker = Worker()
            worker.config, worker.database = process.config, database
            worker.stopping = Signal(here.world)  # type: ignore[assignment]
            mailbox = Mailbox(worker, "mailbox", list(queues), lambda box, messages: handled.extend(m.body for m in messages))
            mailbox.round()
            for name, queue in queues.items():
                for number in range(5):
                    queue.put(Message(f"{name} {number}".encode(), {}, "", ""))
            mailbox.close()

        here.do(process, work)
        assert len(handled) == 11
        assert [(queue.came_back, len(queue.ready)) for queue in queues.values()] == [(0, 0), (0, 0)]


def _in_hand(mailbox: Mailbox) -> int:
    connection: Any = mailbox._connection
    return int(connection.in_hand)
