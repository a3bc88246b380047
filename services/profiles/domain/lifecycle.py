"""The customer's journey: from visitor to loyal customer, out of sight, and back.

A stage is a function of the facts, the rules and the time, and of nothing else. Walking through the moments at which a fact or the clock
changes it tells all stages that there were, each with its date and reason, and when time alone will change the next.

    visitor      was here, left no name and did not buy
    lead         left a name of any kind, such as an address; also who bought and cancelled everything
    first_time   has bought, less often than an active customer
    active       has bought at least `active_orders` times
    loyal        has bought at least `loyal_orders` times, within any `loyal_within_days` up to now
    at_risk      has not bought for `at_risk_days`
    lapsed       has not bought for `lapsed_days`
    won_back     had lapsed, and bought once since

An order counts from its placing until its cancellation. A fact that is known holds at once, also where a client's clock puts it some
minutes ahead: only what time alone changes waits for the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from services.profiles.domain.activity import Sighting
from services.profiles.domain.customer import Customer
from services.profiles.domain.identity.kinds import is_device

_END = datetime.max.replace(tzinfo=UTC)
MOST_CHANGES = 50  # changes of stage that are told of, the latest ones


class Stage(StrEnum):
    VISITOR = "visitor"
    LEAD = "lead"
    FIRST_TIME = "first_time"
    ACTIVE = "active"
    LOYAL = "loyal"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"
    WON_BACK = "won_back"


class Reason(StrEnum):
    """What changed a stage."""

    SEEN = "seen"  # was here for the first time
    NAMED = "named"  # left a name of any kind
    ORDERED = "ordered"
    ORDER_CANCELLED = "order_cancelled"
    TIME_PASSED = "time_passed"  # without a further order


@dataclass(frozen=True, slots=True)
class LifecycleRules:
    """How many orders, and how many days without one, make which stage. `loyal_within_days` None: ever."""

    active_orders: int = 2
    loyal_orders: int = 4
    loyal_within_days: int | None = 365
    at_risk_days: int = 90
    lapsed_days: int = 180


class Change(NamedTuple):
    """The customer came into `stage` at that time, by the event `event_id`, about the order `order_id` if about one.

    Where time brought it, the event is the one since when time was counted. `backfill`: that event is imported history.
    """

    stage: Stage
    at: datetime
    reason: Reason
    event_id: str
    order_id: str | None = None
    backfill: bool = False


@dataclass(frozen=True, eq=False)
class Lifecycle:
    """All changes of stage up to now, the earliest first, and when time alone makes the next; None if it never does.

    A customer of whom nothing is known but a key is a visitor without any change.
    """

    changes: Sequence[Change]
    until: datetime | None

    @property
    def stage(self) -> Stage:
        return self.changes[-1].stage if self.changes else Stage.VISITOR

    @property
    def since(self) -> datetime | None:
        return self.changes[-1].at if self.changes else None


def stage_of(customer: Customer, rules: LifecycleRules, now: datetime) -> Stage:
    """The stage that a customer is in."""
    return lifecycle_of(customer, rules, now).stage


def lifecycle_of(customer: Customer, rules: LifecycleRules, now: datetime) -> Lifecycle:
    """The customer's journey up to now."""
    return _lives(tuple(sorted(_moments(customer))), rules).until(now)


class _Lives:
    """All changes that facts make, and those that time alone will make after them, if no further fact comes."""

    def __init__(self, changes: Sequence[Change], by_facts: int) -> None:
        self._changes, self._by_facts = changes, by_facts
        self._lives: dict[int, Lifecycle] = {}

    def until(self, now: datetime) -> Lifecycle:
        """What of it has come to pass."""
        past = self._by_facts
        while past < len(self._changes) and self._changes[past].at <= now:
            past += 1
        if past not in self._lives:
            following = self._changes[past].at if past < len(self._changes) else None
            self._lives[past] = Lifecycle(tuple(self._changes[max(0, past - MOST_CHANGES) : past]), following)
        return self._lives[past]


@lru_cache(maxsize=5_000)  # who is here is looked at with each event, and few events change anything in it
def _lives(moments: "tuple[_Moment, ...]", rules: LifecycleRules) -> _Lives:
    walk = _Walk(rules)
    for moment in moments:
        walk.pass_time(moment[0])
        walk.take(moment)
    by_facts = len(walk.changes)
    walk.pass_time(_END)
    return _Lives(walk.changes, by_facts)


# A fact that may change the stage: when, the place of its reason, event id, order id, imported. Facts of one moment go by these places.
_Moment = tuple[datetime, int, str, str, bool]
_PLACES = (Reason.SEEN, Reason.NAMED, Reason.ORDERED, Reason.ORDER_CANCELLED)
_SEEN, _NAMED, _ORDERED, _CANCELLED = range(len(_PLACES))


