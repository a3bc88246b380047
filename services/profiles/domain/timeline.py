"""The timeline: of every event one row, with what of it a person at a desk needs to see.

A row is filed under the identity key that the event came with and never rewritten; a customer's timeline is that of all its keys.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from services.profiles.domain.facts import Context, Goods, Happening

MOST_GOODS = 10  # products named in a row; their number is always there
LONGEST_TEXT = 300
_APART = {"shop_source", "channel", "context", "brand", "variant", "products", "traits", "consent", "properties"}
_PLAIN = tuple(field.name for field in fields(Happening) if field.name not in _APART)
# What a row says of an event of another service. What somebody wrote stays where it was written, and identity keys of others, who may
# have to be forgotten, are not named.
_OF_OTHERS = frozenset({
    "agent_id", "amount", "audience_id", "audience_name", "author", "campaign_id", "cart_id", "changed_at", "channel",
    "contest_id", "currency", "days", "decided_by", "decision", "due_at", "expires_at", "feedback_id", "incentive_id",
    "interval_days", "kind", "link_id", "list_id", "mention_id", "merged_from", "message_id", "model", "name",
    "network", "order_id", "percent", "previous", "price", "price_before", "priority", "product_id", "promise", "purpose",
    "rating", "reason", "resolution_seconds", "rule", "score", "segment_id", "segment_name", "sentiment",
    "split_from", "stage", "status", "stock", "subject", "survey_id", "team_id", "ticket_id", "url", "variant",
})  # fmt: skip


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


def summary_of_other(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the row says about an event of another service: its main fields, texts cut short."""
    summary = {name: _short(data[name]) for name in sorted(_OF_OTHERS & data.keys()) if data[name] is not None}
    products = data.get("products")
    if isinstance(products, list):
        summary["products"] = [_named(product) for product in products[:MOST_GOODS]]
        summary["products_count"] = len(products)
    return summary


def client_of(context: Context | None) -> dict[str, str]:
    """What the client said of itself: kind of device, language and time zone, as far as it did."""
    if context is None:
        return {}
    said = (("device", context.device_type), ("locale", context.locale), ("timezone", context.timezone))
    return {name: value[:LONGEST_TEXT] for name, value in said if value}


def _goods(goods: Goods) -> dict[str, Any]:
    named = {"name": goods.name} if goods.name else {}
    return {"product_id": goods.product_id, "quantity": goods.quantity, **named}


def _named(product: Any) -> dict[str, Any]:
    if not isinstance(product, dict):
        return {"product_id": _short(product)}
    return {name: _short(product[name]) for name in ("product_id", "quantity", "name") if product.get(name) is not None}


def _short(value: Any) -> Any:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
