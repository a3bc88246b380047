"""Whom a refused message may be about, in whatever state it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.domain.legible import MOST_KEYS, legible_keys
from shared.identifiers import identity_key


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        ('{"userId": "42", "event": 7}', ["user:42"]),
        ('{"userId": 42, "anonymousId": "dev-1"}', ["user:42", "anon:dev-1"]),
        ('{"userId": "42", "event": "Order Compl', ["user:42"]),
        (
            '{"context": {"traits": {"email": "Jane@Shop.example", "loyaltyCard": "LC 1"}}}',
            ["email:jane@shop.example", "loyalty:LC1"],
        ),
        ('{"previousId": "a"}', ["user:a", "anon:a"]),
        ("1001;2026-05-01;jane@shop.example;+49 30 901820", ["email:jane@shop.example", "phone:+4930901820"]),
        ('{"raw": "1001,jane@shop.example."}', ["email:jane@shop.example"]),
        ('[{"Mobile No": "+919812345678"}, {"customer_id": "7"}]', ["phone:+919812345678", "user:7"]),
        ("userId='42'", ["user:42"]),
        ('{"userId": true, "email": null}', []),
        ("", []),
    ],
)
def test_whoever_is_named_is_found(raw: str, keys: list[str]) -> None:
    assert legible_keys(raw.encode(), identity_key) == keys


def test_of_too_many_the_first_are_noted() -> None:
    raw = ",".join(f"a{number}@shop.example" for number in range(500)).encode()
    assert len(legible_keys(raw, identity_key)) == MOST_KEYS


@given(st.binary(max_size=2_000))
def test_no_bytes_are_too_strange(raw: bytes) -> None:
    for key in legible_keys(raw, identity_key):
        assert ":" in key


def test_what_is_nested_without_end_is_read_as_far_as_it_goes() -> None:
    assert legible_keys(b"[" * 100_000, identity_key) == []
    deep = b'{"a":' * 200 + b'{"userId": "deep"}' + b"}" * 200
    assert legible_keys(deep, identity_key) in ([], ["user:deep"])
