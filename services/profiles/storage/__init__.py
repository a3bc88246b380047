"""What profiles keeps, and how it is found.

customers_facts             the runtime's: facts by identity key, and what followed from them
orders_facts                the runtime's: by order, the identity keys under which it was reported
customer_index              _id = customer id; `Entry` of the directory: one row for each customer who is not nameless
customer_spend              _id = customer id:currency; customer_id, currency, amount: what `sort=spend` goes by
data_requests               _id = request id; see data_requests.py
data_request_parts          _id = event id; see data_requests.py
timeline                    _id = event id; identity_key, name, time, service, category, channel, source, backfill, summary; what the client
                            said of itself; `touch` of touchpoints: one row an event, never rewritten
refused_merges              _id = the pair of keys; `Refusal`: what the guard rails refused and still do
identity_decisions          _id = the pair of keys; `Verdict`: what people decided last
customer_stages             _id = customer id:stage:since:version of the rules; customer_id, stage, since, reason, until; visitors have none
journey_figures             _id = day/stage#partition; values: entered, and by the stage that followed and the days until then
consent_ledger              _id = event id/purpose/channel; identity_key, at, status, source, proof ...: a row a word, never rewritten
segment_members             _id = segment:customer; segment_id, customer_id, since: who is in which segment
segment_exports, segment_export_lines, segment_sizes_over_time: see `segment_exports`
segment_sizes               _id = segment#partition; values: running sums of the members
settings                    the runtime's; of the row `customers` the field `identity`: the guard rails, who changed them when;
                            `consent`: channels, purposes and topics, the same; `link_secret`: what links in mails are sealed by;
                            `segments`: definitions, the JSON text of all segments
"""

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.profiles.storage import consent, data_requests, ledger, segment_exports, stages, timeline
from services.profiles.storage.customers import Customers
from services.profiles.storage.directory import COLLATION, HAS_A_NAME, Directory, Search
from services.profiles.storage.membership import MEMBERS, SIZES
from services.profiles.storage.models import (
    CUSTOMERS,
    DECISIONS,
    INDEX,
    ORDERS,
    REFUSED,
    SPEND,
    TIMELINE,
    decision_rows,
    directory_rows,
    orders_of,
    refusal_rows,
)
from shared.config import Config
from shared.mongo import Document, ensure_collection
from shared.privacy import Holding, by_id

HOLDINGS = (
    Holding(f"{ORDERS.name}_facts", "_id", None, named_by=orders_of),
    Holding(TIMELINE, "identity_key", "What happened", at="time"),
    Holding(ledger.LEDGER, "identity_key", "What you allowed, and when", at="at"),
    Holding(data_requests.PARTS, "_id", None, named_by=data_requests.parts_about),
    Holding(segment_exports.LINES, "customer_id", None, named_by=by_id),
)

__all__ = [
    "CUSTOMERS",
    "DECISIONS",
    "HOLDINGS",
    "INDEX",
    "ORDERS",
    "REFUSED",
    "SPEND",
    "TIMELINE",
    "Customers",
    "Directory",
    "Search",
    "create_indexes",
    "decision_rows",
    "directory_rows",
    "refusal_rows",
]


def create_indexes(database: Database[Document], config: Config) -> None:
    """Indexes of the read models: every sort and every search has one. And the secret of links, once."""
    ledger.create_indexes(database)
    segment_exports.create_indexes(database)
    consent.make_secret(database)
    for name in (INDEX, SPEND, REFUSED, DECISIONS, MEMBERS, SIZES):
        ensure_collection(database, name)
    stages.create_indexes(database)
    timeline.create_indexes(database)
    data_requests.create_indexes(database)
    index = database[INDEX]
    index.create_index([("last_seen", DESCENDING), ("_id", DESCENDING)], name="last_seen")
    index.create_index([("orders", DESCENDING), ("_id", DESCENDING)], name="orders")
    index.create_index([("emails", ASCENDING), ("last_seen", DESCENDING), ("_id", DESCENDING)], name="emails")
    index.create_index([("name_words", ASCENDING)], name="name_words")
    index.create_index([("name_sounds", ASCENDING)], name="name_sounds")
    by_name = [("name", ASCENDING), ("_id", ASCENDING)]
    index.create_index(by_name, name="name", collation=COLLATION, partialFilterExpression=HAS_A_NAME)
    index.create_index([("phone_tails", ASCENDING)], name="phone_tails")
    database[SPEND].create_index([("currency", ASCENDING), ("amount", DESCENDING), ("_id", DESCENDING)], name="amount")
    latest = [("at", DESCENDING), ("_id", DESCENDING)]
    database[REFUSED].create_index(latest, name="at")
    database[REFUSED].create_index([("rule", ASCENDING), *latest], name="rule")
    database[REFUSED].create_index([("kind", ASCENDING), *latest], name="kind")
    database[DECISIONS].create_index([("decision", ASCENDING), *latest], name="decision")
    database[DECISIONS].create_index([("identity_keys", ASCENDING)], name="identity_keys")
    database[MEMBERS].create_index([("segment_id", ASCENDING), ("since", DESCENDING), ("_id", DESCENDING)], name="segment_id")
