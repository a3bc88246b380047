"""Segments as people make them, and who is in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from pymongo import DESCENDING
from pymongo.database import Database

from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.rules import Rules
from services.profiles.domain.segments.checking import MOST_TEXT, problems_of, with_segment
from services.profiles.domain.segments.definitions import Definitions, Segment, users
from services.profiles.storage.membership import MEMBERS, SEGMENTS, SIZES, definitions_of
from services.profiles.storage.models import CUSTOMERS, INDEX, SPEND, rules_of
from shared import timers
from shared.errors import Conflict, NotFound, Unprocessable
from shared.listing import Listing
from shared.mongo import Document, Session, reachable, server_time
from shared.unit_of_work import command

UNKNOWN = "No segment has this id; list them at /api/profiles/segments."
SIZES_OVER_TIME = "segment_sizes_over_time"
_SETTINGS = "settings"
_NEWEST = Listing("since", descending=True)


class SegmentStore:
    """Segments in the settings. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def rules(self) -> Rules:
        """All that customers are judged by, as it is now."""
        return rules_of(self._settings())

    def definitions(self) -> Definitions:
        return definitions_of(self._settings())

    def get(self, segment_id: str) -> Segment:
        """Raises NotFound."""
        found = self.definitions().get(segment_id)
        if found is None:
            raise NotFound(UNKNOWN)
        return found

    def progress(self) -> Document | None:
        """How far the last change has reached the customers; None when it has reached all."""
        return timers.progress(self._database, CUSTOMERS.name)

    def create(self, wanted: Segment) -> Segment:
        """Raises Conflict where the id is taken, Unprocessable where the rule cannot be used."""

        def add(known: Definitions, now: datetime) -> Segment:
            if known.get(wanted.id):
                raise Conflict("A segment of this id exists: change that, or choose another id.")
            return replace(wanted, version=1, rule_version=known.version + 1, rule_since=now, created_at=now, changed_at=now)

        return self._store(add)

    def change(self, segment_id: str, version: int, changes: Mapping[str, Any]) -> Segment:
        """Raises NotFound; Conflict unless `version` is the current one of the segment; Unprocessable where the rule cannot be used."""

        def alter(known: Definitions, now: datetime) -> Segment:
            segment = _current(known, segment_id, version)
            new = replace(segment, **changes, version=version + 1, changed_at=now)
            if (new.rule, new.visitors) == (segment.rule, segment.visitors):
                return new
            return replace(new, rule_version=known.version + 1, rule_since=now)

        return self._store(alter)

    def delete(self, segment_id: str, version: int) -> None:
        """Its members go without a word. Raises NotFound; Conflict for another version, and where other segments refer to it."""

        def work(session: Session) -> tuple[None, tuple[()]]:
            known = definitions_of(self._settings(session))
            _current(known, segment_id, version)
            used_by = users(known.segments, segment_id)
            if used_by:
                raise Conflict(f"These segments refer to it: {', '.join(used_by)}. Change them first.")
            self._write(replace(known, segments=tuple(one for one in known.segments if one.id != segment_id)), session)
            timers.reproject(self._database, CUSTOMERS.name, session)
            return None, ()

        command(self._database, work)

    def _store(self, make: Callable[[Definitions, datetime], Segment]) -> Segment:
        now = server_time(self._database)

        def work(session: Session) -> tuple[Segment, tuple[()]]:
            settings = self._settings(session)
            known = definitions_of(settings)
            wanted = make(known, now)
            check(known, wanted, rules_of(settings).profile.timezone)
            former = known.get(wanted.id)
            self._write(with_segment(known, wanted), session)
            if former is None or former.rule_version != wanted.rule_version:
                timers.reproject(self._database, CUSTOMERS.name, session)
            return wanted, ()

        return command(self._database, work)

    def _write(self, definitions: Definitions, session: Session) -> None:
        text = msgspec.json.encode(replace(definitions, version=definitions.version + 1)).decode()
        if len(text) > MOST_TEXT:
            raise Unprocessable("All segments together are too large: shorten lists of values, or delete segments.")
        stored = {f"{SEGMENTS}.definitions": text}
        self._database[_SETTINGS].update_one({"_id": CUSTOMERS.name}, {"$set": stored}, upsert=True, session=session)

    def _settings(self, session: Session | None = None) -> Document | None:
        with reachable():
            return self._database[_SETTINGS].find_one({"_id": CUSTOMERS.name}, session=session)


def check(known: Definitions, wanted: Segment, time_zone: str) -> None:
    """Raises Unprocessable with what is wrong by JSON pointer."""
    problems = problems_of(known, wanted, EVENTS_TO_ASK_FOR, time_zone)
    if problems:
        raise Unprocessable("The rule cannot be used: see `fields`, which are JSON pointers into the body.", fields=problems)


class Members:
    """Who is in which segment. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def sizes(self) -> dict[str, int]:
        """How many members each segment has."""
        found: dict[str, int] = {}
        with reachable():
            for row in self._database[SIZES].find():
                segment_id = row["_id"].rpartition("#")[0]
                found[segment_id] = found.get(segment_id, 0) + row["values"].get("members", 0)
        return found

    def page(self, segment_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of members, who came last first, with their entries in the directory."""
        wanted: Document = {"segment_id": segment_id}
        bounds = {"$gte": query.get("since_from"), "$lt": query.get("since_to")}
        since = {operator: bound for operator, bound in bounds.items() if bound is not None}
        condition = {"$and": [{**wanted, **({"since": since} if since else {})}, _NEWEST.after(query["cursor"])]}
        with reachable():
            rows = list(self._database[MEMBERS].find(condition).sort(_NEWEST.sort).limit(query["limit"] + 1))
        page = _NEWEST.page(rows, query["limit"])
        entries = self.entries([row["customer_id"] for row in page["items"]])
        page["items"] = [{**entries.get(row["customer_id"], {}), **row} for row in page["items"]]
        return page

    def entries(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """Customers in the directory, by id; nameless visitors are not listed there."""
        with reachable():
            return {row["_id"]: row for row in self._database[INDEX].find({"_id": {"$in": list(customer_ids)}})}

    def over_time(self, segment_id: str, step: str, begin: datetime, end: datetime) -> list[Document]:
        """How many members there were at the end of each hour or day, oldest first; up to 2,000."""
        wanted = {"segment_id": segment_id, "step": step, "at": {"$gte": begin, "$lt": end}}
        with reachable():
            return list(self._database[SIZES_OVER_TIME].find(wanted).sort("at", 1).limit(2_000))

    def spend_of_top(self, currency: str, percent: float) -> int | None:
        """What the best `percent` of all who bought in a currency spent at least; None where nobody did."""
        spend = self._database[SPEND]
        with reachable():
            buyers = spend.count_documents({"currency": currency, "amount": {"$gt": 0}})
            place = max(0, int(buyers * percent / 100) - 1)
            found = list(spend.find({"currency": currency, "amount": {"$gt": 0}}).sort("amount", DESCENDING).skip(place).limit(1))
        return found[0]["amount"] if found else None


def _current(known: Definitions, segment_id: str, version: int) -> Segment:
    segment = known.get(segment_id)
    if segment is None:
        raise NotFound(UNKNOWN)
    if segment.version != version:
        raise Conflict(f"The segment was changed meanwhile: read version {segment.version} and change that.")
    return segment
