"""Whom a refused message may be about, as far as that can be read: so that it is found by them, and goes when they are forgotten.

What was refused may be no JSON at all, or a row of a table. Fields that name somebody are looked for by their names, in whatever is there;
addresses and international phone numbers anywhere. Rather one key too many than one too few.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

MOST_KEYS = 50
MOST_BYTES = 500_000
_DEEPEST = 20
_ADDRESS = re.compile(r"[^\s\"'<>,;:|()\[\]{}\\]{1,64}@[^\s\"'<>,;:|()\[\]{}\\@]{1,190}")
_NUMBER = re.compile(r"\+\d[\d ./()-]{6,20}\d")
_PAIR = re.compile(r"[\"']?([A-Za-z][A-Za-z_ ]{1,30})[\"']?\s*[:=]\s*[\"']([^\"'\\]{1,255})[\"']")
_FIELDS = {
    "userid": ("user",),
    "customerid": ("user",),
    "anonymousid": ("anon",),
    "previousid": ("user", "anon"),
    **dict.fromkeys(("email", "emailaddress", "mail"), ("email",)),
    **dict.fromkeys(("phone", "mobile", "mobileno", "telephone"), ("phone",)),
    **dict.fromkeys(("loyaltycard", "loyaltyid", "loyaltynumber", "cardnumber", "cardno"), ("loyalty",)),
}
Spelling = Callable[[str, str], str | None]


def legible_keys(raw: bytes, spell: Spelling) -> list[str]:
    """Identity keys in a message as it was received, up to 50, each once. `spell` gives the one spelling of a value of a kind."""
    text = raw[:MOST_BYTES].decode("utf-8", "replace")
    found: dict[str, None] = {}
    for kind, value in _named(text):
        key = spell(kind, value) if value.strip() else None
        if key:
            found[key] = None
        if len(found) == MOST_KEYS:
            break
    return list(found)


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Kinds of keys with values, as they were written."""
    for name, value in _pairs(text):
        for kind in _FIELDS.get(re.sub(r"[_ -]", "", name).lower(), ()):
            yield kind, value
    yield from (("email", address.rstrip(".")) for address in _ADDRESS.findall(text))
    yield from (("phone", number) for number in _NUMBER.findall(text))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names with their values: of JSON all there are, of anything else what looks like it."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _PAIR.findall(text)
        return
    yield from _walk(whole, 0)


def _walk(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for part in value:
            yield from _walk(part, depth + 1)
    for name, part in value.items() if isinstance(value, dict) else ():
        if isinstance(part, (str, int)) and not isinstance(part, bool):
            yield name, str(part)
        else:
            yield from _walk(part, depth + 1)
