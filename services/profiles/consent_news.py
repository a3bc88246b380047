"""What profiles tells the other services about consent, and when it has to look again because a request ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.profiles.domain.consent.links import Link, LinkKind, seal
from services.profiles.domain.consent.preferences import wishes_of
from services.profiles.domain.consent.rules import MARKETING
from services.profiles.domain.consent.standing import Request, Standing, standing
from services.profiles.domain.consent.words import Status
from services.profiles.domain.customer import Customer
from services.profiles.domain.identity.kinds import kind_of
from services.profiles.domain.rules import Rules
from services.profiles.domain.traits import text_of
from shared.events import CONSENT_CHANGED, CONTACT_PERMISSION_CHANGED, OPT_IN_EXPIRED, OPT_IN_REQUESTED
from shared.handlers import Announcement, Timer
from shared.identifiers import identity_key
from shared.identity import id_of
from shared.timers import look_again

_ADDRESSES = {"email": "email", "sms": "phone", "whatsapp": "phone", "phone": "phone"}
_TAG = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")


@dataclass(frozen=True, slots=True)
class ConsentNews:
    """All that follows from what a customer allows."""

    announcements: tuple[Announcement, ...] = ()
    timers: tuple[Timer, ...] = ()


def consent_news(customer_id: str, customer: Customer, rules: Rules, now: datetime) -> ConsentNews:
    """Permissions by identity key, changes of consent as people speak of it, requests, and the moment when the next of them ends."""
    if not customer.consent:
        return ConsentNews()
    stands = standing(customer.consent, rules.consent)
    whom = {"customer_id": customer_id, "identity_keys": list(customer.identity_keys)}
    said = (
        *_permissions(stands, whom, now),
        *_changes(stands, whom, now),
        *(_requested(one, whom, customer, rules.link_secret) for one in stands.open_requests(now) if not one.backfill),
        *(_expired(one, whom) for one in stands.requests if one.expires_at <= now and not one.backfill),
    )
    due = min((one.expires_at for one in stands.open_requests(now)), default=None)
    return ConsentNews(said, (look_again(f"{customer_id}/opt_in", customer_id, customer.identity_keys, due),) if due else ())


def _permissions(stands: Standing, whom: dict[str, Any], now: datetime) -> Iterator[Announcement]:
    """What each identity key allows, said under it, so that whoever keeps the latest of each is right after every merge and split.

    It is known by the word that brought it: repeating it makes no news. A word that is heard late may make an earlier one decide again:
    that is said again, and the time of saying tells which holds. Imported history is told as such, for those who contact.
    """
    for held in stands.by_key:
        data = {
            **whom,
            "purpose": held.scope.purpose,
            "channel": held.scope.channel,
            "may_be_contacted": held.allows,
            "reasons": [held.status.value],
            "changed_at": held.at.isoformat(),
            "word_id": held.word_id,
        }
        key = f"{held.identity_key}/{held.scope.line}/{held.word_id}"
        yield Announcement(CONTACT_PERMISSION_CHANGED, key, held.identity_key, now, data, held.backfill, now.isoformat())


def _changes(stands: Standing, whom: dict[str, Any], now: datetime) -> Iterator[Announcement]:
    """What holds for marketing on each channel, for all keys together. Imported history makes no news.

    Said of the customer by whom it holds: after a merge or a split again, and so after a late word that makes an earlier one hold again.
    """
    for scope, held in sorted(stands.overall.items()):
        if scope.purpose == MARKETING and not held.backfill:
            status = Status.GRANTED if held.allows else Status.DENIED
            data = {**whom, "channel": scope.channel, "status": status.value, "changed_at": held.at.isoformat()}
            key = f"{whom['customer_id']}/{held.identity_key}/{scope.channel}/{held.word_id}"
            yield Announcement(CONSENT_CHANGED, key, held.identity_key, now, data, occasion=now.isoformat())


def _requested(request: Request, whom: dict[str, Any], customer: Customer, secret: str) -> Announcement:
    data = {
        **_opt_in(request, whom),
        "requested_at": request.at.isoformat(),
        "expires_at": request.expires_at.isoformat(),
        "token": opt_in_token(request, secret),
    }
    address = address_of(customer, request)
    further = {"language": _language(customer), "address_key": address}
    known = {**data, **{name: value for name, value in further.items() if value}}
    key = f"{request.id}/addressed" if address else request.id  # said again, once, where the address is heard of later
    return Announcement(OPT_IN_REQUESTED, key, request.identity_key, request.at, known)


def _language(customer: Customer) -> str | None:
    """The language that the customer chose, else one that was stated of them as a tag."""
    stated = (text_of(customer.traits, name) for name in ("language", "locale"))
    tags = (wishes_of(customer.preferences).language, *(tag.replace("_", "-") for tag in stated if tag))
    return next((tag for tag in tags if tag and _TAG.fullmatch(tag)), None)


def address_of(customer: Customer, request: Request) -> str | None:
    """Where to ask for the confirmation: a key of the customer. None where the channel has none, or the customer has no address there.

    Not what merely stands in a trait: an address that links nobody, or that the guard rails gave to somebody else, is not theirs.
    """
    kind = _ADDRESSES.get(request.scope.channel)
    if kind is None:
        return None
    if kind_of(request.identity_key) == kind:
        return request.identity_key
    stated = text_of(customer.traits, kind)
    keys = sorted(key for key in customer.identity_keys if kind_of(key) == kind)
    latest = identity_key(kind, stated) if stated else None
    return latest if latest in keys else next(iter(keys), None)


def opt_in_token(request: Request, secret: str) -> str:
    """What confirms a request: always the same for the same one."""
    link = Link(LinkKind.OPT_IN, id_of(request.identity_key), request.expires_at, request.scope, request.at)
    return seal(link, secret)


def _expired(request: Request, whom: dict[str, Any]) -> Announcement:
    data = {**_opt_in(request, whom), "expires_at": request.expires_at.isoformat()}
    return Announcement(OPT_IN_EXPIRED, request.id, request.identity_key, request.expires_at, data)


def _opt_in(request: Request, whom: dict[str, Any]) -> dict[str, Any]:
    scope = request.scope
    return {**whom, "purpose": scope.purpose, "channel": scope.channel, "request_id": request.request_id}
