"""The models of profiles, and the rows that follow from them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeVar

import msgspec
from pymongo.database import Database

from services.profiles.catalogue import ABOUT_ORDERS
from services.profiles.domain import names
from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.domain.customer import Customer, combine
from services.profiles.domain.directory import entry_of
from services.profiles.domain.feed import FeedRules
from services.profiles.domain.identity.decisions import without_verdicts
from services.profiles.domain.identity.evidence import Links, partners, without
from services.profiles.domain.identity.orders import Holders, merge_holders
from services.profiles.domain.identity.resolution import Evidence, neighbours, resolve
from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.domain.privacy.retention import Retention
from services.profiles.domain.rules import Changed, ProfileRules, Rules
from services.profiles.storage.membership import SIZES, segments_of
from shared import documents
from shared.envelope import Event
from shared.errors import InvalidEvent
from shared.grouping import Belonging
from shared.handlers import Row
from shared.identity import PREFIX, id_of
from shared.model import Model
from shared.mongo import Document

INDEX = "customer_index"
SPEND = "customer_spend"
TIMELINE = "timeline"
REFUSED = "refused_merges"
DECISIONS = "identity_decisions"
CONSENT = "consent"  # the part of the settings about channels, purposes and topics
LINK_SECRET = "link_secret"  # noqa: S105 - the name of that part of the settings
IDENTITY = "identity"  # the part of the settings that says who is who
FEED = "feed"  # the part that says whether changes of customers are told
PROFILE = "profile"  # the part that says what is made of the facts of a customer
RETENTION = "retention"  # the part that says how long anybody is kept
P = TypeVar("P")
_ORDER_EVENTS = frozenset(kind.name for kind in ABOUT_ORDERS)


class Identities:
    """Who is who, as the runtime asks for it."""

    def evidence(self, state: Customer) -> object:
        return state.links, state.verdicts

    def neighbours(self, key: str, state: Customer, rules: Rules) -> Collection[str]:
        return neighbours(key, Evidence(state.links, state.verdicts), rules.identity)

    def partners(self, state: Customer) -> Collection[str]:
        return {*partners(state.links), *(key for verdict in state.verdicts.values() for key in verdict.identity_keys)}

    def without(self, state: Customer, keys: Collection[str]) -> Customer:
        return replace(state, links=without(state.links, keys), verdicts=without_verdicts(state.verdicts, keys))

    def resolve(self, states: Mapping[str, Customer], rules: Rules) -> Mapping[str, Belonging[Customer]]:
        evidence = {key: Evidence(state.links, state.verdicts) for key, state in states.items()}
        resolved = resolve(evidence, rules.identity)
        return {
            key: Belonging(
                found.name, states[key] if found.refused == states[key].refused else replace(states[key], refused=found.refused)
            )
            for key, found in resolved.items()
        }


class _Order(msgspec.Struct):
    order_id: str


def rules_of(settings: Mapping[str, Any] | None) -> Rules:
    """What the settings say; the rules that the product comes with where nobody changed them."""
    profile = _part(settings, PROFILE, ProfileRules)
    return Rules(
        identity=_part(settings, IDENTITY, IdentityRules),
        consent=_part(settings, CONSENT, ConsentRules),
        retention=_retention(settings),
        link_secret=(settings or {}).get(LINK_SECRET, ""),
        profile=profile,
        profile_changed=_changed(settings, PROFILE),
        consent_changed=_changed(settings, CONSENT),
        segments=segments_of(settings, profile.timezone),
        feed=_part(settings, FEED, FeedRules),
    )


def _part(settings: Mapping[str, Any] | None, part: str, kind: type[P]) -> P:
    stored = (settings or {}).get(part)
    return msgspec.convert(stored["rules"], kind) if stored else kind()


def _retention(settings: Mapping[str, Any] | None) -> Retention:
    changed = (settings or {}).get(RETENTION, {}).get("changed_at")
    return replace(_part(settings, RETENTION, Retention), since=changed)


def _changed(settings: Mapping[str, Any] | None, part: str) -> Changed:
    stored = (settings or {}).get(part)
    return Changed(stored["version"], stored["changed_at"]) if stored else Changed()


def order_keys(event: Event) -> Sequence[str]:
    """The key of the order that an event is about."""
    if event.name not in _ORDER_EVENTS:
        return ()
    try:
        return (f"order:{msgspec.json.decode(event.body, type=_Order).order_id}",)
    except msgspec.MsgspecError:
        raise InvalidEvent(f"{event.name}: order_id is missing or no text") from None


def orders_of(database: Database[Document], keys: Sequence[str]) -> list[str]:
    """Ids under which the orders are kept that were reported under these keys."""
    orders = database[TIMELINE].distinct("summary.order_id", {"identity_key": {"$in": list(keys)}})
    return [id_of(f"order:{order_id}") for order_id in orders]


def _told(customer: Customer) -> Customer:
    """What is known of one key, without what it knows of others."""
    return replace(customer, links=Links(), verdicts={}, refused=())


def _combine_holders(holders: Sequence[Holders]) -> Holders:
    return reduce(merge_holders, holders)


CUSTOMERS: Model[Customer] = Model(
    "customers", Customer, combine, rules=rules_of, regroup=Identities(), edition=names.EDITION, told=_told, sizes=(SIZES,)
)
ORDERS: Model[Holders] = Model("orders", Holders, _combine_holders, keys=order_keys)


def directory_rows(customer_id: str, customer: Customer) -> tuple[Row, ...]:
    """The rows that list a customer, none for one whom nobody would look for."""
    entry = entry_of(customer)
    if entry is None:
        return ()
    listed = documents.to_document(entry)
    spend = [Row(SPEND, f"{customer_id}:{money['currency']}", {"customer_id": customer_id, **money}) for money in listed["spend"]]
    return (Row(INDEX, customer_id, listed), *spend)


def refusal_rows(customer: Customer) -> tuple[Row, ...]:
    """The rows that list what the guard rails refused to a customer's keys."""
    return tuple(
        Row(REFUSED, pair_id(refusal.key, refusal.kept_key), documents.to_document(refusal)) for refusal in customer.refused
    )


def decision_rows(customer: Customer) -> tuple[Row, ...]:
    """The rows that list what people decided; of the two customers of a pair the one with the key that is named first has it."""
    return tuple(
        Row(DECISIONS, pair_id(*verdict.identity_keys), documents.to_document(verdict))
        for verdict in customer.verdicts.values()
        if verdict.identity_keys[0] in customer.identity_keys
    )


def pair_id(left: str, right: str) -> str:
    """The id of a pair of keys; it tells nothing about the person."""
    return f"{id_of(left).removeprefix(PREFIX)}-{id_of(right).removeprefix(PREFIX)}"
