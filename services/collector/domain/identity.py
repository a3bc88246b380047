"""Who a message is about, as identity keys: `user:42`, `anon:5f1c`, `email:jane@example.com`, `social:x:jane`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.values import identifier

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_MOST_FOREIGN = 20
_PLACEHOLDERS = {"null", "undefined", "none", "nil", "nan", "anonymous", "guest", "[object object]"}
Spelling = Callable[[str, str], str | None]  # (kind, value as written) -> identity key in its one spelling, None for no such key

# Kind of key -> traits that carry one, also beside purchases.
TRAITS: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "phone": ("phone",),
    "loyalty": ("loyaltyCard", "loyalty_card", "loyaltyId", "loyalty_id", "loyaltyNumber", "loyalty_number"),
}

# Trait that carries a handle -> network. The order is the order of the keys.
NETWORKS: Mapping[str, str] = {
    "twitter": "x",
    "instagram": "instagram",
    "facebook": "facebook",
    "tiktok": "tiktok",
    "youtube": "youtube",
    "linkedin": "linkedin",
    "pinterest": "pinterest",
    "threads": "threads",
    "mastodon": "mastodon",
    "bluesky": "bluesky",
    "reddit": "reddit",
    "telegram": "telegram",
}


def subject_of(message: Mapping[str, Any], spell: Spelling) -> str:
    """The identity key that a message came with: the account where there is one, else the device.

    An account that is called `null` or the like is none, where there is a device to go by.
    """
    return _subject(_own_keys(message, spell))


def keys_of(message: Mapping[str, Any], spell: Spelling, *traits: Mapping[str, Any], by_address: bool = False) -> list[str]:
    """Every identity key in a message, the subject first, then device, addresses, numbers, cards, foreign ids and handles.

    With `by_address` a message may come with an address, a number or a card alone, as those of tills do.
    """
    said = [given for given in traits if given]
    named = [(kind, given[trait]) for kind, names in TRAITS.items() for given in said for trait in names if trait in given]
    named += [("social", handle) for given in said for handle in _handles(given)]
    named += _of_context(_object(message.get("context")))
    others = [key for kind, value in named if _is_named(value) and (key := spell(kind, str(value)))]
    own = _own_keys(message, spell)
    return list(dict.fromkeys([_subject(own or others[:by_address]), *own, *others]))


def previous_key(message: Mapping[str, Any], spell: Spelling) -> str:
    """The key that an alias call says was used so far.

    The protocol has one field for both kinds of id. It is a device where it equals the message's own `anonymousId` or is a UUID,
    which clients make for devices only; else it is an account, such as the session id that a server used before.
    """
    previous = identifier(message.get("previousId"), "previousId")
    if previous is None:
        raise Refused(Reason.MISSING_FIELD, "previousId is required in an alias call")
    device = _UUID.fullmatch(previous) or previous == identifier(message.get("anonymousId"), "anonymousId")
    key = spell("anon" if device else "user", previous)
    if key is None:
        raise Refused(Reason.INVALID_FIELD, "previousId must hold a visible character")
    return key


def _own_keys(message: Mapping[str, Any], spell: Spelling) -> list[str]:
    """Account and device, where the message has them."""
    keys = (_key(message, spell, "user", "userId"), _key(message, spell, "anon", "anonymousId"))
    return [key for key in keys if key]


def _subject(keys: Sequence[str]) -> str:
    if not keys:
        raise Refused(Reason.MISSING_IDENTITY, "userId or anonymousId is required")
    return next((key for key in keys if not _is_placeholder(key)), keys[0])


def _key(message: Mapping[str, Any], spell: Spelling, kind: str, field: str) -> str | None:
    value = identifier(message.get(field), field)
    return None if value is None else spell(kind, value)


def _is_placeholder(key: str) -> bool:
    value = key.partition(":")[2].lower()
    return value in _PLACEHOLDERS or not value.strip("0-_")


def _is_named(value: Any) -> bool:
    """Texts and whole numbers name somebody: cards and phone numbers often come as numbers."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _handles(traits: Mapping[str, Any]) -> Iterator[str]:
    for trait, network in NETWORKS.items() if not NETWORKS.keys().isdisjoint(traits) else ():
        if isinstance(traits.get(trait), str):
            yield f"{network}:{traits[trait].strip()}"


def _of_context(context: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The device, its push token, and ids that other systems gave the customer."""
    device = _object(context.get("device"))
    found = [("device", device.get("id")), ("push", device.get("token"))]
    foreign = context.get("externalIds")
    for one in foreign[:_MOST_FOREIGN] if isinstance(foreign, list) else ():
        given = _object(one)
        sort = given.get("type")
        if isinstance(sort, str) and _is_named(given.get("id")) and given.get("collection", "users") == "users":
            found.append(("external", f"{sort.strip()}:{given['id']}"))
    return found


def _object(value: Any) -> Mapping[str, Any]:
    """An object, and nothing where there is none."""
    return value if isinstance(value, dict) else {}
