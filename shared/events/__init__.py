"""The event catalogue: the only place that names events.

`events.ORDER_COMPLETED` is an `EventKind`: its name, source, schema of its data, and the prose that a reader needs. The files
beside this one are named by the source that publishes; `consent` and `privacy` are of profiles too. `docs/events.md` is generated.
"""

from typing import Final

from shared.errors import InvalidEvent
from shared.events import analytics, campaigns, collector, consent, privacy, profiles, reengagement, social, support
from shared.events.analytics import (
    CUSTOMER_SCORED,
    FORECAST_PUBLISHED,
)
from shared.events.campaigns import (
    AUDIENCE_ENTERED,
    AUDIENCE_LEFT,
    CONVERSION_ATTRIBUTED,
    CONVERSION_REVERSED,
    EXPERIMENT_DECIDED,
    MESSAGE_BOUNCED,
    MESSAGE_CLICKED,
    MESSAGE_COMPLAINED,
    MESSAGE_DELIVERED,
    MESSAGE_OPENED,
    MESSAGE_SENT,
    MESSAGE_SKIPPED,
    UNSUBSCRIBED,
)
from shared.events.collector import (
    API_KEY_ISSUED,
    API_KEY_REVOKED,
    API_KEY_ROTATED,
    API_KEY_USED,
)
from shared.events.consent import (
    CONSENT_CONFIRMED,
    CONSENT_STATED,
    CONTACT_PERMISSION_CHANGED,
    OPT_IN_EXPIRED,
    OPT_IN_REQUESTED,
    PREFERENCES_STATED,
)
from shared.events.kind import EventData, EventKind
from shared.events.privacy import (
    ERASURE_COMPLETED,
    ERASURE_REQUESTED,
    EXPORT_PROVIDED,
    EXPORT_REQUESTED,
)
from shared.events.profiles import (
    CONSENT_CHANGED,
    IDENTITY_DECIDED,
    LIFECYCLE_STAGE_CHANGED,
    MERGE_REFUSED,
    ORDER_MATCHED,
    PROFILE_CHANGED,
    PROFILE_CREATED,
    PROFILE_MERGED,
    PROFILE_SPLIT,
    SEGMENT_ENTERED,
    SEGMENT_LEFT,
)
from shared.events.reengagement import (
    BACK_IN_STOCK,
    BROWSE_ABANDONED,
    CART_ABANDONED,
    CART_RECOVERED,
    CUSTOMER_LAPSED,
    INCENTIVE_EXPIRED,
    INCENTIVE_ISSUED,
    INCENTIVE_REDEEMED,
    PRICE_DROPPED,
    REPLENISHMENT_DUE,
)
from shared.events.shop import browsing, carts, orders, people
from shared.events.shop.browsing import (
    CUSTOM_EVENT_TRACKED,
    PAGE_VIEWED,
    PRODUCT_CHANGED,
    PRODUCT_CLICKED,
    PRODUCT_LIST_FILTERED,
    PRODUCT_LIST_VIEWED,
    PRODUCT_REVIEWED,
    PRODUCT_SHARED,
    PRODUCT_VIEWED,
    PRODUCTS_SEARCHED,
    PROMOTION_CLICKED,
    PROMOTION_VIEWED,
    SCREEN_VIEWED,
)
from shared.events.shop.carts import (
    CART_SHARED,
    CART_VIEWED,
    COUPON_APPLIED,
    COUPON_DENIED,
    COUPON_ENTERED,
    COUPON_REMOVED,
    PRODUCT_ADDED,
    PRODUCT_ADDED_TO_WISHLIST,
    PRODUCT_REMOVED,
    PRODUCT_REMOVED_FROM_WISHLIST,
    WISHLIST_PRODUCT_ADDED_TO_CART,
)
from shared.events.shop.orders import (
    CHECKOUT_STARTED,
    CHECKOUT_STEP_COMPLETED,
    CHECKOUT_STEP_VIEWED,
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    ORDER_UPDATED,
    PAYMENT_INFO_ENTERED,
)
from shared.events.shop.people import (
    CUSTOMER_GROUPED,
    CUSTOMER_IDENTIFIED,
    IDENTITY_ALIASED,
)
from shared.events.social import (
    CONTEST_DRAWN,
    CONTEST_ENTERED,
    FEEDBACK_RECEIVED,
    MENTION_ANSWERED,
    MENTION_RECEIVED,
    POST_PUBLISHED,
)
from shared.events.support import (
    SLA_BREACHED,
    SURVEY_ANSWERED,
    TICKET_ASSIGNED,
    TICKET_OPENED,
    TICKET_REOPENED,
    TICKET_REPLIED,
    TICKET_RESOLVED,
)

