"""The customers of the log whom the demo knows by name, and what they buy at a till. All of this is invented: the log has numbers only.

They are those who bought first of all, so that every run has the same ones, however many orders it replays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo.purchases import Purchase

# Given name, family name, language. The first five have one name, in as many scripts.
_NAMES = (
    ("ਗੁਰਪ੍ਰੀਤ", "ਕੌਰ", "pa-Guru"),
    ("گرپریت", "سنگھ", "pa-Arab"),
    ("ગુરપ્રીત", "પટેલ", "gu"),
    ("గుర్‌ప్రీత్", "రెడ్డి", "te"),
    ("Gurpreet", "Gill", "en"),
    ("عائشہ", "خان", "ur"),
    ("زرمینه", "یوسفزی", "ps"),
    ("Jürgen", "Müller", "de"),
)
ALIKE = 5
_AT_THE_TILL = 3
_TWINS = slice(4, 6)
_ASKED = 7
_DAY_AFTER = timedelta(days=1, hours=5)
_RECEIPTS = ((2, 2998), (1, 1249), (3, 4497))  # pieces and cents


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the log with an invented name, an address that no mail can reach, and a loyalty card."""

    user_id: str
    since: datetime
    given: str
    family: str
    language: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def email(self) -> str:
        return f"{self.user_id}@shop.example"

    @property
    def loyalty_card(self) -> str:
        return f"LC-{self.user_id}"


@dataclass(frozen=True)
class Cast:
    """All of them; fewer where the log has fewer customers. `namespace` is what the ids of the log begin with."""

    people: Sequence[Person]
    namespace: str

    @property
    def alike(self) -> Sequence[Person]:
        """Those who have one name, in different scripts."""
        return self.people[:ALIKE]

    @property
    def twins(self) -> tuple[Person, Person] | None:
        """Two whom somebody takes for one."""
        pair = self.people[_TWINS]
        return (pair[0], pair[1]) if len(pair) == 2 else None

    @property
    def asked(self) -> Person | None:
        """The one who is asked what may be written to them."""
        return self.people[_ASKED] if len(self.people) > _ASKED else None

    @property
    def store(self) -> str:
        """Where the till stands: receipt numbers are unique there."""
        return f"{self.namespace}-store"

    def at_the_till(self) -> list[tuple[Person, Purchase]]:
        """What the first of them bought in the store, on the day after their first order."""
        found = []
        for number, (person, (pieces, amount)) in enumerate(zip(self.people[:_AT_THE_TILL], _RECEIPTS, strict=False), 1001):
            order_id = f"{self.store}/{number}"  # as the collector makes it of store and receipt
            found.append((person, Purchase(order_id, person.user_id, person.since + _DAY_AFTER, pieces, amount)))
        return found


def cast(purchases: Iterable[Purchase], namespace: str) -> Cast:
    """The first customers of a log that is sorted by day."""
    first: dict[str, datetime] = {}
    for purchase in purchases:
        first.setdefault(purchase.user_id, purchase.placed_at)
        if len(first) == len(_NAMES):
            break
    people = [Person(user_id, since, *name) for (user_id, since), name in zip(first.items(), _NAMES, strict=False)]
    return Cast(people, namespace)
