"""HTTP of reading customers: one, with a tag, many at once, and whether their changes are told."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.profiles.desk import UNKNOWN
from services.profiles.domain.feed import FeedRules
from services.profiles.domain.lifecycle import lifecycle_of
from services.profiles.domain.picture import picture_of
from services.profiles.domain.profile import profile_of
from services.profiles.domain.traits import chosen
from services.profiles.schemas import customers as schemas
from services.profiles.schemas.feed import StoredFeed, SwitchFeed
from services.profiles.schemas.reading import CustomerBatch, Identities
from services.profiles.storage.reading import FeedStore, Reading, Readings
from services.profiles.storage.rules import StoredRules
from shared.errors import NotFound
from shared.http import Api, Conditional, Tagged, give_way, route, tag_that_holds, tag_until

_FEED = "/api/profiles/change-feed"
_AT_ONCE = 20  # profiles that are worked out before other requests have their turn


class ReadingRoutes(Api):
    """Customers as they are. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    @route(
        "GET",
        "/api/profiles/customers/<path:identity>",
        summary="A customer",
        headers=Conditional(),
        response=schemas.Customer(),
    )
    def get_customer(self, identity: str, headers: dict[str, Any]) -> Tagged:
        """All that is known of a customer, out of the facts of all its identity keys. The ETag of the answer spares reading it again."""
        readings, known, now = Readings(self.store), headers["if_none_match"], datetime.now(UTC)
        content = readings.tag(identity) if known else None
        tag = tag_that_holds(known, content, now) if content is not None else None
        if tag is not None:
            return Tagged(tag)
        found = readings.find(identity)
        if found is None:
            raise NotFound(UNKNOWN)
        return Tagged(tag_until(found.tag, until_of(found, now)), _shown(found, now))

    @route("GET", _FEED, summary="Whether changes of customers are published", response=StoredFeed())
    def get_change_feed(self) -> dict[str, Any]:
        """Off as delivered: it is one more event for nearly every batch of events of a customer."""
        return self._feed(FeedStore(self.store).current())

    @route("PUT", _FEED, summary="Switch the feed of changes", body=SwitchFeed(), response=StoredFeed())
    def switch_change_feed(self, body: dict[str, Any]) -> dict[str, Any]:
        """From when `reevaluation` is null again, every change of every customer is told by `profile_changed`."""
        wanted = StoredRules(FeedRules(body["enabled"]), body["version"], changed_by=body["changed_by"])
        return self._feed(FeedStore(self.store).change(wanted))

    def _feed(self, stored: StoredRules[FeedRules]) -> dict[str, Any]:
        versioned = {name: getattr(stored, name) for name in ("version", "changed_at", "changed_by")}
        return {"enabled": stored.rules.enabled, **versioned, "reevaluation": FeedStore(self.store).progress()}

    @route(
        "POST",
        "/api/profiles/customers/batch",
        summary="Many customers",
        only_asks=True,
        body=Identities(),
        response=CustomerBatch(),
    )
    def get_customers(self, body: dict[str, Any]) -> dict[str, Any]:
        """Up to 500 customers in the order that is asked for, each with the identity that it was asked by; the missing ones are named."""
        found, now = Readings(self.store).many(body["identities"]), datetime.now(UTC)
        items = []
        for number, identity in enumerate(dict.fromkeys(body["identities"])):
            if identity in found:
                one = found[identity]
                items.append({"identity": identity, "etag": tag_until(one.tag, until_of(one, now)), "customer": _shown(one, now)})
            if number % _AT_ONCE == _AT_ONCE - 1:
                give_way()
        return {"items": items, "missing": [one for one in dict.fromkeys(body["identities"]) if one not in found]}


def until_of(reading: Reading, now: datetime) -> datetime:
    """When time alone may change what is shown: with the stage of the journey, and with the hour, as of which all is shown that fades."""
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    change = lifecycle_of(reading.customer, reading.rules.profile.lifecycle, now).until
    return min(hour, change) if change else hour


def _shown(reading: Reading, now: datetime) -> dict[str, Any]:
    customer, rules = reading.customer, reading.rules
    profile = profile_of(replace(customer, traits=chosen(customer.traits, rules.profile.traits)), rules.consent)
    picture = picture_of(customer, rules, now)
    shown = {field.name: getattr(part, field.name) for part in (profile, picture) for field in fields(part)}
    return {"customer_id": reading.customer_id, "identity_keys": customer.identity_keys, **shown}
