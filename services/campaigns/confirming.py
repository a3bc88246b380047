"""What follows from grants that wait to be confirmed: mails to be sent, the timer for when the next of them ends, and word of each that was
not sent.
"""

from datetime import datetime

from services.campaigns.domain.opt_ins import CAMPAIGN, EMAIL, REMINDER
from services.campaigns.look import Look
from services.campaigns.storage.opt_ins import OPT_INS
from shared import events
from shared.handlers import Announcement, Consequences, Row, Timer
from shared.timers import look_again


def confirmations(look: Look) -> Consequences:
    """All that follows. A row stays while the customer may still answer: its reminder may be due one day."""
    asking = look.customer.asking
    waiting = list(asking.open(look.now))
    ends = [one.expires_at for one in asking.opt_ins.values() if one.expires_at > look.now]
    return Consequences(
        timers=_timer(look, min(ends)) if ends else (),
        rows=tuple(_row(look, message_id) for message_id in waiting),
        announcements=tuple(
            _skipped(look, message_id, reason)
            for message_id in asking.opt_ins
            if (reason := asking.reason(message_id, look.now)) and not asking.was_told(message_id)
        ),
    )


def _timer(look: Look, due: datetime) -> tuple[Timer, ...]:
    return (look_again(f"opt_ins:{look.customer_id}", look.customer_id, look.customer.identity_keys, due),)


def message_data(customer_id: str, message_id: str) -> dict[str, str]:
    """What every event about such a message says."""
    return {"message_id": message_id, "customer_id": customer_id, "campaign_id": CAMPAIGN, "channel": EMAIL}


def _row(look: Look, message_id: str) -> Row:
    asking = look.customer.asking
    one = asking.opt_ins[message_id]
    document = {
        "customer_id": look.customer_id,
        "identity_key": one.key,
        "address": one.address,
        "scope": one.scope,
        "token": one.token,
        "language": one.language,
        "requested_at": one.requested_at,
        "expires_at": one.expires_at,
        "due": asking.due(message_id),
        "sent_at": asking.sent_at(message_id),
        "reminded": asking.sent_at(message_id + REMINDER) is not None,
    }
    return Row(OPT_INS, message_id, document)


def _skipped(look: Look, message_id: str, reason: str) -> Announcement:
    data = {**message_data(look.customer_id, message_id), "reason": reason}
    return Announcement(events.MESSAGE_SKIPPED, message_id, look.customer.opt_ins[message_id].key, look.now, data)
