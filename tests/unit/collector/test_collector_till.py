"""Tables and JSON of tills: how they are read, put together to receipts, and what message each becomes."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.domain import Reason, Refused
from services.collector.domain.till import (
    Dates,
    Decimals,
    Form,
    Numbering,
    TillSettings,
    form_of,
    message_of,
    receipt_in,
    records,
)
from services.collector.domain.till.amounts import decimal_text
from services.collector.domain.till.columns import NAMES, fields_of
from services.collector.domain.till.moments import moment_of
from services.collector.till import open_table, receipts_in

PLAIN = TillSettings(currency="INR", store="S1")
SALE = {"receipt": "1001", "time": "2026-05-01T10:00:00+05:30", "total": "10.50", "loyalty_card": "LC 1"}


def table(text: str, settings: TillSettings = PLAIN, encoding: str = "utf-8", size: int = 10_000) -> list[Any]:
    """Messages and reasons of a table's receipts, the bytes in pieces of `size`."""
    body = text.encode(encoding)
    found = open_table([body[at : at + size] for at in range(0, len(body), size)], settings)
    return [outcome(receipt, settings, found.comma) for receipt in found.receipts]


def outcome(receipt: Any, settings: TillSettings, comma: bool = False) -> Any:
    try:
        return message_of(receipt, settings, comma=comma)
    except Refused as refusal:
        return receipt.line, refusal.code


def one(settings: TillSettings = PLAIN, **purchase: Any) -> Any:
    return outcome(receipt_in({**SALE, **purchase}, 1), settings)


