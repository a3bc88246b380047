"""The ledger: what is read back is what was tried and accepted, and nonsense is refused."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from chaos import ledger
from chaos.ledger import Fact, Kind, Ledger
from chaos.workload.segment import message
from chaos.workload.shop import Mix, Shop

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def some(count: int, seed: int = 1, **mix: float) -> list[Fact]:
    return list(islice(Shop(seed, NOW, Mix(**mix)).facts(NOW), count))  # type: ignore[arg-type]  # fields of Mix


def test_a_ledger_tells_accepted_from_unknown(tmp_path: Path) -> None:
    facts, path = some(40), tmp_path / "ledger"
    book = Ledger(path)
    book.attempt("a", facts[:20])
    book.attempt("b", facts[20:])
    book.accept("a", facts[:20])
    book.close()
    record = ledger.read(path)
    assert record.attempted == {fact.id: fact for fact in facts}
    assert record.accepted.keys() == {fact.id for fact in facts[:20]}
    assert record.unknown == {fact.id for fact in facts[20:]}


def test_a_ledger_with_the_same_fact_twice_is_refused(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger")
    book.attempt("a", some(1))
    book.attempt("b", some(1))
    with pytest.raises(ValueError, match="two facts"):
        ledger.read(tmp_path / "ledger")


def test_an_acceptance_of_what_was_never_attempted_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger").accept("a", some(1))
    with pytest.raises(ValueError, match="never attempted"):
        ledger.read(tmp_path / "ledger")


def test_the_same_seed_makes_the_same_facts() -> None:
    assert some(300) == some(300)
    assert some(300) != some(300, seed=2)


def test_corrections_come_before_their_orders_as_well_as_after_them() -> None:
    facts = some(2000)
    places = {fact.id: place for place, fact in enumerate(facts)}
    gaps = [place - places[fact.about] for place, fact in enumerate(facts) if fact.about in places]
    assert min(gaps) < 0 < max(gaps)


def test_every_customer_orders_in_a_quarter_of_an_hour_of_their_own() -> None:
    orders = [fact for fact in some(2000, carts=0.0, consumables=0.0) if fact.kind is Kind.ORDER]
    quarters = {(fact.at.date(), fact.at.hour, fact.at.minute // 15) for fact in orders}
    assert len(quarters) == len({fact.customer for fact in orders})


def test_the_message_of_an_order_carries_its_weight_and_its_money() -> None:
    order = Fact(255, Kind.ORDER, "c-1", 12_34, NOW, "cart")
    sent = message(order)
    assert sent["messageId"] == sent["properties"]["order_id"] == "00000000000000ff"
    assert (sent["properties"]["total"], sent["properties"]["cart_id"], sent["anonymousId"]) == (12.34, "cart", "device-c-1")
