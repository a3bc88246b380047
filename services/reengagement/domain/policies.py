"""When to remind: the settings of each kind of timer, as people set them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.commerce import LineItem


class Kind(StrEnum):
    """A kind of policy, as people call it."""

    CART = "cart"
    LAPSE = "lapse"
    REPLENISHMENT = "replenishment"


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which a policy was off; `until` None: it is off still."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What all kinds share. A timer that could not fire within `expires_after` of its due time is of no use any more.

    `version` counts the changes, 0 being the settings that come with the product. `pauses` are kept because a timer may fire between a
    change and the moment in which it reaches the customer: whether the policy was on decides, not whether it is.
    """

    enabled: bool = True
    expires_after: timedelta = timedelta(days=7)
    version: int = 0
    changed_at: datetime | None = None
    changed_by: str | None = None
    pauses: tuple[Pause, ...] = ()

    def was_on(self, at: datetime) -> bool:
        return not any(pause.since <= at and (pause.until is None or at < pause.until) for pause in self.pauses)


@dataclass(frozen=True, slots=True, kw_only=True)
class CartPolicy(Policy):
    """A cart is abandoned `delay` after the customer last touched it.

    `minimum_amounts` are minor units by currency; a cart worth less is left in peace. A cart whose worth is not known, or in another
    currency, is not held to be worth less. The same cart is announced once until an order closes it; with `again_after` once more for
    each time that it is touched again so long after the last reminder.
    """

    delay: timedelta = timedelta(hours=1)
    minimum_amounts: dict[str, int] = field(default_factory=dict)
    again_after: timedelta | None = None

    def is_worthwhile(self, amount: int | None, currency: str | None) -> bool:
        return amount is None or currency is None or amount >= self.minimum_amounts.get(currency, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LapsePolicy(Policy):
    """A customer has lapsed `delay` after the last order."""

    delay: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Override:
    """The shop's word on how many days one purchase lasts, for a product or a category. `days` None: it is not used up at all."""

    product_id: str | None = None
    category: str | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplenishmentPolicy(Policy):
    """A product is due one interval after its last purchase.

    The interval is the median of those between the customer's purchases of it, from `min_purchases` on, and never shorter than
    `shortest_interval` nor longer than `longest_interval`. An override replaces it, and needs one purchase only.
    """

    min_purchases: int = 2
    shortest_interval: timedelta = timedelta(days=1)
    longest_interval: timedelta = timedelta(days=365)
    overrides: tuple[Override, ...] = ()

    def override_for(self, line: LineItem) -> Override | None:
        """The one that names the product by its id or SKU, else the one that names its category."""
        named = [override for override in self.overrides if override.product_id in line.codes]
        category = line.category.casefold() if line.category else None
        of_category = [each for each in self.overrides if each.category and each.category.casefold() == category]
        return next(iter([*named, *of_category]), None)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of all kinds."""

    cart: CartPolicy = field(default_factory=CartPolicy)
    lapse: LapsePolicy = field(default_factory=LapsePolicy)
    replenishment: ReplenishmentPolicy = field(default_factory=ReplenishmentPolicy)

    def of(self, kind: Kind) -> CartPolicy | LapsePolicy | ReplenishmentPolicy:
        found: dict[Kind, CartPolicy | LapsePolicy | ReplenishmentPolicy] = {
            Kind.CART: self.cart,
            Kind.LAPSE: self.lapse,
            Kind.REPLENISHMENT: self.replenishment,
        }
        return found[kind]


def pauses_after(policy: Policy, enabled: bool, at: datetime) -> tuple[Pause, ...]:
    """The pauses of a policy that is switched on or off at a moment. The latest 50 are enough: timers expire long before."""
    if enabled == policy.enabled:
        return policy.pauses
    if not enabled:
        return (*policy.pauses, Pause(at))[-50:]
    return tuple(Pause(pause.since, pause.until or at) for pause in policy.pauses)
