"""A crowd of customers and all that happens to them: every kind of event that profiles hears of, with what makes order matter elsewhere.

People have several keys, come in by one and go on by another, share tablets, give addresses that are nobody's, are told to be one person
and not to be; orders are reported by two sources, changed, refunded and cancelled; words about consent contradict each other. A third of
all events happens at full hours, so that many are of one moment.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from services.profiles.service import Profiles
from services.profiles.storage import CUSTOMERS
from shared import events
from shared.envelope import Event
from shared.events import CATALOGUE, EventKind
from shared.handlers import handlers_of
from tests.order_free import event

SAMPLES = Path(__file__).parent / "samples" / "events"
SAID_BY_DOORS = {events.CONSENT_STATED, events.CONSENT_CONFIRMED, events.PREFERENCES_STATED, events.IDENTITY_DECIDED}
KINDS = [
    kind
    for kind in CATALOGUE.values()
    if (kind.source != "profiles" or kind in SAID_BY_DOORS)
    and any((one.source, one.event, one.model) == (kind.source, kind.name, CUSTOMERS) for one in handlers_of(Profiles))
]
CATEGORIES, BRANDS = ("Shoes", "Bags", "Hüte", "Games"), ("Acme", "Hasbro", "ਪੰਜਾਬ")
NAMES = ("Ann Lee", "Gurpreet Kaur", "ਗੁਰਪ੍ਰੀਤ ਕੌਰ", "گرپریت کور", "Jürgen Weiß", "రాముడు")
SHARED = 4  # people who have a tablet together
_DAYS = 120

Data = dict[str, Any]


class Crowd:
    """Makes events of `people` customers, up to `now`; the same ones for the same seed."""

    def __init__(self, people: int, now: datetime, seed: int = 0) -> None:
        self._people, self._now, self._chance = people, now, Random(seed)
        self._households: dict[str, int] = {}
        self._samples = {kind: json.loads((SAMPLES / f"{kind.name}.json").read_text()) for kind in KINDS}
        self._makers: Mapping[EventKind, Callable[[int], Data]] = {
            events.CUSTOMER_IDENTIFIED: self._identified,
            events.IDENTITY_ALIASED: self._aliased,
            events.IDENTITY_DECIDED: self._decided,
            events.ORDER_COMPLETED: self._ordered,
            events.ORDER_UPDATED: self._ordered,
            events.ORDER_CANCELLED: lambda person: {"order_id": self._order(person), "products": []},
            events.ORDER_REFUNDED: self._refunded,
            events.CONSENT_STATED: self._stated,
            events.CONSENT_CONFIRMED: self._confirmed,
            events.UNSUBSCRIBED: lambda person: {"channel": self._channel(), "list_id": None},
            events.MESSAGE_COMPLAINED: lambda person: {"channel": self._channel()},
            events.PREFERENCES_STATED: lambda person: {"channel": self._channel(), "topics": {"sales": self._is(0.5)}},
            events.PRODUCT_REVIEWED: self._reviewed,
            events.SURVEY_ANSWERED: self._answered,
        }

    def events(self, count: int) -> list[Event]:
        """So many different events, every kind among them if they are more than the kinds; half are of the kinds that decide most."""
        telling = [*self._makers, events.PRODUCT_VIEWED, events.PRODUCT_ADDED, events.PAGE_VIEWED]
        kinds = [*KINDS, *(self._one_of(KINDS if self._is(0.5) else telling) for _ in range(count))][:count]
        return [self._event(kind, number) for number, kind in enumerate(kinds)]

    def household(self, heard: Event) -> int:
        """Whom an event is about, by the tablet that they share."""
        return self._households.get(heard.subject, 0)

    def _event(self, kind: EventKind, number: int) -> Event:
        person = self._chance.randrange(self._people)
        keys = self._keys(person)
        sample = self._samples[kind]
        data = {**sample, **self._product(sample), **(self._makers[kind](person) if kind in self._makers else {})}
        if kind is events.IDENTITY_DECIDED:
            keys = data["identity_keys"]
        elif kind is events.IDENTITY_ALIASED:
            keys = [data["current"], data["previous"]]
        if "identity_keys" in data:
            data["identity_keys"] = keys
        self._households |= dict.fromkeys(keys, person // SHARED)
        return event(kind, keys[0], data, self._time(), name=str(number), backfill=self._is(0.1))

    def _time(self) -> datetime:
        hours, exact = self._chance.randrange(_DAYS * 24), self._is(1 / 3)
        return self._now - timedelta(hours=hours + 1, milliseconds=0 if exact else self._chance.randrange(3_600_000))

    def _keys(self, person: int) -> list[str]:
        """The keys that an event comes with, its subject first."""
        named = [f"user:{person}", f"email:{person}@shop.example", f"phone:+4930{person:06}", f"loyalty:{person}"]
        devices = [f"anon:{person}-{self._one_of('ab')}", f"anon:tablet-{person // SHARED}", "email:test@test.com"]
        keys = [key for key in named if self._is(0.3)]
        keys += self._chance.choices(devices, [8, 1, 0.2]) if self._is(0.6) or not keys else []
        return keys

    def _identified(self, person: int) -> Data:
        traits = {
            "name": self._one_of(NAMES),
            "email": f"{person}@shop.example",
            "birthday": f"1990-{self._one_of(range(1, 13)):02}-{self._one_of(range(1, 29)):02}",
            "plan": self._one_of(("gold", "silver", None)),
            "points": self._one_of(range(10)),
            "address": {"city": self._one_of(("Berlin", "ਅੰਮ੍ਰਿਤਸਰ")), "country": "DE"},
        }
        said = {self._channel(): self._one_of(("granted", "denied"))}
        return {
            "traits": {name: value for name, value in traits.items() if self._is(0.5)},
            "consent": said if self._is(0.4) else None,
        }

    def _aliased(self, person: int) -> Data:
        return {"previous": f"anon:{person}-{self._one_of('ab')}", "current": f"user:{person}"}

    def _decided(self, person: int) -> Data:
        """Two who share a tablet are one customer, or are not."""
        first = person - person % SHARED
        left, right = self._chance.sample(range(first, first + SHARED), 2)
        sides = {"left": [f"user:{left}"], "right": [f"user:{right}"]}
        decision = self._one_of(("merge", "merge", "keep_apart"))
        return {"identity_keys": [*sides["left"], *sides["right"]], **sides, "decision": decision}

    def _order(self, person: int) -> str:
        return f"{person}-{self._one_of(range(8))}"

    def _ordered(self, person: int) -> Data:
        lines = [self._line() for _ in range(self._one_of((1, 2, 3)))]
        money = {"amount": sum(one["price"] * one["quantity"] for one in lines), "currency": self._one_of(("EUR", "EUR", "USD"))}
        coupon = self._one_of((None, "MAY"))
        return {
            "order_id": self._order(person),
            "products": lines,
            "coupon": coupon,
            "discount": self._one_of((None, 0, 100)),
            **money,
        }

    def _refunded(self, person: int) -> Data:
        order = self._order(person)
        return {"order_id": order, "refund_id": f"{order}-{self._one_of('xy')}", "amount": self._one_of((None, 200))}

    def _stated(self, person: int) -> Data:
        words = [
            {
                "purpose": purpose,
                "channel": self._channel(),
                "status": self._one_of(("granted", "denied", "pending", "withdrawn")),
            }
            for purpose in ("marketing", "profiling")
            if purpose == "marketing" or self._is(0.3)
        ]
        return {"words": words}

    def _confirmed(self, person: int) -> Data:
        return {"purpose": "marketing", "channel": self._channel(), "request_id": f"request-{person}"}

    def _reviewed(self, person: int) -> Data:
        return {"review_id": f"{person}-{self._one_of(range(3))}", "rating": str(self._one_of(range(1, 6)))}

    def _answered(self, person: int) -> Data:
        return {"response_id": f"{person}-{self._one_of(range(3))}", "score": self._one_of(range(6))}

    def _product(self, sample: Data) -> Data:
        """A product of the shop in place of the sample's."""
        return {name: value for name, value in self._line().items() if name in sample} if "product_id" in sample else {}

    def _line(self) -> Data:
        number = self._one_of(range(12))
        return {
            "product_id": f"product-{number}",
            "name": f"Product {number}",
            "category": CATEGORIES[number % len(CATEGORIES)],
            "brand": BRANDS[number % len(BRANDS)],
            "price": 100 + 50 * number,
            "quantity": self._one_of((1, 2)),
        }

    def _channel(self) -> str:
        return self._one_of(("email", "email", "sms", "push"))

    def _one_of(self, several: Sequence[Any]) -> Any:
        return self._chance.choice(several)

    def _is(self, share: float) -> bool:
        return self._chance.random() < share
