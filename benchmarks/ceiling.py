"""The ceiling: what the same broker client and database driver can do with the four effects when nothing is guaranteed.

A bare kombu consumer reads batches as large as ours, a bare pymongo bulk write applies them, and one acknowledgement follows. No inbox, no
transaction, no facts, nothing published: a crash in between loses or doubles the batch, and writes are acknowledged by one member before
they are journaled. Nobody who keeps promises gets past this figure with these libraries.

    AMQP_URI=amqp://… MONGO_URI=mongodb://… python -m benchmarks.ceiling SERVICE
"""

import os
import signal
from types import FrameType
from typing import Any

import click
from kombu import Connection, Consumer, Exchange, Message, Queue
from pymongo import MongoClient, UpdateOne, WriteConcern

from benchmarks.effects import EFFECTS, Effect
from shared.config import Config

BATCH = Config("ceiling").batch_size


class Reader:
    """Takes batches from one queue and writes them to one collection."""

    def __init__(self, collection: Any, effect: Effect) -> None:
        self._collection, self._effect = collection, effect
        self._updates: list[UpdateOne] = []
        self._last: Message | None = None
        self.stopping = False

    def run(self, amqp_uri: str, queue: Queue) -> None:
        """Until asked to stop."""
        with Connection(amqp_uri) as connection:
            consumer = Consumer(connection, [queue], on_message=self._take, prefetch_count=BATCH)
            with consumer:
                while not self.stopping:
                    self._round(connection)

    def _take(self, message: Message) -> None:
        self._updates.append(UpdateOne(*self._effect.update(message.decode()), upsert=True))
        self._last = message

    def _round(self, connection: Connection) -> None:
        """One batch: what arrives until it is full or nothing comes for ten milliseconds."""
        try:
            connection.drain_events(timeout=0.5)
            while len(self._updates) < BATCH:
                connection.drain_events(timeout=0.01)
        except TimeoutError:
            pass
        if self._last is not None:
            self._collection.bulk_write(self._updates, ordered=False)
            self._last.ack(multiple=True)
            self._updates, self._last = [], None

    def stop(self, number: int, frame: FrameType | None) -> None:
        """For SIGTERM."""
        self.stopping = True


@click.command()
@click.argument("service", type=click.Choice(sorted(EFFECTS)))
def main(service: str) -> None:
    """Run the reader of one service, which writes to the database `ceiling_<service>`, until SIGTERM."""
    effect = EFFECTS[service]
    client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGO_URI"])
    careless = WriteConcern(w=1, j=False)
    reader = Reader(client[f"ceiling_{service}"].get_collection(effect.collection, write_concern=careless), effect)
    signal.signal(signal.SIGTERM, reader.stop)
    exchange = Exchange("shop.events", type="topic", durable=True)
    reader.run(os.environ["AMQP_URI"], Queue(f"ceiling.{service}", exchange, routing_key="order_completed", durable=True))


if __name__ == "__main__":
    main()
