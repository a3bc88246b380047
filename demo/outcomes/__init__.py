"""What came of the replay: one witness for each service, who asks it over HTTP."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from rich.console import Console

from demo.cast import Cast
from demo.checks import Check
from demo.figures import Buyer, Figures
from demo.purchases import CURRENCY
from demo.reader import Reader
from shared.identity import id_of

SAMPLE = 24  # customers asked for one by one: enough to have some in each partition of a service, all but surely
_WAITING = 4  # ask no further once so many of them are not there yet


@dataclass(frozen=True)
class Replay:
    """What is replayed, and who can be asked about it."""

    reader: Reader
    figures: Figures
    cast: Cast
    source: str

    @property
    def namespace(self) -> str:
        """What the ids of the log's customers and orders begin with."""
        return self.cast.namespace

    @cached_property
    def sample(self) -> list[Buyer]:
        """Customers whose last orders are the last of all, and those who bought at the till."""
        latest = self.figures.latest(SAMPLE)
        at_the_till = [self.figures.buyers[person.user_id] for person, _ in self.cast.at_the_till()]
        return [*latest, *(buyer for buyer in at_the_till if buyer not in latest)]

    @cached_property
    def user_of(self) -> dict[str, str]:
        """User ids of the log's customers by customer id."""
        return {id_of(f"user:{user_id}"): user_id for user_id in self.figures.buyers}


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a service is, in a unit of its own."""

    done: int
    of: int
    unit: str

    @property
    def complete(self) -> bool:
        return self.done >= self.of


class Outcome(Protocol):
    """A witness. `reached` is asked again and again, `show` once, when everything is there or will not come any more."""

    @property
    def name(self) -> str: ...

    def reached(self) -> Reached: ...

    def show(self, console: Console) -> list[Check]: ...


class Sampling:
    """How far a service is that can be asked for one customer at a time: the orders it knows of the customers in the sample."""

    def __init__(self, buyers: list[Buyer], orders_of: Callable[[Buyer], int]) -> None:
        self._orders_of = orders_of
        self._known = {buyer.user_id: 0 for buyer in buyers}
        self._all = sum(buyer.orders for buyer in buyers)
        self._behind = deque(buyers)

    def reached(self) -> Reached:
        """Asks for those who are behind, in turn, until a few are found to be behind still."""
        still = 0
        for _ in range(len(self._behind)):
            buyer = self._behind.popleft()
            self._known[buyer.user_id] = min(self._orders_of(buyer), buyer.orders)
            if self._known[buyer.user_id] < buyer.orders:
                self._behind.append(buyer)
                still += 1
            if still == _WAITING:
                break
        return Reached(sum(self._known.values()), self._all, "orders of the sample")


def spent(amounts: list[dict[str, int | str]]) -> int:
    """Cents out of a list of {currency, amount}; customers who never paid have none."""
    return sum(int(each["amount"]) for each in amounts if each["currency"] == CURRENCY)
