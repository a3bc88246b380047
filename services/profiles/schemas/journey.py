"""Journeys over HTTP: stages and touchpoints of a customer, the journey of all, habits, traits over time, and the rules of it all."""

from dataclasses import asdict
from typing import Any
from zoneinfo import available_timezones

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from services.profiles.domain import rules
from services.profiles.domain.affinities import AffinityRules
from services.profiles.domain.lifecycle import LifecycleRules, Reason, Stage
from services.profiles.domain.traits import Strategy
from services.profiles.schemas.customers import Money
from services.profiles.schemas.identities import Progress
from shared.access.caller import Actor
from shared.http import PageQuery

MOST_DAYS = 3_660
_STAGES = validate.OneOf([stage.value for stage in Stage])


def _described(text: str) -> dict[str, Any]:
    return {"metadata": {"description": text}}


class Zone(fields.String):
    """An IANA time zone: `Asia/Kolkata`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=_is_zone, **kwargs)


def _is_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Give an IANA time zone, such as Asia/Kolkata.")


class JourneyQuery(PageQuery):
    """Which touchpoints to show."""

    lookback_days = fields.Integer(
        load_default=30,
        validate=validate.Range(1, 365),
        **_described("How long before an order a touchpoint may be to count as the one that led to it."),
    )


class StageChange(Schema):
    """A change of stage."""

    stage = fields.Enum(Stage, by_value=True, required=True)
    at = fields.AwareDateTime(required=True)
    reason = fields.Enum(Reason, by_value=True, required=True, **_described("`time_passed`: without a further order."))
    order_id = fields.String(
        required=True, allow_none=True, **_described("The order that changed it, or since which time has passed.")
    )
    event_id = fields.String(required=True)


class Touchpoint(Schema):
    """Where a customer and the shop met."""

    event_id = fields.String(attribute="_id", required=True)
    name = fields.String(required=True, **_described("Name of the event in the catalogue."))
    time = fields.AwareDateTime(required=True)
    by = fields.String(required=True, **_described("Who sought it: `customer` or `shop`."))
    channel = fields.String(required=True, allow_none=True, **_described("`web`, `email`, `mastodon`; null where nothing told."))
    campaign = fields.Dict(required=True, allow_none=True, **_described("The UTM parameters, or the campaign of a message."))
    referrer = fields.String(
        required=True, allow_none=True, **_described("Host of the page before, where it was somebody else's.")
    )
    summary = fields.Dict(required=True)


class OrderTouch(Schema):
    """An order, and what led to it."""

    order_id = fields.String(required=True)
    placed_at = fields.AwareDateTime(required=True)
    channel = fields.String(required=True, allow_none=True)
    last_touch = fields.Nested(Touchpoint, required=True, allow_none=True, **_described("Null: came by themselves."))


class Journey(Schema):
    """A customer's journey. Stages are the latest 50, orders the latest 50, touchpoints a page, the latest first."""

    customer_id = fields.String(required=True)
    stage = fields.Enum(Stage, by_value=True, required=True)
    until = fields.AwareDateTime(required=True, allow_none=True, **_described("When time alone changes the stage next."))
    stages = fields.List(fields.Nested(StageChange), required=True, **_described("The earliest first."))
    first_touch = fields.Nested(Touchpoint, required=True, allow_none=True)
    orders = fields.List(fields.Nested(OrderTouch), required=True)
    touchpoints = fields.List(fields.Nested(Touchpoint), required=True)
    next = fields.String(required=True, allow_none=True, **_described("Cursor of the next page of touchpoints; null at the end."))


class FlowQuery(Schema):
    """Which days to show the journey of all for: those on which customers came into a stage."""

    class Meta:
        unknown = EXCLUDE
        include = {
            "from": fields.Date(
                attribute="from", **_described("The first day, in the shop's time zone; 30 days ago unless given.")
            ),
            "to": fields.Date(attribute="to", **_described("The day after the last; tomorrow unless given.")),
        }

    by = fields.String(
        load_default="all",
        validate=validate.OneOf(["all", "day", "week", "month"]),
        **_described("One period for all days, or one for each day, week (by its Monday) or month that has any."),
    )

    @validates_schema
    def _ends_after_it_begins(self, data: dict[str, Any], **kwargs: Any) -> None:
        if "from" in data and "to" in data and not 0 < (data["to"] - data["from"]).days <= MOST_DAYS:
            raise ValidationError(f"Name a later day than `from`, at most {MOST_DAYS} days after it.", "to")


