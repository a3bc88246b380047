"""What the data of every shop event has in common: who it is about, where it came from, and the goods."""

from typing import Any

from marshmallow import fields, validate

from shared.events.fields import Choice, Count, Currency, Identifier, optional, required
from shared.events.kind import EventData, IdentityKey, MinorUnits

SOURCE = "shop"

# How long a repeat is recognised is the collector's setting, hence no number here.
REPEAT = (
    "The collector drops a message id that it knows from the same source; a repeat that arrives all the same keeps its event id."
)


class Campaign(EventData):
    """The advertising campaign that brought the visit, from its UTM parameters."""

    name = optional(fields.String, "utm_campaign.")
    source = optional(fields.String, "utm_source.")
    medium = optional(fields.String, "utm_medium.")
    term = optional(fields.String, "utm_term.")
    content = optional(fields.String, "utm_content.")


class Page(EventData):
    """The page of the storefront that the event was recorded on."""

    path = optional(fields.String, "Path of the page: `/p/blue-shirt`.")
    referrer = optional(fields.String, "Address of the page before it.")
    title = optional(fields.String, "Title of the page.")
    url = optional(fields.String, "Address of the page.")


class Context(EventData):
    """The circumstances of an event. IP address and user agent are not passed on."""

    campaign = optional(fields.Nested, "The campaign that brought the visit.", Campaign)
    page = optional(fields.Nested, "The page that the event was recorded on.", Page)
    locale = optional(fields.String, "Language and region of the client: `de-DE`.")
    timezone = optional(fields.String, "IANA time zone of the client: `Europe/Berlin`.")
    device_type = optional(fields.String, "Kind of device as the client names it: `ios`, `android`, `desktop`.")


class SourceData(EventData):
    """Data of a fact that a shop reported."""

    shop_source = required(fields.String, "Name of the source whose write key the event came with: `Web shop`.")
    shop_source_kind = required(Choice, "What kind of source that is.", "web", "mobile", "server", "pos", "marketplace", "social")


class ShopData(SourceData):
    """Data of a fact about a person in a shop."""

    identity_keys = required(
        fields.List,
        "Every identity key that the event carried, its subject first: `user:42`, `anon:5f1c`, `email:jane@example.com`. "
        "An event with two keys says that they belong to one person.",
        IdentityKey(),
        validate=validate.Length(min=1),
    )
    context = optional(fields.Nested, "The circumstances: campaign, page, language, device.", Context)
    channel = optional(
        Choice,
        "The sales channel that it happened in, derived once by the collector; null where nothing told.",
        "web",
        "app",
        "store",
        "marketplace",
        "social",
    )


class ProductFields(EventData):
    """What an event says about a product, leaving out how many and at which price."""

    product_id = required(Identifier, "The shop's id of the product; its SKU where the client sent no id.")
    sku = optional(fields.String, "Stock keeping unit.")
    name = optional(fields.String, "Name of the product.")
    brand = optional(fields.String, "Brand of the product.")
    variant = optional(fields.String, "Variant, such as size or colour.")
    category = optional(fields.String, "Category, as the shop names it.")
    url = optional(fields.String, "Address of the product's page.")
    image_url = optional(fields.String, "Address of a picture.")


class Product(ProductFields):
    """A line of an order, a cart or a list."""

    price = optional(MinorUnits, "Price of one piece, in minor units of the event's `currency`.")
    quantity = required(Count, "Number of pieces; 1 where the client sent none.", least=1)
    coupon = optional(fields.String, "Coupon that applies to this line.")
    position = optional(Count, "Place in the list, as the client counts.")


class ProductEvent(ShopData, Product):
    """An event about one product: the fields of a line, flat."""

    currency = optional(Currency, "ISO 4217 code of `price`; present whenever `price` is.")


def product_lines(description: str) -> fields.List[Any]:
    """The `products` of an event: always there, possibly empty."""
    return required(fields.List, description, fields.Nested(Product))
