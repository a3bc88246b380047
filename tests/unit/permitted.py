"""What customers allow, as the services that contact them hear it."""

from datetime import datetime

from shared import events
from shared.envelope import Event
from shared.identity import id_of
from tests.order_free import event


def permitted(subject: str, at: datetime, allowed: bool = True, scope: str = "marketing/email", backfill: bool = False) -> Event:
    purpose, channel = scope.split("/")
    data = {
        "customer_id": id_of(subject),
        "identity_keys": [subject],
        "purpose": purpose,
        "channel": channel,
        "may_be_contacted": allowed,
        "reasons": ["granted" if allowed else "withdrawn"],
        "changed_at": at.isoformat(),
        "word_id": f"{subject} at {at.isoformat()}",
    }
    return event(events.CONTACT_PERMISSION_CHANGED, subject, data, at, backfill=backfill)
