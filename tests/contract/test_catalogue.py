"""The catalogue holds what it promises: schemas that tell right from wrong, prose for every entry, documents that are true."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from shared import commerce, events
from shared.catalogue import __main__ as catalogue
from shared.catalogue.asyncapi import document
from shared.errors import InvalidEvent
from shared.events import CATALOGUE, EventKind

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples" / "events"
KINDS = [pytest.param(kind, id=kind.name) for kind in CATALOGUE.values()]


def sample(kind: EventKind) -> dict[str, Any]:
    return dict(json.loads((SAMPLES / f"{kind.name}.json").read_text(encoding="utf-8")))


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema and of the schemas that it refers to."""
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part["properties"].items()


def test_every_entry_is_a_constant_of_its_own_name() -> None:
    constants = {name: value for name, value in vars(events).items() if isinstance(value, EventKind)}
    assert constants == {kind.name.upper(): kind for kind in CATALOGUE.values()}
    assert {name for name in events.__all__ if name.isupper()} == {*constants, "CATALOGUE"}


def test_an_unknown_name_is_an_invalid_event() -> None:
    assert events.by_name("order_completed") is events.ORDER_COMPLETED
    with pytest.raises(InvalidEvent, match="order_complete"):
        events.by_name("order_complete")


def test_samples_are_of_the_catalogue_and_of_all_of_it() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(CATALOGUE)


@pytest.mark.parametrize("kind", KINDS)
def test_prose_is_sentences(kind: EventKind) -> None:
    for text in (kind.sent, kind.not_sent, kind.key, kind.late):
        assert text.endswith("."), text
        assert text[0].isupper() or text[0] == "`", text
    for name, field in properties(kind.json_schema):
        assert field.get("description", "").endswith("."), name


@pytest.mark.parametrize("kind", KINDS)
def test_schema_accepts_its_sample(kind: EventKind) -> None:
    jsonschema.Draft202012Validator.check_schema(kind.json_schema)
    kind.check(sample(kind))
    jsonschema.validate(sample(kind), kind.json_schema)
    kind.schema().load(sample(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_sample_shows_only_fields_of_the_schema(kind: EventKind) -> None:
    assert sample(kind).keys() <= kind.json_schema["properties"].keys()


@pytest.mark.parametrize("kind", KINDS)
def test_readers_may_meet_fields_they_do_not_know(kind: EventKind) -> None:
    kind.check({**sample(kind), "added_later": {"by": "us"}})


@pytest.mark.parametrize("kind", KINDS)
def test_schema_refuses_a_required_field_that_is_missing_or_null(kind: EventKind) -> None:
    assert kind.json_schema["required"]
    for name in kind.json_schema["required"]:
        without = {key: value for key, value in sample(kind).items() if key != name}
        with pytest.raises(InvalidEvent, match=rf"^{kind.name}: {name} is missing$"):
            kind.check(without)
        with pytest.raises(InvalidEvent, match=name):
            kind.check({**without, name: None})


@pytest.mark.parametrize("kind", KINDS)
def test_an_optional_field_may_be_absent_or_null(kind: EventKind) -> None:
    required = set(kind.json_schema["required"])
    least = {key: value for key, value in sample(kind).items() if key in required}
    kind.check(least)
    kind.check({**least, **dict.fromkeys(kind.json_schema["properties"].keys() - required)})


@pytest.mark.parametrize("kind", KINDS)
def test_schema_refuses_values_of_the_wrong_type(kind: EventKind) -> None:
    for name, schema in kind.json_schema["properties"].items():
        wrong = 1 if "boolean" in schema.get("type", "") else True
        with pytest.raises(InvalidEvent, match=name):
            kind.check({**sample(kind), name: wrong})


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (events.ORDER_COMPLETED, {"amount": 27.5}, "amount breaks type"),
        (events.ORDER_COMPLETED, {"amount": 2**53}, "amount breaks maximum"),
        (events.ORDER_COMPLETED, {"currency": "eur"}, "currency breaks pattern"),
        (events.ORDER_COMPLETED, {"order_id": ""}, "order_id breaks minLength"),
        (events.ORDER_COMPLETED, {"order_id": "A\x001"}, "order_id breaks pattern"),
        (events.ORDER_COMPLETED, {"identity_keys": []}, "identity_keys breaks minItems"),
        (events.ORDER_COMPLETED, {"identity_keys": ["42"]}, r"identity_keys\.0 breaks pattern"),
        (events.ORDER_COMPLETED, {"shop_source_kind": "fax"}, "shop_source_kind breaks enum"),
        (events.ORDER_COMPLETED, {"products": [{"quantity": 1}]}, r"products\.0\.product_id is missing"),
        (events.ORDER_COMPLETED, {"products": [{"product_id": "p", "quantity": 0}]}, r"products\.0\.quantity breaks minimum"),
        (events.ORDER_COMPLETED, {"context": {"campaign": {"name": 7}}}, "context breaks anyOf"),
        (events.CUSTOMER_IDENTIFIED, {"traits": {"birthday": "1 April"}}, r"traits\.birthday breaks format"),
        (events.CUSTOMER_IDENTIFIED, {"traits": {"age": "ten"}}, r"traits\.age breaks type"),
        (events.CUSTOMER_IDENTIFIED, {"consent": {"email": "maybe"}}, r"consent\.email breaks enum"),
        (events.CART_ABANDONED, {"abandoned_at": "yesterday"}, "abandoned_at breaks format"),
    ],
)
def test_schema_says_what_is_wrong_and_never_the_value(kind: EventKind, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidEvent, match=rf"^{kind.name}: {reason}$"):
        kind.check({**sample(kind), **change})