def test_a_row_for_each_line_makes_one_purchase_of_each_receipt() -> None:
    first, second = table(
        "Bill No,Bill Date,Item Code,Item Name,Qty,Rate,Mobile No,Cashier\n"
        "1001,2026-05-01T10:00,p1,Rice,2,55.00,+919812345678,Ravi\n"
        "1001,2026-05-01T10:00,p2,Dal,1,90,+919812345678,Ravi\n"
        "1002,2026-05-01T11:00,p1,Rice,1,55.00,+919812345679,Ravi\n"
    )
    assert first == {
        "type": "track",
        "event": "Order Completed",
        "messageId": "till:S1/1001",
        "timestamp": "2026-05-01T10:00:00.000Z",
        "context": {"channel": "store", "traits": {"phone": "+919812345678"}},
        "properties": {
            "order_id": "S1/1001",
            "currency": "INR",
            "store_id": "S1",
            "receipt_number": "1001",
            "products": [
                {"product_id": "p1", "name": "Rice", "quantity": "2", "price": "55.00"},
                {"product_id": "p2", "name": "Dal", "quantity": "1", "price": "90"},
            ],
        },
    }
    assert (second["messageId"], len(second["properties"]["products"])) == ("till:S1/1002", 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_encoding_and_delimiter_are_found_out(encoding: str, delimiter: str, size: int) -> None:
    rows = [["Bon-Nr.", "Datum", "Bezeichnung", "Kundenkarte", "Menge"], ["7", "2026-05-01", "Käse, „jung“", "LC1", "2"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (message,) = table(text, encoding=encoding, size=size)
    assert message["properties"]["products"] == [{"product_id": "Käse, „jung“", "name": "Käse, „jung“", "quantity": "2"}]


def test_what_is_stated_of_a_table_goes_before_what_it_looks_like() -> None:
    assert form_of(b"a;b,c,d\n", "cp1251", ";") == Form("cp1251", ";")
    assert form_of("ü\n".encode("cp1252")[:1] + b";\n").encoding == "cp1252"
    assert form_of("aü".encode()[:2]).encoding == "utf-8"


@pytest.mark.parametrize("text", ["", "\n", "date,total\n2026,1", "receipt,bill no\n1,2"])
def test_a_table_without_a_column_for_receipts_or_with_two_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Refused) as refused:
        table(text)
    assert refused.value.code is Reason.INVALID_TABLE


def test_stated_columns_go_before_known_ones_and_have_to_be_there() -> None:
    assert fields_of(["No", "Bill", "Total"], {"no": "receipt"}) == ["receipt", None, "total"]
    with pytest.raises(Refused):
        fields_of(["No"], {"Number": "receipt"})


def test_every_name_is_known_by_itself() -> None:
    assert fields_of(list(NAMES), {}) == list(NAMES)


def test_a_bad_row_is_refused_with_its_line_and_takes_no_other_with_it() -> None:
    text = 'receipt,time,total,phone\n1,2026-05-01,5,+919812345678\n2,2026-05-01,6,+919812345678,x,y\n3,"2026\n-05-01",7,+919812345678\n'
    text += "4,yesterday,7,+919812345678\n5,2026-05-01,7,+919812345678\n"
    first, *refused, last = table(text)
    assert [first["messageId"], last["messageId"]] == ["till:S1/1", "till:S1/5"]
    assert refused == [(3, Reason.INVALID_TABLE), (4, Reason.INVALID_TIME), (6, Reason.INVALID_TIME)]


def test_bytes_of_another_encoding_refuse_their_row_only() -> None:
    body = b"receipt,time,total,email,product\n1,2026-05-01,5,a@x.io,Tee\n" + b"2,2026-05-01,5,a@x.io,K\xe4se\n"
    found = open_table([body[:60] + body[60:]], TillSettings(currency="EUR", store="S", encoding="utf-8"))
    assert [outcome(one, PLAIN) if not one.refused else one.refused.code for one in found.receipts][1] is Reason.INVALID_TABLE


def test_a_receipt_with_an_unreadable_row_in_its_midst_is_refused_whole() -> None:
    text = "receipt,time,item,qty,price,phone\n1,2026-05-01,a,1,5,+919812345678\n1,2026-05-01,b,1,5,+919812345678,too,many\n"
    text += "1,2026-05-01,c,1,5,+919812345678\n2,2026-05-01,c,1,5,+919812345678\n"
    assert table(text)[:2] == [(2, Reason.INVALID_TABLE), (3, Reason.INVALID_TABLE)]
    assert table(text)[2]["messageId"] == "till:S1/2"


@given(st.lists(st.sampled_from(["1,a", "1,b", "2,a", "3,a,b", '4,"', "5,a"]), max_size=12))
def test_receipts_come_in_the_order_of_their_lines_and_no_row_is_lost(rows: list[str]) -> None:
    body = "\n".join(["receipt,item", *rows]).encode()
    found = list(open_table([body], PLAIN).receipts)
    lines = [receipt.line for receipt in found]
    assert lines == sorted(set(lines))
    read = list(records([body], form_of(body)))[1:]
    assert sum(max(1, len(receipt.came)) for receipt in found) == len(read)


@pytest.mark.parametrize(
    ("text", "comma", "number"),
    [
        ("1299.95", False, "1299.95"),
        ("1,299.95", False, "1299.95"),
        ("1.299,95", True, "1299.95"),
        ("1 299,95 €", True, "1299.95"),
        ("₹12,34,567.50", False, "1234567.50"),
        ("Rs. 50", False, "50"),
        ("१२३.५०", False, "123.50"),
        ("-5", False, "-5"),
        ("(5.00)", False, "-5.00"),
        ("5-", False, "-5"),
        (",95", True, "0.95"),
        (5, False, "5"),
        (2.5, True, "2.5"),
        ("", False, None),
        (None, True, None),
    ],
)
def test_amounts_are_read_as_tills_write_them(text: Any, comma: bool, number: str | None) -> None:
    assert decimal_text(text, "total", comma=comma) == number


@pytest.mark.parametrize(
    ("text", "comma"),
    [("1,29", False), ("1.29", True), ("12.34.5", False), ("five", False), ("1,2,3", True), ("-", False), (True, False)],
)
def test_amounts_that_could_mean_two_things_are_refused(text: Any, comma: bool) -> None:
    with pytest.raises(Refused):
        decimal_text(text, "total", comma=comma)


@given(st.decimals(0, 10**9, places=2), st.booleans())
def test_any_amount_comes_back_as_it_was_written(amount: Decimal, comma: bool) -> None:
    written = f"{amount:,}"
    swapped = written.translate(str.maketrans(",.", ".,")) if comma else written
    assert Decimal(decimal_text(swapped, "total", comma=comma) or "") == amount


def test_commas_part_decimals_in_tables_of_semicolons_unless_it_is_said_otherwise() -> None:
    text = "receipt;time;total;email\n1;2026-05-01;1.299,95;a@x.io\n"
    assert table(text)[0]["properties"]["total"] == "1299.95"
    assert table(text, TillSettings(currency="EUR", store="S", decimals=Decimals.POINT)) == [(2, Reason.INVALID_MONEY)]


@pytest.mark.parametrize(
    ("day", "clock", "dates", "utc"),
    [
        (None, "2026-05-31T14:05:06+05:30", Dates.YMD, "2026-05-31T08:35:06"),
        ("2026-05-31", "14:05", Dates.YMD, "2026-05-31T08:35:00"),
        ("31/05/2026", "2:05 PM", Dates.DMY, "2026-05-31T08:35:00"),
        ("31.05.26", "14.05", Dates.DMY, "2026-05-31T08:35:00"),
        (None, "05-31-2026 12:05 am", Dates.MDY, "2026-05-30T18:35:00"),
        (None, "20260531 140506", Dates.YMD, "2026-05-31T08:35:06"),
        ("2026/5/31", None, Dates.YMD, "2026-05-30T18:30:00"),
    ],
)
def test_times_are_read_in_the_zone_of_the_store(day: str | None, clock: str | None, dates: Dates, utc: str) -> None:
    assert moment_of(day, clock, dates, ZoneInfo("Asia/Kolkata")) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["31/31/2026", "yesterday", "2026-02-30", "1.2.2026 25:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        moment_of(None, text, Dates.DMY, ZoneInfo("UTC"))
    assert refused.value.code is Reason.INVALID_TIME


def test_a_return_takes_back_the_order_that_it_names_also_of_nobody() -> None:
    message = one(type="Return", original_receipt="900", loyalty_card=None, lines=[{"sku": "p1", "qty": -1, "price": 5}])
    assert (message["event"], message["messageId"], message["anonymousId"]) == (
        "Order Refunded",
        "till-return:S1/1001",
        "receipt:S1/1001",
    )
    assert message["properties"] == {
        "currency": "INR",
        "store_id": "S1",
        "receipt_number": "1001",
        "products": [{"product_id": "p1", "sku": "p1", "quantity": "1", "price": "5"}],
        "amount": "10.50",
        "order_id": "S1/900",
        "refund_id": "S1/1001",
    }


@pytest.mark.parametrize(
    ("purchase", "code"),
    [
        ({"receipt": None}, Reason.MISSING_FIELD),
        ({"time": None}, Reason.MISSING_FIELD),
        ({"type": "gift"}, Reason.INVALID_FIELD),
        ({"total": "-5"}, Reason.MISSING_FIELD),
        ({"lines": [{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": -1}]}, Reason.INVALID_FIELD),
        ({"lines": ["a"]}, Reason.INVALID_FIELD),
        ({"lines": [{"sku": "a"}] * 301}, Reason.INVALID_FIELD),
    ],
)
def test_a_purchase_that_makes_no_sense_is_refused(purchase: dict[str, Any], code: Reason) -> None:
    assert one(**purchase) == (1, code)


def test_what_a_line_came_to_is_not_what_the_receipt_came_to() -> None:
    assert one(lines=[{"sku": "a", "total": 6}])["properties"]["total"] == "10.50"


def test_without_a_store_or_a_currency_a_receipt_cannot_be_told_from_others() -> None:
    assert one(TillSettings(currency="INR")) == (1, Reason.MISSING_FIELD)
    assert one(TillSettings(store="S1")) == (1, Reason.INVALID_CURRENCY)
    assert one(TillSettings(currency="INR", store="S1", numbering=Numbering.TILL)) == (1, Reason.MISSING_FIELD)


def test_numbers_that_start_again_every_day_are_told_apart_by_the_day_of_the_store() -> None:
    daily = TillSettings(currency="INR", store="S1", till="2", numbering=Numbering.DAY, timezone="Asia/Kolkata")
    assert one(daily, time="2026-05-01 00:30")["properties"]["order_id"] == "S1/2/2026-05-01/1001"
    taken_back = one(daily, type="return", original_receipt="7", original_date="2026-04-30")
    assert taken_back["properties"]["order_id"] == "S1/2/2026-04-30/7"
    assert one(daily, type="return", original_receipt="7") == (1, Reason.MISSING_FIELD)


def test_what_is_sold_by_weight_is_one_piece_at_the_price_of_its_weight() -> None:
    (line,) = one(lines=[{"sku": "a", "quantity": "0.355", "price": "120.00"}])["properties"]["products"]
    assert (line["quantity"], line["price"]) == ("1", "42.60")


def test_rows_of_one_receipt_have_to_agree() -> None:
    text = "receipt,time,total,phone,item\n1,2026-05-01,5,+919812345678,a\n1,2026-05-01,6,+919812345678,b\n"
    assert table(text) == [(2, Reason.INVALID_FIELD)]


def test_names_of_staff_are_not_kept_even_of_what_is_refused() -> None:
    found = receipt_in({**SALE, "cashier": "Ravi", "lines": [{"sku": "a", "Sold By": "Ravi"}]}, 1)
    assert "Ravi" not in str(found)
    rows = open_table([b"receipt,cashier,time\n1,Ravi,x\n2,Ravi,y,z,z\n"], PLAIN).receipts
    assert "Ravi" not in str(list(rows))


def test_json_may_hold_one_purchase_a_list_or_purchases() -> None:
    for body in (SALE, [SALE], {"purchases": [SALE]}):
        (found,) = receipts_in(json.dumps(body).encode())
        assert outcome(found, PLAIN)["messageId"] == "till:S1/1001"
    assert outcome(receipts_in(b"[5]")[0], PLAIN) == (1, Reason.INVALID_MESSAGE)
    with pytest.raises(Refused):
        receipts_in(b"{")


def test_customers_may_be_told_as_an_object_in_any_spelling() -> None:
    message = one(loyalty_card=None, customer={"loyaltyCard": "LC1", "eMail": "a@x.io", "customerId": 7, "name": {"x": 1}})
    assert message["userId"] == "7"
    assert message["context"]["traits"] == {"email": "a@x.io", "loyaltyCard": "LC1"}


def test_purchases_of_nobody_are_taken_only_where_that_is_asked_for() -> None:
    assert "anonymousId" not in one(loyalty_card=None)
    kept = one(TillSettings(currency="INR", store="S1", anonymous=True), loyalty_card=None)
    assert kept["anonymousId"] == "receipt:S1/1001"
