"""A shop and its customers as the outside knows them: the published Segment client in front, the answers of the gateway behind."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from segment.analytics import Client

from deploy.local.settings import REPOSITORY
from tests.e2e.conftest import System

SECONDS = 30.0  # within which everything that an event means has to be seen everywhere
NOTHING_BACK: dict[str, Any] = {"count": 0, "amounts": []}  # refunds of who got none
LAMP = {"product_id": "lamp", "name": "Reading lamp", "category": "Home", "price": 40.0, "quantity": 1}
RUG = {"product_id": "rug", "name": "Rug", "category": "Home", "price": 30.0, "quantity": 2}


def becomes(read: Callable[[], Any], expected: Any, seconds: float = SECONDS) -> None:
    """Wait until `read` gives what is expected; the difference is shown where it does not in time."""
    deadline = time.monotonic() + seconds
    while (found := read()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == expected


def order(order_id: str, total: float = 100.0, **more: Any) -> dict[str, Any]:
    """The properties of an order: a lamp and two rugs for 100 euros, unless `more` says otherwise."""
    return {"order_id": order_id, "total": total, "currency": "EUR", "products": [LAMP, RUG], **more}


@dataclass
class Shop:
    """A source with a write key of its own, whose pages track with the published client; only its host is changed."""

    system: System
    name: str
    write_key: str = field(default_factory=lambda: f"wk_{secrets.token_urlsafe(24)}")
    lost: list[str] = field(default_factory=list)
    _days: int = 2

    def __post_init__(self) -> None:
        environment = {**self.system.stack.service_environment("collector"), "SAMBANDH_WRITE_KEY": self.write_key}
        command = [sys.executable, "-m", "services.collector", "sources", "ensure", self.name, "--kind", "web"]
        subprocess.run(command, env={**os.environ, **environment}, cwd=REPOSITORY, check=True, timeout=60)
        self.analytics = Client(self.write_key, host=self.system.url, on_error=self._on_error, upload_interval=0.05)

    def _on_error(self, error: Exception, messages: list[Any]) -> None:
        self.lost += [str(error)] * len(messages)

    def a_day_of_its_own(self) -> datetime:
        """Noon of a day within the last month on which nothing else happens in this shop."""
        self._days += 1
        assert self._days < 28, "the days of the last month are used up"
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        return noon - timedelta(days=self._days)

    def track(self, visitor: Mapping[str, str], event: str, properties: Mapping[str, Any], **more: Any) -> None:
        """`visitor` is {"user_id": ...} or {"anonymous_id": ...}; `more` may be timestamp and message_id."""
        self.analytics.track(event=event, properties=dict(properties), **visitor, **more)
        self.delivered()

    def identify(self, visitor: Mapping[str, str], traits: Mapping[str, Any], **more: Any) -> None:
        self.analytics.identify(traits=dict(traits), **visitor, **more)
        self.delivered()

    def delivered(self) -> None:
        """Wait until the client has an answer for everything that it was given: one message then arrives after the other."""
        self.analytics.flush()
        assert not self.lost, self.lost

    def close(self) -> None:
        self.analytics.join()

    def figures(self, day: date, by: str = "source", key: str | None = None) -> Any:
        """What analytics counts of this shop on a day; None while it knows of nothing."""
        path = f"/api/analytics/revenue?from={day}&to={day}&bucket=day&by={by}&currency=EUR&limit=100"
        found = {series["key"]: series["buckets"][0] for series in self.system.get(path)["series"]}
        return found.get(key or self.name)


@dataclass(frozen=True)
class Customer:
    """One customer through the eyes of each service. `identity` is whatever they are known by."""

    system: System
    identity: str

    def _at(self, service: str, what: str = "") -> Any:
        return self.system.find(f"/api/{service}/customers/{quote(self.identity, safe='')}{what}")

    @property
    def profile(self) -> Any:
        return self._at("profiles")

    @property
    def timers(self) -> Any:
        return self._at("reengagement", "/timers")

    @property
    def context(self) -> Any:
        return self._at("support", "/context")

    @property
    def mentions(self) -> Any:
        return (self._at("social", "/mentions") or {"items": []})["items"]

    def timeline(self, event: str | None = None) -> list[Any]:
        """Newest first."""
        found = self._at("profiles", f"/timeline?event={event}" if event else "/timeline")
        return list(found["items"]) if found else []

    def audiences(self) -> set[str]:
        found = self._at("campaigns", "/audiences")
        return {item["audience_id"] for item in found["items"]} if found else set()

    def armed(self) -> dict[str, Any]:
        """Pending timers by kind."""
        found = self.timers
        return {timer["kind"]: timer for timer in found["pending"]} if found else {}

    def standing(self) -> dict[str, Any]:
        """What an order came to, in each service that keeps something of the customer; nothing where it was not heard of."""
        profile, context = self.profile or {}, self.context or {}
        return {
            "profiles": {name: profile.get(name) for name in ("orders", "cancelled_orders", "spend", "gross_spend", "refunds")},
            "support": [
                (seen["order_id"], seen["status"], seen["amount"], seen["refunded"], seen["net"], len(seen["products"]))
                for seen in context.get("orders", ())
            ],
            "agents see spent": context.get("spend"),
            "reengagement": {kind: timer["order_id"] for kind, timer in self.armed().items() if kind == "lapse"},
            "campaigns": self.audiences(),
            "social": [(mention["author"] or {}).get("spend") for mention in self.mentions],
        }


class Buyer:
    """A customer of the shop with a handle, who buys on a day on which nobody else does."""

    def __init__(self, system: System, shop: Shop) -> None:
        tag = secrets.token_hex(4)
        self.shop, self.day = shop, shop.a_day_of_its_own()
        self.visitor, self.order_id, self.handle = {"user_id": f"buyer-{tag}"}, f"B-{tag}", f"buyer_{tag}"
        self.customer = Customer(system, f"user:buyer-{tag}")
        shop.identify(self.visitor, {"twitter": f"@{self.handle}"}, timestamp=self.day)
        mention = {"network": "x", "handle": self.handle, "external_id": f"post-{tag}", "text": "I like this shop"}
        system.call("POST", "/api/social/mentions", mention)

    def places_the_order(self, **more: Any) -> None:
        self.shop.track(self.visitor, "Order Completed", order(self.order_id), timestamp=self.day, **more)

    def heard(self, event: str, times: int = 1) -> None:
        """Wait until the event is on the timeline."""
        becomes(lambda: len(self.customer.timeline(event)), times)

    def standing(self) -> dict[str, Any]:
        figures = self.shop.figures(self.day.date()) or {}
        counted = ("orders", "units", "refunds", "cancelled", "new_customers", "returning_customers", "revenue")
        return {**self.customer.standing(), "analytics": {name: figures.get(name) for name in counted}}

    def expected(self, status: str, amount: int = 100_00, back: int = 0, lines: int = 2, units: int = 3) -> dict[str, Any]:
        """What an order of that status comes to in every service. Amounts in cents."""
        counts = status != "cancelled"
        net = amount - back if counts else 0
        spend = [{"currency": "EUR", "amount": net}] if counts else []
        gross = amount if counts else 0
        revenue = {"currency": "EUR", "gross": gross, "net": net, "refunded": back, "cancelled_amount": 0 if counts else amount}
        return {
            "profiles": {
                "orders": int(counts),
                "cancelled_orders": int(not counts),
                "spend": spend,
                "gross_spend": [{"currency": "EUR", "amount": amount}] if counts else [],
                "refunds": {"count": 1, "amounts": [{"currency": "EUR", "amount": back}]} if back else NOTHING_BACK,
            },
            "support": [(self.order_id, status, amount, back, net, lines)],
            "agents see spent": spend,
            "reengagement": {"lapse": self.order_id} if counts else {},
            "campaigns": {"first-time-buyers", "recent-buyers"} if counts else set(),
            "social": [spend],
            "analytics": {
                "orders": int(counts),
                "units": units if counts else 0,
                "refunds": int(bool(back)),
                "cancelled": int(not counts),
                "new_customers": int(counts),
                "returning_customers": 0,
                "revenue": [revenue],
            },
        }
