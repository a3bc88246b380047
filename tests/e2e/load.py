"""Orders of many customers, tracked in the background by the published client while something happens to the system."""

import secrets
import threading
from collections import Counter
from random import Random
from types import TracebackType
from typing import Any

from tests.e2e.conftest import System
from tests.e2e.journeys import Customer, Shop, becomes, order

CUSTOMERS = 150
_BURST = 10
_PAUSE = 0.1  # seconds between bursts: at most a hundred orders a second


class Load:
    """Tracks orders from entering the block to leaving it; `arrived` holds every total against what was tracked."""

    def __init__(self, system: System) -> None:
        self._system, self._tag = system, secrets.token_hex(4)
        self._shop = Shop(system, f"Busy shop {self._tag}")
        self._day = self._shop.a_day_of_its_own()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._random = Random(self._tag)
        self.orders, self.spend = Counter[str](), Counter[str]()  # by user id; money in cents

    @property
    def tracked(self) -> int:
        return self.orders.total()

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()
        if error is None:
            self._shop.delivered()
        self._shop.close()

    def _run(self) -> None:
        while not self._stopping.wait(_PAUSE):
            for _ in range(_BURST):
                self._track()

    def _track(self) -> None:
        user_id, cents = f"busy-{self._tag}-{self._random.randrange(CUSTOMERS)}", self._random.randrange(1, 100_00)
        properties = order(f"{self._tag}-{self.tracked}", cents / 100)
        self._shop.analytics.track(user_id, "Order Completed", properties, timestamp=self._day)
        self.orders[user_id] += 1
        self.spend[user_id] += cents

    def goes_on(self, orders: int = 200) -> None:
        """Wait until so many more orders were tracked."""
        goal = self.tracked + orders
        self._system.wait_until(lambda: self.tracked >= goal, "the load goes on")

    def arrived(self) -> None:
        """Everything that was tracked counts in analytics, profiles and support, once."""
        becomes(self._day_in_analytics, (self.orders.total(), self.spend.total()), 60)
        for user_id in self.orders:
            expected = self.orders[user_id], [{"currency": "EUR", "amount": self.spend[user_id]}]
            customer = Customer(self._system, f"user:{user_id}")
            becomes(lambda seen=customer: _of(seen.profile, "orders"), expected)
            becomes(lambda seen=customer: _of(seen.context, "orders_count"), expected)

    def _day_in_analytics(self) -> Any:
        found = self._shop.figures(self._day.date())
        return found and (found["orders"], found["revenue"][0]["gross"])


def _of(view: Any, count: str) -> Any:
    return view and (view[count], view["spend"])
