"""What analytics keeps: facts by customer, rows of figures by partition, and the queries that sum them up.

The id of a row says all about it (`rows.row_id`) and ends in `#` and the partition that counted it, so the index on `_id` serves every
query, and rows of one stretch of time lie together.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from pymongo import ASCENDING
from pymongo.database import Database

from services.analytics.domain.booking import MEASURES
from services.analytics.domain.rows import By, Reach, bounds, coarser, key_of, quoted, start_from
from services.analytics.domain.sales import Rules, Sales, combine, rules_of
from services.analytics.domain.series import Row
from shared.config import Config
from shared.documents import state_of, to_document
from shared.handlers import Figure
from shared.model import Model
from shared.mongo import Document, Session, ensure_collection, reachable
from shared.timers import reproject

FIGURES = "figures"
TITLES = "titles"
SETTINGS = "settings"
_REACHES_AT_ONCE = 100
_PARTS = {"$split": [{"$first": {"$split": ["$_id", "#"]}}, "|"]}


def roll_up(figure: Figure) -> list[Figure]:
    """The hour, day and month that a figure of a quarter of an hour adds to."""
    return [Figure(FIGURES, row, figure.values) for row in coarser(figure.id)] if figure.collection == FIGURES else []


CUSTOMERS = Model("customers", Sales, combine, rules=rules_of, rollup=roll_up, edition=1)  # 1: figures by sales channel


def create_indexes(database: Database[Document], config: Config) -> None:
    """Collections that are written within transactions. Their `_id` is the only index that they need."""
    for name in (FIGURES, TITLES, SETTINGS):
        ensure_collection(database, name)


def read_rules(database: Database[Document]) -> Rules:
    """The shop's settings."""
    with reachable():
        return rules_of(database[SETTINGS].find_one({"_id": CUSTOMERS.name}))


def write_rules(database: Database[Document], rules: Rules, session: Session) -> None:
    """Store settings; if they are new, every customer is counted anew, a few hundred at a time."""
    before = rules_of(database[SETTINGS].find_one({"_id": CUSTOMERS.name}, session=session))
    database[SETTINGS].replace_one({"_id": CUSTOMERS.name}, to_document(rules), upsert=True, session=session)
    if rules != before:
        reproject(database, CUSTOMERS.name, session)


def read_rows(database: Database[Document], by: By, reaches: Sequence[Reach], keys: Iterable[str] | None = None) -> list[Row]:
    """The rows of some reaches by start, currency and key; only those of `keys` where given."""
    only = [{"$match": {"key": {"$in": sorted(quoted(key) for key in keys)}}}] if keys is not None else []
    stages = [*only, _sum(by, "start", "currency", "key")]
    return [_row(found) for part in _chunks(reaches) for found in _aggregate(database, by, part, stages)]


def read_totals(database: Database[Document], by: By, reaches: Sequence[Reach]) -> dict[str, dict[str, int]]:
    """Sums over some reaches by currency."""
    found = _aggregate(database, by, reaches, [_sum(by, "currency")])
    return {one["_id"]["currency"]: _values(one) for one in found}


def read_leaders(
    database: Database[Document], by: By, reaches: Sequence[Reach], currency: str | None, ranking: tuple[str, int]
) -> list[tuple[str, dict[str, int]]]:
    """The keys with most of a measure over some reaches, most first, with their sums. `ranking` is the measure and how many.

    Money is never added over currencies: without a currency only ask for a measure that is no money.
    """
    measure, limit = ranking
    only = [{"$match": {"currency": currency}}] if currency else []
    net: list[Document] = [{"$set": {"net": {"$subtract": ["$gross", "$returned"]}}}] if measure == "net" else []
    order: list[Document] = [{"$sort": {measure: -1, "_id.key": ASCENDING}}, {"$limit": limit}]
    found = _aggregate(database, by, reaches, [*only, _sum(by, "key"), *net, *order])
    return [(key_of(one["_id"]["key"]), _values(one)) for one in found]


def read_titles(database: Database[Document], product_ids: Iterable[str]) -> dict[str, str]:
    """For each product that orders gave a name, the one that most orders have."""
    prefixes = [quoted(product_id) for product_id in product_ids]
    if not prefixes:
        return {}
    pipeline: list[Document] = [
        {"$match": {"$or": [{"_id": {"$gte": f"{prefix}|", "$lt": f"{prefix}}}"}} for prefix in prefixes]}},
        {"$project": {"parts": _PARTS, "orders": "$values.orders"}},
        {"$group": {"_id": "$parts", "orders": {"$sum": "$orders"}}},
        {"$match": {"orders": {"$gt": 0}}},
        {"$sort": {"orders": ASCENDING, "_id": ASCENDING}},
    ]
    with reachable():
        found = list(database[TITLES].aggregate(pipeline))
    return {key_of(product): key_of(name) for product, name in (one["_id"] for one in found)}


def customers(database: Database[Document]) -> Iterator[Sales]:
    """The facts of every customer, one after the other. For checking figures, never for answering."""
    with reachable():
        rows = database[f"{CUSTOMERS.name}_facts"].find({}, {"customer": 1, "state": 1}).sort("customer", ASCENDING)
        for _, members in groupby(rows, key=lambda row: str(row["customer"])):
            yield combine([state_of(CUSTOMERS, member) for member in members])


def stored(database: Database[Document]) -> dict[str, dict[str, int]]:
    """Every row of figures, summed over partitions, without what is 0. For checking figures, never for answering."""
    total: dict[str, dict[str, int]] = {}
    with reachable():
        for row in database[FIGURES].find():
            values = total.setdefault(row["_id"].partition("#")[0], {})
            for name, value in row["values"].items():
                values[name] = values.get(name, 0) + value
    kept = ((row, {name: value for name, value in values.items() if value}) for row, values in total.items())
    return {row: values for row, values in kept if values}


def _aggregate(database: Database[Document], by: By, reaches: Sequence[Reach], stages: Sequence[Document]) -> list[Document]:
    """Run stages over the rows of some reaches, with the parts of their ids as fields."""
    if not reaches:
        return []
    ranges = [{"_id": {"$gte": first, "$lt": end}} for first, end in (bounds(by, reach) for reach in reaches)]
    named = {name: {"$arrayElemAt": ["$parts", place]} for place, name in enumerate(("by", "span", "start", "currency", "key"))}
    pipeline: list[Document] = [
        {"$match": {"$or": ranges}},
        {"$project": {"parts": _PARTS, "values": 1}},
        {"$project": {**named, "values": 1}},
        *stages,
    ]
    with reachable():
        return list(database[FIGURES].aggregate(pipeline))


def _sum(by: By, *together: str) -> Document:
    measures = ("events",) if by is By.EVENT else MEASURES
    sums = {name: {"$sum": f"$values.{name}"} for name in measures}
    return {"$group": {"_id": {name: f"${name}" for name in together}, **sums}}


def _row(found: Document) -> Row:
    place = found["_id"]
    return Row(start_from(place["start"]), place["currency"], key_of(place["key"]), _values(found))


def _values(found: Document) -> dict[str, int]:
    return {name: value for name, value in found.items() if name != "_id" and value}


def _chunks(reaches: Sequence[Reach]) -> Iterator[Sequence[Reach]]:
    for first in range(0, len(reaches), _REACHES_AT_ONCE):
        yield reaches[first : first + _REACHES_AT_ONCE]
