"""One Segment message in, one event of the catalogue out, or the reason why not.

`Translator` holds the catalogue as shapes. It is pure: times and ids come in with the message, and whatever the message holds, the
answer is `Accepted` or `Refused`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.collector.domain import channels, circumstances, clock, identity, orders, people, values
from services.collector.domain.names import CUSTOM, Names
from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.shape import Shape
from services.collector.domain.source import Source

Message = dict[str, Any]
Data = dict[str, Any]

TYPES = ("track", "identify", "page", "screen", "group", "alias")
_LONGEST_NAME = 255
_PURCHASES = {"checkout_started", "order_completed", "order_updated", "order_cancelled", "order_refunded"}
_NAMING = tuple(trait for traits in identity.TRAITS.values() for trait in traits)


@dataclass(frozen=True, slots=True)
class Reception:
    """How a message came in. `call` is the type of a message that names none; `backfill` marks history."""

    event_id: str
    received_at: datetime
    sent_at: datetime | None = None
    call: str | None = None
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event of the catalogue. `original_timestamp` is the client's own reading of its clock, kept for the archive."""

    name: str
    subject: str
    time: datetime
    data: Data
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shapes:
    """What the catalogue says about data: of each event that a `track` call can mean, of a page view, and of traits."""

    tracked: Mapping[str, Shape]
    page: Shape
    traits: Shape


class Translator:
    """Translates messages of every type over one catalogue; `spell` writes identity keys in their one spelling.

    With `by_address` a message may say who it is about by an address, a number or a card alone: tills know no accounts and no devices.
    """

    def __init__(self, shapes: Shapes, spell: identity.Spelling, *, by_address: bool = False) -> None:
        self._shapes, self._spell, self._by_address = shapes, spell, by_address
        self._names = Names(shapes.tracked)
        self._calls: Mapping[str, Callable[[Message, Reception], tuple[str, str, Data]]] = {
            "track": self._track,
            "identify": self._identify,
            "page": self._page,
            "screen": self._screen,
            "group": self._group,
            "alias": self._alias,
        }

    def translate(self, message: Message, source: Source, reception: Reception) -> Accepted | Refused:
        """The event that `message` stands for, or why there is none."""
        try:
            original = clock.parse(*_stamp(message, reception.backfill))
            time = clock.happened(original, reception.sent_at, reception.received_at, backfill=reception.backfill)
            name, subject, data = self._calls[_type(message, reception)](message, reception)
        except Refused as refusal:
            return refusal
        data["shop_source"], data["shop_source_kind"] = source.name, source.kind.value
        channel = channels.channel_of(message, source.kind, data.get("affiliation")) if "identity_keys" in data else None
        if channel:
            data["channel"] = channel
        return Accepted(name, subject, time, data, original, reception.sent_at)

    def _track(self, message: Message, reception: Reception) -> tuple[str, str, Data]:
        tracked = values.text(message.get("event"), "event")
        if tracked is None:
            raise Refused(Reason.MISSING_FIELD, "event is required in a track call")
        if len(tracked) > _LONGEST_NAME:
            raise Refused(
                Reason.INVALID_FIELD, f"event must not be longer than {_LONGEST_NAME} characters: put details into properties"
            )
        properties = values.record(message.get("properties"), "properties")
        name = self._names.resolve(tracked)
        if name == CUSTOM:
            return self._about_person(name, message, {"name": tracked, "properties": properties})
        data = self._shapes.tracked[name].read(properties, "properties")
        orders.complete(name, data, reception.event_id)
        if name == "product_changed":
            return name, f"product:{data['product_id']}", data
        stated = {trait: properties[trait] for trait in _NAMING if trait in properties} if name in _PURCHASES else {}
        return self._about_person(name, message, data, stated)

    def _identify(self, message: Message, reception: Reception) -> tuple[str, str, Data]:
        given = {**circumstances.traits(_context(message)), **values.record(message.get("traits"), "traits")}
        data: Data = {"traits": people.read_traits(given, self._shapes.traits)}
        consent = people.read_consent(given)
        if consent:
            data["consent"] = consent
        return self._about_person("customer_identified", message, data, given)

    def _page(self, message: Message, reception: Reception) -> tuple[str, str, Data]:
        return self._viewed("page_viewed", message)

    def _screen(self, message: Message, reception: Reception) -> tuple[str, str, Data]:
        return self._viewed("screen_viewed", message)

    def _viewed(self, name: str, message: Message) -> tuple[str, str, Data]:
        named = {field: message[field] for field in ("name", "category") if message.get(field) is not None}
        properties = values.record(message.get("properties"), "properties")
        known = {**circumstances.page(_context(message)), **properties, **named}
        return self._about_person(name, message, self._shapes.page.read(known, "properties"))

    def _group(self, message: Message, reception: Reception) -> tuple[str, str, Data]:
        group_id = values.identifier(message.get("groupId"), "groupId")
        if group_id is None:
            raise Refused(Reason.MISSING_FIELD, "groupId is required in a group call")
        data = {"group_id": group_id, "traits": values.record(message.get("traits"), "traits")}
        return self._about_person("customer_grouped", message, data)

    def _alias(self, message: Message, reception: Reception) -> tuple[str, str, Data]:
        if values.identifier(message.get("userId"), "userId") is None:
            raise Refused(Reason.MISSING_FIELD, "userId is required in an alias call")
        previous, current = identity.previous_key(message, self._spell), identity.subject_of(message, self._spell)
        name, subject, data = self._about_person("identity_aliased", message, {"previous": previous, "current": current})
        data["identity_keys"] = list(dict.fromkeys([*data["identity_keys"], previous]))
        return name, subject, data

    def _about_person(self, name: str, message: Message, data: Data, *traits: Mapping[str, Any]) -> tuple[str, str, Data]:
        """Add what every event about a person carries: its identity keys and its circumstances."""
        context = _context(message)
        keys = identity.keys_of(message, self._spell, *traits, circumstances.traits(context), by_address=self._by_address)
        data["identity_keys"] = keys
        circumstance = circumstances.read(context)
        if circumstance:
            data["context"] = circumstance
        return name, keys[0], data


def _type(message: Message, reception: Reception) -> str:
    given = message.get("type")
    if given is None:
        given = reception.call
    if not isinstance(given, str) or given.lower() not in TYPES:
        raise Refused(Reason.UNKNOWN_TYPE, f"type must be one of {', '.join(TYPES)}")
    return given.lower()


def _stamp(message: Message, backfill: bool) -> tuple[Any, str]:
    """The client's own time. Forwarded messages carry it as `originalTimestamp` beside a corrected `timestamp`."""
    fields = ("timestamp", "originalTimestamp") if backfill else ("originalTimestamp", "timestamp")
    name = next((name for name in fields if message.get(name) is not None), "timestamp")
    return message.get(name), name


def _context(message: Message) -> dict[str, Any]:
    context = message.get("context")
    return context if isinstance(context, dict) else {}
