"""Whether a server still does its work: not whether its process is there, but whether it keeps what it is given."""

import pymongo
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared import broker
from shared.broker import Letter, Publisher
from shared.errors import BrokerAway

QUEUE = "chaos.probe"
_SECONDS = 5.0


def database_keeps(uri: str) -> bool:
    """Whether the database takes a document."""
    try:
        with MongoClient[dict[str, int]](uri, serverSelectionTimeoutMS=5_000) as client, pymongo.timeout(_SECONDS):
            client["chaos"]["probe"].replace_one({"_id": 0}, {}, upsert=True)
    except PyMongoError:
        return False
    return True


def broker_keeps(uri: str) -> bool:
    """Whether the broker confirms a message to a quorum queue."""
    publisher = Publisher(uri, "probe")
    try:
        with broker.reachable():
            connection = broker.connect(uri, "probe")
            arguments = {"x-queue-type": "quorum", "x-max-length": 1}
            connection.channel().queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
            broker.close(connection)
        receipt = publisher.publish([Letter("probe", "", QUEUE, {}, b"")], _SECONDS)
    except BrokerAway:
        return False
    finally:
        publisher.discard()
    return "probe" in receipt.confirmed
