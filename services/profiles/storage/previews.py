"""What a rule would come to: customers looked at by it beforehand, all where there are few, else some by chance."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pymongo.database import Database

from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.history import milliseconds
from services.profiles.domain.rules import Rules
from services.profiles.domain.segments.checking import with_segment
from services.profiles.domain.segments.definitions import Definitions, Segment, compile_all
from services.profiles.domain.segments.membership import is_member
from services.profiles.domain.segments.reading import Reading
from services.profiles.storage.models import CUSTOMERS
from shared import documents
from shared.mongo import Document, reachable, server_time

MOST_EXACT = 1_000  # identity keys that are all looked at
MOST_LOOKED_AT = 2_000  # of more
SHOWN = 10
_AT_ONCE = 100  # others are served in between
_CONFIDENCE = 1.96


@dataclass(slots=True)
class Preview:
    """How many customers would be members: `low` to `high` with 95% confidence, all the same where it is `exact`."""

    estimate: int = 0
    low: int = 0
    high: int = 0
    exact: bool = True
    looked_at: int = 0
    sample: list[str] = field(default_factory=list)  # customer ids


def preview(database: Database[Document], known: Definitions, wanted: Segment, rules: Rules) -> Preview:
    """Look at customers by a segment that is not stored. Raises StoreAway."""
    segments = compile_all(with_segment(known, wanted), EVENTS_TO_ASK_FOR, rules.profile.timezone)
    compiled = segments.get(wanted.id)
    now, judged = server_time(database), replace(rules, segments=segments)
    with reachable():
        total, ids = _chosen(database)
        found = Preview(exact=total <= MOST_EXACT)
        for customer_id, customer in _customers(database, ids):
            found.looked_at += 1
            if compiled and is_member(compiled, _reading(customer_id, customer, judged, now)):
                found.sample.append(customer_id)
    members, found.sample = len(found.sample), found.sample[:SHOWN]
    found.estimate = found.low = found.high = members
    if not found.exact:
        _extrapolate(found, members, len(ids), total)
    return found


def _reading(customer_id: str, customer: Customer, rules: Rules, now: datetime) -> Reading:
    return Reading(customer_id, customer, milliseconds(now), rules)


def _chosen(database: Database[Document]) -> tuple[int, Sequence[str]]:
    """How many identity keys there are, and which to look at."""
    facts = database[f"{CUSTOMERS.name}_facts"]
    total = facts.estimated_document_count()
    if total <= MOST_EXACT:
        return total, [row["_id"] for row in facts.find({}, {"_id": 1})]
    drawn = facts.aggregate([{"$sample": {"size": MOST_LOOKED_AT}}, {"$project": {"_id": 1}}])
    return total, sorted({row["_id"] for row in drawn})


def _customers(database: Database[Document], ids: Sequence[str]) -> Iterator[tuple[str, Customer]]:
    """The customers who are named after one of these keys; so each is counted once, whatever the number of its keys."""
    for start in range(0, len(ids), _AT_ONCE):
        batch = documents.load(database, CUSTOMERS, ids[start : start + _AT_ONCE])
        for member_id in ids[start : start + _AT_ONCE]:
            member = batch.members.get(member_id)
            if member and member.key and member.customer_id == member_id:
                group = [one.state for one in batch.members.values() if one.customer_id == member_id and one.key]
                yield member_id, group[0] if len(group) == 1 else combine(group)


def _extrapolate(found: Preview, members: int, looked_at: int, total: int) -> None:
    """From the share of keys drawn that name a member to all keys (normal approximation, never below what was seen)."""
    share = members / looked_at
    margin = _CONFIDENCE * math.sqrt(max(share * (1 - share), 1 / looked_at) / looked_at)
    found.estimate = round(share * total)
    found.low, found.high = max(members, round((share - margin) * total)), min(total, round((share + margin) * total))
