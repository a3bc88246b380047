"""`reengagement.events`: the moments in which a customer is worth a word."""

from marshmallow import fields

from shared.events.fields import Choice, Count, Currency, Identifier, optional, required
from shared.events.kind import EventData, EventKind, MinorUnits

SOURCE = "reengagement"
MOMENT = "It was true when its timer fired. A reader that acts later than minutes should look for an order since then."


class CustomerMoment(EventData):
    customer_id = required(Identifier, "The customer. The event's subject is an identity key of theirs.")


class Contactable(CustomerMoment):
    contactable = optional(
        fields.List,
        "Channels on which the customer may be contacted for marketing as this is said: `email`; empty: on none. Later changes are "
        "`contact_permission_changed`.",
        fields.String(),
    )


class CartLine(EventData):
    product_id = required(Identifier, "The shop's id of the product.")
    name = optional(fields.String, "Name of the product.")
    quantity = required(Count, "Number of pieces in the cart.", least=1)
    price = optional(MinorUnits, "Price of one piece, in minor units of `currency`.")
    url = optional(fields.String, "Address of the product's page.")
    image_url = optional(fields.String, "Address of a picture.")


class CartAbandoned(Contactable):
    cart_id = required(Identifier, "The cart; `unnamed` where the shop does not name carts.")
    products = required(fields.List, "The lines of the cart as it was left; never empty.", fields.Nested(CartLine))
    amount = optional(MinorUnits, "Sum of the lines whose price is known, in minor units; null where none is.")
    currency = optional(Currency, "ISO 4217 code of `amount` and the prices.")
    abandoned_at = required(fields.AwareDateTime, "When the customer last touched the cart.")


class BrowseAbandoned(Contactable):
    products = required(fields.List, "The products looked at, the latest first; never empty.", Identifier())
    abandoned_at = required(fields.AwareDateTime, "When the last of them was looked at.")


class CustomerLapsed(Contactable):
    last_order_at = required(fields.AwareDateTime, "When the last order was placed.")
    days = required(Count, "Whole days since then.")


class ReplenishmentDue(Contactable):
    product_id = required(Identifier, "The product that should be used up by now.")
    name = optional(fields.String, "Its name.")
    order_id = required(Identifier, "The order in which it was last bought.")
    last_bought_at = required(fields.AwareDateTime, "When that order was placed.")
    interval_days = required(
        Count,
        "Days expected between purchases: the policy's for the product or its category, else the customer's own rhythm.",
        least=1,
    )


class PriceDropped(Contactable):
    product_id = required(Identifier, "The product that the customer showed interest in.")
    price_before = required(MinorUnits, "The price at the time of that interest, in minor units.")
    price = required(MinorUnits, "The price now, in minor units.")
    currency = required(Currency, "ISO 4217 code of both prices.")


class BackInStock(Contactable):
    product_id = required(Identifier, "The product that the customer waits for.")
    stock = required(Count, "Pieces that can be ordered now.", least=1)


class CartRecovered(CustomerMoment):
    cart_id = required(Identifier, "The cart that had been abandoned.")
    order_id = required(Identifier, "The order that closed it.")
    amount = required(MinorUnits, "The order's amount, in minor units.")
    currency = required(Currency, "ISO 4217 code of `amount`.")


class IncentiveMoved(CustomerMoment):
    incentive_id = required(Identifier, "The incentive: one offer to one customer.")


class IncentiveIssued(IncentiveMoved):
    code = required(Identifier, "The coupon code that redeems it, good for this customer alone.")
    reason = required(Choice, "What it was issued for.", "cart_abandoned", "browse_abandoned", "customer_lapsed", "manual")
    percent = optional(Count, "What it takes off an order, in percent; null where it is an amount.", least=1)
    amount = optional(MinorUnits, "What it takes off an order, in minor units; null where it is a percentage.")
    currency = optional(Currency, "ISO 4217 code of `amount`; present whenever `amount` is.")
    expires_at = required(fields.AwareDateTime, "The code is refused from then on.")


