"""What each Segment message becomes."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.collector.domain import Accepted, Reason, Refused
from services.collector.domain.names import SYNONYMS
from shared.errors import InvalidEvent
from shared.events import CATALOGUE, by_name
from tests.unit.collector.given import accepted, order, refused, track, translate
from tests.unit.collector.strategies import messages

PRODUCT = {"product_id": "p-1", "price": 5}
SAMPLES: dict[str, dict[str, Any]] = {
    "Products Searched": {"query": "shirt"},
    "Product List Viewed": {"list_id": "hot", "category": "Shirts", "products": [PRODUCT]},
    "Product List Filtered": {"filters": [{"type": "price", "value": "under-25"}], "sorts": [{"type": "price", "value": "desc"}]},
    "Promotion Viewed": {"promotion_id": "promo", "position": "top"},
    "Promotion Clicked": {"promotion_id": "promo"},
    "Product Clicked": PRODUCT,
    "Product Viewed": PRODUCT,
    "Product Added": {"cart_id": "c-1", **PRODUCT},
    "Product Removed": {"cart_id": "c-1", **PRODUCT},
    "Cart Viewed": {"cart_id": "c-1", "products": [PRODUCT]},
    "Checkout Started": {"order_id": "o-1", "value": 5, "products": [PRODUCT]},
    "Checkout Step Viewed": {"checkout_id": "k-1", "step": 1},
    "Checkout Step Completed": {"checkout_id": "k-1", "step": "2", "payment_method": "card"},
    "Payment Info Entered": {"checkout_id": "k-1", "order_id": "o-1"},
    "Order Completed": {"order_id": "o-1", "total": 5, "products": [PRODUCT]},
    "Order Updated": {"order_id": "o-1", "revenue": 5},
    "Order Cancelled": {"order_id": "o-1"},
    "Order Refunded": {"order_id": "o-1"},
    "Coupon Entered": {"coupon_id": "may"},
    "Coupon Applied": {"coupon_id": "may", "discount": 5},
    "Coupon Denied": {"coupon_id": "may", "reason": "expired"},
    "Coupon Removed": {"coupon_id": "may"},
    "Product Added to Wishlist": PRODUCT,
    "Product Removed from Wishlist": PRODUCT,
    "Wishlist Product Added to Cart": PRODUCT,
    "Product Shared": {"share_via": "email", "recipient": "friend@example.com", **PRODUCT},
    "Cart Shared": {"cart_id": "c-1", "products": [{"product_id": "p-1"}]},
    "Product Reviewed": {"product_id": "p-1", "rating": 5},
    "Product Changed": {"product_id": "p-1", "price": "5.00", "stock": "3"},
}


def check(event: Accepted) -> Accepted:
    by_name(event.name).check(event.data)
    return event


@pytest.mark.parametrize("name", SAMPLES)
def test_every_e_commerce_event_has_its_place_in_the_catalogue(name: str) -> None:
    event = check(accepted(track(name, SAMPLES[name])))
    assert event.name == name.lower().replace(" ", "_")


@pytest.mark.parametrize(("synonym", "name"), SYNONYMS.items())
def test_old_names_mean_the_same(synonym: str, name: str) -> None:
    properties = next(sample for spelled, sample in SAMPLES.items() if spelled.lower().replace(" ", "_") == name)
    assert check(accepted(track(synonym, properties))).name == name


def test_the_tracked_part_of_the_catalogue_is_covered() -> None:
    by_call = {
        "page_viewed",
        "screen_viewed",
        "customer_identified",
        "customer_grouped",
        "identity_aliased",
        "custom_event_tracked",
    }
    tracked = {kind.name for kind in CATALOGUE.values() if kind.source == "shop"} - by_call
    assert {name.lower().replace(" ", "_") for name in SAMPLES} == tracked


@pytest.mark.parametrize(
    "spelled", ["Order Completed", "order_completed", "ORDER COMPLETED", " order-completed ", "OrderCompleted"]
)
def test_spelling_does_not_matter(spelled: str) -> None:
    assert accepted({**order(), "event": spelled}).name == "order_completed"


def test_an_unknown_name_keeps_its_name_and_properties() -> None:
    event = check(accepted(track("Loyalty Card Scanned", {"till": 3, "nested": {"a": [1, None]}})))
    assert event.name == "custom_event_tracked"
    assert event.data["name"] == "Loyalty Card Scanned"
    assert event.data["properties"] == {"till": 3, "nested": {"a": [1, None]}}


@pytest.mark.parametrize(
    ("properties", "amount"),
    [
        ({"total": 30, "revenue": 20, "shipping": 5}, 3000),
        ({"revenue": 20, "shipping": "5.50", "tax": 1}, 2650),
        ({"revenue": 20}, 2000),
        ({"total": 0}, 0),
        ({"products": [{"product_id": "a", "price": 3, "quantity": 2}, {"sku": "b", "price": "0.50"}]}, 650),
    ],
)
def test_what_the_customer_pays(properties: dict[str, Any], amount: int) -> None:
    event = check(accepted(track("Order Completed", {"order_id": 1, **properties})))
    assert event.data["amount"] == amount
    assert event.data["currency"] == "USD"


@pytest.mark.parametrize(
    "properties", [{}, {"products": []}, {"products": [{"sku": "a", "price": 1}, {"sku": "b"}]}, {"subtotal": 3}]
)
def test_an_order_without_a_sum_is_refused(properties: dict[str, Any]) -> None:
    refusal = refused(track("Order Completed", {"order_id": 1, **properties}))
    assert (refusal.code, "properties.total" in refusal.message) == (Reason.MISSING_FIELD, True)


def test_an_amount_that_a_client_makes_up_is_not_believed() -> None:
    assert accepted(order(amount=1)).data["amount"] == 2750


def test_a_product_is_known_by_id_else_sku_else_plain_id() -> None:
    lines = [{"product_id": 1, "sku": "s"}, {"product_id": " ", "sku": "s"}, {"id": "x"}, {"productId": "camel"}]
    products = accepted(order(products=lines)).data["products"]
    assert [line["product_id"] for line in products] == ["1", "s", "x", "camel"]
    assert all(line["quantity"] == 1 for line in products)


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        (order(order_id=""), Reason.MISSING_FIELD, "properties.order_id"),
        (order(total="12,50"), Reason.INVALID_MONEY, "properties.total"),
        (order(currency="EURO"), Reason.INVALID_CURRENCY, "properties.currency"),
        (order(products={"0": {}}), Reason.INVALID_FIELD, "properties.products"),
        (order(products=[PRODUCT, "p-2"]), Reason.INVALID_FIELD, "properties.products.1"),
        (order(products=[PRODUCT, {"price": 1}]), Reason.MISSING_FIELD, "properties.products.1.product_id"),
        (order(products=[{**PRODUCT, "quantity": 1.5}]), Reason.INVALID_FIELD, "properties.products.0.quantity"),
        (order(revenue=-1), Reason.INVALID_MONEY, "properties.revenue"),
        (track("Order Completed", [1]), Reason.INVALID_FIELD, "properties"),
        (track(" "), Reason.MISSING_FIELD, "event"),
        (track(["x"]), Reason.INVALID_FIELD, "event"),
        (track("x" * 256), Reason.INVALID_FIELD, "event"),
        (track("x", timestamp="soon"), Reason.INVALID_TIME, "timestamp"),
        (track("x", userId=""), Reason.MISSING_IDENTITY, "userId"),
        (track("x", userId=[1]), Reason.INVALID_ID, "userId"),
        ({"userId": "1", "event": "x"}, Reason.UNKNOWN_TYPE, "type"),
        ({"userId": "1", "type": "delete"}, Reason.UNKNOWN_TYPE, "type"),
        ({"userId": "1", "type": 5}, Reason.UNKNOWN_TYPE, "type"),
        ({"userId": "1", "type": "group"}, Reason.MISSING_FIELD, "groupId"),
        ({"userId": "1", "type": "alias"}, Reason.MISSING_FIELD, "previousId"),
        ({"anonymousId": "1", "type": "alias", "previousId": "2"}, Reason.MISSING_FIELD, "userId"),
        ({"userId": "1", "type": "identify", "traits": "x"}, Reason.INVALID_FIELD, "traits"),
        ({"userId": "1", "type": "identify", "traits": {"consent": {"email": "maybe"}}}, Reason.INVALID_FIELD, "traits.consent"),
    ],
)
def test_refusals_say_why_and_name_the_field(message: dict[str, Any], code: Reason, field: str) -> None:
    refusal = refused(message)
    assert (refusal.code, refusal.message.startswith(field)) == (code, True), refusal.message


def test_quantity_of_nothing_is_not_in_the_catalogue() -> None:
    event = accepted(order(products=[{**PRODUCT, "quantity": 0}]))
    with pytest.raises(Exception, match="quantity"):
        check(event)


def test_identity_keys_stand_in_a_fixed_order_without_repeats() -> None:
    traits = {
        "email": " Jane@Example.COM ",
        "instagram": "https://instagram.com/Jane.D/",
        "twitter": "@Jane",
        "facebook": {"id": 1},
    }
    message = {
        "type": "identify",
        "userId": 42,
        "anonymousId": "a-1",
        "traits": traits,
        "context": {"traits": {"email": "jane@example.com"}},
    }
    event = check(accepted(message))
    assert event.subject == "user:42"
    assert event.data["identity_keys"] == [
        "user:42",
        "anon:a-1",
        "email:jane@example.com",
        "social:x:jane",
        "social:instagram:jane.d",
    ]
    assert event.data["traits"]["email"] == "jane@example.com"


@pytest.mark.parametrize(
    "email", ["jane", "jane@", "@example.com", "a@b", "a b@example.com", "x" * 260 + "@example.com", 5, None]
)
def test_what_does_not_look_like_an_address_is_no_key(email: Any) -> None:
    event = accepted(track("x", context={"traits": {"email": email}}))
    assert event.data["identity_keys"] == ["user:42"]


def test_the_address_on_an_order_is_the_customers_on_other_events_it_may_be_anybodys() -> None:
    assert accepted(order(email="jane@example.com")).data["identity_keys"] == ["user:42", "email:jane@example.com"]
    shared = track("Product Shared", {"product_id": "p", "email": "friend@example.com"})
    assert accepted(shared).data["identity_keys"] == ["user:42"]


def test_numbers_cards_devices_and_foreign_ids_are_keys_in_one_spelling() -> None:
    context = {
        "device": {"id": "D-1", "token": "t0ken", "type": "ios"},
        "externalIds": [
            {"id": "C-9", "type": "erp", "collection": "users", "encoding": "none"},
            {"id": 77, "type": "pos"},
            {"id": "acme", "type": "crm", "collection": "accounts"},
            {"id": {}, "type": "erp"},
            "C-9",
        ],
    }
    traits = {"phone": "030 / 123 456", "loyaltyCard": 4711, "loyalty_id": "47-11 ab"}
    event = check(accepted({"type": "identify", "userId": "42", "traits": traits, "context": context}))
    assert event.data["identity_keys"] == [
        "user:42",
        "phone:+4930123456",
        "loyalty:4711",
        "loyalty:4711AB",
        "device:D-1",
        "push:t0ken",
        "external:erp:C-9",
        "external:pos:77",
    ]
    assert event.data["traits"]["phone"] == "030 / 123 456"


def test_the_card_and_number_on_an_order_are_the_customers() -> None:
    event = accepted(order(phone="+91 98765 43210", loyalty_card="L 1", facebook="shop"))
    assert event.data["identity_keys"] == ["user:42", "phone:+919876543210", "loyalty:L1"]


@pytest.mark.parametrize("context", [5, {"device": 5}, {"device": {"id": {}}}, {"externalIds": 5}, {"externalIds": [5, None]}])
def test_what_cannot_be_read_of_the_context_names_nobody(context: Any) -> None:
    assert accepted(track("x", context=context)).data["identity_keys"] == ["user:42"]


@pytest.mark.parametrize(
    "junk", ["null", "Undefined", "anonymous", "0", "00000000-0000-0000-0000-000000000000", "[object Object]"]
)
def test_an_account_that_is_nobodys_gives_way_to_the_device(junk: str) -> None:
    event = accepted({"type": "page", "userId": junk, "anonymousId": "a-1"})
    assert event.subject == "anon:a-1"
    assert event.data["identity_keys"] == ["anon:a-1", f"user:{junk}"]
    assert accepted({"type": "page", "userId": junk}).subject == f"user:{junk}"


def test_a_device_without_account_is_its_own_subject() -> None:
    assert accepted({"type": "page", "userId": None, "anonymousId": "a-1"}).subject == "anon:a-1"


def test_traits_are_typed_where_reserved_and_kept_where_not() -> None:
    traits = {
        "firstName": "Jane",
        "lastName": None,
        "phone": "",
        "address": {"postalCode": 12345, "city": "Pune"},
        "createdAt": 1777636800,
        "birthday": "1990-12-31",
        "shoeSize": 39,
        "emailOptIn": True,
        "consent": {"sms": "denied"},
    }
    data = check(accepted({"type": "identify", "userId": "1", "traits": traits})).data
    assert data["traits"] == {
        "first_name": "Jane",
        "last_name": None,
        "address": {"city": "Pune", "postal_code": "12345"},
        "created_at": "2026-05-01T12:00:00.000Z",
        "birthday": "1990-12-31",
        "shoeSize": 39,
        "emailOptIn": True,
    }
    assert data["consent"] == {"email": "granted", "sms": "denied"}


def test_unsubscribed_is_consent_denied() -> None:
    assert accepted({"type": "identify", "userId": "1", "traits": {"unsubscribed": True}}).data["consent"] == {"email": "denied"}


@pytest.mark.parametrize(
    ("previous", "anonymous", "key"),
    [
        ("b2c1a5de-4c0b-4a5e-9d5b-0c3b8f6d1f10", None, "anon:b2c1a5de-4c0b-4a5e-9d5b-0c3b8f6d1f10"),
        ("visitor-7", "visitor-7", "anon:visitor-7"),
        ("session-9", None, "user:session-9"),
    ],
)
def test_an_alias_names_both_keys(previous: str, anonymous: str | None, key: str) -> None:
    event = check(accepted({"type": "alias", "userId": "42", "previousId": previous, "anonymousId": anonymous}))
    assert event.data["previous"] == key
    assert event.data["current"] == event.subject == "user:42"
    assert event.data["identity_keys"] == ["user:42", key]


def test_a_page_is_read_from_its_call_its_properties_and_its_context() -> None:
    context = {"page": {"path": "/a", "title": "From context"}, "campaign": {"source": "mail", "term": 5}, "locale": "pa-IN"}
    message = {
        "type": "page",
        "userId": "1",
        "name": "Home",
        "category": "Docs",
        "properties": {"title": "T"},
        "context": context,
    }
    data = check(accepted(message)).data
    assert {key: data[key] for key in ("name", "category", "title", "path")} == {
        "name": "Home",
        "category": "Docs",
        "title": "T",
        "path": "/a",
    }
    assert data["context"] == {"campaign": {"source": "mail"}, "page": {"path": "/a", "title": "From context"}, "locale": "pa-IN"}


def test_circumstances_never_cost_an_event() -> None:
    senseless = {"campaign": [1], "page": {"url": 5, "path": "x" * 3000}, "locale": {}, "device": "phone", "traits": []}
    assert "context" not in check(accepted(track("x", context=senseless))).data
    assert "context" not in check(accepted(track("x", context="none"))).data


def test_a_change_of_goods_is_about_no_person() -> None:
    event = check(
        accepted({"type": "track", "event": "Product Changed", "properties": {"product_id": 7, "name": "Shirt", "price": 3}})
    )
    assert event.subject == "product:7"
    assert event.data == {
        "product_id": "7",
        "title": "Shirt",
        "price": 300,
        "currency": "USD",
        "shop_source": "Web shop",
        "shop_source_kind": "web",
    }


def test_refunds_and_reviews_without_an_id_take_that_of_their_event() -> None:
    refund = accepted(track("Order Refunded", {"order_id": 1, "total": 3}))
    assert (refund.data["refund_id"], refund.data["amount"]) == ("event-1", 300)
    assert accepted(track("Product Reviewed", {"product_id": 1})).data["review_id"] == "event-1"
    assert accepted(track("Product Reviewed", {"product_id": 1, "review_id": 9})).data["review_id"] == "9"


def test_a_currency_is_only_told_where_there_is_money() -> None:
    assert "currency" not in accepted(track("Product Viewed", {"product_id": 1})).data
    assert accepted(track("Cart Viewed", {"products": [PRODUCT]})).data["currency"] == "USD"


def test_the_type_of_the_path_holds_where_the_message_has_none() -> None:
    assert accepted({"userId": "1"}, call="screen").name == "screen_viewed"
    assert accepted({"userId": "1", "type": "Page"}, call="screen").name == "page_viewed"


def test_forwarded_messages_count_by_their_original_time() -> None:
    message = track("x", timestamp="2026-05-01T09:00:00Z", originalTimestamp="2026-05-01T08:00:00Z")
    assert accepted(message).time.hour == 8
    assert accepted(message, backfill=True).time.hour == 9


@settings(max_examples=400)
@given(messages())
def test_whatever_comes_is_accepted_or_refused_and_never_names_a_value(message: dict[str, Any]) -> None:
    outcome = translate(message)
    if isinstance(outcome, Refused):
        assert outcome.code in Reason
    else:
        assert outcome.subject == outcome.data.get("identity_keys", [outcome.subject])[0]
        assert outcome.time.microsecond % 1000 == 0
        with contextlib.suppress(InvalidEvent):  # a quantity of 0 is for the catalogue to refuse
            check(outcome)


@given(st.sampled_from([*SAMPLES]), st.data())
def test_what_is_accepted_from_a_good_message_with_some_noise_is_in_the_catalogue(name: str, data: st.DataObject) -> None:
    noise = data.draw(
        st.dictionaries(st.sampled_from(["note", "affiliation", "coupon", "variant"]), st.text(max_size=5), max_size=2)
    )
    check(accepted(track(name, {**SAMPLES[name], **noise})))


def test_one_word_may_stand_for_two_fields() -> None:
    data = accepted(track("Product Viewed", {"sku": "S-1"})).data
    assert (data["product_id"], data["sku"]) == ("S-1", "S-1")
