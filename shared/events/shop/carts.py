"""Carts, wishlists and coupons: what a customer means to buy."""

from marshmallow import fields

from shared.events.fields import Currency, Identifier, optional, required
from shared.events.kind import EventData, EventKind, MinorUnits
from shared.events.shop.parts import REPEAT, SOURCE, ProductEvent, ShopData, product_lines

CART_ID = "The shop's id of the cart; null where the shop keeps one cart per visitor and does not name it."
MOVE = f"A move counts at its own time and stands even when it is heard after the order that closed the cart. {REPEAT}"


class CartMoved(ProductEvent):
    cart_id = optional(Identifier, CART_ID)


class CartViewed(ShopData):
    cart_id = optional(Identifier, CART_ID)
    currency = optional(Currency, "ISO 4217 code of the prices; present whenever a line has a price.")
    products = product_lines("All that is in the cart now; an empty list is an empty cart.")


class SharedProduct(EventData):
    product_id = required(Identifier, "The shop's id of the product.")


class CartShared(ShopData):
    cart_id = optional(Identifier, CART_ID)
    share_via = optional(fields.String, "How it was shared: `email`, `whatsapp`. Recipient and wording are not passed on.")
    products = required(fields.List, "The products in the cart; possibly empty.", fields.Nested(SharedProduct))


class WishlistMoved(ProductEvent):
    wishlist_id = optional(Identifier, "The shop's id of the wishlist.")
    wishlist_name = optional(fields.String, "Name of the wishlist.")


class WishlistProductAddedToCart(WishlistMoved):
    cart_id = optional(Identifier, CART_ID)


class CouponEntered(ShopData):
    coupon_id = required(Identifier, "The coupon's code or id, as entered.")
    order_id = optional(Identifier, "The order that it was entered for, where there is one already.")
    cart_id = optional(Identifier, CART_ID)


class CouponMoved(CouponEntered):
    coupon_name = optional(fields.String, "Name of the coupon.")
    discount = optional(MinorUnits, "What it takes off, in minor units of `currency`.")
    currency = optional(Currency, "ISO 4217 code of `discount`; present whenever `discount` is.")


class CouponDenied(CouponEntered):
    coupon_name = optional(fields.String, "Name of the coupon.")
    reason = optional(fields.String, "Why the shop refused it, in its own words: `expired`.")


PRODUCT_ADDED = EventKind(
    name="product_added",
    source=SOURCE,
    schema=CartMoved,
    sent="A customer put a product in the cart, or raised its number; `quantity` is how many more.",
    not_sent="When the shop only reports whole carts (`cart_viewed`), or for wishlists.",
    key="The event id: each is one move of a cart.",
    late=MOVE,
)
PRODUCT_REMOVED = EventKind(
    name="product_removed",
    source=SOURCE,
    schema=CartMoved,
    sent="A customer took a product out of the cart, or lowered its number; `quantity` is how many fewer.",
    not_sent="When an order empties the cart: `order_completed` says that.",
    key="The event id: each is one move of a cart.",
    late=f"A removal that is heard before the addition counts all the same, once both are known. {MOVE}",
)
CART_VIEWED = EventKind(
    name="cart_viewed",
    source=SOURCE,
    schema=CartViewed,
    sent="A customer looked at the cart. It states the whole content and so corrects moves that were never heard.",
    not_sent="On pages that only show the number of pieces.",
    key="`cart_id`: the latest by time, then by event id, is the content; later moves are added to it.",
    late=f"An older one than the latest known changes nothing. {REPEAT}",
)
CART_SHARED = EventKind(
    name="cart_shared",
    source=SOURCE,
    schema=CartShared,
    sent="A customer passed the cart on to somebody.",
    not_sent="When a single product was shared: that is `product_shared`.",
    key="The event id.",
    late=f"Counts at its own time. {REPEAT}",
)
PRODUCT_ADDED_TO_WISHLIST = EventKind(
    name="product_added_to_wishlist",
    source=SOURCE,
    schema=WishlistMoved,
    sent="A customer put a product on a wishlist: the wish to be told of a lower price or of new stock.",
    not_sent="When it went into the cart (`product_added`).",
    key="`wishlist_id` and `product_id`: the latest of adding and removing, by time, decides.",
    late=f"An older one than the latest known of the same product changes nothing. {REPEAT}",
)
PRODUCT_REMOVED_FROM_WISHLIST = EventKind(
    name="product_removed_from_wishlist",
    source=SOURCE,
    schema=WishlistMoved,
    sent="A customer took a product off a wishlist.",
    not_sent="When it was moved from there to the cart: that is `wishlist_product_added_to_cart`.",
    key="`wishlist_id` and `product_id`: the latest of adding and removing, by time, decides.",
    late=f"An older one than the latest known of the same product changes nothing. {REPEAT}",
)
WISHLIST_PRODUCT_ADDED_TO_CART = EventKind(
    name="wishlist_product_added_to_cart",
    source=SOURCE,
    schema=WishlistProductAddedToCart,
    sent="A customer put a product from a wishlist in the cart. It is a move of the cart like `product_added`.",
    not_sent="In addition to a `product_added` of the same move: shops send one or the other.",
    key="The event id: each is one move of a cart.",
    late=MOVE,
)
COUPON_ENTERED = EventKind(
    name="coupon_entered",
    source=SOURCE,
    schema=CouponEntered,
    sent="A customer entered a coupon, whether it is good or not.",
    not_sent="When the shop applied a coupon by itself: only `coupon_applied` follows then.",
    key="The event id.",
    late=f"Counts at its own time. {REPEAT}",
)
COUPON_APPLIED = EventKind(
    name="coupon_applied",
    source=SOURCE,
    schema=CouponMoved,
    sent="A coupon was accepted for a cart or an order.",
    not_sent="As the proof of a redemption: a coupon is redeemed when an `order_completed` names it.",
    key="`coupon_id` with the cart or order: the latest of applying and removing, by time, decides.",
    late=f"Compare its time with that of `coupon_removed`. {REPEAT}",
)
COUPON_DENIED = EventKind(
    name="coupon_denied",
    source=SOURCE,
    schema=CouponDenied,
    sent="The shop refused a coupon that a customer entered.",
    not_sent="When a coupon was accepted first and taken off later: that is `coupon_removed`.",
    key="The event id.",
    late=f"Counts at its own time. {REPEAT}",
)
COUPON_REMOVED = EventKind(
    name="coupon_removed",
    source=SOURCE,
    schema=CouponMoved,
    sent="A coupon was taken off a cart or an order.",
    not_sent="When the order was cancelled or refunded; the coupon then stays part of the order's history.",
    key="`coupon_id` with the cart or order: the latest of applying and removing, by time, decides.",
    late=f"Compare its time with that of `coupon_applied`. {REPEAT}",
)
