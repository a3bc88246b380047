"""Ready-made segments for shops: rules to start from, with parameters that a shop sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be set of a template. Without a `default` it has to be; `amount` of the best customers is worked out where it is not."""

    name: str
    description: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Template:
    """A rule to start from, made by `make` out of its parameters."""

    id: str
    name: str
    description: str
    make: Callable[..., Rule] = field(repr=False)
    parameters: tuple[Parameter, ...] = ()

    def rule(self, given: Mapping[str, Any]) -> Rule:
        return self.make(**{one.name: given.get(one.name, one.default) for one in self.parameters})


def _days(name: str, description: str, default: int) -> Parameter:
    return Parameter(name, description, default)


def _last(days: int) -> Rule:
    return {"orders": "last", "within_last": {"days": days}}


def _not_since(days: int) -> Rule:
    return {"orders": "last", "more_than_ago": {"days": days}}


def _count(**range_: int) -> Rule:
    return {"orders": "count", **range_}


def _few(often: int) -> Rule:
    return {"orders": "count", "between": [2, max(2, often - 1)]}


def _all(*rules: Rule) -> Rule:
    return {"all": list(rules)}


_CURRENCY = Parameter("currency", "ISO 4217 code: `EUR`.")
_AMOUNT = Parameter(
    "amount",
    "Least spend in minor units. Left out, it is worked out so that `top_percent` of all buyers in the currency spent as much.",
)
_TOP = Parameter("top_percent", "The share of buyers to aim at, where no `amount` is given.", 5)

_SHOP = (
    Template(
        "new",
        "New customers",
        "First heard of lately, as somebody with a name of any kind or an order.",
        lambda days: {"any": [{"event": "customer_identified", "measure": "first", "within_last": {"days": days}},
                              {"orders": "first", "within_last": {"days": days}}]},
        (_days("days", "How long a customer is new.", 30),),
    ),
    Template("one-time", "One-time buyers", "Bought exactly once.", lambda: _count(equals=1)),
    Template("repeat", "Repeat buyers", "Bought at least twice.", lambda: _count(gte=2)),
    Template(
        "vip",
        "Top spenders",
        "Spent the most of all within a year, net of refunds.",
        lambda currency, amount, top_percent, days: {
            "orders": "spend", "currency": currency, "gte": amount, "within": {"days": days}},
        (_CURRENCY, _AMOUNT, _TOP, _days("days", "The time that counts.", 365)),
    ),
    Template(
        "lapsing",
        "Lapsing customers",
        "Bought, but not for a while: about to be lost.",
        lambda after, before: _all(_not_since(after), _last(before)),
        (_days("after", "Days without an order before it begins.", 60), _days("before", "Days after which they are lapsed.", 120)),
    ),
    Template(
        "lapsed",
        "Lapsed customers",
        "Bought once, and not for a long time.",
        lambda days: _not_since(days),
        (_days("days", "Days without an order.", 120),),
    ),
    Template(
        "discount-lovers",
        "Discount lovers",
        "Ordered with a coupon or a discount again and again.",
        lambda orders, days: {"any": [
            {"orders": "count", "gte": orders, "where": [{"property": "coupon", "exists": True}], "within": {"days": days}},
            {"orders": "count", "gte": orders, "where": [{"property": "discount", "gt": 0}], "within": {"days": days}}]},
        (Parameter("orders", "Least orders with a coupon or a discount.", 2), _days("days", "The time that counts.", 365)),
    ),
    Template(
        "cart-abandoners",
        "Cart abandoners",
        "Put something into a cart, then neither ordered nor did anything there for a while.",
        lambda minutes, days: _all(
            {"event": "product_added", "since_last_order": True, "within": {"days": days}},
            {"event": "product_added", "measure": "last", "more_than_ago": {"minutes": minutes}}),
        (Parameter("minutes", "Minutes after the last addition.", 60), _days("days", "Days after which a cart is forgotten.", 14)),
    ),
    Template(
        "category-fans",
        "Fans of a category",
        "Bought of a category more than once, or have it among the three that they are fondest of.",
        lambda category, orders: {"any": [
            {"orders": "count", "gte": orders, "where": [{"property": "category", "equals": category}]},
            {"affinity": "categories", "to": category, "top": 3, "share": 20}]},
        (Parameter("category", "The category, as the shop names it."), Parameter("orders", "Least orders with it.", 2)),
    ),
    Template(
        "birthday",
        "Birthday this week",
        "Have their birthday today or within the next days, by the shop's clock.",
        lambda days: {"trait": "birthday", "anniversary_within": {"days": days}},
        (_days("days", "Days, today the first.", 7),),
    ),
)  # fmt: skip

_RECENT = (_days("recent", "Days since the last order that are recent.", 60), _days("old", "Days that are long ago.", 180))
_OFTEN = Parameter("often", "Orders that are many.", 4)
_RFM = (
    Template(
        "rfm-champions",
        "RFM: champions",
        "Bought lately, often, and for much.",
        lambda currency, amount, top_percent, recent, old, often: _all(
            _last(recent), _count(gte=often), {"orders": "spend", "currency": currency, "gte": amount}),
        (_CURRENCY, _AMOUNT, Parameter("top_percent", "The share of buyers to aim at, where no `amount` is given.", 20), *_RECENT, _OFTEN),
    ),
    Template("rfm-loyal", "RFM: loyal", "Bought often, and not too long ago.",
             lambda recent, old, often: _all(_last(old), _count(gte=often)), (*_RECENT, _OFTEN)),
    Template("rfm-promising", "RFM: promising", "Bought lately, a few times.",
             lambda recent, old, often: _all(_last(recent), _few(often)), (*_RECENT, _OFTEN)),
    Template("rfm-new", "RFM: new", "Bought once, lately.",
             lambda recent, old: _all(_last(recent), _count(equals=1)), _RECENT),
    Template("rfm-at-risk", "RFM: at risk", "Bought a few times, but not lately.",
             lambda recent, old, often: _all(_not_since(recent), _last(old), _few(often)), (*_RECENT, _OFTEN)),
    Template("rfm-cannot-lose", "RFM: cannot lose them", "Bought often, but long ago.",
             lambda recent, old, often: _all(_not_since(old), _count(gte=often)), (*_RECENT, _OFTEN)),
    Template("rfm-hibernating", "RFM: hibernating", "Bought little, and long ago.",
             lambda recent, old, often: _all(_not_since(old), _count(lt=often)), (*_RECENT, _OFTEN)),
)  # fmt: skip

TEMPLATES: Mapping[str, Template] = {one.id: one for one in (*_SHOP, *_RFM)}