def _moments(customer: Customer) -> list[_Moment]:
    found: list[_Moment] = []
    first, known = customer.activity.first, _known_since(customer)
    if first:
        found.append((first.at, _SEEN, first.event_id, "", first.backfill))
    if known:
        found.append((known.at, _NAMED, known.event_id, "", known.backfill))
    for order_id, order in customer.orders.items():
        placed, cancelled = order.placed, order.cancelled
        if placed is None:
            continue
        never = cancelled is not None and cancelled.at <= placed.at  # cancelled before it was placed: a name was left
        found.append((placed.at, _NAMED if never else _ORDERED, placed.event_id, order_id, placed.backfill))
        if cancelled and not never:
            found.append((cancelled.at, _CANCELLED, cancelled.event_id, order_id, placed.backfill))
    return found


def _known_since(customer: Customer) -> Sighting | None:
    """When the customer first left a name of any kind. What was stored before that was noted tells the first sighting only."""
    if customer.known is None and not all(map(is_device, customer.identity_keys)):
        return customer.activity.first
    return customer.known


class _Walk:
    """Goes through a customer's life: the orders that count at the moment reached, the changes so far, and the next turn by time alone."""

    __slots__ = ("_at_risk", "_lapsed", "_loyal", "_named", "_rules", "_standing", "_won_back", "changes", "turn")

    def __init__(self, rules: LifecycleRules) -> None:
        self._rules = rules
        self._at_risk, self._lapsed = timedelta(days=rules.at_risk_days), timedelta(days=rules.lapsed_days)
        self._loyal = timedelta(days=rules.loyal_within_days) if rules.loyal_within_days else None
        self._named = False
        self._standing: list[_Moment] = []
        self._won_back: set[str] = set()  # orders that were placed by a customer who had lapsed
        self.changes: list[Change] = []
        self.turn: datetime | None = None

    def take(self, moment: _Moment) -> None:
        """Go on to a fact."""
        at, place, _, order_id, _ = moment
        self._named = self._named or place != _SEEN
        if place == _ORDERED:
            if self.changes and self.changes[-1].stage is Stage.LAPSED and self.changes[-1].at < at:
                self._won_back.add(order_id)  # one of the very moment of lapsing is in time
            self._standing.append(moment)
        elif place == _CANCELLED:
            self._standing = [order for order in self._standing if order[3] != order_id]
        elif self._standing:
            return
        self._enter(self._stage(at), at, _PLACES[place], moment)

    def pass_time(self, until: datetime) -> None:
        """Go on to a time, without any fact."""
        while self.turn and self.turn <= until:
            self._enter(self._stage(self.turn), self.turn, Reason.TIME_PASSED, self._standing[-1])

    def _enter(self, stage: Stage, at: datetime, reason: Reason, moment: _Moment) -> None:
        """Of several stages of one moment the last counts; a stage that is left and entered in one moment was never left."""
        changes = self.changes
        if not changes or changes[-1].stage is not stage:
            while changes and changes[-1].at == at:
                changes.pop()
            if not changes or changes[-1].stage is not stage:
                changes.append(Change(stage, at, reason, moment[2], moment[3] or None, moment[4]))
        self.turn = self._next_turn(stage)

    def _next_turn(self, stage: Stage) -> datetime | None:
        """When time alone ends a stage."""
        if not self._standing or stage is Stage.LAPSED:
            return None
        last = self._standing[-1][0]
        if stage is Stage.AT_RISK:
            return last + self._lapsed
        if stage is Stage.LOYAL and self._loyal:
            return min(last + self._at_risk, self._standing[-self._rules.loyal_orders][0] + self._loyal)
        return last + self._at_risk

    def _stage(self, at: datetime) -> Stage:
        if not self._standing:
            return Stage.LEAD if self._named else Stage.VISITOR
        last, orders = self._standing[-1], len(self._standing)
        idle = at - last[0]
        if idle >= self._at_risk:
            return Stage.LAPSED if idle >= self._lapsed else Stage.AT_RISK
        if last[3] in self._won_back:
            return Stage.WON_BACK
        if orders >= self._rules.loyal_orders and self._is_loyal(at):
            return Stage.LOYAL
        return Stage.ACTIVE if orders >= self._rules.active_orders else Stage.FIRST_TIME

    def _is_loyal(self, at: datetime) -> bool:
        return self._loyal is None or at - self._standing[-self._rules.loyal_orders][0] < self._loyal
