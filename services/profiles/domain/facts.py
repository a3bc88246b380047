"""Data of events as profiles reads them: only the fields that it has a use for."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.profiles.domain.identity.decisions import Decision
from services.profiles.domain.privacy.requests import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What every event about a person says: the identity keys that it carried."""

    identity_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAsked:
    """Data of `erasure_requested` and of `export_requested`, which lacks what an erasure says."""

    customer_id: str
    identity_keys: tuple[str, ...]
    services: tuple[str, ...]
    requested_by: str
    erasure_id: str = ""
    export_id: str = ""
    reason: Reason = Reason.REQUEST
    happened_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Data of `erasure_completed`."""

    erasure_id: str
    service: str
    erased: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """Data of `export_provided`."""

    export_id: str
    service: str
    part: int
    parts: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """Data of the timer of a reminder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliased:
    """Data of `identity_aliased`: two keys of one person, said outright."""

    previous: str
    current: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Data of `identity_decided`: what a person decided about each key of the one side with each of the other, why, and who."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    decision: Decision
    decided_by: str
    reason: str

    def others(self, key: str) -> tuple[str, ...]:
        """The keys that are opposite to `key`."""
        opposite = (*(self.right if key in self.left else ()), *(self.left if key in self.right else ()))
        return tuple(other for other in opposite if other != key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What every event about an order says of which order it is."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Data of `order_matched`: two keys that reported one order."""

    order_id: str
    identity_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Data of `customer_identified`: traits as stated, null clearing one, and consent by channel (`granted`, `denied`)."""

    traits: dict[str, Any]
    consent: dict[str, str] | None = None
    shop_source: str = ""
    shop_source_kind: str = ""
    context: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Data of `product_reviewed`. What was written is left where it is."""

    review_id: str
    product_id: str
    rating: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Data of `survey_answered`. What was written is left where it is."""

    response_id: str
    survey_id: str
    kind: str
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """The advertising campaign that brought a visit, from its UTM parameters."""

    name: str | None = None
    source: str | None = None
    medium: str | None = None
    term: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page that an event was recorded on, and the address of the page before it."""

    url: str | None = None
    referrer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The circumstances of an event."""

    campaign: Campaign | None = None
    page: Page | None = None
    locale: str | None = None
    timezone: str | None = None
    device_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """A product in an event about several."""

    product_id: str
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What the timeline shows of an event of whatever kind; a field is None where the event does not have it.

    `name` is that of the page, the product, the promotion or the shop's own event. Amounts are minor units of `currency`.
    """

    shop_source: str
    channel: str | None = None
    context: Context | None = None
    order_id: str | None = None
    refund_id: str | None = None
    checkout_id: str | None = None
    cart_id: str | None = None
    amount: int | None = None
    discount: int | None = None
    price: int | None = None
    currency: str | None = None
    product_id: str | None = None
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    variant: str | None = None
    quantity: int | None = None
    query: str | None = None
    path: str | None = None
    coupon_id: str | None = None
    promotion_id: str | None = None
    wishlist_id: str | None = None
    list_id: str | None = None
    review_id: str | None = None
    rating: str | None = None
    share_via: str | None = None
    step: int | None = None
    group_id: str | None = None
    previous: str | None = None
    current: str | None = None
    products: tuple[Goods, ...] = ()
    traits: dict[str, Any] = field(default_factory=dict)
    consent: dict[str, str] | None = None
    properties: dict[str, Any] = field(default_factory=dict)
