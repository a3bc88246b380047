"""Least privilege and lasting data of the servers that `make run` and the tests start."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import amqp
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from deploy.local.credentials import ADMIN, SHOP, SUBSCRIBER, TOPOLOGY
from deploy.local.mongod import MongoServer
from deploy.local.rabbitmq import RabbitServer
from deploy.local.settings import SERVICES

QUORUM = {"x-queue-type": "quorum"}
SETTLES = 2.0
"""Seconds until a single node has a new quorum queue on disk. One that is killed before (RabbitMQ 3.10: half a second) finds
the queue again without a leader, for good; docs/runbooks/partition-without-consumer.md says how it is mended."""


@contextmanager
def channel_of(server: RabbitServer, user: str) -> Iterator[Any]:
    """A channel as this user; one that a refusal closed is left alone. An answer that does not come is a TimeoutError."""
    uri = urlsplit(server.uri(user))
    with amqp.Connection(
        host=f"{uri.hostname}:{uri.port}",
        userid=uri.username,
        password=uri.password,
        virtual_host=uri.path.lstrip("/"),
        read_timeout=10,
    ) as connection:
        yield connection.channel()


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(amqp.AccessRefused):
        yield


def publish(channel: Any, exchange: str) -> None:
    """Publish and wait for the broker's word: a refusal comes back on the channel, not from `basic_publish`."""
    channel.confirm_select()
    channel.basic_publish_confirm(amqp.Message(b"{}"), exchange=exchange, routing_key="order_completed")


