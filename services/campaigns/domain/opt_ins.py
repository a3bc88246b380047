"""Grants that wait to be confirmed, and the mail that asks for it: who is to be asked, from when on, and what became of it.

The mail is no marketing: it needs no permission and keeps no quiet hours, since the customer has just asked for it. It obeys what the
receiving side said: an address at which nobody is, is not written to again. And nobody is flooded, whoever fills in a form again and
again: an address gets one such mail in `SPACING` and at most `MOST_A_DAY` in a day, for the latest request on each purpose.

Requests and outcomes are facts of their own, each bounded by its latest, so order and repetition do not matter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from shared.commerce.orders import in_milliseconds
from shared.permissions import Permissions

EMAIL = "email"
CAMPAIGN = "double_opt_in"  # the name under which these messages are told of
FAILED = "failed"  # why a message was not sent that its server refused for good
REMINDER = "-reminder"  # behind the id of a message
MOST_REQUESTS, MOST_OUTCOMES = 20, 80  # of an identity key, the latest ones
SPACING = timedelta(minutes=10)
DAY, MOST_A_DAY = timedelta(days=1), 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """Data of `opt_in_requested`."""

    purpose: str
    channel: str
    request_id: str
    requested_at: datetime
    expires_at: datetime
    token: str
    language: str | None = None
    address_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Messaged:
    """Data of `message_sent`, `message_skipped` and `message_bounced`, as far as it matters here."""

    message_id: str
    campaign_id: str
    kind: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class OptIn:
    """A request under `key` about `scope` (`marketing/email`), to be confirmed at `address`; empty where none was known."""

    requested_at: datetime
    request_id: str
    scope: str
    key: str
    expires_at: datetime
    token: str
    address: str = ""
    language: str = ""


class What(StrEnum):
    """What became of a message."""

    SENT = "sent"
    SKIPPED = "skipped"
    BOUNCED = "bounced"  # nobody is at the address
    CONFIRMED = "confirmed"  # what it asked for; told of the request, not of the message


@dataclass(frozen=True, slots=True, order=True)
class Outcome:
    """What became of a message, and why where it was not sent."""

    at: datetime
    what: What
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Data of `consent_confirmed`."""

    purpose: str
    channel: str
    request_id: str


OptIns = dict[str, OptIn]  # by message id
Outcomes = dict[str, Outcome]  # by message id and `what`; a confirmation by request, purpose and channel
K = TypeVar("K", OptIn, Outcome)


class State(StrEnum):
    """How far a request is."""

    ASKED = "asked"  # its mail waits to be sent
    SENT = "sent"
    REMINDED = "reminded"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"
    REPLACED = "replaced"  # by a later request
    NOT_SENT = "not_sent"  # and will not be


def requested(known: OptIns, message_id: str, asked: Requested, key: str) -> OptIns:
    """Hear of a request. Returns the same object where that is nothing new."""
    new = OptIn(
        in_milliseconds(asked.requested_at),
        asked.request_id,
        f"{asked.purpose}/{asked.channel}",
        key,
        in_milliseconds(asked.expires_at),
        asked.token,
        (asked.address_key or "").partition(":")[2],
        asked.language or "",
    )
    return merge_opt_ins(known, {message_id: new})


def became(known: Outcomes, told: Messaged, what: What, at: datetime) -> Outcomes:
    """Hear what became of a message. Returns the same object where that is nothing new."""
    return merge_outcomes(known, {f"{told.message_id}/{what}": Outcome(in_milliseconds(at), what, told.reason or "")})


def confirmed(known: Outcomes, told: Confirmed, at: datetime) -> Outcomes:
    """Hear that a grant was confirmed. Returns the same object where that is nothing new."""
    name = f"{told.request_id}/{told.purpose}/{told.channel}/{What.CONFIRMED}"
    return merge_outcomes(known, {name: Outcome(in_milliseconds(at), What.CONFIRMED)})


def merge_opt_ins(left: OptIns, right: OptIns) -> OptIns:
    """The requests of both. Commutative, associative, idempotent, also in what it forgets."""
    return _merged(left, right, MOST_REQUESTS)


def merge_outcomes(left: Outcomes, right: Outcomes) -> Outcomes:
    """The outcomes of both; of one that was told twice the earlier. Commutative, associative, idempotent, also in what it forgets."""
    return _merged(left, right, MOST_OUTCOMES)


def joined(all_: Iterable[Mapping[str, K]]) -> dict[str, K]:
    """The facts of several identity keys, all of them: each key has its own bound."""
    found: dict[str, K] = {}
    for one in all_:
        for name, fact in one.items():
            found[name] = min(found.get(name, fact), fact)
    return found


