"""Looking around: pages, searches, lists, promotions and products; and the goods themselves."""

from marshmallow import fields

from shared.events.fields import Count, Currency, Identifier, optional, required
from shared.events.kind import EventData, EventKind, MinorUnits
from shared.events.shop.parts import REPEAT, SOURCE, ProductEvent, ProductFields, ShopData, SourceData, product_lines

VISIT = f"Counts at its own time, so a late one only fills a gap in the history. {REPEAT}"


class PageViewed(ShopData):
    name = optional(fields.String, "Name that the shop gives the page: `Home`, `Checkout`.")
    category = optional(fields.String, "Group of pages that it belongs to.")
    path = optional(fields.String, "Path of the page.")
    title = optional(fields.String, "Title of the page.")
    url = optional(fields.String, "Address of the page.")
    referrer = optional(fields.String, "Address of the page before it.")


class ProductsSearched(ShopData):
    query = required(fields.String, "What was searched for; a structured query arrives as its JSON text.")


class ProductListViewed(ShopData):
    list_id = optional(Identifier, "The shop's id of the list.")
    category = optional(fields.String, "Category that the list shows.")
    currency = optional(Currency, "ISO 4217 code of the prices.")
    products = product_lines("The products shown; possibly empty.")


class ListChoice(EventData):
    type = required(fields.String, "What is filtered or sorted by: `price`, `brand`.")
    value = optional(fields.String, "The value chosen: `under-25`, `desc`.")


class ProductListFiltered(ProductListViewed):
    filters = required(fields.List, "The filters that are set; possibly empty.", fields.Nested(ListChoice))
    sorts = required(fields.List, "The orders that are chosen; possibly empty.", fields.Nested(ListChoice))


class PromotionSeen(ShopData):
    promotion_id = required(Identifier, "The shop's id of the promotion.")
    creative = optional(fields.String, "Which picture or wording was shown.")
    name = optional(fields.String, "Name of the promotion.")
    position = optional(fields.String, "Where on the page, in the shop's words: `home_banner_top`.")


class ProductShared(ShopData, ProductFields):
    share_via = optional(fields.String, "How it was shared: `email`, `whatsapp`. Recipient and wording are not passed on.")
    price = optional(MinorUnits, "Price of one piece, in minor units of `currency`.")
    currency = optional(Currency, "ISO 4217 code of `price`.")


class ProductReviewed(ShopData):
    product_id = required(Identifier, "The shop's id of the product.")
    review_id = required(Identifier, "The shop's id of the review; the event id where the client sent none.")
    review_body = optional(fields.String, "What the customer wrote.")
    rating = optional(fields.String, "The rating, as the shop writes it: `4`, `4/5`.")


class ProductChanged(SourceData):
    product_id = required(Identifier, "The shop's id of the product.")
    title = optional(fields.String, "Its name, where that is part of the news.")
    price = optional(MinorUnits, "Its price now, in minor units of `currency`; null where the price is not part of the news.")
    currency = optional(Currency, "ISO 4217 code of `price`; present whenever `price` is.")
    stock = optional(Count, "Pieces that can be ordered now; null where stock is not part of the news.")
    url = optional(fields.String, "Address of the product's page.")
    image_url = optional(fields.String, "Address of a picture.")


class CustomEventTracked(ShopData):
    name = required(fields.String, "The event's name as the shop tracks it: `Loyalty Card Scanned`.")
    properties = required(fields.Dict, "Its properties as sent: any JSON object.")


