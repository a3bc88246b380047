"""What the HTTP side of profiles takes and gives."""

from collections.abc import Callable, Sequence
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from services.profiles.catalogue import CATEGORY_OF, SERVICES_ON_TIMELINES
from services.profiles.domain.directory import phone_tail
from services.profiles.domain.names import folded_words
from services.profiles.storage import Search
from services.profiles.storage.timeline import Excerpt
from shared.commerce import OrderStatus
from shared.http import PageQuery

SORTS = ("last_seen", "orders", "spend", "name")
_UNCONDITIONAL = ("spend", "name")
FEWEST_DIGITS = 4
_CONDITIONS = ("email", "phone", "name", "min_orders", "seen_since")


def _a_word(name: str) -> None:
    if not folded_words(name):
        raise ValidationError("Give at least one letter or digit.")


def _some_digits(number: str) -> None:
    if len(phone_tail(number)) < FEWEST_DIGITS:
        raise ValidationError(f"Give at least the last {FEWEST_DIGITS} digits.")


def _described(text: str) -> dict[str, str]:
    return {"description": text}


class CustomersQuery(PageQuery):
    """Which customers to list: all conditions that are given have to hold."""

    email = fields.String(
        validate=validate.Length(1, 254),
        metadata=_described("An e-mail address of the customer, as a whole; case does not matter."),
    )
    phone = fields.String(
        validate=[validate.Length(max=64), _some_digits],
        metadata=_described(
            "The last digits of a phone number, at least four. All but digits, and zeros in front, do not matter."
        ),
    )
    name = fields.String(
        validate=[validate.Length(max=254), _a_word],
        metadata=_described(
            "Beginnings of words in the customer's names, in any script; all have to be found. Case, accents, and forms of one letter do "
            "not matter: `gurpreet` finds ਗੁਰਪ੍ਰੀਤ, گرپریت, ગુરપ્રીત and గుర్‌ప్రీత్, after those who are written with these letters."
        ),
    )
    by_sound = fields.Boolean(
        load_default=True,
        metadata=_described(
            "Whether a `name` also finds customers whose name only sounds like it. `false`: the same letters only."
        ),
    )
    min_orders = fields.Integer(
        validate=validate.Range(0, 1_000_000_000), metadata=_described("Only those with at least so many orders.")
    )
    seen_since = fields.AwareDateTime(metadata=_described("Only those last seen at this time or later."))
    sort = fields.String(
        load_default="last_seen",
        validate=validate.OneOf(SORTS),
        metadata=_described(
            "What to sort by, from high to low. `spend` takes a `currency` and lists all who ever bought in it. `name` lists all who "
            "have one, from the first letter on, in the order of the Unicode root collation (CLDR)."
        ),
    )
    currency = fields.String(
        validate=validate.Regexp("^[A-Z]{3}$", error="Give an ISO 4217 code in capitals, such as EUR."),
        metadata=_described("The currency of `sort=spend`."),
    )

    @validates_schema
    def some_orders_take_no_conditions(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data["sort"] not in _UNCONDITIONAL:
            return
        if data["sort"] == "spend" and "currency" not in data:
            raise ValidationError("Name the currency to sort by, such as EUR.", "currency")
        given = [name for name in _CONDITIONS if name in data]
        if given:
            raise ValidationError(f"Leave out {', '.join(given)}: customers are found by last_seen or orders only.", "sort")

    @staticmethod
    def search(data: dict[str, Any]) -> Search:
        """The conditions of a loaded query."""
        return Search(**{name: data.get(name) for name in _CONDITIONS}, by_sound=data["by_sound"])


class Several(fields.String):
    """Words parted by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return [word for word in (word.strip() for word in text.split(",")) if word]


def _each(words: Sequence[str], wrong: str) -> Callable[[list[str]], None]:
    def check(given: list[str]) -> None:
        unknown = [word for word in given if word not in words]
        if unknown or not given:
            raise ValidationError(f"{wrong} Known are {', '.join(words)}.")

    return check


class TimelineQuery(PageQuery):
    """Which events of a customer to list."""

    class Meta:
        unknown = EXCLUDE
        include = {
            "from": fields.AwareDateTime(attribute="from", metadata=_described("Only events at this time or later.")),
            "to": fields.AwareDateTime(attribute="to", metadata=_described("Only events before this time.")),
        }

    event = Several(
        validate=_each(sorted(CATEGORY_OF), "No event about customers has this name."),
        metadata=_described("Only events of these names, parted by commas: `order_completed,order_refunded`."),
    )
    category = Several(
        validate=_each(sorted(set(CATEGORY_OF.values())), "No events are of this category."),
        metadata=_described(
            f"Only events of these categories, parted by commas: {', '.join(sorted(set(CATEGORY_OF.values())))}."
        ),
    )
    service = Several(
        validate=_each(SERVICES_ON_TIMELINES, "No service of this name tells of customers."),
        metadata=_described(f"Only what these services told, parted by commas: {', '.join(SERVICES_ON_TIMELINES)}."),
    )
    channel = Several(
        validate=validate.Length(max=20),
        metadata=_described("Only what happened on these channels, parted by commas: `web`, `store`, `email`, `mastodon`."),
    )

    @staticmethod
    def excerpt(data: dict[str, Any]) -> Excerpt:
        """The rows that a loaded query wants."""
        names, categories, services, channels = (data.get(name, ()) for name in ("event", "category", "service", "channel"))
        return Excerpt(names, categories, services, channels, data.get("from"), data.get("to"))


def _language(**kwargs: Any) -> fields.String:
    text = "ISO 639 code, as stated or as the letters of the name tell; null where nothing does."
    return fields.String(required=True, allow_none=True, metadata=_described(text), **kwargs)


def _script(**kwargs: Any) -> fields.String:
    text = "ISO 15924 code of the script that the customer reads: `Guru`, `Arab`, `Latn`."
    return fields.String(required=True, allow_none=True, metadata=_described(text), **kwargs)


def _direction(**kwargs: Any) -> fields.String:
    text = "In which direction that is written: `ltr` or `rtl`."
    return fields.String(required=True, allow_none=True, metadata=_described(text), **kwargs)


class Money(Schema):
    """An amount in minor units of a currency."""

    currency = fields.String(required=True)
    amount = fields.Integer(required=True)


class Refunds(Schema):
    """What went back for orders that count."""

    count = fields.Integer(required=True)
    amounts = fields.List(fields.Nested(Money), required=True)


class OrderSummary(Schema):
    """An order in short; `amount` is what was to be paid, `net` what is left of it after refunds."""

    order_id = fields.String(required=True)
    placed_at = fields.AwareDateTime(required=True)
    status = fields.Enum(OrderStatus, by_value=True, required=True)
    currency = fields.String(required=True)
    amount = fields.Integer(required=True)
    net = fields.Integer(required=True)
    source = fields.String(required=True, metadata=_described("The shop's source that reported it."))
    channel = fields.String(
        required=True,
        allow_none=True,
        metadata=_described("`web`, `app`, `store`, `marketplace` or `social`; null where nothing told."),
    )


class Bought(Schema):
    """How often something was bought, in orders that count."""

    orders = fields.Integer(required=True, metadata=_described("Orders that it was in."))
    pieces = fields.Integer(required=True, metadata=_described("Pieces in all of them."))
    last_bought_at = fields.AwareDateTime(required=True)


class BoughtProduct(Bought):
    """A product that the customer bought."""

    product_id = fields.String(attribute="id", required=True)
    name = fields.String(required=True, allow_none=True)


class BoughtCategory(Bought):
    """A category that the customer bought from."""

    category = fields.String(attribute="id", required=True)


class Permission(Schema):
    """Consent on one channel. A channel that is not listed was never spoken of: that is no consent."""

    channel = fields.String(required=True)
    status = fields.String(required=True, metadata=_described("`granted` or `denied`: the latest word by its time."))
    changed_at = fields.AwareDateTime(required=True, metadata=_described("Since when that holds."))
    identity_key = fields.String(required=True, metadata=_described("The identity key that the change came with."))


class Stage(Schema):
    """The stage of the customer's journey."""

    stage = fields.String(
        required=True,
        metadata=_described("`visitor`, `lead`, `first_time`, `active`, `loyal`, `at_risk`, `lapsed` or `won_back`."),
    )
    since = fields.AwareDateTime(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True, metadata=_described("What brought it: `ordered`, `time_passed`."))
    until = fields.AwareDateTime(required=True, allow_none=True, metadata=_described("When time alone changes it next."))


class Gap(Schema):
    """Days between one order and the next."""

    median = fields.Float(required=True)
    mean = fields.Float(required=True)


class Favourite(Schema):
    """Something that the customer is fond of."""

    id = fields.String(required=True, metadata=_described("Product id, or the name as it was heard last."))
    share = fields.Float(
        required=True, metadata=_described("Its part of all interest of its kind, 0 to 1, later interest weighing more.")
    )
    last_at = fields.AwareDateTime(required=True, metadata=_described("Of the last order; of other interest, the week."))


class Favourites(Schema):
    """Up to ten of each kind, the greatest first, by what was viewed, wished for, put in carts and bought."""

    products = fields.List(fields.Nested(Favourite), required=True)
    categories = fields.List(fields.Nested(Favourite), required=True)
    brands = fields.List(fields.Nested(Favourite), required=True)
    colours = fields.List(fields.Nested(Favourite), required=True)
    sizes = fields.List(fields.Nested(Favourite), required=True)


class Review(Schema):
    """A review of a product, without its text."""

    review_id = fields.String(attribute="id", required=True)
    product_id = fields.String(attribute="said.product_id", required=True)
    rating = fields.String(attribute="said.rating", required=True, allow_none=True)
    at = fields.AwareDateTime(attribute="said.at", required=True)


class SurveyAnswer(Schema):
    """An answer to a survey, without its text."""

    response_id = fields.String(attribute="id", required=True)
    survey_id = fields.String(attribute="said.survey_id", required=True)
    kind = fields.String(attribute="said.kind", required=True, metadata=_described("`nps`, `csat` or `ces`."))
    score = fields.Integer(attribute="said.score", required=True)
    at = fields.AwareDateTime(attribute="said.at", required=True)


class Customer(Schema):
    """A customer: who it is, what is known, what was bought. Cancelled orders count nowhere but in `cancelled_orders`."""

    customer_id = fields.String(required=True)
    identity_keys = fields.List(fields.String(), required=True, metadata=_described("All keys of the customer, strongest first."))
    name = fields.String(required=True, allow_none=True)
    language = _language(attribute="writing.language")
    script = _script(attribute="writing.script")
    direction = _direction(attribute="writing.direction")
    traits = fields.Dict(required=True, metadata=_described("Each as stated last, by the time of stating."))
    orders = fields.Integer(required=True, metadata=_described("Orders placed and not cancelled."))
    cancelled_orders = fields.Integer(required=True)
    spend = fields.List(fields.Nested(Money), required=True, metadata=_described("What the orders brought, less refunds."))
    gross_spend = fields.List(fields.Nested(Money), required=True, metadata=_described("The same before refunds."))
    refunds = fields.Nested(Refunds, required=True)
    first_order = fields.Nested(OrderSummary, required=True, allow_none=True)
    last_order = fields.Nested(OrderSummary, required=True, allow_none=True)
    products = fields.List(fields.Nested(BoughtProduct), required=True, metadata=_described("Up to 100, bought last first."))
    products_count = fields.Integer(required=True, metadata=_described("Different products in all."))
    categories = fields.List(fields.Nested(BoughtCategory), required=True, metadata=_described("Up to 100, bought last first."))
    categories_count = fields.Integer(required=True, metadata=_described("Different categories in all."))
    first_seen = fields.AwareDateTime(required=True, allow_none=True)
    last_seen = fields.AwareDateTime(
        required=True, allow_none=True, metadata=_described("Own doing only: a refund or an update by the shop does not count.")
    )
    activity = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, metadata=_described("Number of events by name.")
    )
    consent = fields.List(fields.Nested(Permission), required=True)
    journey = fields.Nested(Stage, required=True)
    average_order = fields.List(
        fields.Nested(Money), required=True, metadata=_described("What an order came to on average, before refunds.")
    )
    days_between_orders = fields.Nested(Gap, required=True, allow_none=True)
    favourites = fields.Nested(Favourites, required=True)
    reviews = fields.List(fields.Nested(Review), required=True, metadata=_described("Up to 50, the latest first."))
    survey_answers = fields.List(fields.Nested(SurveyAnswer), required=True, metadata=_described("Up to 50, the latest first."))


