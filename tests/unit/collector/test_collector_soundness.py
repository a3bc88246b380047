"""Values that every reader can hold: most messages are let through at a glance, and none that breaks a rule."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from services.collector.domain.refusal import Refused
from services.collector.domain.soundness import DEPTH, check, is_plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text("ab\0\\u01") | st.integers(-(2**70), 2**70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab\0\\u01", max_size=4), inner, max_size=4),
)
EDGES = (2**63 - 1, 2**63, -(2**63), -(2**63) - 1)


def is_sound(value: Any) -> bool:
    try:
        check(value)
    except Refused:
        return False
    return True


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@given(VALUES)
@example(list(EDGES[:1]))
@example(list(EDGES[1:2]))
@example(list(EDGES[3:]))
@example(nested(DEPTH))
@example(nested(DEPTH + 1))
@example("\\u0000")
def test_what_looks_plain_breaks_no_rule(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False).replace("\0", "\\u0000")):
        assert is_sound(value) or not is_plain(text.encode())


def test_an_everyday_message_looks_plain() -> None:
    line = {"product_id": "product-17", "name": "Brettspiel für \u4e24", "price": 19.9, "quantity": 2}
    message = {"type": "track", "timestamp": "2026-01-31T12:30:00.000Z", "properties": {"products": [line] * 20}}
    assert is_plain(json.dumps(message).encode())
