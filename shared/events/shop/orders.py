"""Checkout and orders: what a customer bought, and what became of it."""

from marshmallow import fields

from shared.events.fields import Count, Currency, Identifier, optional, required
from shared.events.kind import EventData, EventKind, MinorUnits
from shared.events.shop.parts import REPEAT, SOURCE, ShopData, product_lines

STEP = f"Counts at its own time; an `order_completed` with a later time ends the checkout whichever is heard first. {REPEAT}"


class OrderReferences(EventData):
    checkout_id = optional(Identifier, "The shop's id of the checkout that the order came from.")
    cart_id = optional(Identifier, "The shop's id of the cart that the order came from.")
    affiliation = optional(fields.String, "The store or partner through which the order came.")
    coupon = optional(fields.String, "Coupon that applies to the whole order.")


class SoldInStore(EventData):
    store_id = optional(Identifier, "The shop's id of the store, where it was sold in one.")
    till_id = optional(Identifier, "The shop's id of the till.")
    receipt_number = optional(Identifier, "The number on the receipt, as printed. `order_id` is what tells orders apart.")


class OrderSums(EventData):
    total = optional(MinorUnits, "Subtotal with shipping and tax, in minor units.")
    revenue = optional(MinorUnits, "Income after discounts, without shipping and tax, in minor units.")
    subtotal = optional(MinorUnits, "Goods after discounts, before shipping and tax, in minor units.")
    shipping = optional(MinorUnits, "Shipping, in minor units.")
    tax = optional(MinorUnits, "Tax, in minor units.")
    discount = optional(MinorUnits, "What was taken off, in minor units.")


class CheckoutStarted(ShopData, OrderReferences, OrderSums):
    order_id = optional(Identifier, "The shop's id of the order to be, where it is known so early.")
    currency = optional(Currency, "ISO 4217 code of all amounts; present whenever one of them is.")
    amount = optional(MinorUnits, "What is to be paid: total, else revenue with shipping and tax, else the sum of the lines.")
    products = product_lines("What is about to be bought; possibly empty.")


class CheckoutStep(ShopData):
    checkout_id = optional(Identifier, "The shop's id of the checkout.")
    step = optional(Count, "Number of the step, as the shop counts.")
    shipping_method = optional(fields.String, "The way of shipping chosen.")
    payment_method = optional(fields.String, "The way of payment chosen: its kind, never its details.")


class PaymentInfoEntered(CheckoutStep):
    order_id = optional(Identifier, "The shop's id of the order to be.")


class OrderContent(ShopData, OrderReferences, SoldInStore, OrderSums):
    order_id = required(Identifier, "The shop's id of the order: the business key, whatever the number of messages about it.")
    currency = required(Currency, "ISO 4217 code of all amounts.")
    amount = required(
        MinorUnits,
        "What the customer pays, in minor units: `total`, else `revenue` with what is given of `shipping` and `tax`, "
        "else the sum of the lines.",
    )
    products = product_lines("The lines of the order; empty where the shop does not say.")


class OrderCancelled(ShopData, OrderReferences, OrderSums):
    order_id = required(Identifier, "The shop's id of the order.")
    currency = optional(Currency, "ISO 4217 code of all amounts; present whenever one of them is.")
    amount = optional(MinorUnits, "What the order was worth, where the shop repeats it. Readers know it from the order itself.")
    products = product_lines("The lines of the order, where the shop repeats them. A cancellation is always of the whole order.")


class OrderRefunded(ShopData, SoldInStore):
    order_id = required(Identifier, "The shop's id of the order.")
    refund_id = required(Identifier, "The shop's id of the refund; the event id where the client sent none.")
    currency = required(Currency, "ISO 4217 code of all amounts.")
    amount = optional(
        MinorUnits,
        "What the customer gets back, in minor units. Null with no products: the whole order. "
        "Null with products: price times quantity of those lines.",
    )
    products = product_lines("The lines that are refunded; empty where the refund is not by line.")


CHECKOUT_STARTED = EventKind(
    name="checkout_started",
    source=SOURCE,
    schema=CheckoutStarted,
    sent="A customer went from the cart to the checkout.",
    not_sent="For an order: it is a step towards one, and most of them end nowhere.",
    key="`checkout_id`, else `order_id`, else the event id.",
    late=STEP,
)
CHECKOUT_STEP_VIEWED = EventKind(
    name="checkout_step_viewed",
    source=SOURCE,
    schema=CheckoutStep,
    sent="A customer saw a step of the checkout.",
    not_sent="When the step was done: that is `checkout_step_completed`.",
    key="The event id.",
    late=STEP,
)
CHECKOUT_STEP_COMPLETED = EventKind(
    name="checkout_step_completed",
    source=SOURCE,
    schema=CheckoutStep,
    sent="A customer completed a step of the checkout, such as the address.",
    not_sent="For the last step: that is `order_completed`.",
    key="The event id.",
    late=STEP,
)
PAYMENT_INFO_ENTERED = EventKind(
    name="payment_info_entered",
    source=SOURCE,
    schema=PaymentInfoEntered,
    sent="A customer entered how to pay.",
    not_sent="As a sign that money moved: nothing was paid yet.",
    key="The event id.",
    late=STEP,
)
ORDER_COMPLETED = EventKind(
    name="order_completed",
    source=SOURCE,
    schema=OrderContent,
    sent="A customer placed an order. It is the one event that makes an order count.",
    not_sent="When payment or shipping changes, for a correction of an order (`order_updated`), or for a checkout that was left.",
    key="`order_id`: under several message ids it is still one order, and the earliest by time, then event id, is its placing.",
    late=f"Updates, cancellation and refunds may be heard first; they take effect when this arrives. {REPEAT}",
)
ORDER_UPDATED = EventKind(
    name="order_updated",
    source=SOURCE,
    schema=OrderContent,
    sent="The content or the amounts of an order changed; it states the whole order as it is now.",
    not_sent="For shipping news. It is no order by itself: without its `order_completed` it counts for nothing.",
    key="`order_id`: the latest by time, then event id, is the content; without lines those of the placing stay.",
    late=f"An older one than the latest known changes nothing. {REPEAT}",
)
ORDER_CANCELLED = EventKind(
    name="order_cancelled",
    source=SOURCE,
    schema=OrderCancelled,
    sent="An order was cancelled as a whole: it no longer counts as an order nor as income.",
    not_sent="When lines were taken out (`order_updated`) or money went back (`order_refunded`).",
    key="`order_id`: a second cancellation says nothing new; the earliest by time is when it happened.",
    late=f"May be heard before the order and cancels it then. It is final: a later `order_updated` does not undo it. {REPEAT}",
)
ORDER_REFUNDED = EventKind(
    name="order_refunded",
    source=SOURCE,
    schema=OrderRefunded,
    sent="Money for an order went back: for all of it, for some of its lines, or as a sum.",
    not_sent="For a cancellation before payment (`order_cancelled`).",
    key="`order_id` and `refund_id`: the earliest by time, then event id, is the refund; all refunds of an order add up, "
    "never to more than its amount.",
    late=f"May be heard before the order and is taken off it then. {REPEAT}",
)
