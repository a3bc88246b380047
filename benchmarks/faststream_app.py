"""The four effects of a purchase on FastStream: one message, one update, on asyncio.

Four subscribers, each run in a process of its own, on durable classic queues bound to the exchange of the shop's events. A message is
acknowledged after its handler returned and rejected where it raised, which is FastStream's default; the prefetch of 100 lets as many
handlers wait for the database at a time. Writes go through pymongo's asynchronous client with the server's default concern (majority and
journaled on a replica set). Nothing recognises a repeated delivery.

    AMQP_URI=amqp://… MONGO_URI=mongodb://… python -m benchmarks.faststream_app SERVICE
"""

import asyncio
import logging
import os
from typing import Any

import click
from faststream import FastStream
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from pymongo import AsyncMongoClient

from benchmarks.effects import EFFECTS

PREFETCH = 100


def application(service: str, amqp_uri: str, mongo_uri: str) -> FastStream:
    """The subscriber of one service, which keeps a database `faststream_<service>`."""
    effect = EFFECTS[service]
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_uri)
    collection = client[f"faststream_{service}"][effect.collection]
    broker = RabbitBroker(amqp_uri, default_channel=Channel(prefetch_count=PREFETCH), log_level=logging.DEBUG)
    queue = RabbitQueue(f"faststream.{service}", durable=True, routing_key="order_completed")
    exchange = RabbitExchange("shop.events", type=ExchangeType.TOPIC, durable=True)

    @broker.subscriber(queue, exchange)
    async def on_order_completed(order: dict[str, Any]) -> None:
        await collection.update_one(*effect.update(order), upsert=True)

    return FastStream(broker, on_shutdown=[client.close])


@click.command()
@click.argument("service", type=click.Choice(sorted(EFFECTS)))
def main(service: str) -> None:
    """Run the subscriber of one service until SIGTERM."""
    asyncio.run(application(service, os.environ["AMQP_URI"], os.environ["MONGO_URI"]).run())


if __name__ == "__main__":
    main()
