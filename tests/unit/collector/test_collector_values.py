"""Texts, numbers and amounts as clients write them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.domain import values
from services.collector.domain.refusal import Reason, Refused


@pytest.mark.parametrize(
    ("given", "currency", "minor"),
    [
        (19.99, "USD", 1999),
        ("19.99", "USD", 1999),
        (" 19.9 ", "EUR", 1990),
        (20, "USD", 2000),
        (0, "USD", 0),
        (-0.0, "USD", 0),
        ("+5", "USD", 500),
        (0.1 + 0.2, "USD", 30),
        (19.990000000000002, "USD", 1999),
        (1299, "JPY", 1299),
        ("1299.0", "JPY", 1299),
        (1.234, "KWD", 1234),
        (1.2345, "CLF", 12345),
        ("", "USD", None),
        (None, "USD", None),
    ],
)
def test_money_becomes_minor_units_of_its_currency(given: Any, currency: str, minor: int | None) -> None:
    assert values.money(given, "properties.total", currency) == minor


@pytest.mark.parametrize(
    ("given", "currency"),
    [
        (19.995, "USD"),
        (12.5, "JPY"),
        ("1.2345", "KWD"),
        (-1, "USD"),
        ("-0.01", "USD"),
        ("1,299.00", "USD"),
        ("$5", "USD"),
        ("1_000", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("1e3", "USD"),
        ("٣", "USD"),
        (float("nan"), "USD"),
        (float("inf"), "USD"),
        (1e300, "USD"),
        (2**53, "USD"),
        (2**53 - 1, "USD"),
        (10**400, "USD"),
        ("9" * 5000, "USD"),
        (True, "USD"),
        ([5], "USD"),
        ({"amount": 5}, "USD"),
    ],
)
def test_what_is_no_exact_amount_is_refused_by_name_of_its_field(given: Any, currency: str) -> None:
    with pytest.raises(Refused) as refusal:
        values.money(given, "properties.total", currency)
    assert refusal.value.code is Reason.INVALID_MONEY
    assert refusal.value.message.startswith("properties.total ")


@given(st.integers(0, 10**12), st.sampled_from(["USD", "JPY", "KWD"]))
def test_every_amount_survives_the_way_through_a_binary_fraction(minor: int, currency: str) -> None:
    major = minor / 10 ** values.EXPONENTS.get(currency, 2)
    assert values.money(major, "total", currency) == minor


@pytest.mark.parametrize(("given", "code"), [(None, "USD"), ("", "USD"), ("eur", "EUR"), (" INR ", "INR")])
def test_currency_is_upper_case_and_dollars_unless_said(given: Any, code: str) -> None:
    assert values.currency(given, "properties.currency") == code


@pytest.mark.parametrize("given", ["€", "EURO", "E1R", "ÄÖÜ", 978])
def test_what_is_no_currency_code_is_refused(given: Any) -> None:
    with pytest.raises(Refused) as refusal:
        values.currency(given, "properties.currency")
    assert refusal.value.code is Reason.INVALID_CURRENCY


@pytest.mark.parametrize(("given", "whole"), [(3, 3), ("3", 3), (3.0, 3), ("3.00", 3), ("", None), (None, None)])
def test_whole_numbers_may_be_written_as_text(given: Any, whole: int | None) -> None:
    assert values.integer(given, "quantity") == whole


@pytest.mark.parametrize("given", [0.5, "0.5", "three", True, [], {}, float("nan")])
def test_what_is_no_whole_number_is_refused(given: Any) -> None:
    with pytest.raises(Refused):
        values.integer(given, "quantity")


@pytest.mark.parametrize(("given", "text"), [(" 42 ", "42"), (42, "42"), (42.0, "42"), ("  ", None), (None, None)])
def test_ids_are_text_also_where_the_client_counts(given: Any, text: str | None) -> None:
    assert values.identifier(given, "userId") == text


@pytest.mark.parametrize("given", [True, 4.5, [], {}, "x" * 256, "a\nb", "a\x00b", 2**60, float("inf")])
def test_what_cannot_name_anybody_is_refused(given: Any) -> None:
    with pytest.raises(Refused) as refusal:
        values.identifier(given, "userId")
    assert refusal.value.code is Reason.INVALID_ID


@pytest.mark.parametrize(("given", "text"), [(" a ", "a"), (5, "5"), (4.5, "4.5"), ("", None), (None, None)])
def test_numbers_are_good_texts(given: Any, text: str | None) -> None:
    assert values.text(given, "rating") == text
