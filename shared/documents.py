"""Members and views as MongoDB documents: how a batch is loaded and its changes are written, a query per collection."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pymongo import ASCENDING, DeleteOne, ReplaceOne, UpdateOne
from pymongo.database import Database

from shared.difference import Applied, Changes, View
from shared.fold import Batch, Member, Model
from shared.identity import lookup_id
from shared.mongo import Document, Session, ensure_collection

S = TypeVar("S")
Operations = dict[str, list[Any]]
_NATIVE = (datetime, bytes)


def to_document(value: Any) -> Any:
    """A dataclass as plain values that MongoDB stores."""
    return msgspec.to_builtins(value, builtin_types=_NATIVE)


def create_indexes(database: Database[Document], model: Model[Any]) -> None:
    """Indexes and collections of a model. A collection cannot be made inside every transaction, so they are made here."""
    database[f"{model.name}_facts"].create_index([("customer", ASCENDING)], name="customer")
    ensure_collection(database, model.name)


def load(database: Database[Document], model: Model[S], ids: Iterable[str], session: Session | None = None) -> Batch[S]:
    """The members of these ids with everyone in their groups, and the views of the groups."""
    facts = database[f"{model.name}_facts"]
    wanted = set(ids)
    found = {document["_id"]: document for document in facts.find({"_id": {"$in": sorted(wanted)}}, session=session)}
    customers = wanted | {document["customer"] for document in found.values()}
    views = list(database[model.name].find({"_id": {"$in": sorted(customers)}}, session=session))
    others = {member for view in views for member in view["members"]} - found.keys()
    if others:
        found |= {document["_id"]: document for document in facts.find({"_id": {"$in": sorted(others)}}, session=session)}
    return Batch(model, [_member(model, document) for document in found.values()], [_view(document) for document in views])


def find(database: Database[Document], model: Model[S], identity: str) -> tuple[str, list[Member[S]]] | None:
    """A customer by any identity key, e-mail or customer id: the customer id and the members, or None if never heard of."""
    member_id = lookup_id(identity)
    batch = load(database, model, [member_id])
    member = batch.members.get(member_id)
    if member is None:
        return None
    group = [other for other in batch.members.values() if other.customer_id == member.customer_id]
    return member.customer_id, sorted(group, key=lambda other: other.key)


def operations(model: Model[Any], changes: Changes, partition: str) -> Operations:
    """The writes of a batch, by collection. Figures go to the row of this partition, so that partitions never conflict."""
    writes: Operations = defaultdict(list)
    for member in changes.members:
        writes[f"{model.name}_facts"].append(ReplaceOne({"_id": member.id}, _facts(member), upsert=True))
    for view in changes.views:
        writes[model.name].append(ReplaceOne({"_id": view.id}, _view_document(view), upsert=True))
    for gone in changes.gone:
        writes[model.name].append(DeleteOne({"_id": gone}))
    for key in changes.deleted_rows:
        collection, _, row_id = key.partition("/")
        writes[collection].append(DeleteOne({"_id": row_id}))
    for row in changes.rows:
        writes[row.collection].append(ReplaceOne({"_id": row.id}, {**row.document, "_id": row.id}, upsert=True))
    for entry in changes.journal:
        writes[entry.collection].append(UpdateOne({"_id": entry.id}, {"$setOnInsert": dict(entry.document)}, upsert=True))
    for figure in changes.figures:
        sums = {f"values.{name}": value for name, value in figure.values.items()}
        update = {"$inc": sums}
        writes[figure.collection].append(UpdateOne({"_id": f"{figure.id}#{partition}"}, update, upsert=True))
    return writes


def write(database: Database[Document], writes: Operations, session: Session) -> None:
    for collection, requests in writes.items():
        if requests:
            database[collection].bulk_write(requests, session=session)


def _member(model: Model[S], document: Document) -> Member[S]:
    state = msgspec.convert(document["state"], model.state)
    return Member(document["key"], document["customer"], state, document["revision"], document["version"])


def _facts(member: Member[Any]) -> Document:
    return {
        "_id": member.id,
        "key": member.key,
        "customer": member.customer_id,
        "revision": member.revision,
        "version": member.version + 1,
        "state": to_document(member.state),
    }


def _view(document: Document) -> View:
    return View(document["_id"], document["members"], msgspec.convert(document["applied"], Applied), document["version"])


def _view_document(view: View) -> Document:
    return {"_id": view.id, "members": list(view.members), "version": view.version, "applied": to_document(view.applied)}
