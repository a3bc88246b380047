"""Words about consent as events, short to write, and a model of what they come to that remembers all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import Any

import msgspec

from services.profiles.domain.consent.rules import ConsentRules, switched
from services.profiles.domain.rules import Rules
from shared import events
from shared.envelope import Event
from shared.identity import id_of
from shared.permissions import PermissionChanged, Permissions, hear_permission, merge_permissions
from tests.order_free import History, event
from tests.unit.profiles.given import hour


def stated(key: str, *words: str, at: float = 0, source: str = "storefront", again: str = "", **more: Any) -> Event:
    """Words as `granted marketing/email`."""
    said = [(status, *scope.split("/")) for status, scope in (word.split() for word in words)]
    data = {"words": [{"status": status, "purpose": purpose, "channel": channel} for status, purpose, channel in said]}
    return event(events.CONSENT_STATED, key, {"source": source, **data, **more}, hour(at), name=again)


def confirmed(key: str, scope: str = "marketing/email", at: float = 0, request: str = "r") -> Event:
    purpose, channel = scope.split("/")
    data = {"purpose": purpose, "channel": channel, "request_id": request, "requested_at": hour(0).isoformat()}
    return event(events.CONSENT_CONFIRMED, key, {"source": "confirmation", **data}, hour(at))


def unsubscribed(key: str, channel: str = "email", at: float = 0, list_id: str | None = None) -> Event:
    data = {"customer_id": id_of(key), "channel": channel, **({"list_id": list_id} if list_id else {})}
    return event(events.UNSUBSCRIBED, key, data, hour(at))


def complained(key: str, channel: str = "email", at: float = 0) -> Event:
    data = {"message_id": "m1", "customer_id": id_of(key), "campaign_id": "c1", "channel": channel}
    return event(events.MESSAGE_COMPLAINED, key, data, hour(at))


def preferred(key: str, at: float = 0, **stated_: Any) -> Event:
    return event(events.PREFERENCES_STATED, key, {"source": "preference_centre", **stated_}, hour(at))


def confirming(*channels: str, since: float = -1000, hold: timedelta = timedelta(days=7)) -> Rules:
    """Rules by which grants on these channels have to be confirmed."""
    rules = ConsentRules(opt_in_hold=hold)
    strict = [replace(one, double_opt_in=switched(one, one.id in channels, hour(since))) for one in rules.channels]
    return Rules(consent=replace(rules, channels=tuple(strict)), link_secret="a secret of the tests")


def permissions(told: History) -> dict[tuple[str, str], list[bool]]:
    """What was announced, by identity key and `purpose/channel`, in the order of announcing."""
    found: dict[tuple[str, str], list[bool]] = {}
    for one in told.announced.values():
        if one.kind is events.CONTACT_PERMISSION_CHANGED:
            key = (one.subject, f"{one.data['purpose']}/{one.data['channel']}")
            found.setdefault(key, []).append(one.data["may_be_contacted"])
    return found


def latest(told: History, keys: Sequence[str]) -> dict[str, bool]:
    """What somebody knows who kept, of these identity keys, the latest permission for each purpose and channel."""
    said: dict[str, Permissions] = {key: {} for key in keys}
    for one in told.announced.values():
        if one.kind is events.CONTACT_PERMISSION_CHANGED and one.subject in keys:
            changed = msgspec.convert(one.data, PermissionChanged)
            said[one.subject] = hear_permission(said[one.subject], changed, one.time)
    return {scope: one.allowed for scope, one in reduce(merge_permissions, said.values(), Permissions()).items()}


def requests(told: History, kind: events.EventKind = events.OPT_IN_REQUESTED) -> list[Mapping[str, Any]]:
    return told.announcements(kind)