def _merged(left: dict[str, K], right: dict[str, K], most: int) -> dict[str, K]:
    if not right or left == right:
        return left
    joined = {**right, **left}
    for name in left.keys() & right.keys():
        joined[name] = min(left[name], right[name])
    if len(joined) > most:
        joined = {name: joined[name] for name in sorted(joined, key=lambda name: (joined[name], name))[-most:]}
    return left if joined == left else joined


@dataclass(frozen=True)
class Asking:
    """All requests of a customer, under whatever key, with what became of them and what the customer allows."""

    opt_ins: Mapping[str, OptIn]
    outcomes: Mapping[str, Outcome]
    permissions: Permissions

    def state(self, message_id: str, now: datetime) -> State:
        """How far a request is."""
        one = self.opt_ins[message_id]
        answer = self._answer(one)
        if answer is not None:
            return State.CONFIRMED if answer else State.REFUSED
        if self._is_replaced(message_id):
            return State.REPLACED
        if one.expires_at <= now:
            return State.EXPIRED
        if self.sent_at(message_id + REMINDER):
            return State.REMINDED
        if self.sent_at(message_id):
            return State.NOT_SENT if one.address in self._gone else State.SENT
        return State.NOT_SENT if self.reason(message_id, now) else State.ASKED

    def reason(self, message_id: str, now: datetime) -> str | None:
        """Why the mail of a request was not sent and will not be, as `message_skipped` says it; None where it was or may be."""
        one = self.opt_ins[message_id]
        if self.sent_at(message_id):
            return None
        told = self.outcomes.get(f"{message_id}/{What.SKIPPED}")
        if told is not None or f"{message_id}/{What.BOUNCED}" in self.outcomes:
            return FAILED
        if self._answer(one) is not None or self._is_replaced(message_id):
            return "no_longer_applies"
        if one.address in self._gone:
            return "suppressed"
        if one.expires_at <= now:
            return "stale" if one.address else "no_address"
        return None

    def open(self, now: datetime) -> Iterator[str]:
        """The message ids of requests that wait for an answer, and whose mail was sent or may be."""
        for message_id, one in self.opt_ins.items():
            if one.address and self.state(message_id, now) in (State.ASKED, State.SENT, State.REMINDED):
                yield message_id

    def due(self, message_id: str) -> datetime:
        """From when on the mail of a request may go. What one word asked for, about several purposes, may go together."""
        one = self.opt_ins[message_id]
        there = self._sent_to(one.address)
        others = [at for name, at in there if self.opt_ins[name.removesuffix(REMINDER)].request_id != one.request_id]
        due = max(one.requested_at, max(others) + SPACING) if others else one.requested_at
        times = sorted(at for _, at in there)
        return max(due, times[-MOST_A_DAY] + DAY) if len(times) >= MOST_A_DAY else due

    def sent_at(self, message_id: str) -> datetime | None:
        told = self.outcomes.get(f"{message_id}/{What.SENT}")
        return told.at if told else None

    def was_told(self, message_id: str) -> bool:
        """Whether it was told already that a message was not sent."""
        return f"{message_id}/{What.SKIPPED}" in self.outcomes

    def _sent_to(self, address: str) -> Sequence[tuple[str, datetime]]:
        names = [
            name
            for message_id, one in self.opt_ins.items()
            if one.address == address
            for name in (message_id, message_id + REMINDER)
        ]
        return [(name, at) for name in names if (at := self.sent_at(name))]

    def _answer(self, one: OptIn) -> bool | None:
        """What the customer said since, None where nothing. Whoever confirmed and took it back later has confirmed all the same."""
        if f"{one.request_id}/{one.scope}/{What.CONFIRMED}" in self.outcomes:
            return True
        said = self.permissions.get(one.scope)
        return said.allowed if said is not None and said.at >= one.requested_at else None

    def _is_replaced(self, message_id: str) -> bool:
        """By a later request about the same, or by the same one to an address that was heard of later."""
        one = self.opt_ins[message_id]
        return self._latest[one.scope] != (one.requested_at, one.request_id, one.address)

    @cached_property
    def _latest(self) -> Mapping[str, tuple[datetime, str, str]]:
        found: dict[str, tuple[datetime, str, str]] = {}
        for one in self.opt_ins.values():
            stamp = (one.requested_at, one.request_id, one.address)
            found[one.scope] = max(found.get(one.scope, stamp), stamp)
        return found

    @cached_property
    def _gone(self) -> set[str]:
        """Addresses at which nobody is."""
        bounced = (name.rpartition("/")[0] for name, told in self.outcomes.items() if told.what is What.BOUNCED)
        names = (name.removesuffix(REMINDER) for name in bounced)
        return {self.opt_ins[name].address for name in names if name in self.opt_ins}
