"""Touchpoints: where a customer and the shop met, and what brought the customer there.

A visit is one where something brought it: a campaign, or a page of somebody else. Pages that follow within the shop are none; so a visit
without either, somebody who knew the way, shows only as the first of all.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from services.profiles.domain.facts import Campaign, Context

BY_CUSTOMER, BY_SHOP = "customer", "shop"
_TEXTS = ("name", "source", "medium", "term", "content")
LONGEST_TEXT = 200


def visit(context: Context | None) -> dict[str, Any] | None:
    """What brought a visit, None where nothing is known to have: who touched, `campaign`, `referrer` as a host."""
    if context is None:
        return None
    campaign, referrer = _campaign(context.campaign), _referrer(context)
    if not campaign and not referrer:
        return None
    brought = {"campaign": campaign} if campaign else {}
    return {"by": BY_CUSTOMER, **brought, **({"referrer": referrer} if referrer else {})}


@dataclass(frozen=True, slots=True)
class Touch:
    """A touchpoint of a customer, as a row of the timeline tells it."""

    at: datetime
    row: Mapping[str, Any]


def last_before(touches: Sequence[Touch], at: datetime, within: timedelta) -> Touch | None:
    """The last touchpoint up to a time and not longer ago than `within`. They are given the earliest first."""
    place = bisect_right(touches, at, key=lambda touch: touch.at)
    found = touches[place - 1] if place else None
    return found if found and at - found.at <= within else None


def _campaign(campaign: Campaign | None) -> dict[str, str]:
    said = {name: getattr(campaign, name) for name in _TEXTS} if campaign else {}
    return {name: text[:LONGEST_TEXT] for name, text in said.items() if text}


def _referrer(context: Context) -> str | None:
    """The host of the page before, where it is not the shop itself."""
    page = context.page
    host = _host(page.referrer) if page and page.referrer else None
    own = _host(page.url) if page and page.url else None
    return host if host and host != own else None


def _host(address: str) -> str | None:
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return host.removeprefix("www.")[:LONGEST_TEXT] if host else None
