"""Who a message is about, as identity keys: `user:42`, `anon:5f1c`, `email:jane@example.com`, `social:x:jane`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.values import identifier

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST_ADDRESS = 254
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HANDLE = re.compile(r"[\w.\-]{1,64}(@[\w.\-]{1,190})?")

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


def subject_of(message: Mapping[str, Any]) -> str:
    """The identity key that a message came with: the account where there is one, else the device."""
    user, device = _key(message, "user", "userId"), _key(message, "anon", "anonymousId")
    subject = user or device
    if subject is None:
        raise Refused(Reason.MISSING_IDENTITY, "userId or anonymousId is required")
    return subject


def keys_of(message: Mapping[str, Any], *traits: Mapping[str, Any]) -> list[str]:
    """Every identity key in a message, the subject first, then device, addresses and handles; without repeats."""
    keys = [subject_of(message), _key(message, "anon", "anonymousId")]
    stated = [given for given in traits if given]
    keys += [email_key(given.get("email")) for given in stated]
    keys += [key for given in stated for key in _handles(given)]
    return list(dict.fromkeys(key for key in keys if key))


def email_key(value: Any) -> str | None:
    """The key of an e-mail address, or None for what does not look like one."""
    if not isinstance(value, str):
        return None
    address = value.strip().lower()
    return f"email:{address}" if len(address) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(address) else None


def previous_key(message: Mapping[str, Any]) -> str:
    """The key that an alias call says was used so far.

    The protocol has one field for both kinds of id. It is a device where it equals the message's own `anonymousId` or is a UUID,
    which clients make for devices only; else it is an account, such as the session id that a server used before.
    """
    previous = identifier(message.get("previousId"), "previousId")
    if previous is None:
        raise Refused(Reason.MISSING_FIELD, "previousId is required in an alias call")
    device = _UUID.fullmatch(previous) or previous == identifier(message.get("anonymousId"), "anonymousId")
    return f"anon:{previous}" if device else f"user:{previous}"


def _key(message: Mapping[str, Any], kind: str, field: str) -> str | None:
    value = identifier(message.get(field), field)
    return None if value is None else f"{kind}:{value}"


def _handles(traits: Mapping[str, Any]) -> Iterator[str]:
    for trait, network in NETWORKS.items():
        value = traits.get(trait)
        if not isinstance(value, str):
            continue
        handle = value.strip().rstrip("/").rpartition("/")[2].removeprefix("@").lower()
        if _HANDLE.fullmatch(handle):
            yield f"social:{network}:{handle}"