@pytest.fixture(scope="module")
def rabbit(rabbit_server: RabbitServer) -> RabbitServer:
    """The broker with two services' exchanges and queues."""
    with channel_of(rabbit_server, TOPOLOGY) as channel:
        for exchange in ("shop.events", "shop.intake", "profiles.events", "support.events"):
            channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
        for service in ("profiles", "support"):
            arguments = {"hash-header": "ce-subject"}
            channel.exchange_declare(
                f"{service}.inbox", "x-consistent-hash", durable=True, auto_delete=False, arguments=arguments
            )
            channel.queue_declare(f"{service}.inbox.0", durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_bind(f"{service}.inbox.0", f"{service}.inbox", "1")
    time.sleep(SETTLES)
    return rabbit_server


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_uses_its_own_database(mongo_server: MongoServer, service: str) -> None:
    with MongoClient[Any](mongo_server.uri(service)) as client, client.start_session() as session, session.start_transaction():
        client[f"sambandh_{service}"]["proof"].insert_one({"_id": 1}, session=session)


def test_a_service_neither_reads_nor_writes_another_database(mongo_server: MongoServer) -> None:
    with MongoClient[Any](mongo_server.uri("profiles")) as client:
        with pytest.raises(OperationFailure, match="not authorized"):
            client["sambandh_support"]["tickets"].find_one()
        with pytest.raises(OperationFailure, match="not authorized"):
            client["sambandh_support"]["tickets"].insert_one({})
        with pytest.raises(OperationFailure, match="not authorized"):
            client["admin"]["system.users"].find_one()


def test_nobody_gets_in_without_a_password(mongo_server: MongoServer) -> None:
    with (
        MongoClient[Any]("127.0.0.1", mongo_server.port, directConnection=True) as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client["sambandh_profiles"]["proof"].find_one()


def test_mongo_keeps_its_data_through_a_stop_and_a_crash(mongo_server: MongoServer) -> None:
    with MongoClient[Any](mongo_server.uri(ADMIN), serverSelectionTimeoutMS=500) as client:
        rows = client["sambandh_social"]["kept"]
        rows.insert_one({"_id": "before the stop"})
        mongo_server.stop()
        with pytest.raises(ServerSelectionTimeoutError):
            rows.find_one()
        mongo_server.start()
    with MongoClient[Any](mongo_server.uri("social")) as client:
        rows = client["sambandh_social"]["kept"].with_options(write_concern=client.write_concern.__class__("majority", j=True))
        rows.insert_one({"_id": "before the crash"})
        mongo_server.kill()
        mongo_server.start()
        assert sorted(row["_id"] for row in rows.find()) == ["before the crash", "before the stop"]


def test_a_service_publishes_to_its_own_exchange_only(rabbit: RabbitServer) -> None:
    with channel_of(rabbit, "profiles") as channel:
        publish(channel, "profiles.events")
    for foreign in ("support.events", "support.inbox", "shop.events", "shop.intake", ""):
        with refused(), channel_of(rabbit, "profiles") as channel:
            publish(channel, foreign)


def taken(rabbit: RabbitServer, user: str, queue: str) -> Any:
    """The first message of a quorum queue, None if it is empty.

    A broker that is busy electing the queue's leader refuses, or does not answer at all; then it is asked again.
    """
    for _ in range(10):
        try:
            with channel_of(rabbit, user) as channel:
                return channel.basic_get(queue, no_ack=True)
        except (amqp.InternalError, TimeoutError):
            time.sleep(1)
    raise AssertionError(f"the broker did not answer for {queue}")


def test_a_service_reads_its_own_queues_only(rabbit: RabbitServer) -> None:
    taken(rabbit, "support", "support.inbox.0")
    with refused(), channel_of(rabbit, "support") as channel:
        channel.basic_get("profiles.inbox.0")


def test_a_service_declares_and_binds_nothing(rabbit: RabbitServer) -> None:
    with refused(), channel_of(rabbit, "profiles") as channel:
        channel.queue_declare("profiles.inbox.9", durable=True, auto_delete=False, arguments=QUORUM)
    with refused(), channel_of(rabbit, "profiles") as channel:
        channel.queue_delete("profiles.inbox.0")
    with refused(), channel_of(rabbit, "profiles") as channel:
        channel.exchange_bind("profiles.inbox", "shop.events", "order_completed")


def test_the_collector_speaks_for_the_shop(rabbit: RabbitServer) -> None:
    with channel_of(rabbit, "collector") as channel:
        publish(channel, "shop.events")


def test_a_shop_may_only_put_events_into_the_intake(rabbit: RabbitServer) -> None:
    with channel_of(rabbit, SHOP) as channel:
        publish(channel, "shop.intake")
    with refused(), channel_of(rabbit, SHOP) as channel:
        publish(channel, "shop.events")
    with refused(), channel_of(rabbit, SHOP) as channel:
        channel.basic_get("profiles.inbox.0")


def test_a_subscriber_hears_events_and_cannot_make_any(rabbit: RabbitServer) -> None:
    queue = "evt-shop-order_completed--loyalty.on_order"
    with channel_of(rabbit, SUBSCRIBER) as channel:
        channel.exchange_declare("shop.events", "topic", durable=True, auto_delete=False)  # as nameko does at its start
        channel.queue_declare(queue, durable=True, auto_delete=False)
        channel.queue_bind(queue, "shop.events", "order_completed")
        with channel_of(rabbit, "collector") as collector:
            publish(collector, "shop.events")
        assert channel.basic_get(queue, no_ack=True) is not None
    with refused(), channel_of(rabbit, SUBSCRIBER) as channel:
        publish(channel, "shop.events")
    with refused(), channel_of(rabbit, SUBSCRIBER) as channel:
        channel.basic_get("profiles.inbox.0")


@pytest.mark.parametrize("crash", [False, True], ids=["stop", "crash"])
def test_the_broker_keeps_confirmed_messages(rabbit: RabbitServer, crash: bool) -> None:
    with channel_of(rabbit, "profiles") as channel:
        channel.confirm_select()
        message = amqp.Message(b"kept", application_headers={"ce-subject": "user:42"}, delivery_mode=2)
        channel.basic_publish_confirm(message, exchange="profiles.inbox", routing_key="order_completed")
    if crash:
        rabbit.kill()
    else:
        rabbit.stop()
    rabbit.start()
    found = taken(rabbit, "profiles", "profiles.inbox.0")
    assert found is not None
    assert found.body in (b"kept", "kept")
