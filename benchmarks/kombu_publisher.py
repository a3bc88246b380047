"""The way of stock publishers (nameko's dispatcher among them): kombu, one message, one wait for its confirm.

    AMQP_URI=amqp://… python -m benchmarks.kombu_publisher MESSAGES

Publishes so many orders to the exchange `profiles.events`, persistent and mandatory, and prints JSON: seconds of wall and processor time.
"""

import json
import os
import time

import click
from kombu import Connection, Exchange

from benchmarks.workload import Shop
from shared.broker import letter


@click.command()
@click.argument("messages", type=click.IntRange(1))
def main(messages: int) -> None:
    """Publish MESSAGES messages one by one."""
    letters = [letter(event) for event in Shop(messages).first_orders()]
    exchange = Exchange("profiles.events", type="topic", durable=True)
    with Connection(os.environ["AMQP_URI"], transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer(exchange=exchange)
        began, spent = time.monotonic(), time.process_time()
        for one in letters:
            producer.publish(
                one.body,
                routing_key=one.routing_key,
                headers=one.headers,
                content_type=one.content_type,
                content_encoding="utf-8",
                delivery_mode=2,
                mandatory=True,
            )
        result = {"seconds": time.monotonic() - began, "spent": time.process_time() - spent}
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
