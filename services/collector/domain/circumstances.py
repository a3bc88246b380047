"""The circumstances of an event: campaign, page, language, device.

They only colour an event, so a value of the wrong type is left out and never costs the event. IP address and user agent are
personal, nobody downstream has a use for them, and they are not read.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_CAMPAIGN = ("name", "source", "medium", "term", "content")
_PAGE = ("path", "referrer", "title", "url")
_LONGEST = 2_048  # characters; longer ones are data in disguise


def read(context: Mapping[str, Any]) -> dict[str, Any]:
    """The `context` of an event from that of a message; empty where it says nothing that the catalogue knows."""
    device = _object(context, "device")
    found = {
        "campaign": _texts(_object(context, "campaign"), _CAMPAIGN),
        "page": _texts(_object(context, "page"), _PAGE),
        **_texts(context, ("locale", "timezone")),
        "device_type": _texts(device, ("type",)).get("type"),
    }
    return {name: value for name, value in found.items() if value}


def traits(context: Mapping[str, Any]) -> dict[str, Any]:
    """Traits that came beside an event: some clients put those of an identify call here too."""
    return _object(context, "traits")


def page(context: Mapping[str, Any]) -> dict[str, str]:
    """What the context says about the page."""
    return _texts(_object(context, "page"), _PAGE)


def _object(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _texts(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    found = ((name, values[name]) for name in names if name in values) if values else ()
    return {name: value for name, value in found if isinstance(value, str) and 0 < len(value) <= _LONGEST}
