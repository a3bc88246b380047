"""Members and views as MongoDB documents: how a batch is loaded and its changes are written, a query per collection."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
from pymongo import ASCENDING
from pymongo.database import Database

from shared.difference import Applied, Changes, View
from shared.fold import Batch
from shared.identity import lookup_id
from shared.model import Forgotten, Member, Model
from shared.mongo import AT_ONCE, Document, Session, add, ensure_collection, increase, put

S = TypeVar("S")
_NATIVE = (datetime, bytes)


def to_document(value: Any) -> Any:
    """A dataclass as plain values that MongoDB stores."""
    return msgspec.to_builtins(value, builtin_types=_NATIVE)


def create_indexes(database: Database[Document], model: Model[Any]) -> None:
    """The collection of a model, with the index by customer."""
    ensure_collection(database, f"{model.name}_facts")
    database[f"{model.name}_facts"].create_index([("customer", ASCENDING)], name="customer")


def load(database: Database[Document], model: Model[S], ids: Iterable[str], session: Session | None = None) -> Batch[S]:
    """The members of these ids with everyone in their groups; one query where nobody has more than one key."""
    found = database[f"{model.name}_facts"].find({"_id": {"$in": sorted(set(ids))}}, session=session, batch_size=AT_ONCE)
    return with_groups(database, model, found, session)


def with_groups(
    database: Database[Document], model: Model[S], documents: Iterable[Document], session: Session | None = None
) -> Batch[S]:
    """The members in these documents with everyone in their groups."""
    facts = database[f"{model.name}_facts"]
    found = {document["_id"]: document for document in documents}
    groups = sorted({document["customer"] for document in found.values() if _has_others(document)})
    if groups:
        wanted = {"$or": [{"customer": {"$in": groups}}, {"_id": {"$in": groups}}]}
        found |= {document["_id"]: document for document in facts.find(wanted, session=session, batch_size=AT_ONCE)}
    return Batch(model, [_member(model, document) for document in found.values()])


def _has_others(document: Document) -> bool:
    """Whether the customer of a key has more keys, or is named after one that belongs to another by now."""
    return document["customer"] != document["_id"] or len((document.get("view") or {}).get("members", ())) > 1


def find(database: Database[Document], model: Model[S], identity: str) -> tuple[str, list[Member[S]]] | None:
    """A customer by any identity key, e-mail or customer id: the customer id and the members, or None if never heard of."""
    member_id = lookup_id(identity)
    batch = load(database, model, [member_id])
    member = batch.members.get(member_id)
    if member is None or not member.key:
        return None
    group = [other for other in batch.members.values() if other.customer_id == member.customer_id]
    return member.customer_id, sorted(group, key=lambda other: other.key)


@dataclass(slots=True)
class Writes:
    """What a batch writes to one collection: rows that go, whole rows, rows that stay as they were first written, and sums."""

    gone: list[str] = field(default_factory=list)
    rows: list[Document] = field(default_factory=list)
    once: list[Document] = field(default_factory=list)
    sums: dict[str, Mapping[str, int]] = field(default_factory=dict)


def writes_of(changes: Changes, partition: str) -> dict[str, Writes]:
    """The writes of a batch, by collection. Figures go to the row of this partition, so that partitions never conflict."""
    writes: dict[str, Writes] = defaultdict(Writes)
    writes[f"{changes.model}_facts"].rows = [_facts(member) for member in changes.members]
    for key in changes.deleted_rows:
        collection, _, row_id = key.partition("/")
        writes[collection].gone.append(row_id)
    for row in changes.rows:
        writes[row.collection].rows.append({**row.document, "_id": row.id})
    for entry in changes.journal:
        writes[entry.collection].once.append({**entry.document, "_id": entry.id})
    for figure in changes.figures:
        writes[figure.collection].sums[f"{figure.id}#{partition}"] = figure.values
    return writes


def write(database: Database[Document], writes: Mapping[str, Writes], session: Session) -> None:
    for name, wanted in writes.items():
        put(database[name], wanted.rows, session, wanted.gone)
        add(database[name], wanted.once, session)
        increase(database[name], wanted.sums, session)


def state_of(model: Model[S], document: Document) -> S:
    """The facts in a document. They are JSON text, as what followed is: it is read and written three times as fast as nested documents."""
    return _decoder(model.state).decode(document["state"])  # type: ignore[arg-type, no-any-return]  # a class is hashable


@cache
def _decoder(state: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(state)


def _member(model: Model[S], document: Document) -> Member[S]:
    return Member(
        key=document["key"],
        customer_id=document["customer"],
        state=state_of(model, document),
        revision=document["revision"],
        version=document["version"],
        view=_view(document),
        forgotten=Forgotten(document["_id"], document["forgotten"]) if "forgotten" in document else None,
    )


def _view(document: Document) -> View | None:
    view = document.get("view")
    return View(document["_id"], view["members"], applied_of(document)) if view else None


def applied_of(document: Document) -> Applied:
    """What followed from the facts in a document."""
    stored = (document.get("view") or {}).get("applied", "{}")
    if isinstance(stored, str):
        return _decoder(Applied).decode(stored)  # type: ignore[no-any-return]
    return Applied(**{**stored, "said": tuple(stored["said"])})  # as it was written before it was text


def _facts(member: Member[Any]) -> Document:
    document = {
        "_id": member.id,
        "key": member.key,
        "customer": member.customer_id,
        "revision": member.revision,
        "version": member.version + 1,
        "state": msgspec.json.encode(member.state).decode(),
    }
    if member.view:
        applied = msgspec.json.encode(member.view.applied).decode()
        document["view"] = {"members": list(member.view.members), "applied": applied}
    if member.forgotten:
        document["forgotten"] = member.forgotten.before
    return document
