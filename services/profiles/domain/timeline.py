"""The timeline: of every event one row, with what of it a person at a desk needs to see.

A row is filed under the identity key that the event came with and never rewritten; a customer's timeline is that of all its keys.
"""

from dataclasses import fields
from typing import Any

from services.profiles.domain.facts import Goods, Happening

MOST_GOODS = 10  # products named in a row; their number is always there
_APART = {"shop_source", "context", "brand", "variant", "products", "traits", "consent", "properties"}
_PLAIN = tuple(field.name for field in fields(Happening) if field.name not in _APART)


def summary_of(happening: Happening) -> dict[str, Any]:
    """What the row says about the event, only the fields that it has. Of traits it holds the names: values are in the profile."""
    plain = {name: getattr(happening, name) for name in _PLAIN}
    summary = {name: value for name, value in plain.items() if value is not None}
    if happening.products:
        summary["products"] = [_goods(goods) for goods in happening.products[:MOST_GOODS]]
        summary["products_count"] = len(happening.products)
    if happening.traits:
        summary["traits"] = sorted(happening.traits)
    if happening.consent:
        summary["consent"] = dict(sorted(happening.consent.items()))
    return summary


def _goods(goods: Goods) -> dict[str, Any]:
    named = {"name": goods.name} if goods.name else {}
    return {"product_id": goods.product_id, "quantity": goods.quantity, **named}
