"""What profiles tells the other services about a customer, beside who is who, which the runtime states."""

from services.profiles.domain.customer import Customer
from services.profiles.domain.identity.orders import Holders
from services.profiles.domain.identity.orders import matches as order_matches
from services.profiles.storage import INDEX
from shared.events import MERGE_REFUSED, ORDER_MATCHED, PROFILE_CREATED
from shared.handlers import Announcement
from shared.identity import id_of
from shared.model import Before


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


def refusals(customer_id: str, customer: Customer, before: Before) -> tuple[Announcement, ...]:
    """Each link that a guard rail refused, once for the two keys and the rule. Imported history makes no news."""
    if before.backfill:
        return ()
    found = []
    for refusal in customer.refused:
        data = {
            "customer_id": customer_id,
            "identity_keys": list(customer.identity_keys),
            "refused_key": refusal.key,
            "kept_key": refusal.kept_key,
            "rule": refusal.rule,
            "kind": refusal.kind,
        }
        name = f"{id_of(refusal.key)}/{id_of(refusal.kept_key)}/{refusal.rule}/{refusal.kind}"
        found.append(Announcement(MERGE_REFUSED, name, refusal.key, refusal.at, data))
    return tuple(found)


def matches(holders: Holders, before: Before) -> tuple[Announcement, ...]:
    """Two keys that reported one order, once for each moment since when that is known."""
    found = []
    for match in order_matches(holders):
        earlier, later = match.identity_keys
        data = {"order_id": holders.order_id, "identity_keys": [later, earlier]}
        name = f"{holders.order_id}/{id_of(earlier)}/{id_of(later)}/{match.stamp.event_id}"
        found.append(Announcement(ORDER_MATCHED, name, later, match.stamp.at, data, before.backfill))
    return tuple(found)
