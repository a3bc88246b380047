"""State built anew: every archived event, shuffled, through a fresh unit of work into a fresh database, and held against the live state.

What profiles says of who is who is not archived, since it follows: it is taken from the outbox of the new database, where no relay takes
it away. That a timer's moment came is a fact of its own, which only the live service can know, so firings are replayed. And so is what
was announced then, which cannot be unsaid when an order is heard of later that had been placed before.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from services.analytics import storage as figures
from services.profiles.catalogue import CATEGORY_OF
from shared import mongo
from shared.config import Config
from shared.envelope import Event, derived_id, encode, from_document
from shared.handlers import TIMER_SOURCE
from shared.outbox import waiting
from shared.registry import service_classes
from shared.unit_of_work import UnitOfWork

Document = dict[str, Any]
_ORDER = ("profiles", "reengagement", "campaigns", "support", "social", "analytics")  # who is listened to comes first
_TIMED = "reengagement"  # the one whose timers fire within a run
_BATCH = 300
_COLLECTIONS = {
    "profiles": ("customers_facts", "timeline", "customer_index", "customer_spend"),
    "reengagement": ("customers_facts", "abandoned_carts"),
    "campaigns": ("customers_facts", "members"),
    "support": ("customers_facts",),
    "social": ("customers_facts",),
    "analytics": ("customers_facts",),
}
# When a timer fired and how often a document was written are circumstances; what was last done is compared by its results.
_CIRCUMSTANCES = {"version", "fired_at", "announced_at", "applied"}
_SHOWN = 5


def differences(client: MongoClient[Document], announced: Sequence[Event], share: float) -> list[str]:
    """Where live and rebuilt state differ, one line each; only for a share of the customers, where not for all.

    `announced` is what services were heard to say.
    """
    archive = [from_document(row) for row in client["sambandh_collector"]["events"].find()]
    events = [event for event in archive if _chosen(event.subject, share)]
    Random(len(events)).shuffle(events)
    found: list[str] = []
    for service in _ORDER:
        live, fresh = mongo.durable(client[f"sambandh_{service}"]), mongo.durable(client[f"rebuilt_{service}"])
        firings = [event for event in _firings(live) if _chosen(event.subject, share)] if service == _TIMED else []
        _apply(service, live, fresh, [*events, *firings])
        follows = waiting(fresh)
        if service == _TIMED:
            found += _unsaid(follows, announced)
            follows = [event for event in announced if event.source == service and _chosen(event.subject, share)]
        if service == "profiles":
            found += _untold(live, announced)
        events += follows
        found += _compared(service, live, fresh, whole=share >= 1.0)
    return found


def _untold(live: Database[Document], announced: Sequence[Event]) -> Iterator[str]:
    """What profiles was heard to say of customers and is on no timeline."""
    told = {row["_id"] for row in live["timeline"].find({"service": "profiles"}, {"_id": 1})}
    missing = [event for event in announced if event.source == "profiles" and event.name in CATEGORY_OF and event.id not in told]
    if missing:
        yield f"{len(missing)} announcements are on no timeline, such as {missing[0].name} {missing[0].id}"


def _unsaid(follows: Sequence[Event], announced: Sequence[Event]) -> Iterator[str]:
    """What follows from the facts and was never announced."""
    said = {event.id for event in announced}
    missing = [event for event in follows if event.id not in said]
    if missing:
        yield f"{len(missing)} announcements that follow were never made, such as {missing[0].name} {missing[0].id}"


def _chosen(subject: str, share: float) -> bool:
    return zlib.crc32(subject.encode()) % 1000 < share * 1000


def _firings(live: Database[Document]) -> Iterator[Event]:
    """The timers that fired, as the service was given them."""
    for timer in live["timers"].find({"state": "fired"}):
        yield Event(
            id=derived_id(_TIMED, TIMER_SOURCE, timer["_id"]),
            name=timer["kind"],
            source=TIMER_SOURCE,
            subject=timer["subject"],
            time=timer["due"],
            received_at=timer["fired_at"],
            body=encode(timer["data"]),
        )


def _apply(service: str, live: Database[Document], fresh: Database[Document], events: Sequence[Event]) -> None:
    worker = service_classes(service).worker
    work = UnitOfWork(fresh, worker, worker.inbox.models)  # type: ignore[attr-defined]  # every worker here has an inbox
    work.create_indexes(Config(service).inbox_retention_days)
    for name in ("settings", *_COLLECTIONS[service], "figures", "titles", "audience_sizes", "parked"):
        mongo.ensure_collection(fresh, name)
    for row in live["settings"].find():
        fresh["settings"].replace_one({"_id": row["_id"]}, row, upsert=True)
    wanted = {*work.subscriptions}
    mine = [event for event in events if event.source == TIMER_SOURCE or (event.source, event.name) in wanted]
    for start in range(0, len(mine), _BATCH):
        work.apply(mine[start : start + _BATCH])


def _compared(service: str, live: Database[Document], fresh: Database[Document], whole: bool) -> Iterator[str]:
    for name in _COLLECTIONS[service]:
        yield from _unequal(f"{service}.{name}", _documents(live[name]), _documents(fresh[name]), whole)
    if service == _TIMED:
        yield from _unequal(f"{service}.timers", _pending(live), _pending(fresh), whole)
    if service == "analytics" and whole:
        yield from _unequal(f"{service}.figures", _figures(live), _figures(fresh), whole)


def _unequal(name: str, live: Mapping[str, Any], fresh: Mapping[str, Any], whole: bool) -> Iterator[str]:
    keys: Iterable[str] = live.keys() | fresh.keys() if whole else fresh.keys()
    wrong = sorted(key for key in keys if live.get(key) != fresh.get(key))
    if wrong:
        first = _first_difference(live.get(wrong[0]), fresh.get(wrong[0]))
        yield f"{name}: {len(wrong)} of {len(live)}, such as {wrong[:_SHOWN]}: {first}"


def _documents(collection: Any) -> dict[str, Any]:
    """By id. What services said is on a timeline with the moment at which they did; so of these only what is archived is compared."""
    archived = {"service": "shop"} if collection.name == "timeline" else {}
    return {str(row["_id"]): _essence(_readable(row)) for row in collection.find(archived)}


def _readable(row: Document) -> Document:
    """A row with the facts in it, which are stored as JSON text, as values: the order of keys says nothing.

    Whether a customer of one key has a view is a circumstance: it stays for as long as anything came of the last look, were it only that
    the customer was said to have left an audience.
    """
    if "revision" not in row:
        return row
    view = row.get("view")
    is_of_one_key = view is not None and view["members"] == [row["_id"]]
    return {**row, "state": json.loads(row["state"]), "view": None if is_of_one_key else view}


def _pending(database: Database[Document]) -> dict[str, Any]:
    return {row["_id"]: _essence(row) for row in database["timers"].find({"state": "pending"})}


def _figures(database: Database[Document]) -> dict[str, Any]:
    """Figures without volumes of what services say: when that was said is a circumstance."""
    stored = figures.stored(database).items()
    return {row: values for row, values in stored if not row.startswith("event|") or "|shop." in row}


def _essence(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _essence(part) for name, part in value.items() if name not in _CIRCUMSTANCES}
    return [_essence(part) for part in value] if isinstance(value, list) else value


def _first_difference(live: Any, fresh: Any, path: str = "") -> str:
    """Where two documents part, as a path."""
    if isinstance(live, dict) and isinstance(fresh, dict):
        for name in sorted(live.keys() | fresh.keys()):
            if live.get(name) != fresh.get(name):
                return _first_difference(live.get(name), fresh.get(name), f"{path}.{name}")
    return f"{path or 'document'} is {str(live)[:80]} live and {str(fresh)[:80]} rebuilt"
