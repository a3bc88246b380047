"""What profiles tells the other services about a customer, beside who is who, which the runtime states."""

from services.profiles.domain.customer import Customer
from services.profiles.storage import INDEX
from shared.events import CONSENT_CHANGED, PROFILE_CREATED
from shared.fold import Before
from shared.handlers import Announcement


def creation(customer_id: str, customer: Customer, before: Before) -> tuple[Announcement, ...]:
    """A customer is announced when first listed: when a visitor leaves a name of any kind, or buys.

    Listed customers who turn out to be one are no news here (`profile_merged` is), and neither are those out of imported history.
    """
    first = customer.activity.first
    listed = any(row.startswith(f"{INDEX}/") for row in before.rows)
    if listed or before.backfill or not customer.is_known or first is None or first.backfill:
        return ()
    data = {"customer_id": customer_id, "identity_keys": list(customer.identity_keys)}
    return (Announcement(PROFILE_CREATED, customer_id, customer.identity_keys[0], first.at, data),)


def consent_changes(customer_id: str, customer: Customer) -> tuple[Announcement, ...]:
    """What holds on each channel, said under the identity key that said it, so that merging and splitting need no repetition.

    A change is known by the word that brought it: repeating it with every login makes no news, and neither does imported history.
    """
    changes = []
    for channel, ledger in sorted(customer.consent.items()):
        since = ledger.since
        if since.backfill:
            continue
        data = {
            "customer_id": customer_id,
            "identity_keys": list(customer.identity_keys),
            "channel": channel,
            "status": since.status,
            "changed_at": since.at.isoformat(),
        }
        key = f"{since.identity_key}/{channel}/{since.event_id}"
        changes.append(Announcement(CONSENT_CHANGED, key, since.identity_key, since.at, data))
    return tuple(changes)
