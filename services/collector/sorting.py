"""The messages of a parcel, sorted into events for the archive and refusals for the quarantine."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from services.collector.catalogue import shapes
from services.collector.domain import clock
from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.source import Source
from services.collector.domain.translation import Accepted, Reception, Translator
from services.collector.domain.values import identifier
from services.collector.wire import BATCH_EVENTS, Parcel, message_in
from shared.envelope import Event, derived_id, encode
from shared.errors import InvalidEvent
from shared.events import by_name
from shared.events.shop.parts import SOURCE
from shared.identifiers import identity_key

_LONGEST_MESSAGE_ID = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted event with what the archive keeps beside it: the client's own id and times, which the event corrects."""

    event: Event
    source_id: str
    message_id: str
    original_timestamp: datetime | None
    sent_at: datetime | None
    content: str | None = None  # digest of what was said, where a repeat has to say the same


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not taken: its place in the request, why, and its bytes as received."""

    index: int
    message_id: str | None
    code: Reason
    message: str
    raw: bytes


@dataclass(slots=True)
class Sorted:
    """What a parcel came to."""

    entries: list[Entry] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def event_id(source_id: str, message_id: str) -> str:
    """The id of the event that a message becomes: a repeated message repeats it, another source's message never does."""
    return derived_id(SOURCE, source_id, message_id)


def random_id(item: bytes) -> str:
    """An id for a message that has none: every request without ids is news, as the protocol has it."""
    return str(uuid.uuid4())


def content_id(item: bytes) -> str:
    """An id for a message that has none and may be delivered twice: the same bytes are the same message."""
    return hashlib.sha256(item).hexdigest()


class Sorter:
    """Sorts parcels over the event catalogue. `new_id` makes the id of a message that has none from its bytes.

    Phone numbers without a country code are of `phone_region` (ISO 3166), and identify nobody where there is none. With `by_address`
    messages may come with an address, a number or a card alone.
    """

    def __init__(self, new_id: Callable[[bytes], str] = random_id, phone_region: str = "", *, by_address: bool = False) -> None:
        self._translator = Translator(shapes(), partial(identity_key, region=phone_region), by_address=by_address)
        self._new_id = new_id

    def sort(self, parcel: Parcel, source: Source, now: datetime, traceparent: str | None = None) -> Sorted:
        """Every message of `parcel`, received from `source` at `now`, as an entry or a refusal."""
        outcome, received = Sorted(), _receptions(parcel, now)
        for index, item in enumerate(parcel.items):
            message: dict[str, Any] = {}
            try:
                message = message_in(item, parcel.context)
                message_id = _message_id(message) or self._new_id(item)
                reception = received(event_id(source.id, message_id), message)
                accepted = self._accepted(message, source, reception)
            except Refused as refusal:
                outcome.refusals.append(Refusal(index, _legible_id(message), refusal.code, refusal.message, item))
                continue
            event = _event(accepted, reception, traceparent)
            outcome.entries.append(Entry(event, source.id, message_id, accepted.original_timestamp, accepted.sent_at))
        outcome.refusals.extend(_surplus(parcel))
        return outcome

    def _accepted(self, message: dict[str, Any], source: Source, reception: Reception) -> Accepted:
        """The event of a message, held against the catalogue."""
        outcome = self._translator.translate(message, source, reception)
        if isinstance(outcome, Refused):
            raise outcome
        try:
            by_name(outcome.name).check(outcome.data)
        except InvalidEvent as error:
            raise Refused(Reason.NOT_IN_CATALOGUE, error.reason) from None
        return outcome


def _receptions(parcel: Parcel, now: datetime) -> Callable[[str, dict[str, Any]], Reception]:
    """What makes the reception of each message, by its event's id; what the parcel says of all of them is read once."""
    received_at, sent_at = clock.truncated(now), clock.parse_sent_at(parcel.sent_at)

    def received(event_id: str, message: dict[str, Any]) -> Reception:
        said = sent_at if parcel.sent_at is not None else clock.parse_sent_at(message.get("sentAt"))
        return Reception(event_id, received_at, said, parcel.message_type, parcel.backfill)

    return received


def _event(accepted: Accepted, reception: Reception, traceparent: str | None) -> Event:
    return Event(
        id=reception.event_id,
        name=accepted.name,
        source=SOURCE,
        subject=accepted.subject,
        time=accepted.time,
        received_at=reception.received_at,
        body=encode(accepted.data),
        backfill=reception.backfill,
        traceparent=traceparent,
    )


def _message_id(message: dict[str, Any]) -> str | None:
    message_id = identifier(message.get("messageId"), "messageId")
    if message_id is not None and len(message_id) > _LONGEST_MESSAGE_ID:
        raise Refused(Reason.INVALID_ID, f"messageId must not be longer than {_LONGEST_MESSAGE_ID} characters")
    return message_id


def _legible_id(message: dict[str, Any]) -> str | None:
    """The message id of a refused message, where there is one."""
    try:
        return _message_id(message)
    except Refused:
        return None


def _surplus(parcel: Parcel) -> Iterator[Refusal]:
    if parcel.surplus:
        reason = f"a batch holds at most {BATCH_EVENTS} events: this one and those after it were not taken, send them again"
        yield Refusal(len(parcel.items), None, Reason.TOO_MANY_EVENTS, reason, parcel.surplus)
