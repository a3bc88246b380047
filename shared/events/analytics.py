"""`analytics.events`: what the figures say about customers and about the days to come."""

from marshmallow import fields

from shared.events.fields import Choice, Count, Currency, Identifier, Share, optional, required
from shared.events.kind import EventData, EventKind, MinorUnits

SOURCE = "analytics"


class CustomerScored(EventData):
    customer_id = required(Identifier, "The customer.")
    recency = required(Count, "RFM: how recent the last order is, 1 (long ago) to 5.", least=1)
    frequency = required(Count, "RFM: how many orders there are, 1 (few) to 5.", least=1)
    monetary = required(Count, "RFM: how much was spent, 1 (little) to 5.", least=1)
    lifetime_value = optional(MinorUnits, "Expected net spend over the horizon of the model, in minor units of `currency`.")
    currency = optional(Currency, "ISO 4217 code of `lifetime_value`; present whenever that is.")
    churn_risk = optional(Share, "Probability that the customer has bought for the last time.")
    scored_at = required(fields.AwareDateTime, "The moment up to which orders were counted.")


class ForecastPoint(EventData):
    date = required(fields.Date, "The day.")
    expected = required(fields.Float, "The value expected, in the unit of the metric.")
    low = optional(fields.Float, "Lower end of the 80 % interval.")
    high = optional(fields.Float, "Upper end of the 80 % interval.")


class ForecastPublished(EventData):
    forecast_id = required(Identifier, "The forecast.")
    metric = required(Choice, "`revenue` in minor units of `currency`, or a number of `orders`.", "revenue", "orders")
    currency = optional(Currency, "ISO 4217 code; present for `revenue`.")
    made_at = required(fields.AwareDateTime, "The moment up to which facts were counted.")
    points = required(fields.List, "One point a day, ascending; never empty.", fields.Nested(ForecastPoint))


CUSTOMER_SCORED = EventKind(
    name="customer_scored",
    source=SOURCE,
    schema=CustomerScored,
    sent="The score of a customer changed: a place in RFM, or the expected value by more than the policy's threshold.",
    not_sent="For customers without an order that counts; for every customer every day.",
    key="`customer_id`: the latest `scored_at` is the score.",
    late="An older one than the latest known changes nothing.",
)
FORECAST_PUBLISHED = EventKind(
    name="forecast_published",
    source=SOURCE,
    schema=ForecastPublished,
    sent="A new forecast was made, once a day.",
    not_sent="When there is too little history to say anything.",
    key="`metric` and `currency`: the latest `made_at` is the forecast.",
    late="An older one than the latest known changes nothing.",
)
