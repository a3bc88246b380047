"""Identity keys in one spelling: whoever writes an address or a number, in whatever case, width or notation, writes the same key."""

import re
import unicodedata
from collections.abc import Callable, Mapping

import phonenumbers

LONGEST = 255
_LONGEST_ADDRESS = 254
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_HANDLE = re.compile(r"[a-z]{1,30}:[\w.\-]{1,64}(@[\w.\-]{1,190})?")
_BETWEEN = re.compile(r"[\s\-./]+")


def identity_key(kind: str, value: str, region: str = "") -> str | None:
    """The identity key of a value as somebody wrote it; None for what cannot be one of its kind.

    All values are composed as Unicode NFKC, without blanks around and invisible characters. E-mail addresses and handles of networks
    (`x:jane`) are without case, loyalty cards without case and separators. Phone numbers are E.164; one without a country code is of
    `region` (ISO 3166: `IN`), and none where no region is given. Ids are compared as they are: shops give out `a1` and `A1`.
    """
    plain = value.strip() if value.isascii() and value.isprintable() else _composed(value)
    found = _SPELLINGS[kind](plain, region) if kind in _SPELLINGS else plain
    return f"{kind}:{found}" if found and len(found) <= LONGEST else None


def _composed(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Cc")).strip()


def _address(text: str, region: str) -> str | None:
    address = unicodedata.normalize("NFKC", text.lower())
    return address if len(address) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(address) else None


def _phone(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None  # too short, too long, or a subscriber's number without its area
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _handle(text: str, region: str) -> str | None:
    network, _, name = text.partition(":")
    handle = f"{network.lower()}:{name.strip().rstrip('/').rpartition('/')[2].removeprefix('@').lower()}"
    return handle if _HANDLE.fullmatch(handle) else None


def _card(text: str, region: str) -> str:
    return _BETWEEN.sub("", text).upper()


_SPELLINGS: Mapping[str, Callable[[str, str], str | None]] = {
    "email": _address,
    "phone": _phone,
    "social": _handle,
    "loyalty": _card,
}
