"""Identity keys in one spelling, and customers found by whatever spelling somebody types."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import load
from shared.envelope import derived_id
from shared.errors import ConfigurationError
from shared.identifiers import LONGEST, identity_key
from shared.identity import id_of, lookup_id


@pytest.mark.parametrize(
    ("kind", "written", "key"),
    [
        ("email", " Jane.Doe@Example.COM ", "email:jane.doe@example.com"),
        ("email", "ｊａｎｅ@example.com", "email:jane@example.com"),
        ("email", "jane\u200b@example.com", "email:jane@example.com"),
        ("email", "jane@", None),
        ("phone", "030 / 123 45-67", "phone:+49301234567"),
        ("phone", "+49 (0)30 1234567", "phone:+49301234567"),
        ("phone", "0049 30 1234567", "phone:+49301234567"),
        ("phone", "+91 98765 43210", "phone:+919876543210"),
        ("phone", "+९१ ९८७६५ ४३२१०", "phone:+919876543210"),
        ("phone", "12", None),
        ("phone", "call me", None),
        ("social", "x:@Jane", "social:x:jane"),
        ("social", "instagram:https://instagram.com/Jane.D/", "social:instagram:jane.d"),
        ("social", "x:", None),
        ("loyalty", "12-34 ab", "loyalty:1234AB"),
        ("loyalty", "--", None),
        ("user", " A1 ", "user:A1"),
        ("user", "a1", "user:a1"),
        ("user", "ﬁ", "user:fi"),
        ("user", "\u200d", None),
        ("external", "erp:C 9", "external:erp:C 9"),
        ("user", "x" * (LONGEST + 1), None),
    ],
)
def test_a_value_is_one_key_however_it_is_written(kind: str, written: str, key: str | None) -> None:
    assert identity_key(kind, written, "DE") == key


def test_a_number_without_country_code_is_nobodys_where_no_region_is_set() -> None:
    assert identity_key("phone", "030 1234567") is None
    assert identity_key("phone", "+49 30 1234567") == "phone:+49301234567"


@given(st.sampled_from(["user", "email", "phone", "social", "loyalty", "device", "other"]), st.text(max_size=40))
def test_a_key_that_is_written_in_its_one_spelling_stays_as_it_is(kind: str, written: str) -> None:
    key = identity_key(kind, written, "IN")
    if key is not None:
        assert identity_key(kind, key.partition(":")[2], "IN") == key


@pytest.mark.parametrize("typed", ["email:Jane@Example.com", " JANE@example.com", "jane@example.com"])
def test_a_customer_is_found_by_any_spelling(typed: str) -> None:
    assert lookup_id(typed) == id_of("email:jane@example.com")


def test_a_region_that_is_none_is_refused_at_start() -> None:
    assert load("collector", {"PHONE_REGION": "IN"}).phone_region == "IN"
    with pytest.raises(ConfigurationError, match="PHONE_REGION"):
        load("collector", {"PHONE_REGION": "Indien"})


@given(st.lists(st.text(), max_size=3))
def test_a_derived_id_is_the_uuid_of_its_parts(parts: list[str]) -> None:
    namespace = uuid.UUID("5ab4dd11-0b8e-5c52-9a51-6d1f0f6f5a1e")
    assert derived_id(*parts) == str(uuid.uuid5(namespace, "\x1f".join(parts)))


@given(st.text(st.characters(max_codepoint=0x17F)))
def test_visible_ascii_is_spelled_as_everything_else(text: str) -> None:
    assert identity_key("user", text) == identity_key("user", f"\u200b{text}")  # an invisible character takes the long way