class ListedCustomer(Schema):
    """A customer in the directory."""

    found_by = fields.String(
        allow_none=True, metadata=_described("Where a `name` was looked for: `letters` or `sound`, in which its match lies.")
    )
    language = _language(attribute="language")
    script = _script(attribute="script")
    direction = _direction(attribute="direction")

    customer_id = fields.String(attribute="_id", required=True)
    name = fields.String(required=True, allow_none=True)
    emails = fields.List(fields.String(), required=True)
    phones = fields.List(fields.String(), required=True, metadata=_described("As the customer writes them."))
    orders = fields.Integer(required=True)
    spend = fields.List(fields.Nested(Money), required=True)
    first_seen = fields.AwareDateTime(required=True)
    last_seen = fields.AwareDateTime(required=True)


class CustomerPage(Schema):
    """Customers, one page."""

    items = fields.List(fields.Nested(ListedCustomer), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))


class TimelineEntry(Schema):
    """An event of a customer."""

    event_id = fields.String(attribute="_id", required=True)
    name = fields.String(required=True, metadata=_described("Name of the event in the catalogue."))
    time = fields.AwareDateTime(required=True, metadata=_described("When it happened."))
    identity_key = fields.String(required=True, metadata=_described("The key that it came with."))
    service = fields.String(required=True, metadata=_described("The service that told it; `shop` is the shop itself."))
    category = fields.String(required=True, metadata=_described("What it is about: `browsing`, `orders`, `messages`, `support`."))
    channel = fields.String(required=True, allow_none=True, metadata=_described("Where it happened; null where nothing told."))
    source = fields.String(required=True, metadata=_described("The shop's source that reported it; else the service."))
    backfill = fields.Boolean(required=True, metadata=_described("Imported history."))
    summary = fields.Dict(
        required=True, metadata=_described("Its main fields, as the event catalogue names them; of traits the names only.")
    )


class TimelinePage(Schema):
    """Events of a customer, newest first, one page."""

    items = fields.List(fields.Nested(TimelineEntry), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))
