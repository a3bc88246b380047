"""What people do about consent at the doors of profiles: state words, confirm them, say how they wish to be contacted, make links."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.profiles.desk import UNKNOWN
from services.profiles.domain.consent.choices import Shown, asked_of_customers, chosen, shown, status_of, unfit
from services.profiles.domain.consent.links import Link, LinkKind, seal, unseal
from services.profiles.domain.consent.preferences import Wishes, wishes_of
from services.profiles.domain.consent.standing import standing
from services.profiles.domain.consent.words import Scope, Status
from services.profiles.domain.customer import Customer
from services.profiles.domain.rules import Rules
from services.profiles.storage import Customers, ledger
from services.profiles.storage.consent import key_of, rules_in
from shared.envelope import Event, derived_id, encode
from shared.errors import Gone, NotFound, Unprocessable
from shared.events import CONSENT_CONFIRMED, CONSENT_STATED, PREFERENCES_STATED, EventKind
from shared.identifiers import identity_key
from shared.identity import PREFIX, id_of
from shared.mongo import server_time
from shared.unit_of_work import UnitOfWork

_NOT_OURS = "This link is not valid: open it as it was sent, or ask for a new one."
_TOO_LATE = "This link has expired: ask for a new one."
_AHEAD = timedelta(minutes=10)  # further ahead than the doors of the collector let a clock be
_KINDS = ("user", "email", "phone", "loyalty", "external", "social", "device", "push", "anon")


@dataclass(frozen=True, slots=True)
class Party:
    """A customer, and the identity key under which what they say is filed."""

    key: str
    customer_id: str
    customer: Customer
    rules: Rules
    now: datetime

    @property
    def permissions(self) -> list[Shown]:
        return shown(standing(self.customer.consent, self.rules.consent), self.rules.consent, self.now)

    @property
    def moment(self) -> datetime:
        """Now, and after all that was said: a shop's clock may be minutes ahead, and what is said last has to count."""
        stands = standing(self.customer.consent, self.rules.consent)
        said = [*(one.at for one in stands.overall.values()), *(one.at for one in stands.requests)]
        return max([self.now, *(at + timedelta(milliseconds=1) for at in said if at < self.now + _AHEAD)])

    @property
    def wishes(self) -> Wishes:
        return wishes_of(self.customer.preferences)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when something is said: `told` are the fields of the event beside what is said. `once` tells a repeated request."""

    told: Mapping[str, Any]
    at: datetime | None = None
    once: str | None = None


class ConsentDesk:
    """Where customers, or the shop's people for them, say what they allow. Every method raises StoreAway."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work, self._database = work, work.database

    def party(self, identity: str) -> Party:
        """A customer by any identity. Raises NotFound."""
        found = Customers(self._database).find(identity)
        if found is None:
            raise NotFound(UNKNOWN)
        customer_id, customer = found
        key = key_of(self._database, identity)
        return Party(key or customer.identity_keys[0], customer_id, customer, self.rules(), server_time(self._database))

    def newcomer(self, identity: str) -> Party:
        """The same; somebody nobody heard of yet is welcome by an identity key. Raises NotFound for a customer id."""
        try:
            return self.party(identity)
        except NotFound:
            key = _key_in(identity)
            if key is None:
                raise
            return Party(key, "", Customer(), self.rules(), server_time(self._database))

    def rules(self) -> Rules:
        return rules_in(self._database)

    def state(self, party: Party, words: Sequence[tuple[Scope, Status]], how: Circumstances, confirmed: bool = False) -> Party:
        """Words are said. `confirmed`: elsewhere already, so that they count at once. Raises Unprocessable for words that cannot be."""
        rules = party.rules.consent
        wrong = {str(place): [why] for place, (scope, status) in enumerate(words) if (why := unfit(scope, status, rules))}
        if wrong:
            raise Unprocessable("The body cannot be used: see `fields`.", fields={"words": wrong})
        said = [
            {
                "purpose": scope.purpose,
                "channel": scope.channel,
                "status": (status if confirmed else status_of(scope, status, rules, how.told["source"])).value,
            }
            for scope, status in words
        ]
        return self._tell(party, CONSENT_STATED, {"words": said}, how)

    def prefer(self, party: Party, stated: Mapping[str, Any], how: Circumstances) -> Party:
        """Preferences are said: `topics`, `frequency`, `channel`, `language`; null takes one back. Raises Unprocessable."""
        unknown = sorted(set(stated.get("topics") or {}) - {topic.id for topic in party.rules.consent.topics})
        wrong = {"topics": [f"No topic has this name: {', '.join(unknown)}."]} if unknown else {}
        if stated.get("channel") and party.rules.consent.channel(stated["channel"]) is None:
            wrong["channel"] = ["No channel has this name."]
        if wrong:
            raise Unprocessable("The body cannot be used: see `fields`.", fields=wrong)
        cleared = [name for name in ("frequency", "channel", "language") if name in stated and stated[name] is None]
        known = {name: value for name, value in stated.items() if value is not None}
        return self._tell(party, PREFERENCES_STATED, {**known, **({"cleared": cleared} if cleared else {})}, how)

    def choose(self, party: Party, choices: Iterable[tuple[Scope, bool]], how: Circumstances) -> Party:
        """A customer says what they allow from now on; what they stand to already is not said again."""
        stands = standing(party.customer.consent, party.rules.consent)
        open_ = set(asked_of_customers(party.rules.consent))
        words = [(scope, chosen(scope, allowed, stands, party.now)) for scope, allowed in choices if scope in open_]
        said = [(scope, status) for scope, status in words if status is not None]
        return self.state(party, said, how) if said else party

    def link(self, party: Party, until: datetime) -> str:
        """The token by which a customer reaches their preferences until a time."""
        return seal(Link(LinkKind.PREFERENCES, id_of(party.key), until), party.rules.link_secret)

    def by_link(self, token: str, kind: LinkKind) -> tuple[Party, Link]:
        """Whose link this is. Raises NotFound for a token that is not ours, Gone for one that has expired."""
        link = unseal(token, kind, self.rules().link_secret)
        if link is None:
            raise NotFound(_NOT_OURS)
        if link.expires_at <= server_time(self._database):
            raise Gone(_TOO_LATE)
        try:
            return self.party(link.member), link
        except NotFound:
            raise NotFound(_NOT_OURS) from None

    def confirm(self, party: Party, link: Link, token: str, how: Circumstances) -> Party:
        """A grant is confirmed; doing so twice is doing it once. Raises NotFound where the grant is not on record."""
        if link.scope is None or link.asked_at is None:
            raise NotFound(_NOT_OURS)
        request = ledger.word_id(self._database, party.key, link.scope, link.asked_at)
        if request is None:
            raise NotFound(_NOT_OURS)
        data = {
            "purpose": link.scope.purpose,
            "channel": link.scope.channel,
            "request_id": request,
            "requested_at": link.asked_at.isoformat(),
        }
        return self._tell(party, CONSENT_CONFIRMED, data, Circumstances(how.told, once=token))

    def _tell(self, party: Party, kind: EventKind, data: Mapping[str, Any], how: Circumstances) -> Party:
        told = {name: value for name, value in {**data, **how.told}.items() if value is not None and value != {}}
        kind.check(told)
        event_id = derived_id(kind.source, kind.name, party.key, how.once) if how.once else str(uuid.uuid4())
        at = how.at or party.moment
        self._work.tell([Event(event_id, kind.name, kind.source, party.key, at, party.now, encode(told))], "people")
        return self.party(party.key)


def _key_in(identity: str) -> str | None:
    """The identity key that somebody wrote, in its one spelling; None for what is none."""
    kind, _, value = identity.partition(":") if ":" in identity else ("email", ":", identity)
    return identity_key(kind, value) if kind in _KINDS and not identity.startswith(PREFIX) else None
