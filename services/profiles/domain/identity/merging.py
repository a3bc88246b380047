"""What speaks against making two customers one, for the person who is about to decide it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.profiles.domain.consent.rules import MARKETING, ConsentRules
from services.profiles.domain.consent.standing import standing
from services.profiles.domain.customer import Customer
from services.profiles.domain.identity.decisions import Decision, Verdict
from services.profiles.domain.identity.kinds import kind_of
from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.domain.traits import values_of


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something in which two customers differ. `about` is `limit`, `trait`, `consent` or `do_not_merge`; `name` says which one."""

    about: str
    name: str | None
    values: Sequence[Any]


def conflicts(left: Customer, right: Customer, rules: IdentityRules) -> list[Conflict]:
    """All in which they differ. None of it forbids the merge but what is kept apart: a person may know better."""
    return [*_kept_apart(left, right), *_beyond_limits(left, right, rules), *_traits(left, right), *_consent(left, right)]


def kept_apart(left: Customer, right: Customer) -> list[Verdict]:
    """The decisions that keep two customers apart."""
    return [
        verdict
        for verdict in left.verdicts.values()
        if verdict.decision is Decision.KEEP_APART
        and any(one in left.identity_keys and verdict.other(one) in right.identity_keys for one in verdict.identity_keys)
    ]


def _kept_apart(left: Customer, right: Customer) -> Iterator[Conflict]:
    for verdict in kept_apart(left, right):
        yield Conflict("do_not_merge", verdict.reason, verdict.identity_keys)


def _beyond_limits(left: Customer, right: Customer, rules: IdentityRules) -> Iterator[Conflict]:
    """Kinds of which both bring keys, and together more than a customer may have at once. A merge by a person is not held to that."""
    for kind in sorted({kind_of(key) for key in left.identity_keys} & {kind_of(key) for key in right.identity_keys}):
        keys = [key for key in (*left.identity_keys, *right.identity_keys) if kind_of(key) == kind]
        if len(keys) > rules.limit(kind).most:
            yield Conflict("limit", kind, keys)


def _traits(left: Customer, right: Customer) -> Iterator[Conflict]:
    """Traits of which the one stated last will count."""
    one, other = values_of(left.traits), values_of(right.traits)
    for name in sorted(one.keys() & other.keys()):
        if one[name] != other[name]:
            yield Conflict("trait", name, [one[name], other[name]])


def _consent(left: Customer, right: Customer) -> Iterator[Conflict]:
    """Channels on which the latest word of either will count; of other purposes than marketing as `purpose/channel`."""
    one, other = (standing(side.consent, ConsentRules()).overall for side in (left, right))
    for scope in sorted(one.keys() & other.keys()):
        words = [one[scope].status.value, other[scope].status.value]
        if words[0] != words[1]:
            yield Conflict("consent", scope.channel if scope.purpose == MARKETING else scope.line, words)
