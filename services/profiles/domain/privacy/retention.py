"""How long a person is kept of whom nothing is heard any more."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

SPREAD = timedelta(days=7)  # those who are overdue when a term is set go over a week, not all at once


@dataclass(frozen=True, slots=True)
class Retention:
    """Days without a sign of life after which somebody is erased; None keeps for ever.

    `customer_days` is for those who left a name or bought, `visitor_days` for nameless visitors. `since` is when the terms were set.
    """

    customer_days: int | None = None
    visitor_days: int | None = None
    since: datetime | None = None


def erased_at(retention: Retention, customer_id: str, is_known: bool, last_seen: datetime | None) -> datetime | None:
    """When somebody last seen then is to be erased; None for never.

    Whoever is overdue at the moment when the terms are set gets a moment of their own within SPREAD after it, always the same one.
    """
    days = retention.customer_days if is_known else retention.visitor_days
    if days is None or last_seen is None:
        return None
    due = last_seen + timedelta(days=days)
    if retention.since is None or due >= retention.since + SPREAD:
        return due
    second = int.from_bytes(hashlib.blake2b(customer_id.encode(), digest_size=8).digest()) % int(SPREAD.total_seconds())
    return max(due, retention.since + timedelta(seconds=second))
