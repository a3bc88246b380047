"""Audiences: named rules of who is addressed. All of them together are one document, changed as a whole."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

MOST_AUDIENCES = 200


class RuleKind(StrEnum):
    FIRST_TIME_BUYERS = "first_time_buyers"
    REPEAT_BUYERS = "repeat_buyers"
    HIGH_SPENDERS = "high_spenders"
    BOUGHT_RECENTLY = "bought_recently"
    CART_ABANDONERS = "cart_abandoners"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A kind of rule with its parameters; those that the kind does not have are None.

    first_time_buyers   exactly one order that counts
    repeat_buyers       `orders` or more that count
    high_spenders       net spend of at least `amount` minor units of `currency`, in the last `days` or ever
    bought_recently     bought `product_id` (or its SKU), or something of `category`, or anything, in the last `days`
    cart_abandoners     left a cart in the last `days` and placed no order since

    With `contactable` only those who may be contacted for marketing on that channel.
    """

    kind: RuleKind
    orders: int | None = None
    amount: int | None = None
    currency: str | None = None
    days: int | None = None
    product_id: str | None = None
    category: str | None = None
    contactable: str | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a kind of rule takes: parameters that it must have, and those with a value where none is given."""

    required: frozenset[str] = frozenset()
    optional: tuple[tuple[str, int | None], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return self.required | {name for name, _ in self.optional} | {"contactable"}


PARAMETERS = {
    RuleKind.FIRST_TIME_BUYERS: Parameters(),
    RuleKind.REPEAT_BUYERS: Parameters(optional=(("orders", 2),)),
    RuleKind.HIGH_SPENDERS: Parameters(frozenset({"amount", "currency"}), (("days", None),)),
    RuleKind.BOUGHT_RECENTLY: Parameters(optional=(("days", 30), ("product_id", None), ("category", None))),
    RuleKind.CART_ABANDONERS: Parameters(optional=(("days", 7),)),
}


@dataclass(frozen=True, slots=True)
class Audience:
    """`version` counts changes. `rule_since` is when the rule became what it is; None for a rule that was there from the start."""

    id: str
    name: str
    rule: Rule
    version: int = 1
    built_in: bool = False
    created_at: datetime | None = None
    rule_since: datetime | None = None


BUILT_IN = (
    Audience("first-time-buyers", "First-time buyers", Rule(kind=RuleKind.FIRST_TIME_BUYERS), built_in=True),
    Audience("repeat-buyers", "Repeat buyers", Rule(kind=RuleKind.REPEAT_BUYERS, orders=2), built_in=True),
    Audience(
        "high-spenders",
        "High spenders",
        Rule(kind=RuleKind.HIGH_SPENDERS, amount=500_00, currency="USD"),
        built_in=True,
    ),
    Audience("recent-buyers", "Bought in the last 30 days", Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30), built_in=True),
    Audience("cart-abandoners", "Cart abandoners", Rule(kind=RuleKind.CART_ABANDONERS, days=7), built_in=True),
)


@dataclass(frozen=True, slots=True)
class Audiences:
    """All audiences of the shop."""

    audiences: tuple[Audience, ...] = BUILT_IN

    @property
    def rules(self) -> dict[str, Rule]:
        """Rules by audience: where they change, every customer has to be looked at."""
        return {audience.id: audience.rule for audience in self.audiences}

    def listed(self, kind: RuleKind | None, after: str, most: int) -> list[Audience]:
        """Up to `most` audiences of a kind, or of any, whose names come after a name; names are unique, capitals aside."""
        wanted = [one for one in self.audiences if kind in (None, one.rule.kind) and one.name.casefold() > after.casefold()]
        return sorted(wanted, key=lambda one: one.name.casefold())[:most]

    def find(self, audience_id: str) -> Audience:
        """Raises UnknownAudience."""
        for audience in self.audiences:
            if audience.id == audience_id:
                return audience
        raise UnknownAudience(audience_id)


class AudienceError(Exception):
    """A change of the audiences that cannot be made."""


class UnknownAudience(AudienceError):
    pass


class NameTaken(AudienceError):
    """Another audience has this name; capitals make no difference."""


class TooManyAudiences(AudienceError):
    """There are as many as every customer can be held against."""


class ChangedMeanwhile(AudienceError):
    """The change is based on another version than `current`."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


def add(all_: Audiences, audience: Audience) -> Audiences:
    """Raises TooManyAudiences or NameTaken."""
    if len(all_.audiences) >= MOST_AUDIENCES:
        raise TooManyAudiences
    _check_name(all_, audience)
    return Audiences((*all_.audiences, audience))


def change(all_: Audiences, wanted: Audience, now: datetime) -> Audiences:
    """Give the audience of this id the name and rule of `wanted`, whose version is the one that the change is based on.

    Nothing new leaves the version. Raises UnknownAudience, ChangedMeanwhile or NameTaken.
    """
    known = _current(all_, wanted.id, wanted.version)
    if (known.name, known.rule) == (wanted.name, wanted.rule):
        return all_
    _check_name(all_, wanted)
    since = known.rule_since if wanted.rule == known.rule else now
    new = replace(known, name=wanted.name, rule=wanted.rule, version=known.version + 1, rule_since=since)
    return Audiences(tuple(new if audience.id == new.id else audience for audience in all_.audiences))


def remove(all_: Audiences, audience_id: str, version: int | None) -> Audiences:
    """`version` None removes whatever it is by now. Raises UnknownAudience or ChangedMeanwhile."""
    _current(all_, audience_id, version)
    return Audiences(tuple(audience for audience in all_.audiences if audience.id != audience_id))


def _current(all_: Audiences, audience_id: str, version: int | None) -> Audience:
    known = all_.find(audience_id)
    if version is not None and version != known.version:
        raise ChangedMeanwhile(known.version)
    return known


def _check_name(all_: Audiences, audience: Audience) -> None:
    if any(other.name.casefold() == audience.name.casefold() and other.id != audience.id for other in all_.audiences):
        raise NameTaken
