"""Decisions of people about who is who: checked, shown beforehand, and taken as events like any other."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.identity.decisions import Decision
from services.profiles.domain.identity.merging import conflicts, kept_apart
from services.profiles.domain.profile import net_spend
from services.profiles.storage import CUSTOMERS, Customers
from services.profiles.storage.identities import Identities, IdentityRulesStore
from shared.commerce import counted
from shared.difference import Changes
from shared.envelope import Event, encode
from shared.errors import Conflict, NotFound, Unprocessable
from shared.events import IDENTITY_DECIDED, PROFILE_MERGED, PROFILE_SPLIT
from shared.identity import id_of
from shared.mongo import server_time
from shared.unit_of_work import UnitOfWork

MOST_PAIRS = 400
UNKNOWN = "No customer has this identity key, e-mail address or customer id. Identity keys look like user:42, URL-encoded."


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with its id; its first key is the strongest, the one that names it among them."""

    customer_id: str
    customer: Customer

    @property
    def keys(self) -> Sequence[str]:
        return self.customer.identity_keys

    @property
    def name(self) -> str:
        """The key that the customer is named after."""
        return next(key for key in self.keys if id_of(key) == self.customer_id)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision about each key of the one side with each of the other."""

    decision: Decision
    left: Sequence[str]
    right: Sequence[str]

    @property
    def keys(self) -> list[str]:
        return list(dict.fromkeys([*self.left, *self.right]))


@dataclass(frozen=True, slots=True)
class Why:
    """Who decides, and for what reason."""

    decided_by: str
    reason: str


class Desk:
    """Where people merge customers, part them, and keep them apart."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work, self._database = work, work.database
        self._customers = Customers(work.database)

    def person(self, identity: str) -> Person:
        """A customer by any identity. Raises NotFound."""
        found = self._customers.find(identity)
        if found is None:
            raise NotFound(UNKNOWN)
        return Person(*found)

    def merge(self, identity: str, other: str) -> list[Ruling]:
        """What to decide so that two customers are one. Raises NotFound; Conflict where they are one already or must not be."""
        left, right = self._two(identity, other)
        forbidden = kept_apart(left.customer, right.customer)
        if forbidden:
            raise Conflict(f"They are kept apart: take {len(forbidden)} pairs off the do-not-merge list first. See the preview.")
        most = IdentityRulesStore(self._database).current().rules.keys_per_customer
        if len(left.keys) + len(right.keys) > most:
            raise Conflict(f"Together they have more than {most} identity keys, which is more than one person has.")
        return [Ruling(Decision.MERGE, [left.name], [right.name])]

    def conflicts(self, identity: str, other: str) -> list[dict[str, Any]]:
        """In what two customers differ. Raises NotFound; Conflict where they are one already."""
        left, right = self._two(identity, other)
        rules = IdentityRulesStore(self._database).current().rules
        return [asdict(one) for one in conflicts(left.customer, right.customer, rules)]

    def take_back(self, identity: str, decision_id: str) -> list[Ruling]:
        """What to decide so that a merge never was. Raises NotFound where it holds nothing of the customer together."""
        pairs = Identities(self._database).pairs_of(decision_id, self.person(identity).keys)
        if not pairs:
            raise NotFound("This customer has no merge of that id, or it was taken back: see the customer's decisions.")
        return [Ruling(Decision.UNMERGE, [left], [right]) for left, right in pairs]

    def part(self, identity: str, keys: Sequence[str]) -> list[Ruling]:
        """What to decide so that some keys of a customer are not theirs and never will be. Raises NotFound, Unprocessable."""
        person = self.person(identity)
        strange = [key for key in keys if key not in person.keys]
        rest = [key for key in person.keys if key not in keys]
        if strange or not rest:
            wrong = "All of them must be keys of the customer." if strange else "At least one key must be left to the customer."
            raise Unprocessable("The body cannot be used: see `fields`.", fields={"identity_keys": [wrong]})
        if len(keys) * len(rest) > MOST_PAIRS:
            raise Unprocessable("The body cannot be used: see `fields`.", fields={"identity_keys": ["Part fewer keys at once."]})
        return [Ruling(Decision.KEEP_APART, list(keys), rest)]

    def keep_apart(self, identity: str, other: str) -> list[Ruling]:
        """What to decide so that two customers never are one. Raises NotFound; Conflict where they are one already."""
        left, right = self._two(identity, other)
        return [Ruling(Decision.KEEP_APART, [left.name], [right.name])]

    def let_merge(self, pair: str) -> list[Ruling]:
        """What to decide so that a pair may be one customer again. Raises NotFound."""
        found = Identities(self._database).pair(pair)
        if found is None or found["decision"] != Decision.KEEP_APART:
            raise NotFound("No pair of that id is on the do-not-merge list.")
        left, right = found["identity_keys"]
        return [Ruling(Decision.LET_MERGE, [left], [right])]

    def foresee(self, rulings: Sequence[Ruling]) -> list[dict[str, Any]]:
        """The customers that would come of decisions, each with those that it would be made of. Changes nothing."""
        changes = self._work.foresee(CUSTOMERS, self._events(rulings, Why("preview", "")))
        said = [announcement for announcement, _ in changes.announcements]
        return [_would_be(one.data, changes) for one in said if one.kind in (PROFILE_MERGED, PROFILE_SPLIT)]

    def decide(self, rulings: Sequence[Ruling], why: Why) -> dict[str, Any]:
        """Take decisions: they are published, and everything follows in one transaction. Returns the customers as they are then."""
        events = self._events(rulings, why)

        self._work.tell(events, "people")
        found = [self.person(key) for ruling in rulings for key in ruling.keys]
        people = {person.customer_id: _shown(person.customer_id, person.customer) for person in found}
        return {"decision_ids": [event.id for event in events], "customers": [people[one] for one in sorted(people)]}

    def _two(self, identity: str, other: str) -> tuple[Person, Person]:
        left, right = self.person(identity), self.person(other)
        if left.customer_id == right.customer_id:
            raise Conflict("Both are the same customer: unmerge it first.")
        return left, right

    def _events(self, rulings: Iterable[Ruling], why: Why) -> list[Event]:
        now = server_time(self._database)
        events = []
        for ruling in rulings:
            data = {"identity_keys": ruling.keys, **asdict(ruling), **asdict(why)}
            IDENTITY_DECIDED.check(data)
            kind, subject = IDENTITY_DECIDED, ruling.keys[0]
            events.append(Event(str(uuid.uuid4()), kind.name, kind.source, subject, now, now, encode(data)))
        return events


def _would_be(stated: Any, changes: Changes) -> dict[str, Any]:
    members = [member for member in changes.members if member.key in stated["identity_keys"]]
    made_of = sorted({stated["customer_id"], *stated.get("merged_from", ())}) if "merged_from" in stated else stated["split_from"]
    return {**_shown(stated["customer_id"], combine([member.state for member in members])), "made_of": made_of}


def _shown(customer_id: str, customer: Customer) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "identity_keys": customer.identity_keys,
        "orders": len(counted(customer.orders)),
        "spend": net_spend(customer),
    }
