"""Messages as no client should send them: right words, any values."""

from typing import Any

from hypothesis import strategies as st

from services.collector.domain.names import SYNONYMS

_FIELDS = [
    "product_id",
    "order_id",
    "price",
    "total",
    "revenue",
    "tax",
    "quantity",
    "products",
    "currency",
    "query",
    "email",
    "coupon_id",
]
_FIELDS += [
    "firstName",
    "address",
    "birthday",
    "createdAt",
    "consent",
    "age",
    "twitter",
    "step",
    "filters",
    "promotion_id",
    "position",
]
_LOOSE = ["anonymousId", "previousId", "groupId", "name", "timestamp", "originalTimestamp", "messageId", "sentAt"]
_NAMES = [*SYNONYMS, "Product Changed", "Cart Shared", "Product Added to Wishlist", "Something Else"]


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON, NaN and Infinity too, since some clients send them; often texts that mean something."""
    meaningful = st.sampled_from(["42", "1.5", "a@b.co", "2026-01-01", "EUR"])
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | meaningful,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )


def messages() -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the fields of a Segment message."""
    anything = json_values()
    line = st.dictionaries(st.sampled_from(_FIELDS), anything, max_size=4)
    properties = st.dictionaries(st.sampled_from(_FIELDS), anything | st.lists(line, max_size=2), max_size=6) | anything
    context = st.dictionaries(st.sampled_from(["traits", "page", "campaign", "device", "locale"]), anything, max_size=3)
    return st.fixed_dictionaries(
        {
            "type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]) | anything,
            "userId": st.just("42") | anything,
        },
        optional={
            "event": st.sampled_from(_NAMES) | anything,
            "properties": properties,
            "traits": properties,
            "context": context | anything,
            **dict.fromkeys(_LOOSE, anything),
        },
    )
