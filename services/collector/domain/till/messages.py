"""The message of a receipt: `Order Completed` or `Order Refunded`, as a client of the tracking protocol would have sent it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.till.amounts import decimal_text
from services.collector.domain.till.moments import day_of, moment_of
from services.collector.domain.till.receipts import Receipt, Row
from services.collector.domain.till.settings import Numbering, TillSettings
from services.collector.domain.values import EXPONENTS

SALE, RETURN = "sale", "return"
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("sale", "sales", "purchase", "order", "s", "verkauf", "invoice"), SALE),
    **dict.fromkeys(("return", "returns", "refund", "credit", "credit note", "r", "retoure", "ruckgabe", "rückgabe"), RETURN),
}
_LINE_TEXTS = {"product_name": "name", "sku": "sku", "category": "category", "brand": "brand", "variant": "variant"}
_TEXTS = ("receipt", "store", "store_name", "till", "coupon", "payment_method", "customer_id", "loyalty_card", "phone", "email")
_SUMS = ("total", "tax", "discount")
_LONGEST_ID = 255
_LONGEST_READABLE = 80


def message_of(receipt: Receipt, settings: TillSettings, *, comma: bool) -> dict[str, Any]:
    """The message of a receipt. Raises Refused with what is wrong with it; `comma` is what `Decimals` came to."""
    if receipt.refused:
        raise receipt.refused
    return _Reading(receipt.rows, settings, comma).message()


class _Reading:
    """One receipt while it is read."""

    def __init__(self, rows: Sequence[Row], settings: TillSettings, comma: bool) -> None:
        self._rows, self._settings, self._comma = rows, settings, comma
        self._texts = {name: _one(rows, name) for name in (*_TEXTS, "type", "time", "date", "currency")}
        self._sums = {name: decimal_text(_one(rows, name), name, comma=comma) for name in _SUMS}
        self._currency = (self._texts["currency"] or settings.currency or "").upper()
        self._lines = [line for row in rows if (line := self._line(row))]
        self._zone = ZoneInfo(settings.timezone)

    def message(self) -> dict[str, Any]:
        kind = self._kind()
        at = moment_of(self._texts["date"], self._texts["time"], self._settings.dates, self._zone)
        own = self._id("receipt", self._texts, at)
        properties = self._properties(kind)
        if kind == SALE:
            named = {"event": "Order Completed", "messageId": _message_id("till", own)}
            properties |= {"order_id": own}
        else:
            named = {"event": "Order Refunded", "messageId": _message_id("till-return", own)}
            properties |= {"order_id": self._original(at), "refund_id": own}
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"type": "track", **named, "timestamp": stamp, **self._who(kind, own), "properties": properties}

    def _who(self, kind: str, own: str) -> dict[str, Any]:
        """Whom the till knew. A return of nobody is known by the order that it takes back."""
        traits = {"email": self._texts["email"], "phone": self._texts["phone"], "loyaltyCard": self._texts["loyalty_card"]}
        known = {name: value for name, value in traits.items() if value}
        who: dict[str, Any] = {"context": {"channel": "store", "traits": known}}
        if self._texts["customer_id"]:
            who["userId"] = self._texts["customer_id"]
        elif not known and (kind == RETURN or self._settings.anonymous):
            who["anonymousId"] = f"receipt:{own}"[:_LONGEST_ID]
        return who

    def _kind(self) -> str:
        """What is stated, else what the signs say: a receipt of negative amounts takes back."""
        stated = (self._texts["type"] or "").casefold()
        signs = {line["quantity"].startswith("-") for line in self._lines if "quantity" in line}
        if len(signs) > 1:
            raise Refused(
                Reason.INVALID_FIELD, "a receipt must not sell and take back: send what is taken back as a return of its own"
            )
        if stated and stated not in _TYPES:
            raise Refused(Reason.INVALID_FIELD, "type must be sale or return")
        negative = True in signs or (self._sums["total"] or "").startswith("-")
        return _TYPES[stated] if stated else RETURN if negative else SALE

    def _properties(self, kind: str) -> dict[str, Any]:
        if not self._currency:
            raise Refused(Reason.INVALID_CURRENCY, "currency is required: in a column, or as `currency` of the whole import")
        told = {
            "currency": self._currency,
            "affiliation": self._texts["store_name"],
            "store_id": self._texts["store"] or self._settings.store,
            "till_id": self._texts["till"] or self._settings.till,
            "receipt_number": self._texts["receipt"],
            "coupon": self._texts["coupon"],
            **({name: _positive(value) for name, value in self._sums.items()} if kind == SALE else {}),
            "products": [
                {**line, **({"quantity": _positive(line["quantity"])} if "quantity" in line else {})} for line in self._lines
            ],
        }
        if kind == RETURN and self._sums["total"]:
            told["amount"] = _positive(self._sums["total"])
        return {name: value for name, value in told.items() if value is not None}

    def _line(self, row: Row) -> dict[str, Any] | None:
        product = _text(row.get("product_id")) or _text(row.get("sku")) or _text(row.get("product_name"))
        if product is None:
            return None
        quantity = decimal_text(row.get("quantity"), "quantity", comma=self._comma)
        price = decimal_text(row.get("price"), "price", comma=self._comma)
        line = {ours: _text(row.get(name)) for name, ours in _LINE_TEXTS.items()}
        line |= {"product_id": product, **self._pieces(quantity, _positive(price))}
        return {name: value for name, value in line.items() if value is not None}

    def _pieces(self, quantity: str | None, price: str | None) -> dict[str, str | None]:
        """Pieces and the price of one. What is sold by weight is one piece, at the price of its weight."""
        exact = Decimal(quantity) if quantity else Decimal(1)
        if exact == exact.to_integral_value() and exact:
            return {"quantity": quantity and str(int(exact)), "price": price}
        unit = Decimal(1).scaleb(-EXPONENTS.get(self._currency, 2))
        cost = (Decimal(price) * abs(exact)).quantize(unit, ROUND_HALF_EVEN) if price else None
        return {"quantity": "-1" if exact < 0 else "1", "price": str(cost) if cost is not None else None}

    def _original(self, at: datetime) -> str:
        texts = {name: _one(self._rows, f"original_{name}") for name in ("receipt", "store", "till", "date")}
        if texts["receipt"] is None:
            raise Refused(Reason.MISSING_FIELD, "original_receipt is required in a return: the receipt that it takes back")
        if self._settings.numbering is Numbering.DAY:
            if texts["date"] is None:
                raise Refused(
                    Reason.MISSING_FIELD, "original_date is required in a return where receipt numbers start again every day"
                )
            day = day_of(texts["date"], self._settings.dates)
            at = datetime(day.year, day.month, day.day, 12, tzinfo=self._zone).astimezone(UTC)
        place = {name: texts[name] or self._texts[name] for name in ("store", "till")}
        return self._id("original_receipt", {**place, "receipt": texts["receipt"]}, at)

    def _id(self, field: str, texts: Mapping[str, str | None], at: datetime) -> str:
        """The order id of a receipt: its number in the place where it is unique."""
        number = texts["receipt"]
        if number is None:
            raise Refused(Reason.MISSING_FIELD, f"{field} is required: the number of the receipt")
        parts = [texts["store"] or self._settings.store]
        if self._settings.numbering is not Numbering.STORE:
            parts.append(texts["till"] or self._settings.till)
        if self._settings.numbering is Numbering.DAY:
            parts.append(at.astimezone(self._zone).date().isoformat())
        if None in parts:
            missing = "store" if parts[0] is None else "till"
            raise Refused(
                Reason.MISSING_FIELD,
                f"{missing} is required, since a receipt number is unique there: in a column, or as `{missing}`",
            )
        return "/".join([*(part for part in parts if part), number])


def _one(rows: Sequence[Row], name: str) -> str | None:
    """What the rows of a receipt say together. Raises Refused where they disagree."""
    found = {text for row in rows if (text := _text(row.get(name)))}
    if len(found) > 1:
        raise Refused(Reason.INVALID_FIELD, f"the rows of this receipt do not agree on {name}")
    return found.pop() if found else None


def _text(value: Any) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None


def _positive(value: str | None) -> str | None:
    return value.removeprefix("-") if value else None


def _message_id(prefix: str, order_id: str) -> str:
    """The same for the same receipt, within the length that message ids have."""
    if len(order_id) <= _LONGEST_READABLE:
        return f"{prefix}:{order_id}"
    return f"{prefix}:{hashlib.sha256(order_id.encode()).hexdigest()}"
