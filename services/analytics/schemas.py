"""What analytics takes and gives over HTTP. Amounts of money are whole numbers of minor units (cents) of their currency."""

from datetime import date, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from services.analytics.domain.periods import MOST_BUCKETS, Bucket, known_timezones
from services.analytics.domain.rows import By

_EXAMPLE = "2026-05-31 or 2026-05-31T12:30:00+02:00"


class Moment(fields.String):
    """A date, or a time with or without an offset, as text; loaded as `date` or `datetime`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = str(super()._deserialize(value, attr, data, **kwargs)).strip()
        try:
            if len(text) == len("2026-05-31"):
                return date.fromisoformat(text)
            return datetime.fromisoformat(text.replace(" ", "+"))  # a `+` that was not escaped arrives as a space
        except ValueError:
            raise ValidationError(f"Use a date or a time in ISO 8601: {_EXAMPLE}.") from None


def _timezone(name: str) -> None:
    if name not in known_timezones():
        raise ValidationError("Use an IANA time zone such as Europe/Berlin.")


def _described(text: str) -> dict[str, Any]:
    return {"metadata": {"description": text}}


class TimezoneQuery(Schema):
    """In which time zone days are meant."""

    class Meta:
        unknown = EXCLUDE

    timezone = fields.String(
        load_default=None, validate=_timezone, **_described("IANA time zone; without it the shop's (see settings).")
    )


class RangeQuery(TimezoneQuery):
    """A stretch of time."""

    from_ = Moment(
        data_key="from",
        load_default=None,
        **_described(f"First date, or the moment from which on: {_EXAMPLE}. Default: 30 days up to `to`."),
    )
    to = Moment(
        load_default=None,
        **_described(
            "Last date, which is included, or the moment before which. Default: today. "
            "A time without an offset is meant in `timezone`."
        ),
    )


class BucketQuery(RangeQuery):
    """A stretch of time, divided. The first and the last bucket are whole ones even where the range begins or ends within."""

    bucket = fields.Enum(
        Bucket,
        by_value=True,
        load_default=Bucket.DAY,
        **_described(f"Length of a bucket, by the clock of `timezone`; weeks begin on Monday. At most {MOST_BUCKETS} buckets."),
    )


_CURRENCY = validate.Regexp(r"^[A-Z]{3}$", error="Use an ISO 4217 code such as USD.")


class RevenueQuery(BucketQuery):
    """Which figures."""

    by = fields.String(
        load_default=None,
        validate=validate.OneOf([By.SOURCE, By.CHANNEL, By.PRODUCT, By.CATEGORY]),
        **_described("One series for each source, sales channel, product or category, those with most orders first."),
    )
    currency = fields.String(
        load_default=None,
        validate=_CURRENCY,
        **_described("Only orders in this currency. Customers are counted over all currencies all the same."),
    )
    limit = fields.Integer(
        load_default=10, validate=validate.Range(1, 100), **_described("With `by`: how many series, 1 to 100.")
    )


class EventsQuery(BucketQuery):
    """Which volumes."""

    event = fields.String(load_default=None, **_described("Only the event of this name: `order_completed`."))


class ProductsQuery(RangeQuery):
    """Which products."""

    currency = fields.String(load_default=None, validate=_CURRENCY, **_described("Only sales in this currency."))
    sort = fields.String(
        load_default="revenue",
        validate=validate.OneOf(["revenue", "units"]),
        **_described("Most net revenue first, or most pieces first."),
    )
    limit = fields.Integer(
        load_default=10, validate=validate.Range(1, 100), **_described("How many products for each currency, 1 to 100.")
    )


class Revenue(Schema):
    """Money in one currency; amounts in different currencies are never added."""

    currency = fields.String(required=True, **_described("ISO 4217 code."))
    gross = fields.Integer(
        required=True,
        **_described(
            "What the orders came to that were placed in the bucket and were not cancelled: their amounts; by product and category "
            "price times pieces of the lines, without shipping, tax and discounts of the order."
        ),
    )
    net = fields.Integer(
        required=True,
        **_described(
            "`gross` less all that was refunded of these orders by now, whenever that was. By product and category only refunds of "
            "lines and of whole orders can be told; a refund of a sum is in the other figures alone."
        ),
    )
    refunded = fields.Integer(
        required=True,
        **_described("What the refunds made in the bucket took off orders that count, whenever those were placed."),
    )
    cancelled_amount = fields.Integer(
        required=True, **_described("What the orders had come to that were placed in the bucket and are cancelled by now.")
    )


class Figures(Schema):
    """What happened in one bucket."""

    start = fields.AwareDateTime(required=True, **_described("Beginning of the bucket, with the offset of the time zone."))
    end = fields.AwareDateTime(required=True, **_described("Where the next bucket begins."))
    orders = fields.Integer(required=True, **_described("Orders placed in the bucket and not cancelled."))
    units = fields.Integer(required=True, **_described("Pieces in these orders."))
    refunds = fields.Integer(
        required=True, **_described("Refunds made in the bucket that took something off an order that counts.")
    )
    cancelled = fields.Integer(required=True, **_described("Orders placed in the bucket and cancelled by now."))
    new_customers = fields.Integer(
        required=True, **_described("Customers whose first order of all (that counts) is one of the series in this bucket.")
    )
    returning_customers = fields.Integer(
        required=True,
        allow_none=True,
        **_described(
            "Different customers who ordered in the bucket and are not new in it. Null where the bucket is none in the shop's time "
            "zone, in which alone customers are counted once an hour, day, week and month."
        ),
    )
    revenue = fields.List(fields.Nested(Revenue), required=True, **_described("One entry for each currency of the answer."))


DEFINITIONS = {
    name: str(field.metadata["description"])
    for schema in (Figures(), Revenue())
    for name, field in schema.fields.items()
    if name not in ("start", "end", "revenue", "currency")
}


class Recount(Schema):
    """A new time zone of the shop is being applied; figures of customers are complete when this is gone."""

    done = fields.Integer(required=True, **_described("Identity keys looked at."))
    total = fields.Integer(required=True, **_described("An estimate of all."))


class Range(Schema):
    """The stretch of time that an answer is about."""

    from_ = fields.AwareDateTime(data_key="from", required=True)
    to = fields.AwareDateTime(required=True, **_described("Exclusive."))
    timezone = fields.String(required=True)


class Series(Schema):
    """The buckets of one source, sales channel, product or category, or of all."""

    key = fields.String(
        required=True,
        allow_none=True,
        **_described(
            "Name of the source, sales channel, product id or category; the empty text where orders say none; null for all together."
        ),
    )
    buckets = fields.List(fields.Nested(Figures), required=True)


class RevenueAnswer(Range):
    """Orders, revenue and customers over time. Every bucket is there, empty ones with zeros. Imported history counts."""

    bucket = fields.Enum(Bucket, by_value=True, required=True)
    by = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    recount = fields.Nested(Recount, required=True, allow_none=True)
    series = fields.List(fields.Nested(Series), required=True)
    more_series = fields.Boolean(required=True, **_described("Whether there are more series than `limit` let through."))
    definitions = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, **_described("What each figure means, in words.")
    )


class Product(Schema):
    """What was sold of one product."""

    product_id = fields.String(required=True)
    name = fields.String(
        required=True, allow_none=True, **_described("The name under which most orders had it; null where none said one.")
    )
    orders = fields.Integer(required=True, **_described("Orders that had it and were not cancelled."))
    units = fields.Integer(required=True, **_described("Pieces in these orders."))
    gross = fields.Integer(required=True, **_described("Price times pieces, without shipping, tax and discounts of the order."))
    net = fields.Integer(required=True, **_described("`gross` less refunds of its lines and of whole orders."))


class TopProducts(Schema):
    """The top products in one currency."""

    currency = fields.String(required=True)
    items = fields.List(fields.Nested(Product), required=True)


class ProductsAnswer(Range):
    """Top products, a list for each currency. The range is exact to a quarter of an hour."""

    sort = fields.String(required=True)
    currencies = fields.List(fields.Nested(TopProducts), required=True)


class Period(Schema):
    """The figures of a period up to now."""

    from_ = fields.AwareDateTime(data_key="from", required=True, allow_none=True, **_described("Null for the beginning."))
    to = fields.AwareDateTime(required=True, **_described("Exclusive."))
    orders = fields.Integer(required=True, **_described("Orders placed in the period and not cancelled."))
    customers = fields.Integer(
        required=True,
        allow_none=True,
        **_described("Different customers who placed them. Null for a yesterday that is no day in the shop's time zone."),
    )
    new_customers = fields.Integer(required=True, **_described("Those whose first order is in the period."))
    revenue = fields.List(fields.Nested(Revenue), required=True, **_described("One entry for each currency."))


class SummaryAnswer(Schema):
    """The figures at a glance."""

    timezone = fields.String(required=True)
    as_of = fields.AwareDateTime(required=True)
    recount = fields.Nested(Recount, required=True, allow_none=True)
    today = fields.Nested(Period, required=True)
    yesterday = fields.Nested(Period, required=True)
    last_7_days = fields.Nested(Period, required=True, **_described("Today and the six days before."))
    last_30_days = fields.Nested(Period, required=True, **_described("Today and the 29 days before."))
    ever = fields.Nested(Period, required=True)


class Count(Schema):
    """Events in one bucket."""

    start = fields.AwareDateTime(required=True)
    end = fields.AwareDateTime(required=True)
    count = fields.Integer(required=True)


class Volume(Schema):
    """How often an event was published, by the time at which it happened."""

    event = fields.String(required=True)
    source = fields.String(required=True, **_described("The service that publishes it; `shop` for what shops report."))
    total = fields.Integer(required=True, **_described("In the whole range."))
    buckets = fields.List(fields.Nested(Count), required=True)


class EventsAnswer(Range):
    """Volumes of the events that occurred in the range, most frequent first. Every message counts, also repeats of one order."""

    bucket = fields.Enum(Bucket, by_value=True, required=True)
    series = fields.List(fields.Nested(Volume), required=True)


class Settings(Schema):
    """The shop's settings."""

    timezone = fields.String(
        required=True,
        validate=_timezone,
        **_described(
            "IANA time zone in which days are meant where a request names none, and in which a customer counts once an hour, day, week "
            "and month. A new one recounts every customer."
        ),
    )


class SettingsAnswer(Settings):
    """The settings, and how far a recount is."""

    recount = fields.Nested(Recount, required=True, allow_none=True)
