"""Which catalogue event a tracked name stands for.

Names are compared without case, spaces and punctuation, so "Order Completed", "order_completed" and "OrderCompleted" are one.
Source: Segment's e-commerce specification v2, and the older names of v1 and of the mobile SDKs that are still sent.
"""

import re
from collections.abc import Iterable, Mapping

CUSTOM = "custom_event_tracked"

SYNONYMS: Mapping[str, str] = {
    "Searched Products": "products_searched",
    "Viewed Product Category": "product_list_viewed",
    "Viewed Product List": "product_list_viewed",
    "Product Category Viewed": "product_list_viewed",
    "Filtered Product List": "product_list_filtered",
    "Viewed Promotion": "promotion_viewed",
    "Clicked Promotion": "promotion_clicked",
    "Clicked Product": "product_clicked",
    "Viewed Product": "product_viewed",
    "Added Product": "product_added",
    "Removed Product": "product_removed",
    "Viewed Cart": "cart_viewed",
    "Started Checkout": "checkout_started",
    "Started Order": "checkout_started",
    "Viewed Checkout Step": "checkout_step_viewed",
    "Completed Checkout Step": "checkout_step_completed",
    "Entered Payment Info": "payment_info_entered",
    "Completed Order": "order_completed",
    "Updated Order": "order_updated",
    "Cancelled Order": "order_cancelled",
    "Order Canceled": "order_cancelled",
    "Canceled Order": "order_cancelled",
    "Refunded Order": "order_refunded",
    "Entered Coupon": "coupon_entered",
    "Applied Coupon": "coupon_applied",
    "Denied Coupon": "coupon_denied",
    "Removed Coupon": "coupon_removed",
    "Added Product to Wishlist": "product_added_to_wishlist",
    "Removed Product from Wishlist": "product_removed_from_wishlist",
    "Added Wishlist Product to Cart": "wishlist_product_added_to_cart",
    "Shared Product": "product_shared",
    "Shared Cart": "cart_shared",
    "Reviewed Product": "product_reviewed",
}

_PUNCTUATION = re.compile(r"[\W_]+")


class Names:
    """The names that a `track` call may carry, over the catalogue's own."""

    def __init__(self, catalogue: Iterable[str]) -> None:
        self._known = {_folded(name): name for name in catalogue}
        self._known |= {_folded(synonym): name for synonym, name in SYNONYMS.items()}

    def resolve(self, name: str) -> str:
        """The catalogue event of a tracked name; `custom_event_tracked` for what the catalogue has no word for."""
        return self._known.get(_folded(name), CUSTOM)


def _folded(name: str) -> str:
    return _PUNCTUATION.sub("", name).lower()
