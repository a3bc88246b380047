"""What is asked of customers and what they answer: which words can be said, what each comes to, and what is shown of it all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.profiles.domain.consent.rules import ALL, ConsentRules, Purpose
from services.profiles.domain.consent.standing import Request, Standing
from services.profiles.domain.consent.words import Scope, Status

IMPORT = "import"


class Answer(StrEnum):
    """How a customer stands to one purpose on one channel."""

    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    PENDING = "pending"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Shown:
    """One purpose on one channel: the answer, whether that allows to contact, since when, by which identity key, until when it waits."""

    scope: Scope
    answer: Answer
    may_be_contacted: bool
    changed_at: datetime | None = None
    identity_key: str | None = None
    expires_at: datetime | None = None


def shown(stands: Standing, rules: ConsentRules, now: datetime) -> list[Shown]:
    """Everything that the rules ask for, in their order, and what was said about anything else."""
    asked = [Scope(purpose.id, channel) for purpose in rules.purposes for channel in rules.channels_of(purpose)]
    others = sorted({*stands.overall, *(one.scope for one in stands.requests)} - set(asked))
    waiting = {one.scope: one for one in stands.requests}
    return [_shown(scope, stands, waiting.get(scope), rules, now) for scope in [*asked, *others]]


def _shown(scope: Scope, stands: Standing, request: Request | None, rules: ConsentRules, now: datetime) -> Shown:
    held = stands.overall.get(scope)
    free = not rules.purpose(scope.purpose).needs_consent
    if request is not None:
        answer = Answer.PENDING if now < request.expires_at else Answer.EXPIRED
        return Shown(scope, answer, free and held is None, request.at, request.identity_key, request.expires_at)
    if held is None:
        return Shown(scope, Answer.NOT_NEEDED if free else Answer.UNKNOWN, free)
    return Shown(scope, Answer(held.status.value), held.allows, held.at, held.identity_key)


def unfit(scope: Scope, status: Status, rules: ConsentRules) -> str | None:
    """Why a word cannot be taken, as a sentence that says what to do; None where it can."""
    purpose = next((one for one in rules.purposes if one.id == scope.purpose), None)
    if purpose is None and scope.purpose != ALL:
        return f"No purpose has this name: use one of {', '.join(one.id for one in rules.purposes)}, or add it to the rules."
    if scope.channel != ALL and rules.channel(scope.channel) is None:
        return f"No channel has this name: use one of {', '.join(one.id for one in rules.channels)}, or add it to the rules."
    if purpose is not None and not purpose.by_channel and scope.channel != ALL:
        return f"`{purpose.id}` is not asked for by channel: give `all` as the channel."
    if status is Status.GRANTED and (scope.purpose == ALL or (scope.channel == ALL and _is_by_channel(purpose))):
        return "A grant names its purpose and its channel: only a refusal may be about `all`."
    return None


def _is_by_channel(purpose: Purpose | None) -> bool:
    return purpose is None or purpose.by_channel


def status_of(scope: Scope, status: Status, rules: ConsentRules, source: str) -> Status:
    """What a word comes to: a grant on a channel with double opt-in waits, unless it is taken over from where it was confirmed."""
    channel = rules.channel(scope.channel)
    waits = status is Status.GRANTED and source != IMPORT and channel is not None and channel.confirms
    return Status.PENDING if waits and rules.purpose(scope.purpose).needs_consent else status


def asked_of_customers(rules: ConsentRules) -> Iterator[Scope]:
    """What a preference centre asks: all that needs consent."""
    for purpose in rules.purposes:
        if purpose.needs_consent:
            yield from (Scope(purpose.id, channel) for channel in rules.channels_of(purpose))


def chosen(scope: Scope, allowed: bool, stands: Standing, now: datetime) -> Status | None:
    """The word by which a customer gets from how they stand to what they choose; None where they stand so."""
    held = stands.overall.get(scope)
    asks = any(one.scope == scope for one in stands.open_requests(now))
    if allowed:
        return None if asks or (held is not None and held.allows) else Status.GRANTED
    if held is not None and held.allows:
        return Status.WITHDRAWN
    return Status.DENIED if asks else None
