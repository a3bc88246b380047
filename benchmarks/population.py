"""Customers of a large shop: some with a past that profiles was told event by event, and a great many after their pattern."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bson import json_util
from pymongo.database import Database

from benchmarks.seeding import multiply, templates
from benchmarks.shop_segments import CATEGORIES
from shared.envelope import Event, encode
from shared.mongo import Document
from shared.unit_of_work import UnitOfWork

_PATTERNS = 200
_WINDOW = 300  # events in one transaction
_UNCOPIED = ("timeline", "orders_facts", "consent_ledger")  # of which nothing is asked: rows of events, and of orders
_NAMES = ("Jane Roe", "Gurpreet Kaur", "ਗੁਰਪ੍ਰੀਤ ਕੌਰ", "Jürgen Weiß")


class Population:
    """So many customers, by their user ids. Nobody did anything within the last 20 days, and no window ends within some hours."""

    def __init__(self, customers: int) -> None:
        self._tag = secrets.token_hex(4)
        self._now = datetime.now(UTC).replace(microsecond=0)
        self.customers = customers

    def user(self, number: int) -> str:
        return f"{self._tag}-{number:07}"

    def key(self, number: int) -> str:
        return f"user:{self.user(number)}"

    def users(self, seed: int) -> Iterator[str]:
        """Customers by chance, each once."""
        return (self.user(number) for number in Random(seed).sample(range(self.customers), self.customers))

    def fill(self, work: UnitOfWork) -> int:
        """Tell of the first customers, copy the rest; how many documents were copied. Raises RuntimeError where a copy is not alike."""
        patterns = min(_PATTERNS, self.customers - 1)
        heard = self.past(patterns, 0)  # one with the past of the first, for comparison, told in the same transaction
        heard += [event for number in range(patterns) for event in self.past(number, number)]
        for start in range(0, len(heard), _WINDOW):
            work.apply(heard[start : start + _WINDOW])
        self._compare(work.database, patterns)
        made = templates(work.database, [self.key(number) for number in range(patterns)], _UNCOPIED)
        return multiply(work.database, made, [self.key(number) for number in range(patterns + 1, self.customers)])

    def _compare(self, database: Database[Document], other: int) -> None:
        """A copy is what profiles itself writes of a customer with such a past."""
        made = templates(database, [self.key(0)], _UNCOPIED)
        if "customers_facts" not in made:
            raise RuntimeError("no facts were found to copy")
        for name, (template,) in made.items():
            copied = [dict(copy) for copy in template.copies([self.key(other)])]
            written = [dict(one) for one in database[name].find({"_id": {"$in": [one["_id"] for one in copied]}})]
            if sorted(map(_told, copied)) != sorted(map(_told, written)):
                raise RuntimeError(f"copies are not what profiles writes into {name}")

    def past(self, number: int, pattern: int) -> list[Event]:
        """What happened to a customer; the same for the same pattern."""
        chance, user = Random(pattern), self.user(number)
        told = [("customer_identified", 300, {"traits": self._traits(user, chance)})]
        told += [
            ("order_completed", chance.randrange(20, 300), _order(user, n, chance)) for n in range(chance.choice((0, 0, 1, 2, 4)))
        ]
        told += [("product_viewed", chance.randrange(20, 90), _product(chance)) for _ in range(chance.randrange(5))]
        return [self._event(user, n, *one) for n, one in enumerate(told)]

    def _traits(self, user: str, chance: Random) -> dict[str, Any]:
        birthday = f"{chance.randrange(1950, 2005)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        plan = chance.choice(("free", "silver", "gold"))
        return {"name": chance.choice(_NAMES), "email": f"{user}@example.com", "birthday": birthday, "plan": plan}

    def _event(self, user: str, number: int, name: str, days_ago: int, data: dict[str, Any]) -> Event:
        """Windows are of whole days: hours later than now in its day, nothing turns while somebody measures."""
        at = self._now - timedelta(days=days_ago, hours=-6 - number)
        common = {"identity_keys": [f"user:{user}"], "shop_source": "Web shop", "shop_source_kind": "web", "channel": "web"}
        return Event(f"bench-{user}-{number}", name, "shop", f"user:{user}", at, self._now, encode({**common, **data}))


def _product(chance: Random) -> dict[str, Any]:
    number = chance.randrange(200)
    category = CATEGORIES[number % len(CATEGORIES)]
    money = {"price": 100 + 7 * number, "currency": "EUR", "quantity": 1}
    return {"product_id": f"product-{number}", "name": f"Product number {number}", "category": category, **money}


def _order(user: str, number: int, chance: Random) -> dict[str, Any]:
    lines = [_product(chance) for _ in range(2)]
    return {"order_id": f"{user}-{number}", "amount": sum(one["price"] for one in lines), "currency": "EUR", "products": lines}


def _told(document: Document) -> str:
    """What has to be the same; writes are counted by batches, which may part the one and not the other."""
    return json_util.dumps({name: value for name, value in document.items() if name != "version"}, sort_keys=True)
