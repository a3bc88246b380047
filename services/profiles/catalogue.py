"""Events as profiles sorts them."""

from collections.abc import Mapping, Sequence

from services.profiles.domain.interests import Interest
from services.profiles.domain.touches import BY_CUSTOMER, BY_SHOP
from shared import events
from shared.events import EventKind
from shared.events.shop import browsing, carts, orders, people
from shared.events.shop.parts import ShopData

ABOUT_PEOPLE = [kind for kind in events.CATALOGUE.values() if issubclass(kind.schema, ShopData)]
BY_THE_SHOP = [events.ORDER_UPDATED, events.ORDER_CANCELLED, events.ORDER_REFUNDED]  # say nothing of where the customer is
ABOUT_ORDERS = [events.ORDER_COMPLETED, events.ORDER_UPDATED, events.ORDER_CANCELLED, events.ORDER_REFUNDED]
BY_THE_CUSTOMER = [kind for kind in ABOUT_PEOPLE if kind not in BY_THE_SHOP]
INTERESTS: Mapping[str, Interest] = {
    events.PRODUCT_VIEWED.name: Interest.VIEWED,
    events.PRODUCT_LIST_VIEWED.name: Interest.VIEWED,
    events.PRODUCT_ADDED_TO_WISHLIST.name: Interest.WISHED,
    events.PRODUCT_ADDED.name: Interest.CARTED,
    events.WISHLIST_PRODUCT_ADDED_TO_CART.name: Interest.CARTED,
}
ON_MESSAGES = [
    events.UNSUBSCRIBED,
    events.MESSAGE_COMPLAINED,
    events.CONSENT_CONFIRMED,
]  # what customers do that other services tell
EVENTS_TO_ASK_FOR = frozenset(kind.name for kind in (*BY_THE_CUSTOMER, *ON_MESSAGES))  # in rules of segments

# The timeline: every event about a person, by what it is about.
_BY_MODULE = {browsing: "browsing", carts: "carts", orders: "orders", people: "identity"}
_CATEGORIES: Mapping[str, Sequence[EventKind]] = {
    "checkout": [kind for kind in ABOUT_PEOPLE if kind.name.startswith("checkout_")] + [events.PAYMENT_INFO_ENTERED],
    "messages": [
        events.MESSAGE_SENT,
        events.MESSAGE_DELIVERED,
        events.MESSAGE_OPENED,
        events.MESSAGE_CLICKED,
        events.MESSAGE_BOUNCED,
        events.MESSAGE_COMPLAINED,
        events.MESSAGE_SKIPPED,
    ],
    "audiences": [events.AUDIENCE_ENTERED, events.AUDIENCE_LEFT],
    "conversions": [events.CONVERSION_ATTRIBUTED, events.CONVERSION_REVERSED],
    "consent": [
        events.UNSUBSCRIBED,
        events.CONSENT_CHANGED,
        events.CONTACT_PERMISSION_CHANGED,
        events.CONSENT_STATED,
        events.CONSENT_CONFIRMED,
        events.PREFERENCES_STATED,
        events.OPT_IN_REQUESTED,
        events.OPT_IN_EXPIRED,
    ],
    "support": [
        events.TICKET_OPENED,
        events.TICKET_ASSIGNED,
        events.TICKET_REPLIED,
        events.TICKET_RESOLVED,
        events.TICKET_REOPENED,
        events.SLA_BREACHED,
    ],
    "opinions": [events.PRODUCT_REVIEWED, events.SURVEY_ANSWERED, events.FEEDBACK_RECEIVED],
    "social": [events.MENTION_RECEIVED, events.MENTION_ANSWERED, events.CONTEST_ENTERED],
    "moments": [
        events.CART_ABANDONED,
        events.CART_RECOVERED,
        events.BROWSE_ABANDONED,
        events.CUSTOMER_LAPSED,
        events.REPLENISHMENT_DUE,
        events.PRICE_DROPPED,
        events.BACK_IN_STOCK,
    ],
    "incentives": [events.INCENTIVE_ISSUED, events.INCENTIVE_REDEEMED, events.INCENTIVE_EXPIRED],
    "identity": [
        events.PROFILE_CREATED,
        events.PROFILE_MERGED,
        events.PROFILE_SPLIT,
        events.MERGE_REFUSED,
        events.IDENTITY_DECIDED,
        events.ORDER_MATCHED,
    ],
    "segments": [events.SEGMENT_ENTERED, events.SEGMENT_LEFT],
    "stages": [events.LIFECYCLE_STAGE_CHANGED],
    "scores": [events.CUSTOMER_SCORED],
}
CATEGORY_OF: Mapping[str, str] = {
    **{kind.name: name for module, name in _BY_MODULE.items() for kind in vars(module).values() if kind in ABOUT_PEOPLE},
    **{kind.name: category for category, kinds in _CATEGORIES.items() for kind in kinds},
}
ON_TIMELINES = [events.by_name(name) for name in CATEGORY_OF]
OF_OTHERS = [kind for kind in ON_TIMELINES if kind.source != "shop"]
SERVICES_ON_TIMELINES = sorted({kind.source for kind in ON_TIMELINES})
# Where the two meet, beside visits: what the customer does, and what the shop does.
TOUCHES: Mapping[str, str] = {
    **dict.fromkeys(
        [
            events.MESSAGE_OPENED.name,
            events.MESSAGE_CLICKED.name,
            events.TICKET_OPENED.name,
            events.SURVEY_ANSWERED.name,
            events.FEEDBACK_RECEIVED.name,
            events.PRODUCT_REVIEWED.name,
            events.MENTION_RECEIVED.name,
            events.CONTEST_ENTERED.name,
        ],
        BY_CUSTOMER,
    ),
    **dict.fromkeys([events.MESSAGE_SENT.name, events.TICKET_RESOLVED.name, events.MENTION_ANSWERED.name], BY_SHOP),
}
