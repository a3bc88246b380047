"""What happens in the shop: orders, refunds, cancellations and carts of some customers, in an order that is shuffled on purpose.

Everything comes from one seed. Each customer places orders within one quarter of an hour of the past that no other customer has, so that
counters which are kept by time are counters of customers too. Carts are as old as the reminder's delay but for a few seconds: their
timers fall due while the run goes on. Those that are bought are bought a second after they were left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from chaos.ledger import Fact, Kind

QUARTER = timedelta(minutes=15)
CART_DELAY = timedelta(hours=1)  # the policy of abandoned carts as the product comes
CONSUMED_AFTER = timedelta(days=1)  # the policy of replenishment that a run sets for its consumables
_MIXED = 64  # facts among which the next one is drawn: a refund may come long before its order


@dataclass(frozen=True, slots=True)
class Mix:
    """How much of what: probabilities, the number of customers, and the seconds until a timer is due.

    `bought` is the share of carts that are bought, `consumables` that of orders of `refills` products whose replenishment falls due.
    """

    customers: int = 200
    carts: float = 0.3
    bought: float = 0.5
    refunds: float = 0.2
    cancellations: float = 0.1
    due_within: tuple[float, float] = (3.0, 20.0)
    consumables: float = 0.03
    refills: int = 5


class Shop:
    """An endless stream of facts, the same for the same seed and start. `now` is asked for carts alone."""

    def __init__(self, seed: int, start: datetime, mix: Mix) -> None:
        self._random = Random(seed)
        self._mix = mix
        self._midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        self._tag = f"{self._random.getrandbits(32):08x}"
        self._waiting: list[Fact] = []

    def facts(self, now: datetime) -> Iterator[Fact]:
        """Facts that are sent about now, shuffled."""
        while True:
            while len(self._waiting) < _MIXED:
                self._waiting += self._something(now)
            yield self._waiting.pop(self._random.randrange(len(self._waiting)))

    def _something(self, now: datetime) -> list[Fact]:
        number = self._random.randrange(self._mix.customers)
        if self._random.random() < self._mix.carts:
            return self._cart(number, now)
        if self._random.random() < self._mix.consumables:
            return self._consumables(number, now)
        return self._order(number)

    def _order(self, number: int) -> list[Fact]:
        customer, start = self._customer(number), self._midnight - timedelta(days=2) - number * QUARTER
        order = self._fact(Kind.ORDER, customer, start)
        follow = []
        if self._random.random() < self._mix.refunds:
            follow.append(self._fact(Kind.REFUND, customer, start, order.id))
        if self._random.random() < self._mix.cancellations:
            follow.append(self._fact(Kind.CANCELLATION, customer, start, order.id))
        return [order, *follow]

    def _cart(self, number: int, now: datetime) -> list[Fact]:
        left = now - CART_DELAY + self._soon()
        cart = Fact(self._weight(), Kind.CART, self._customer(number), self._amount(), left)
        if self._random.random() >= self._mix.bought:
            return [cart]
        bought = Fact(self._weight(), Kind.ORDER, cart.customer, cart.amount, left + timedelta(seconds=1), cart.id)
        return [cart, bought]

    def _consumables(self, number: int, now: datetime) -> list[Fact]:
        at, amount = now - CONSUMED_AFTER + self._soon(), self._mix.refills * self._amount()
        return [Fact(self._weight(), Kind.ORDER, self._customer(number), amount, at, lines=self._mix.refills)]

    def _fact(self, kind: Kind, customer: str, start: datetime, about: str = "") -> Fact:
        at = start + timedelta(milliseconds=self._random.randrange(int(QUARTER.total_seconds() * 1000)))
        amount = 0 if kind is Kind.CANCELLATION else self._amount()
        return Fact(self._weight(), kind, customer, amount, at, about)

    def _customer(self, number: int) -> str:
        return f"{self._tag}-{number}"

    def _soon(self) -> timedelta:
        return timedelta(milliseconds=round(self._random.uniform(*self._mix.due_within) * 1000))

    def _weight(self) -> int:
        return self._random.getrandbits(64)

    def _amount(self) -> int:
        return self._random.randrange(100, 100_000)
