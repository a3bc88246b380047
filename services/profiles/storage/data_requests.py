"""Requests about people's data, as they are kept and found.

data_requests_facts  the runtime's: by request, what was asked and who has answered
data_requests        _id = request id; wish, customer_id, requested_at, requested_by, reason, due_at, completed_at, services
data_request_parts   _id = event id; request_id, service, part, content (JSON text), at: the parts of what a person is told, for 7 days
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.profiles.domain.privacy.requests import ARCHIVE_KEPT, Question, Request, Wish, merge_requests
from services.profiles.domain.privacy.retention import Retention
from services.profiles.storage.models import RETENTION
from services.profiles.storage.rules import RulesStore
from shared.envelope import Event
from shared.errors import InvalidEvent
from shared.events import ERASURE_COMPLETED, ERASURE_REQUESTED, EXPORT_PROVIDED, EXPORT_REQUESTED
from shared.handlers import TIMER_SOURCE, Row
from shared.identity import id_of
from shared.listing import Listing
from shared.model import Model
from shared.mongo import Document, ensure_collection, reachable, server_time

REQUESTS = "data_requests"
PARTS = "data_request_parts"
SUBJECT = "request:"
_NEWEST = Listing("requested_at", descending=True)
_ERASURES = {ERASURE_REQUESTED.name, ERASURE_COMPLETED.name}
_EXPORTS = {EXPORT_REQUESTED.name, EXPORT_PROVIDED.name}


class _Named(msgspec.Struct):
    erasure_id: str = ""
    export_id: str = ""


def request_keys(event: Event) -> Sequence[str]:
    """The key of the request that an event is about."""
    if event.source == TIMER_SOURCE:
        return (event.subject,) if event.subject.startswith(SUBJECT) else ()
    if event.name not in _ERASURES | _EXPORTS:
        return ()
    try:
        named = msgspec.json.decode(event.body, type=_Named)
    except msgspec.MsgspecError:
        raise InvalidEvent(f"{event.name}: the id of the request is missing or no text") from None
    return (f"{SUBJECT}{named.erasure_id or named.export_id}",)


MODEL: Model[Request] = Model(REQUESTS, Request, merge_requests, keys=request_keys)


def create_indexes(database: Database[Document]) -> None:
    for name in (REQUESTS, PARTS):
        ensure_collection(database, name)
    newest = [("requested_at", DESCENDING), ("_id", DESCENDING)]
    database[REQUESTS].create_index(newest, name="newest")
    database[REQUESTS].create_index([("wish", ASCENDING), *newest], name="wish")
    database[REQUESTS].create_index([("completed_at", ASCENDING), *newest], name="completed")
    database[REQUESTS].create_index([("customer_id", ASCENDING), *newest], name="customer")
    database[PARTS].create_index([("request_id", ASCENDING), ("service", ASCENDING), ("part", ASCENDING)], name="request")
    database[PARTS].create_index([("at", ASCENDING)], name="retention", expireAfterSeconds=int(ARCHIVE_KEPT.total_seconds()))


def request_row(request: Request, question: Question) -> Row:
    """The row that lists a request. It names the person by nothing but the customer id, which is a hash."""
    answers = [(service, request.answers.get(service)) for service in question.services]
    row = {
        "wish": question.wish.value,
        "customer_id": question.customer_id,
        "requested_at": question.at,
        "requested_by": question.requested_by,
        "reason": question.reason.value,
        "due_at": request.due_at,
        "completed_at": request.completed_at,
        "services": [
            {"service": service, "answered_at": known.at if known else None, "erased": known.erased if known else None}
            for service, known in answers
        ],
    }
    return Row(REQUESTS, request.request_id, row)


def part_row(event: Event, request_id: str, service: str, part: int, content: str) -> Row:
    """A part of what a person is told."""
    return Row(
        PARTS, event.id, {"request_id": request_id, "service": service, "part": part, "content": content, "at": event.received_at}
    )


def parts_about(database: Database[Document], keys: Sequence[str]) -> list[str]:
    """Ids of the parts that tell of the customer with these identity keys."""
    customers = [id_of(key) for key in keys]
    told = database[REQUESTS].find({"customer_id": {"$in": customers}, "wish": Wish.EXPORT.value}, {"_id": 1})
    found = database[PARTS].find({"request_id": {"$in": [row["_id"] for row in told]}}, {"_id": 1})
    return [row["_id"] for row in found]


class RetentionStore(RulesStore[Retention]):
    """How long anybody is kept. Changing it looks at every customer anew."""

    part, kind = RETENTION, Retention


class DataRequests:
    """Reading requests. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def find(self, request_id: str) -> Document | None:
        with reachable():
            found = self._database[REQUESTS].find_one({"_id": request_id})
        return self._shown(found, server_time(self._database)) if found else None

    def page(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the requests, the latest first."""
        now = server_time(self._database)
        with reachable():
            rows = list(
                self._database[REQUESTS]
                .find({"$and": [_wanted(query, now), _NEWEST.after(query["cursor"])]})
                .sort(_NEWEST.sort)
                .limit(query["limit"] + 1)
            )
        return _NEWEST.page([self._shown(row, now) for row in rows], query["limit"])

    def told(self, request_id: str) -> dict[str, list[Any]]:
        """What each service told, by service: sections with their items, those that go on in several parts joined."""
        with reachable():
            rows = list(
                self._database[PARTS].find({"request_id": request_id}).sort([("service", ASCENDING), ("part", ASCENDING)])
            )
        told: dict[str, list[Any]] = {}
        for row in rows:
            sections = told.setdefault(row["service"], [])
            for section in msgspec.json.decode(row["content"]):
                if sections and sections[-1]["section"] == section["section"] and sections[-1]["title"] == section["title"]:
                    sections[-1]["items"] += section["items"]
                else:
                    sections.append(section)
        return told

    def _shown(self, row: Document, now: datetime) -> Document:
        done = row["completed_at"]
        expires = done + ARCHIVE_KEPT if done and row["wish"] == Wish.EXPORT else None
        return {**row, "state": _state(row, now), "archive_until": expires}


def _state(row: Document, now: datetime) -> str:
    if row["completed_at"]:
        return "completed"
    return "overdue" if row["due_at"] <= now else "open"


def _wanted(query: Mapping[str, Any], now: datetime) -> Document:
    wanted: Document = {name: query[name] for name in ("wish", "customer_id") if query.get(name)}
    states: dict[str, Document] = {
        "completed": {"completed_at": {"$ne": None}},
        "overdue": {"completed_at": None, "due_at": {"$lte": now}},
        "open": {"completed_at": None, "due_at": {"$gt": now}},
    }
    return {**wanted, **states.get(query.get("state") or "", {})}
