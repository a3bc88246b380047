"""The shop's events as profiles sorts them."""

from collections.abc import Mapping

from services.profiles.domain.interests import Interest
from shared import events
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
