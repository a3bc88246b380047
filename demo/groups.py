"""The segments that the demo makes, each beside a plain question to the log that says who has to be in it.

The log ends in 1998, and so do its customers: by today's clock all of them have lapsed, and templates with moving windows say so. To
see groups as the shop saw them then, the same rules ask with times that stand still, up to the midnight after the log's last order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo.figures import Buyer, Figures
from demo.purchases import CURRENCY

_VIP_PERCENT = 5
_CHAMPIONS_PERCENT = 20
_OFTEN, _RECENT, _OLD, _YEAR = 4, timedelta(days=60), timedelta(days=180), timedelta(days=365)
_FIRST_MONTH = timedelta(days=28)
_FIFTY_DOLLARS = 5_000
_LAPSED_DAYS = 120
Belongs = Callable[[Buyer], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """A segment: what profiles is asked to make (`rule`, or a `template` of its own), and who belongs to it by the log alone."""

    name: str
    made_of: Mapping[str, Any]
    belongs: Belongs

    @property
    def is_template(self) -> bool:
        return "template" in self.made_of


def groups(figures: Figures, now: datetime) -> list[Group]:
    """All of them, as of the end of what is replayed; `now` is what `lapsed` is judged by."""
    first, end = _span(figures)
    return [
        Group("One-time buyers", {"template": "one-time"}, lambda buyer: buyer.orders == 1),
        Group("Repeat buyers", {"template": "repeat"}, lambda buyer: buyer.orders > 1),
        Group("Lapsed customers", {"template": "lapsed"}, lambda buyer: _idle(buyer, now) > timedelta(days=_LAPSED_DAYS)),
        _top_spenders(figures, end),
        *_rfm(figures, end),
        by_hand(first),
    ]


def by_hand(first: datetime) -> Group:
    """One in which most of the language is used: spent in the first month, and never came back."""
    after = first + _FIRST_MONTH
    rule = {
        "all": [
            {"orders": "spend", "currency": CURRENCY, "gte": _FIFTY_DOLLARS, "during": [_text(first), _text(after)]},
            {"none": [{"orders": "last", "after": _text(after)}]},
        ]
    }

    def belongs(buyer: Buyer) -> bool:
        return spent_between(buyer, first, after) >= _FIFTY_DOLLARS and buyer.last.placed_at < after

    return Group("Spent $50 in the first month and never came back", {"rule": rule}, belongs)


def span_of(figures: Figures) -> tuple[datetime, datetime]:
    """The midnights (UTC) before the first order of the log and after the last."""
    return _span(figures)


def spent_between(buyer: Buyer, begin: datetime, end: datetime) -> int:
    """Cents of the orders from the one moment to before the other."""
    return sum(purchase.amount for purchase in buyer.purchases if begin <= purchase.placed_at < end)


def spend_of_best(spends: Sequence[int], percent: int) -> int:
    """What the best so many per cent spent at least."""
    best = sorted((one for one in spends if one), reverse=True)
    return best[max(0, len(best) * percent // 100 - 1)] if best else 1


def _top_spenders(figures: Figures, end: datetime) -> Group:
    begin = end - _YEAR
    least = spend_of_best([spent_between(buyer, begin, end) for buyer in figures.buyers.values()], _VIP_PERCENT)
    rule = {"orders": "spend", "currency": CURRENCY, "gte": least, "during": [_text(begin), _text(end)]}
    return Group("Top spenders of the last year", {"rule": rule}, lambda buyer: spent_between(buyer, begin, end) >= least)


def _rfm(figures: Figures, end: datetime) -> list[Group]:
    """The RFM groups: by the last order, by how many there were, and champions by what they spent as well."""
    recent, old = end - _RECENT, end - _OLD
    least = spend_of_best([buyer.spend for buyer in figures.buyers.values()], _CHAMPIONS_PERCENT)
    lately = _Part({"orders": "last", "after": _text(recent)}, lambda buyer: buyer.last.placed_at >= recent)
    not_lately = _Part({"orders": "last", "before": _text(recent)}, lambda buyer: buyer.last.placed_at < recent)
    not_long_ago = _Part({"orders": "last", "after": _text(old)}, lambda buyer: buyer.last.placed_at >= old)
    long_ago = _Part({"orders": "last", "before": _text(old)}, lambda buyer: buyer.last.placed_at < old)
    often = _Part({"orders": "count", "gte": _OFTEN}, lambda buyer: buyer.orders >= _OFTEN)
    not_often = _Part({"orders": "count", "lt": _OFTEN}, lambda buyer: buyer.orders < _OFTEN)
    few = _Part({"orders": "count", "between": [2, _OFTEN - 1]}, lambda buyer: 2 <= buyer.orders < _OFTEN)
    once = _Part({"orders": "count", "equals": 1}, lambda buyer: buyer.orders == 1)
    much = _Part({"orders": "spend", "currency": CURRENCY, "gte": least}, lambda buyer: buyer.spend >= least)
    return [
        _of("RFM: champions", lately, often, much),
        _of("RFM: loyal", not_long_ago, often),
        _of("RFM: promising", lately, few),
        _of("RFM: new", lately, once),
        _of("RFM: at risk", not_lately, not_long_ago, few),
        _of("RFM: cannot lose them", long_ago, often),
        _of("RFM: hibernating", long_ago, not_often),
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """A condition of a rule, and the same as a question to the log."""

    rule: Mapping[str, Any]
    belongs: Belongs


def _of(name: str, *parts: _Part) -> Group:
    return Group(name, {"rule": {"all": [one.rule for one in parts]}}, lambda buyer: all(one.belongs(buyer) for one in parts))


def _span(figures: Figures) -> tuple[datetime, datetime]:
    times = [purchase.placed_at for purchase in figures.purchases]
    return _midnight(min(times)), _midnight(max(times)) + timedelta(days=1)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _idle(buyer: Buyer, now: datetime) -> timedelta:
    return now - buyer.last.placed_at


def _text(at: datetime) -> str:
    return at.isoformat()
