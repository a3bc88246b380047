"""Write keys and who may use them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.collector.domain import Reason, Refused
from services.collector.domain.source import GRACE, KEY_BYTES, check_key, hash_of, rotated, write_key
from services.collector.memo import Memo
from tests.unit.collector.given import NOW, SOURCE


def test_a_write_key_is_safe_in_an_address_and_holds_all_its_randomness() -> None:
    key = write_key(b"\xff" * KEY_BYTES)
    assert (key[:3], len(key), key.replace("-", "").replace("_", "").isalnum()) == ("wk_", 46, True)
    assert write_key(b"\xff" * 31 + b"\xfe") != key
    with pytest.raises(ValueError, match="32"):
        write_key(b"short")


def test_any_text_can_be_looked_up_as_a_key() -> None:
    assert len(hash_of("half a character \ud83d")) == 64


def test_a_rotation_keeps_the_old_key_for_its_grace_only() -> None:
    source = rotated(replace(SOURCE, key_hash="old"), "new", NOW)
    check_key(source, "new", NOW + 2 * GRACE)
    check_key(source, "old", NOW + GRACE - timedelta(seconds=1))
    with pytest.raises(Refused) as refusal:
        check_key(source, "old", NOW + GRACE)
    assert refusal.value.code is Reason.EXPIRED_WRITE_KEY


def test_a_second_rotation_ends_the_grace_of_the_first_key() -> None:
    source = rotated(rotated(replace(SOURCE, key_hash="first"), "second", NOW), "third", NOW)
    assert (source.key_hash, source.previous_hash) == ("third", "second")


def test_a_disabled_source_is_refused_with_any_key() -> None:
    with pytest.raises(Refused) as refusal:
        check_key(replace(SOURCE, enabled=False), SOURCE.key_hash, NOW)
    assert refusal.value.code is Reason.SOURCE_DISABLED


def test_an_answer_is_remembered_until_it_is_old() -> None:
    asked: list[str] = []
    clock = iter([0.0, 1.0, 3.0])
    memo = Memo[str, int](lambda key: asked.append(key) or len(asked), 3.0, lambda: next(clock))
    assert [memo("a"), memo("a"), memo("a")] == [1, 1, 2]


def test_strangers_do_not_fill_the_memory() -> None:
    memo = Memo[int, int](lambda key: key, 3.0, lambda: 0.0)
    for key in range(25_000):
        memo(key)
    assert len(memo) <= 10_000
