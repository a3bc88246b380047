"""What a message may be made of, whatever it says: values that every reader after us can hold."""

from typing import Any

from services.collector.domain.refusal import Reason, Refused

DEPTH = 32
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * 19  # as many digits as the largest number of 64 bits has
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def is_plain(text: bytes) -> bool:
    """Whether JSON text is too simple to break a rule, which spares most messages the look at every value: it has no escaped U+0000, no
    long run of digits, and no more brackets than may be nested."""
    return text.count(b"{") + text.count(b"[") <= DEPTH and b"\\u0000" not in text and _LONG not in text.translate(_ZEROS)


def check(value: Any, depth: int = DEPTH) -> None:
    """Raise Refused for nesting deeper than `depth`, the character U+0000, or integers beyond 64 bits."""
    kind = type(value)
    if kind is str:
        if "\0" in value:
            raise Refused(Reason.INVALID_FIELD, "text must not hold the character U+0000: leave it out")
    elif kind is int:
        if not _SMALLEST <= value <= _LARGEST:
            raise Refused(Reason.INVALID_FIELD, "whole numbers must fit into 64 bits: send longer ones as text")
    elif kind is dict:
        _check_depth(depth)
        for name, item in value.items():
            check(name)
            check(item, depth - 1)
    elif kind is list:
        _check_depth(depth)
        for item in value:
            check(item, depth - 1)


def _check_depth(depth: int) -> None:
    if depth == 0:
        raise Refused(Reason.TOO_DEEP, f"objects and lists must not be nested deeper than {DEPTH}")