class IncentiveRedeemed(IncentiveMoved):
    code = required(Identifier, "The coupon code.")
    order_id = required(Identifier, "The order that named the code.")
    amount = required(MinorUnits, "That order's amount, in minor units.")
    currency = required(Currency, "ISO 4217 code of `amount`.")


CART_ABANDONED = EventKind(
    name="cart_abandoned",
    source=SOURCE,
    schema=CartAbandoned,
    sent="A cart with something in it was not touched for the time that the policy sets. Once until an order closes the cart, "
    "also if it is touched and left again; a policy may ask for another one after a while.",
    not_sent="When an order closed the cart, whichever is heard first; for carts known from imported history; for empty carts.",
    key="`customer_id`, `cart_id` and `abandoned_at`.",
    late=MOMENT,
)
BROWSE_ABANDONED = EventKind(
    name="browse_abandoned",
    source=SOURCE,
    schema=BrowseAbandoned,
    sent="A known customer looked at products, put none in the cart, and was gone for the time that the policy sets.",
    not_sent="When a cart was touched or an order placed since; for visitors whom no message could reach.",
    key="`customer_id` and `abandoned_at`.",
    late=MOMENT,
)
CUSTOMER_LAPSED = EventKind(
    name="customer_lapsed",
    source=SOURCE,
    schema=CustomerLapsed,
    sent="A customer who has bought did not buy again for the time that the policy sets. Once for each last order.",
    not_sent="For customers who never bought, and for orders from imported history.",
    key="`customer_id` and `last_order_at`.",
    late=MOMENT,
)
REPLENISHMENT_DUE = EventKind(
    name="replenishment_due",
    source=SOURCE,
    schema=ReplenishmentDue,
    sent="A product that is used up and bought again should be used up by now.",
    not_sent="When it was bought again or its order cancelled meanwhile; for products that are not of the kind that is used up.",
    key="`customer_id`, `product_id` and `order_id`.",
    late=MOMENT,
)
PRICE_DROPPED = EventKind(
    name="price_dropped",
    source=SOURCE,
    schema=PriceDropped,
    sent="A product that a customer looked at, wished for or left in a cart costs less now.",
    not_sent="To customers who bought it since, or when the drop is smaller than the policy asks.",
    key="`customer_id`, `product_id` and `price`.",
    late=MOMENT,
)
BACK_IN_STOCK = EventKind(
    name="back_in_stock",
    source=SOURCE,
    schema=BackInStock,
    sent="A product that a customer waits for can be ordered again.",
    not_sent="To customers who bought it since.",
    key="`customer_id`, `product_id` and the time.",
    late=MOMENT,
)
CART_RECOVERED = EventKind(
    name="cart_recovered",
    source=SOURCE,
    schema=CartRecovered,
    sent="An order closed a cart that `cart_abandoned` had been sent for.",
    not_sent="When the order turns out to have been placed before the cart was reported: that cart was never abandoned.",
    key="`cart_id` and `order_id`.",
    late="Counts at the time of the order. A cancellation of the order later does not take it back.",
)
INCENTIVE_ISSUED = EventKind(
    name="incentive_issued",
    source=SOURCE,
    schema=IncentiveIssued,
    sent="A customer was given an offer of their own.",
    not_sent="For coupons that the shop hands out to everybody.",
    key="`incentive_id`.",
    late="The code is good from its time to `expires_at`, whenever this is heard.",
)
INCENTIVE_REDEEMED = EventKind(
    name="incentive_redeemed",
    source=SOURCE,
    schema=IncentiveRedeemed,
    sent="An order named the code of an incentive before it ended.",
    not_sent="When the code was entered only (`coupon_entered`).",
    key="`incentive_id`: it is redeemed once, by the earliest order.",
    late="May be heard after `incentive_expired` of the same incentive, and then stands: the order was in time.",
)
INCENTIVE_EXPIRED = EventKind(
    name="incentive_expired",
    source=SOURCE,
    schema=IncentiveMoved,
    sent="The end of an incentive passed and no order had named its code.",
    not_sent="For an incentive that was redeemed.",
    key="`incentive_id`.",
    late="`incentive_redeemed` of the same incentive overrules it.",
)