PAGE_VIEWED = EventKind(
    name="page_viewed",
    source=SOURCE,
    schema=PageViewed,
    sent="A page of a storefront was opened: a client's `page` call, or a page pixel.",
    not_sent="For screens of an app (`screen_viewed`), or for pages that robots open without running the shop's script.",
    key="The event id: every view is a fact of its own.",
    late=VISIT,
)
SCREEN_VIEWED = EventKind(
    name="screen_viewed",
    source=SOURCE,
    schema=PageViewed,
    sent="A screen of a mobile app was opened: a client's `screen` call.",
    not_sent="For pages of a web shop inside the app, when its script reports them as `page_viewed`.",
    key="The event id: every view is a fact of its own.",
    late=f"Apps send in bundles, hours later when they were offline. {VISIT}",
)
PRODUCTS_SEARCHED = EventKind(
    name="products_searched",
    source=SOURCE,
    schema=ProductsSearched,
    sent="A visitor searched the shop.",
    not_sent="When a category was opened or a list narrowed down: those are `product_list_viewed` and `product_list_filtered`.",
    key="The event id; searching twice for the same words is two facts.",
    late=VISIT,
)
PRODUCT_LIST_VIEWED = EventKind(
    name="product_list_viewed",
    source=SOURCE,
    schema=ProductListViewed,
    sent="A visitor saw a list of products, such as a category.",
    not_sent="For the lines of a cart (`cart_viewed`). Being in a list does not make a product viewed.",
    key="The event id.",
    late=VISIT,
)
PRODUCT_LIST_FILTERED = EventKind(
    name="product_list_filtered",
    source=SOURCE,
    schema=ProductListFiltered,
    sent="A visitor filtered or sorted a list of products.",
    not_sent="For the list as it was first shown: that is `product_list_viewed`.",
    key="The event id.",
    late=VISIT,
)
PROMOTION_VIEWED = EventKind(
    name="promotion_viewed",
    source=SOURCE,
    schema=PromotionSeen,
    sent="A promotion inside the shop, such as a banner, came into view.",
    not_sent="For messages that campaigns sent: their opening is `message_opened` of `campaigns`.",
    key="The event id.",
    late=VISIT,
)
PROMOTION_CLICKED = EventKind(
    name="promotion_clicked",
    source=SOURCE,
    schema=PromotionSeen,
    sent="A visitor clicked a promotion inside the shop.",
    not_sent="For a click in a message: that is `message_clicked` of `campaigns`.",
    key="The event id.",
    late=VISIT,
)
PRODUCT_CLICKED = EventKind(
    name="product_clicked",
    source=SOURCE,
    schema=ProductEvent,
    sent="A visitor clicked a product in a list.",
    not_sent="When the product's page was reached in another way. The page that follows sends its own `product_viewed`.",
    key="The event id.",
    late=VISIT,
)
PRODUCT_VIEWED = EventKind(
    name="product_viewed",
    source=SOURCE,
    schema=ProductEvent,
    sent="A visitor looked at the page of a product.",
    not_sent="For products that only showed up in a list.",
    key="The event id; interest is counted per product and day by those who need it.",
    late=f"A view from before a purchase that is heard after it is no new interest: compare times, not arrivals. {REPEAT}",
)
PRODUCT_SHARED = EventKind(
    name="product_shared",
    source=SOURCE,
    schema=ProductShared,
    sent="A visitor passed a product on to somebody.",
    not_sent="For mentions of a product in social networks: those are `mention_received` of `social`.",
    key="The event id.",
    late=VISIT,
)
PRODUCT_REVIEWED = EventKind(
    name="product_reviewed",
    source=SOURCE,
    schema=ProductReviewed,
    sent="A customer wrote a review of a product.",
    not_sent="For answers to our own surveys (`survey_answered` of `support`) and for feedback from networks.",
    key="`review_id`; a second one with the same id is the edited review, the latest time is the review.",
    late=f"Keep the latest by time; an older one changes nothing. {REPEAT}",
)
PRODUCT_CHANGED = EventKind(
    name="product_changed",
    source=SOURCE,
    schema=ProductChanged,
    sent="The shop changed the price, the stock or the title of a product. Its subject is `product:<product_id>`: no person.",
    not_sent="For every sale that lowers the stock, unless the shop reports it so; what no shop reports is not known here.",
    key="`product_id`, for each of title, price and stock by itself: the latest time that says something about it is the truth.",
    late=f"An older price or stock than the one known changes nothing now; it may complete a history of prices. {REPEAT}",
)
CUSTOM_EVENT_TRACKED = EventKind(
    name="custom_event_tracked",
    source=SOURCE,
    schema=CustomEventTracked,
    sent="A shop tracked an event that is in no other place of this catalogue.",
    not_sent="For names of the e-commerce vocabulary, old spellings included: those arrive as their own events.",
    key="The event id.",
    late=VISIT,
)
