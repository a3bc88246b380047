"""Whom one may contact, as far as one was told: what every service that contacts customers keeps of `contact_permission_changed`.

Profiles states for each identity key what it allows, by purpose and channel, with the moment and the id of the word that decides. Of one
key the latest statement holds: a word that profiles heard late may have made an earlier one decide again. Of a customer's keys the latest
word decides. Both are maxima over a total order, so that order, repetition and grouping of keys do not matter. What is not known is not
allowed. Profiles bounds how many purposes and channels a key has.
"""

from dataclasses import dataclass
from datetime import datetime

MARKETING = "marketing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionChanged:
    """Data of `contact_permission_changed`."""

    purpose: str
    channel: str
    may_be_contacted: bool
    changed_at: datetime
    word_id: str


@dataclass(frozen=True, slots=True)
class Permission:
    """What holds since `at` by the word `word_id`, as stated at `said_at`; `backfill` where imported history says so."""

    allowed: bool
    at: datetime
    word_id: str
    said_at: datetime
    backfill: bool = False

    @property
    def stamp(self) -> tuple[datetime, str, bool]:
        """Of two that nothing else tells apart, the one that forbids goes before."""
        return self.at, self.word_id, not self.allowed


Permissions = dict[str, Permission]  # by `purpose/channel`


def hear_permission(known: Permissions, changed: PermissionChanged, said_at: datetime, backfill: bool = False) -> Permissions:
    """Hear what an identity key allows, as stated at that time. Returns the same object where that is nothing new."""
    scope = f"{changed.purpose}/{changed.channel}"
    said = Permission(changed.may_be_contacted, changed.changed_at, changed.word_id, said_at, backfill)
    before = known.get(scope)
    if before is not None and (before.said_at, before.stamp) >= (said.said_at, said.stamp):
        return known
    return {**known, scope: said}


def merge_permissions(left: Permissions, right: Permissions) -> Permissions:
    """The latest words of two identity keys. Commutative, associative, idempotent."""
    if not left or not right:
        return left or right
    new = {scope: said for scope, said in right.items() if scope not in left or left[scope].stamp < said.stamp}
    return {**left, **new} if new else left


def permission(known: Permissions, channel: str, purpose: str = MARKETING) -> Permission | None:
    """The permission to contact on a channel, None where there is none."""
    said = known.get(f"{purpose}/{channel}")
    return said if said is not None and said.allowed else None


def contactable(known: Permissions, purpose: str = MARKETING) -> tuple[str, ...]:
    """The channels on which a customer may be contacted, by name."""
    allowed = [scope.partition("/") for scope, said in known.items() if said.allowed]
    return tuple(sorted(channel for named, _, channel in allowed if named == purpose))