def test_traits_of_a_shop_s_own_keep_their_name_and_value() -> None:
    traits = {"email": "jane@example.com", "Lieblingsspiel": {"name": "Schach"}}
    data = {**sample(events.CUSTOMER_IDENTIFIED), "traits": traits}
    events.CUSTOMER_IDENTIFIED.check(data)
    loaded: Any = events.CUSTOMER_IDENTIFIED.schema().load(data)
    assert loaded["traits"] == traits


def test_parts_of_the_same_name_are_the_same_part() -> None:
    parts: dict[str, Any] = {}
    for kind in CATALOGUE.values():
        for name, schema in kind.json_schema.get("$defs", {}).items():
            assert parts.setdefault(name, schema) == schema, f"{name} of {kind.name}"


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        (events.ORDER_COMPLETED, commerce.OrderContent),
        (events.ORDER_UPDATED, commerce.OrderContent),
        (events.ORDER_CANCELLED, commerce.OrderCancelled),
        (events.ORDER_REFUNDED, commerce.OrderRefunded),
        (events.PRODUCT_ADDED, commerce.CartMoved),
        (events.PRODUCT_REMOVED, commerce.CartMoved),
        (events.WISHLIST_PRODUCT_ADDED_TO_CART, commerce.CartMoved),
        (events.CART_VIEWED, commerce.CartViewed),
        (events.CHECKOUT_STARTED, commerce.CheckoutStarted),
    ],
)
def test_facts_of_commerce_are_data_of_the_catalogue(kind: EventKind, fact: type[Any]) -> None:
    """A fact names only fields that the event has, and reads both the full sample and one with nothing but what is required."""
    assert {field.name for field in fields(fact)} <= kind.json_schema["properties"].keys()
    full = sample(kind)
    least = {key: value for key, value in full.items() if key in kind.json_schema["required"]}
    for data in (full, least, {**dict.fromkeys(kind.json_schema["properties"]), **least}):
        decoded = msgspec.json.decode(msgspec.json.encode(data), type=fact)
        assert all(
            getattr(decoded, name) == value for name, value in data.items() if hasattr(decoded, name) and name != "products"
        )


def test_asyncapi_document_is_valid() -> None:
    schema = json.loads((HERE / "asyncapi-3.0.0.json").read_text(encoding="utf-8"))
    written = document(CATALOGUE)
    jsonschema.Draft7Validator(schema).validate(written)
    assert set(written["channels"]) == set(CATALOGUE)


def test_references_of_the_asyncapi_document_lead_somewhere() -> None:
    written = document(CATALOGUE)
    for reference in _references(written):
        target: Any = written
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_written_documents_are_up_to_date() -> None:
    result = CliRunner().invoke(catalogue.main, ["--check"])
    assert result.exit_code == 0, result.output


def test_check_names_what_is_stale_and_writing_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "docs"
    monkeypatch.setattr(catalogue, "DOCS", docs)
    assert CliRunner().invoke(catalogue.main).exit_code == 0
    (docs / "events.md").write_text("Something else.", encoding="utf-8")
    (docs / "schemas" / "order_forgotten.json").write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(catalogue.main, ["--check"])
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.output.splitlines()] == ["docs/events.md", "docs/schemas/order_forgotten.json"]
    assert CliRunner().invoke(catalogue.main).exit_code == 0
    assert CliRunner().invoke(catalogue.main, ["--check"]).exit_code == 0


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)
