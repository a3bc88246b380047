"""Data of shop events as typed facts. A handler annotates its parameter with one of these and receives it decoded from the event.

Field names are those of the catalogue; what no reader of orders and carts uses is left out and ignored when decoding. Amounts and
prices are integer minor units of the fact's `currency`. None means not known.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """One product in an order or a cart: `quantity` pieces at `price` each."""

    product_id: str
    quantity: int = 1
    price: int | None = None
    sku: str | None = None
    name: str | None = None
    brand: str | None = None
    variant: str | None = None
    category: str | None = None
    url: str | None = None
    image_url: str | None = None

    @property
    def codes(self) -> frozenset[str]:
        """All that the product is known by: storefronts and tills of one shop differ in whether they send id or SKU."""
        return frozenset({self.product_id, self.sku} if self.sku else {self.product_id})

    @property
    def amount(self) -> int | None:
        """Price of all pieces, in minor units; None where the price of one is not known."""
        return None if self.price is None else self.price * self.quantity

    def completed_by(self, older: "LineItem") -> "LineItem":
        """The same line, with what it leaves open taken from an older fact about the product."""
        return replace(
            self,
            price=older.price if self.price is None else self.price,
            sku=self.sku or older.sku,
            name=self.name or older.name,
            brand=self.brand or older.brand,
            variant=self.variant or older.variant,
            category=self.category or older.category,
            url=self.url or older.url,
            image_url=self.image_url or older.image_url,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContent:
    """Data of `order_completed` and `order_updated`: the whole order as it was placed, or as it is now."""

    order_id: str
    amount: int
    currency: str
    shop_source: str
    products: tuple[LineItem, ...] = ()
    checkout_id: str | None = None
    cart_id: str | None = None
    affiliation: str | None = None
    coupon: str | None = None
    shipping: int | None = None
    tax: int | None = None
    discount: int | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled:
    """Data of `order_cancelled`: the whole order is off."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefunded:
    """Data of `order_refunded`. `amount` None: with no products the whole order, else price times quantity of the products."""

    order_id: str
    refund_id: str
    currency: str
    amount: int | None = None
    products: tuple[LineItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CartMoved(LineItem):
    """Data of `product_added`, `product_removed` and `wishlist_product_added_to_cart`: so many pieces in or out."""

    cart_id: str | None = None
    currency: str | None = None

    @property
    def item(self) -> LineItem:
        """The line alone."""
        names = ("product_id", "quantity", "price", "sku", "name", "brand", "variant", "category", "url", "image_url")
        return LineItem(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class CartViewed:
    """Data of `cart_viewed`: all that is in the cart."""

    cart_id: str | None = None
    currency: str | None = None
    products: tuple[LineItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutStarted:
    """Data of `checkout_started`: what is about to be bought, and the ids by which the order will know it."""

    order_id: str | None = None
    checkout_id: str | None = None
    cart_id: str | None = None
    currency: str | None = None
    products: tuple[LineItem, ...] = ()