class Passage(Schema):
    """Customers who went on to another stage."""

    stage = fields.Enum(Stage, by_value=True, required=True)
    customers = fields.Integer(required=True)
    median_days = fields.Float(required=True, **_described("Days until half of them had; beyond a month to the week or month."))


class StageFlow(Schema):
    """What became of those who came into a stage in a period. Who comes into it twice counts twice."""

    stage = fields.Enum(Stage, by_value=True, required=True)
    entered = fields.Integer(required=True)
    stopped = fields.Integer(required=True, **_described("Those who have not gone on until now."))
    passed = fields.List(fields.Nested(Passage), required=True, **_described("Where the others went on to, most first."))


class FlowPeriod(Schema):
    """The stages in which somebody came in a period."""

    begins = fields.Date(required=True)
    stages = fields.List(fields.Nested(StageFlow), required=True)


class StageCount(Schema):
    """How many are in a stage now."""

    stage = fields.Enum(Stage, by_value=True, required=True)
    customers = fields.Integer(required=True)


class Flow(Schema):
    """The journey of all customers, imported history included."""

    timezone = fields.String(required=True)
    periods = fields.List(fields.Nested(FlowPeriod), required=True)
    now = fields.List(fields.Nested(StageCount), required=True, **_described("Visitors, who left no name, are not counted here."))


class InStage(Schema):
    """A customer in a stage."""

    customer_id = fields.String(required=True)
    since = fields.AwareDateTime(required=True)
    reason = fields.String(required=True)
    until = fields.AwareDateTime(required=True, allow_none=True, **_described("When time alone changes the stage next."))
    name = fields.String(dump_default=None, allow_none=True)
    emails = fields.List(fields.String(), dump_default=list)
    orders = fields.Integer(dump_default=0)
    spend = fields.List(fields.Nested(Money), dump_default=list)


class InStagePage(Schema):
    """Customers in a stage, who came into it last first, one page."""

    items = fields.List(fields.Nested(InStage), required=True)
    next = fields.String(required=True, allow_none=True, **_described("Cursor of the next page; null at the end."))


class HabitsQuery(Schema):
    """In which zone to tell hours."""

    class Meta:
        unknown = EXCLUDE

    timezone = Zone(**_described("IANA zone of `hours`; unless given that of the customer's client, else the shop's."))


class SearchMade(Schema):
    """Something that was searched for."""

    query = fields.String(required=True)
    times = fields.Integer(required=True)
    last_at = fields.AwareDateTime(required=True)


class Habits(Schema):
    """How a customer comes, out of the latest 1,000 things that they did."""

    events = fields.Integer(required=True, **_described("How many it is worked out of."))
    since = fields.AwareDateTime(required=True, allow_none=True)
    channels = fields.Dict(required=True, **_described("How often through each channel."))
    devices = fields.Dict(required=True, **_described("How often on each kind of device, where the client told."))
    locale = fields.String(required=True, allow_none=True, **_described("Language and region that a client named last: `pa-IN`."))
    timezone = fields.String(required=True)
    hours = fields.List(fields.Integer(), required=True, **_described("How often at each hour of the day, 0 to 23."))
    preferred_hour = fields.Integer(required=True, allow_none=True)
    searches = fields.List(fields.Nested(SearchMade), required=True, **_described("Up to 20, the latest first."))


class StatedValue(Schema):
    """A value that a trait had."""

    value = fields.Raw(required=True, allow_none=True)
    stated_at = fields.AwareDateTime(attribute="at", required=True, **_described("When it was stated last."))
    source = fields.String(required=True, allow_none=True, **_described("The shop's source that stated it last."))
    event_id = fields.String(required=True)


class TraitHistory(Schema):
    """A trait over time."""

    name = fields.String(required=True)
    value = fields.Raw(required=True, allow_none=True, **_described("What holds, by the strategy."))
    strategy = fields.Enum(Strategy, by_value=True, required=True)
    first_stated_at = fields.AwareDateTime(required=True, allow_none=True)
    history = fields.List(
        fields.Nested(StatedValue), required=True, **_described("Up to ten different values, the one that was stated last first.")
    )


