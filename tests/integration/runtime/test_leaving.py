"""A consumer that leaves, whatever is on its way to it, sends nothing back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from time import monotonic
from typing import Any

import pytest

from deploy.local.rabbitmq import RabbitServer
from shared import broker, frames
from shared.broker import Letter, Publisher
from shared.frames import Delivered

QUEUE = "leaving"


@contextmanager
def _stream(uri: str) -> Iterator[None]:
    """Messages one after the other into the queue, as fast as the broker confirms them, from two publishers."""
    ended = threading.Event()
    numbers = count()

    def publish() -> None:
        publisher = Publisher(uri, "stream")
        while not ended.is_set():
            publisher.publish([Letter("m", "", QUEUE, {}, str(next(numbers)).encode())])
        publisher.discard()

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield
    ended.set()
    for thread in threads:
        thread.join()


def _stay_for(connection: Any, channel: Any, arrived: list[Delivered], seconds: float) -> list[Delivered]:
    """Read and acknowledge for a while; returns what came."""
    taken: list[Delivered] = []
    end = monotonic() + seconds
    while monotonic() < end:
        with suppress(TimeoutError):
            connection.drain_read(0.02)
        if arrived:
            channel.basic_ack(arrived[-1].tag, multiple=True)
            taken += arrived
            arrived.clear()
    return taken


@pytest.mark.parametrize("single", [False, True])
def test_what_is_on_its_way_arrives_before_a_consumer_ends(rabbit_server: RabbitServer, single: bool) -> None:
    arguments = {"x-queue-type": "quorum", "x-single-active-consumer": single}
    with broker.connect(rabbit_server.uri(), "declare") as connection:
        if not str(connection.server_properties["version"]).startswith("3."):
            pytest.skip("a broker that gives no credit")
        connection.channel().queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
        taken: list[Delivered] = []
        with _stream(rabbit_server.uri()):
            for _ in range(12):
                arrived: list[Delivered] = []
                reading = broker.connect(rabbit_server.uri(), "leaving", arrived.append)
                channel = reading.channel()
                channel.basic_qos(0, 300, False)
                tag = channel.basic_consume(QUEUE, no_ack=False)
                taken += _stay_for(reading, channel, arrived, 0.1)
                frames.withhold(channel, tag)
                channel.basic_cancel(tag)
                taken += _stay_for(reading, channel, arrived, 0.06)
                broker.close(reading)
        connection.channel().queue_delete(QUEUE)
    assert len(taken) > 100
    assert _unseen_when_they_came_back(taken) == []


def _unseen_when_they_came_back(taken: list[Delivered]) -> list[bytes]:
    """Messages that went back although no reader had them; an acknowledgement that the broker had not passed on is another matter."""
    seen: set[bytes] = set()
    unseen = []
    for message in taken:
        if "x-delivery-count" in message.headers and message.body not in seen:
            unseen.append(message.body)
        seen.add(message.body)
    return unseen


def test_a_consumer_that_waits_in_line_leaves_as_well(rabbit_server: RabbitServer) -> None:
    with broker.connect(rabbit_server.uri(), "declare") as connection:
        channel = connection.channel()
        arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
        first, second = (channel.basic_consume(QUEUE, no_ack=False) for _ in range(2))
        began = monotonic()
        for tag in (second, first):
            frames.withhold(channel, tag, seconds=20.0)
            channel.basic_cancel(tag)
        assert monotonic() - began < 20.0
        channel.queue_delete(QUEUE)
