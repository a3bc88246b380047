"""The ledger of consent: a row for every word that was ever said, written with its event and never rewritten."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.profiles.domain.consent.facts import Complained, Confirmed, Stated, Unsubscribed
from services.profiles.domain.consent.rules import ALL, MARKETING
from services.profiles.domain.consent.words import Scope, Status
from services.profiles.domain.facts import Identified
from shared.envelope import Event
from shared.handlers import Row
from shared.listing import Listing
from shared.mongo import Document, ensure_collection, reachable

LEDGER = "consent_ledger"
_LATEST = Listing("at", descending=True)
_SOURCES = {"web": "storefront", "mobile": "storefront", "pos": "till", "marketplace": "marketplace"}  # of a shop's accounts
Words = Iterable[tuple[Scope, Status]]


def create_indexes(database: Database[Document]) -> None:
    ensure_collection(database, LEDGER)
    latest = [("identity_key", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)]
    database[LEDGER].create_index(latest, name="identity_key")


def reported_rows(fact: Identified, event: Event) -> tuple[Row, ...]:
    """What a shop said of its account, and on which page of which source; of its address the path."""
    words = [(Scope(MARKETING, channel), Status(status)) for channel, status in (fact.consent or {}).items() if channel != ALL]
    source = "import" if event.backfill else _SOURCES.get(fact.shop_source_kind, "shop")
    context = fact.context or {}
    proof = {"shop_source": fact.shop_source, "page": (context.get("page") or {}).get("path")}
    told = {"source": source, "proof": _known(proof), "locale": context.get("locale"), "reported": True}
    return _rows(words, event, told)


def stated_rows(fact: Stated, event: Event) -> tuple[Row, ...]:
    """What was said at a door."""
    words = [(Scope(word.purpose, word.channel), word.status) for word in fact.words]
    more = {"legal_basis": fact.legal_basis, "text_version": fact.text_version, "locale": fact.locale}
    return _rows(words, event, {**_told(fact), **more})


def confirmed_rows(fact: Confirmed, event: Event) -> tuple[Row, ...]:
    """A grant that was confirmed, with the word that had asked for it."""
    words = [(Scope(fact.purpose, fact.channel), Status.GRANTED)]
    return _rows(words, event, {**_told(fact), "confirms": fact.request_id})


def unsubscribed_rows(fact: Unsubscribed, event: Event) -> tuple[Row, ...]:
    """An unsubscription from a channel. That from a list is a preference."""
    words = [] if fact.list_id is not None else [(Scope(ALL, fact.channel), Status.WITHDRAWN)]
    return _rows(words, event, {"source": "unsubscribe_link", "proof": _known({"message_id": fact.message_id})})


def complained_rows(fact: Complained, event: Event) -> tuple[Row, ...]:
    """A message was marked as spam."""
    words = [(Scope(ALL, fact.channel), Status.WITHDRAWN)]
    return _rows(words, event, {"source": "complaint", "proof": {"message_id": fact.message_id}})


def _told(fact: Stated | Confirmed) -> dict[str, Any]:
    return {"source": fact.source, "stated_by": fact.stated_by, "proof": _known(fact.proof or {})}


def _rows(words: Words, event: Event, told: Mapping[str, Any]) -> tuple[Row, ...]:
    """A row a word; fields that are not known are left out."""
    whole = _known({"identity_key": event.subject, "at": event.time, "event_id": event.id, "backfill": event.backfill, **told})
    return tuple(
        Row(
            LEDGER,
            f"{event.id}/{scope.line}",
            {"purpose": scope.purpose, "channel": scope.channel, "status": status.value, **whole},
        )
        for scope, status in words
        if scope.is_sound
    )


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != {}}


def word_id(database: Database[Document], identity_key: str, scope: Scope, at: datetime) -> str | None:
    """The event of a word that was said at that moment; None where none was. Raises StoreAway."""
    wanted = {"identity_key": identity_key, "at": at, "purpose": scope.purpose, "channel": scope.channel}
    with reachable():
        row = database[LEDGER].find_one(wanted, {"event_id": 1}, sort=[("_id", DESCENDING)])
    return row["event_id"] if row else None


def entries(database: Database[Document], identity_keys: Sequence[str], query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of what was said under some identity keys, the latest first. `query` has `limit`, `cursor` and perhaps `purpose`,
    `channel`, `status`, `source`, `from` and `to`. Raises StoreAway, and BadRequest for a cursor of another listing.
    """
    wanted = {name: query[name] for name in ("purpose", "channel", "status", "source") if query.get(name)}
    bounds = {operator: query[name] for operator, name in (("$gte", "from"), ("$lt", "to")) if query.get(name)}
    period = [{"at": bounds}] if bounds else []
    condition = {"$and": [{"identity_key": {"$in": list(identity_keys)}, **wanted}, *period, _LATEST.after(query["cursor"])]}
    with reachable():
        rows = list(database[LEDGER].find(condition).sort(_LATEST.sort).limit(query["limit"] + 1))
    return _LATEST.page(rows, query["limit"])