class TraitHistories(Schema):
    """All traits of a customer with their history."""

    customer_id = fields.String(required=True)
    items = fields.List(fields.Nested(TraitHistory), required=True)


def _count(description: str, least: int, most: int, **kwargs: Any) -> fields.Integer:
    return fields.Integer(required=True, strict=True, validate=validate.Range(least, most), **_described(description), **kwargs)


class LifecycleSettings(Schema):
    """Which orders and which days without one make which stage."""

    active_orders = _count("Orders from which on a customer is `active`.", 2, 100)
    loyal_orders = _count("Orders from which on a customer is `loyal`; not fewer than `active_orders`.", 2, 1_000)
    loyal_within_days = _count("Within so many days up to now; null: ever.", 1, MOST_DAYS, allow_none=True)
    at_risk_days = _count("Days without an order after which a customer is `at_risk`.", 1, MOST_DAYS)
    lapsed_days = _count("Days without an order after which a customer has `lapsed`; more than `at_risk_days`.", 2, MOST_DAYS)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data["lapsed_days"] <= data["at_risk_days"]:
            raise ValidationError("Name more days than `at_risk_days`.", "lapsed_days")
        if data["loyal_orders"] < data["active_orders"]:
            raise ValidationError("Name at least as many orders as `active_orders`.", "loyal_orders")


_WORDS = fields.String(validate=[validate.Length(1, 50), validate.Regexp(r"^\S(.*\S)?$")])


class AffinitySettings(Schema):
    """What counts how much for favourites."""

    half_life_days = _count("After so many days a signal weighs half as much.", 1, MOST_DAYS)
    viewed = _count("What a view counts.", 0, 1_000)
    wished = _count("What putting on a wishlist counts.", 0, 1_000)
    carted = _count("What putting in a cart counts.", 0, 1_000)
    bought = _count("What an order with it counts.", 0, 1_000)
    colours = fields.List(_WORDS, required=True, validate=validate.Length(max=500), **_described("Words that name a colour."))
    sizes = fields.List(
        _WORDS, required=True, validate=validate.Length(max=500), **_described("Words for sizes beside the usual: `queen`.")
    )


class ProfileRules(Schema):
    """What is made of the facts of a customer."""

    lifecycle = fields.Nested(LifecycleSettings, required=True)
    affinities = fields.Nested(AffinitySettings, required=True)
    traits = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 255)),
        values=fields.Enum(Strategy, by_value=True),
        required=True,
        validate=validate.Length(max=500),
        **_described(
            "The strategy of each trait that is not simply its latest value: `non_empty`, `first`, `largest`, `smallest`, `union` "
            "(all values that are remembered, elements of lists one by one), `latest`."
        ),
    )
    timezone = Zone(required=True, **_described("The shop's IANA time zone, for the days of journeys and for habits."))

    @staticmethod
    def made(data: dict[str, Any]) -> rules.ProfileRules:
        """The rules of a loaded body."""
        affinities = {**data["affinities"], **{name: _folded(data["affinities"][name]) for name in ("colours", "sizes")}}
        return rules.ProfileRules(
            LifecycleRules(**data["lifecycle"]), AffinityRules(**affinities), dict(data["traits"]), data["timezone"]
        )

    @staticmethod
    def shown(stored: rules.ProfileRules) -> dict[str, Any]:
        """The rules as they are shown."""
        return {
            "lifecycle": asdict(stored.lifecycle),
            "affinities": asdict(stored.affinities),
            "traits": dict(stored.traits),
            "timezone": stored.timezone,
        }


def _folded(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.casefold() for word in words))


class ChangeProfileRules(ProfileRules):
    """New rules in place of those of `version`."""

    version = fields.Integer(
        required=True, strict=True, validate=validate.Range(0), **_described("The version that was read and is changed.")
    )
    changed_by = Actor(sent_back=True)


class StoredProfileRules(ProfileRules):
    """The rules that hold."""

    version = fields.Integer(required=True, **_described("Counts the changes; 0: as the product comes."))
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    reevaluation = fields.Nested(
        Progress, required=True, allow_none=True, **_described("Null once every customer was looked at by these rules.")
    )
