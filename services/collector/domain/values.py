"""What clients write for a text, a number or an amount, made exact; or refused with the name of the field."""

import json
import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from services.collector.domain.refusal import Reason, Refused

LARGEST = 2**53 - 1  # beyond it a JSON number is no longer exact in every language
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOISE = Decimal("0.000001")  # of a minor unit: what adding up binary fractions leaves behind, never a price
_LONGEST_ID = 255

# ISO 4217: currencies whose minor unit is not a hundredth, by its exponent.
_UNUSUAL = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: Mapping[str, int] = {code: exponent for exponent, codes in _UNUSUAL.items() for code in codes.split()}


def record(value: Any, field: str) -> dict[str, Any]:
    """An object, where absent means empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(Reason.INVALID_FIELD, f"{field} must be an object")
    return value


def text(value: Any, field: str) -> str | None:
    """Text without the spaces around it; blank means absent. A number counts as the text that it would print as."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    whole = None if isinstance(value, bool) else _whole(value)
    if whole is not None:
        return str(whole)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    raise Refused(Reason.INVALID_FIELD, f"{field} must be text")


def json_text(value: Any) -> str:
    """A structure as compact JSON with sorted keys: the same structure is the same text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def identifier(value: Any, field: str) -> str | None:
    """An id as text of 1 to 255 characters without control characters; numbers without a fraction are ids too."""
    if value is None:
        return None
    if isinstance(value, str):
        found = value.strip()
    else:
        whole = None if isinstance(value, bool) else _whole(value)
        if whole is None:
            raise Refused(Reason.INVALID_ID, f"{field} must be text or a whole number")
        found = str(whole)
    if len(found) > _LONGEST_ID:
        raise Refused(Reason.INVALID_ID, f"{field} must not be longer than {_LONGEST_ID} characters")
    if not found.isprintable() and _CONTROL.search(found):
        raise Refused(Reason.INVALID_ID, f"{field} must not hold control characters")
    return found or None


def integer(value: Any, field: str) -> int | None:
    """A whole number, also written as `3.0` or as text."""
    if type(value) is int and abs(value) <= LARGEST:  # a truth value is none
        return value
    exact = _exact(value, field, Reason.INVALID_FIELD)
    if exact is None:
        return None
    if exact != exact.to_integral_value():
        raise Refused(Reason.INVALID_FIELD, f"{field} must be a whole number")
    return int(exact)


def currency(value: Any, field: str) -> str:
    """An ISO 4217 code in upper case; absent means USD, as the Segment specification has it."""
    code = (text(value, field) or "USD").upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise Refused(Reason.INVALID_CURRENCY, f"{field} must be a currency code of three letters, such as EUR")
    return code


def money(value: Any, field: str, code: str) -> int | None:
    """An amount in major units of currency `code`, a number or decimal text, as a whole number of minor units.

    More digits than the currency has are refused, unless they are the noise of binary fractions (19.990000000000002).
    """
    exact = _exact(value, field, Reason.INVALID_MONEY)
    if exact is None:
        return None
    if exact < 0:
        raise Refused(Reason.INVALID_MONEY, f"{field} must not be negative")
    places = EXPONENTS.get(code, 2)
    scaled = exact.scaleb(places)
    minor = scaled.to_integral_value(ROUND_HALF_EVEN)
    if abs(scaled - minor) > _NOISE:
        raise Refused(
            Reason.INVALID_MONEY, f"{field} must not have more than {places} decimal places: {code} has no smaller unit"
        )
    if minor > LARGEST:
        raise Refused(Reason.INVALID_MONEY, f"{field} is too large")
    return int(minor)


def _whole(value: Any) -> int | None:
    """An int, or a float that is one, within what JSON can say exactly."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and abs(value) <= LARGEST else None


def _exact(value: Any, field: str, code: Reason) -> Decimal | None:
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        exact = Decimal(value) if _DECIMAL.fullmatch(value) else None
    elif isinstance(value, float):
        exact = Decimal(repr(value)) if math.isfinite(value) else None
    elif isinstance(value, int) and not isinstance(value, bool):
        exact = Decimal(value)
    elif value is None:
        return None
    else:
        exact = None
    if exact is None:
        raise Refused(code, f"{field} must be a number such as 1299.95, without currency sign or thousands separator")
    if abs(exact) > LARGEST:
        raise Refused(code, f"{field} is too large")
    return exact