_MODULES = (
    browsing,
    carts,
    orders,
    people,
    profiles,
    consent,
    privacy,
    reengagement,
    campaigns,
    support,
    social,
    analytics,
    collector,
)
CATALOGUE: Final[dict[str, EventKind]] = {
    kind.name: kind for module in _MODULES for kind in vars(module).values() if isinstance(kind, EventKind)
}


def by_name(name: str) -> EventKind:
    """The entry of that name. Raises InvalidEvent for a name that the catalogue does not have."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise InvalidEvent(f"{name!r} is not in the event catalogue") from None


__all__ = [
    "API_KEY_ISSUED",
    "API_KEY_REVOKED",
    "API_KEY_ROTATED",
    "API_KEY_USED",
    "AUDIENCE_ENTERED",
    "AUDIENCE_LEFT",
    "BACK_IN_STOCK",
    "BROWSE_ABANDONED",
    "CART_ABANDONED",
    "CART_RECOVERED",
    "CART_SHARED",
    "CART_VIEWED",
    "CATALOGUE",
    "CHECKOUT_STARTED",
    "CHECKOUT_STEP_COMPLETED",
    "CHECKOUT_STEP_VIEWED",
    "CONSENT_CHANGED",
    "CONSENT_CONFIRMED",
    "CONSENT_STATED",
    "CONTACT_PERMISSION_CHANGED",
    "CONTEST_DRAWN",
    "CONTEST_ENTERED",
    "CONVERSION_ATTRIBUTED",
    "CONVERSION_REVERSED",
    "COUPON_APPLIED",
    "COUPON_DENIED",
    "COUPON_ENTERED",
    "COUPON_REMOVED",
    "CUSTOMER_GROUPED",
    "CUSTOMER_IDENTIFIED",
    "CUSTOMER_LAPSED",
    "CUSTOMER_SCORED",
    "CUSTOM_EVENT_TRACKED",
    "ERASURE_COMPLETED",
    "ERASURE_REQUESTED",
    "EXPERIMENT_DECIDED",
    "EXPORT_PROVIDED",
    "EXPORT_REQUESTED",
    "FEEDBACK_RECEIVED",
    "FORECAST_PUBLISHED",
    "IDENTITY_ALIASED",
    "IDENTITY_DECIDED",
    "INCENTIVE_EXPIRED",
    "INCENTIVE_ISSUED",
    "INCENTIVE_REDEEMED",
    "LIFECYCLE_STAGE_CHANGED",
    "MENTION_ANSWERED",
    "MENTION_RECEIVED",
    "MERGE_REFUSED",
    "MESSAGE_BOUNCED",
    "MESSAGE_CLICKED",
    "MESSAGE_COMPLAINED",
    "MESSAGE_DELIVERED",
    "MESSAGE_OPENED",
    "MESSAGE_SENT",
    "MESSAGE_SKIPPED",
    "OPT_IN_EXPIRED",
    "OPT_IN_REQUESTED",
    "ORDER_CANCELLED",
    "ORDER_COMPLETED",
    "ORDER_MATCHED",
    "ORDER_REFUNDED",
    "ORDER_UPDATED",
    "PAGE_VIEWED",
    "PAYMENT_INFO_ENTERED",
    "POST_PUBLISHED",
    "PREFERENCES_STATED",
    "PRICE_DROPPED",
    "PRODUCTS_SEARCHED",
    "PRODUCT_ADDED",
    "PRODUCT_ADDED_TO_WISHLIST",
    "PRODUCT_CHANGED",
    "PRODUCT_CLICKED",
    "PRODUCT_LIST_FILTERED",
    "PRODUCT_LIST_VIEWED",
    "PRODUCT_REMOVED",
    "PRODUCT_REMOVED_FROM_WISHLIST",
    "PRODUCT_REVIEWED",
    "PRODUCT_SHARED",
    "PRODUCT_VIEWED",
    "PROFILE_CHANGED",
    "PROFILE_CREATED",
    "PROFILE_MERGED",
    "PROFILE_SPLIT",
    "PROMOTION_CLICKED",
    "PROMOTION_VIEWED",
    "REPLENISHMENT_DUE",
    "SCREEN_VIEWED",
    "SEGMENT_ENTERED",
    "SEGMENT_LEFT",
    "SLA_BREACHED",
    "SURVEY_ANSWERED",
    "TICKET_ASSIGNED",
    "TICKET_OPENED",
    "TICKET_REOPENED",
    "TICKET_REPLIED",
    "TICKET_RESOLVED",
    "UNSUBSCRIBED",
    "WISHLIST_PRODUCT_ADDED_TO_CART",
    "EventData",
    "EventKind",
    "by_name",
]
