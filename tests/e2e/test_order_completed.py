"""The specification of one purchase: what an order means in every service, and that nothing about its delivery changes that.

A shop tracks with the published Segment client; everything is read through the gateway.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.conftest import System
from tests.e2e.journeys import LAMP, NOTHING_BACK, RUG, Buyer, Customer, Shop, becomes, order

STEPS = 7  # of Jane, from her first page to the order
EUROS_100 = [{"currency": "EUR", "amount": 100_00}]


@pytest.fixture(scope="module")
def shop(stack: System) -> Iterator[Shop]:
    open_shop = Shop(stack, f"Web shop {secrets.token_hex(4)}")
    yield open_shop
    open_shop.close()


@dataclass(frozen=True)
class Purchase:
    """Jane's purchase, from her first visit to the order, and what was armed while her cart stood open."""

    user_id: str
    device: str
    email: str
    order_id: str
    cart_id: str
    armed_by_the_cart: dict[str, Any]


@pytest.fixture(scope="module")
def her_shop(stack: System) -> Iterator[Shop]:
    """A shop in which nobody else buys."""
    open_shop = Shop(stack, f"Jane's shop {secrets.token_hex(4)}")
    yield open_shop
    open_shop.close()


@pytest.fixture(scope="module")
def purchase(stack: System, her_shop: Shop) -> Purchase:
    """She looks around without a name, fills a cart, says who she is, and orders."""
    tag = secrets.token_hex(4)
    user_id, device, email = f"jane-{tag}", f"device-{tag}", f"jane.{tag}@example.com"
    order_id, cart = f"A-{tag}", {"cart_id": f"cart-{tag}", "currency": "EUR"}
    anonymous, known = {"anonymous_id": device}, {"user_id": user_id, "anonymous_id": device}
    her_shop.analytics.page(anonymous_id=device, name="Home", properties={"path": "/"})
    her_shop.delivered()
    her_shop.track(anonymous, "Product Viewed", {**LAMP, "currency": "EUR"})
    her_shop.track(anonymous, "Product Added", {**LAMP, **cart})
    her_shop.track(anonymous, "Product Added", {**RUG, **cart})
    visitor = Customer(stack, f"anon:{device}")
    armed = stack.wait_until(lambda: _reminder_of_both(visitor), "a reminder for the cart is armed")
    her_shop.identify(known, {"email": email.upper(), "firstName": "Jane", "lastName": "Doe", "phone": "+49 30 901820"})
    her_shop.track(known, "Checkout Started", {**order(order_id), "checkout_id": f"checkout-{tag}"})
    her_shop.track(known, "Order Completed", order(order_id, checkout_id=f"checkout-{tag}", cart_id=cart["cart_id"]))
    return Purchase(user_id, device, email, order_id, cart["cart_id"], armed)


def _reminder_of_both(visitor: Customer) -> Any:
    reminder = visitor.armed().get("cart_idle", {})
    return reminder if len(reminder.get("products", ())) == 2 else None


@pytest.fixture
def jane(stack: System, purchase: Purchase) -> Customer:
    return Customer(stack, f"user:{purchase.user_id}")


def test_whatever_she_is_known_by_finds_the_same_customer(stack: System, jane: Customer, purchase: Purchase) -> None:
    becomes(lambda: sum((jane.profile or {"activity": {}})["activity"].values()), STEPS)
    profile = jane.profile
    names = [f"anon:{purchase.device}", f"email:{purchase.email}", purchase.email, profile["customer_id"]]
    for identity in names:
        becomes(lambda identity=identity: Customer(stack, identity).profile, profile)
    known_as = [f"user:{purchase.user_id}", f"email:{purchase.email}", "phone:+4930901820", f"anon:{purchase.device}"]
    assert profile["identity_keys"] == known_as
    assert (profile["name"], profile["traits"]["email"]) == ("Jane Doe", purchase.email)
    assert (profile["spend"], profile["gross_spend"], profile["refunds"]) == (EUROS_100, EUROS_100, NOTHING_BACK)
    assert profile["first_order"]["order_id"] == profile["last_order"]["order_id"] == purchase.order_id
    assert {product["product_id"]: product["pieces"] for product in profile["products"]} == {"lamp": 1, "rug": 2}
    assert [category["category"] for category in profile["categories"]] == ["Home"]


def test_all_she_did_is_on_her_timeline_also_what_she_did_before_she_had_a_name(jane: Customer) -> None:
    steps = ["order_completed", "checkout_started", "customer_identified", "product_added", "product_added"]
    steps += ["product_viewed", "page_viewed"]
    becomes(lambda: [entry["name"] for entry in jane.timeline() if entry["service"] == "shop"], steps)
    assert {"profile_merged", "lifecycle_stage_changed"} <= {entry["name"] for entry in jane.timeline()}


def test_the_order_disarms_the_reminder_of_her_cart_and_arms_the_one_for_her_silence(jane: Customer, purchase: Purchase) -> None:
    assert purchase.armed_by_the_cart["cart_id"] == purchase.cart_id
    becomes(lambda: set(jane.armed()), {"lapse"})
    lapse = jane.armed()["lapse"]
    assert lapse["order_id"] == purchase.order_id
    assert datetime.fromisoformat(lapse["due"]) - datetime.fromisoformat(lapse["last_order_at"]) == timedelta(days=90)
    assert jane.timers["fired"] == []


def test_an_agent_sees_the_order_and_no_open_cart(jane: Customer, purchase: Purchase) -> None:
    becomes(lambda: [seen["order_id"] for seen in (jane.context or {"orders": []})["orders"]], [purchase.order_id])
    context = jane.context
    (seen,) = context["orders"]
    assert (seen["status"], seen["amount"], seen["net"], context["spend"]) == ("placed", 100_00, 100_00, EUROS_100)
    assert [(line["name"], line["quantity"], line["amount"]) for line in seen["products"]] == [
        ("Reading lamp", 1, 40_00),
        ("Rug", 2, 60_00),
    ]
    assert (context["open_cart"], context["other_carts"]) == (None, [])
    assert (context["name"], context["contact"]["email"]) == ("Jane Doe", purchase.email)


def test_she_is_a_first_time_buyer_now(stack: System, jane: Customer) -> None:
    becomes(jane.audiences, {"first-time-buyers", "recent-buyers"})
    newest = stack.get("/api/campaigns/audiences/first-time-buyers/members?limit=500")["items"]
    stack.wait_until(lambda: jane.profile, "profiles knows her")
    assert jane.profile["customer_id"] in [member["customer_id"] for member in newest]


def test_the_figures_of_the_day_have_her_order(stack: System, her_shop: Shop, jane: Customer) -> None:
    becomes(lambda: (jane.profile or {}).get("orders"), 1)
    day = datetime.fromisoformat(jane.profile["last_order"]["placed_at"]).date()
    found = stack.wait_until(lambda: her_shop.figures(day), "analytics knows of the order")
    assert (found["orders"], found["units"], found["new_customers"], found["returning_customers"]) == (1, 3, 1, 0)
    assert found["revenue"] == [{"currency": "EUR", "gross": 100_00, "net": 100_00, "refunded": 0, "cancelled_amount": 0}]


@pytest.fixture
def new_buyer(stack: System, shop: Shop) -> Callable[[], Buyer]:
    return lambda: Buyer(stack, shop)


def _refund(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "refund_id": f"refund-of-{order_id}", "total": 25.0, "currency": "EUR"}


def _update(order_id: str) -> dict[str, Any]:
    book = {"product_id": "book", "name": "Book", "category": "Books", "price": 20.0, "quantity": 2}
    return order(order_id, 140.0, products=[LAMP, RUG, book])


def _cancel(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id}


@pytest.mark.parametrize(
    ("event", "correction", "outcome"),
    [
        ("Order Refunded", _refund, {"status": "partly_refunded", "back": 25_00}),
        ("Order Updated", _update, {"status": "placed", "amount": 140_00, "lines": 3, "units": 5}),
        ("Order Cancelled", _cancel, {"status": "cancelled"}),
    ],
)
def test_a_correction_ends_in_the_same_figures_whether_it_comes_after_the_order_or_before_it(
    new_buyer: Callable[[], Buyer], event: str, correction: Callable[[str], dict[str, Any]], outcome: dict[str, Any]
) -> None:
    usual, odd = new_buyer(), new_buyer()
    usual.places_the_order()
    usual.heard("order_completed")
    name = event.lower().replace(" ", "_")
    for buyer in (usual, odd):
        later = buyer.day + timedelta(hours=1)
        buyer.shop.track(buyer.visitor, event, correction(buyer.order_id), timestamp=later)
        buyer.heard(name)
    assert odd.customer.profile["orders"] == 0
    odd.places_the_order()
    for buyer in (usual, odd):
        becomes(buyer.standing, buyer.expected(**outcome))


def test_the_same_order_under_a_second_message_id_counts_once_everywhere(new_buyer: Callable[[], Buyer]) -> None:
    buyer = new_buyer()
    for _ in range(2):
        buyer.places_the_order()
    for _ in range(2):  # the last thing that is heard of the order: whoever knows it has heard of all the rest
        buyer.shop.track(buyer.visitor, "Order Refunded", _refund(buyer.order_id), timestamp=buyer.day)
    buyer.heard("order_completed", times=2)
    buyer.heard("order_refunded", times=2)
    becomes(buyer.standing, buyer.expected("partly_refunded", back=25_00))


def test_a_message_that_the_client_sends_again_is_one_event(new_buyer: Callable[[], Buyer]) -> None:
    buyer = new_buyer()
    for _ in range(3):
        buyer.places_the_order(message_id=f"m-{buyer.order_id}")
    buyer.shop.track(buyer.visitor, "Order Refunded", _refund(buyer.order_id), timestamp=buyer.day)
    becomes(buyer.standing, buyer.expected("partly_refunded", back=25_00))
    buyer.heard("order_completed", times=1)


def test_a_second_purchase_makes_a_repeat_buyer(new_buyer: Callable[[], Buyer]) -> None:
    buyer = new_buyer()
    buyer.places_the_order()
    becomes(buyer.standing, buyer.expected("placed"))
    again, second = buyer.shop.a_day_of_its_own(), f"{buyer.order_id}-2"  # a day before: it was the first, heard of later
    buyer.shop.track(buyer.visitor, "Order Completed", order(second), timestamp=again)
    becomes(buyer.customer.audiences, {"repeat-buyers", "recent-buyers"})
    becomes(lambda: buyer.customer.profile["spend"], [{"currency": "EUR", "amount": 200_00}])
    assert buyer.customer.profile["first_order"]["order_id"] == second
    becomes(lambda: buyer.customer.context["orders_count"], 2)
    becomes(lambda: _customers(buyer.shop.figures(again.date())), (1, 1, 0))
    becomes(lambda: _customers(buyer.shop.figures(buyer.day.date())), (1, 0, 1))
    assert buyer.customer.armed()["lapse"]["order_id"] == buyer.order_id


def _customers(figures: Any) -> Any:
    return figures and tuple(figures[name] for name in ("orders", "new_customers", "returning_customers"))


def test_what_she_says_in_a_network_stands_beside_her_orders(stack: System, new_buyer: Callable[[], Buyer]) -> None:
    buyer = new_buyer()
    buyer.places_the_order()
    said = {"network": "x", "handle": buyer.handle.upper(), "external_id": f"reply-{buyer.order_id}", "text": "Where is my lamp?"}
    assert stack.call("POST", "/api/social/mentions", said)["accepted"] == 1
    assert stack.call("POST", "/api/social/mentions", said)["duplicate"] == 1
    texts = ["Where is my lamp?", "I like this shop"]
    becomes(lambda: [mention["text"] for mention in (buyer.customer.context or {"mentions": []})["mentions"]], texts)
    becomes(lambda: [(one["author"] or {}).get("is_buyer") for one in buyer.customer.mentions], [True, True])


def test_a_ticket_is_opened_answered_and_resolved_with_the_context_beside_it(
    stack: System, new_buyer: Callable[[], Buyer]
) -> None:
    buyer, tickets = new_buyer(), "/api/support/tickets"
    question = {"customer": buyer.customer.identity, "subject": "My lamp", "body": "It is dark.", "order_id": buyer.order_id}
    opened = stack.call("POST", tickets, question, status=201)
    assert opened["warnings"], "an order that nobody has heard of is worth a word"
    one = f"{tickets}/{opened['number']}"
    buyer.places_the_order()
    becomes(lambda: stack.get(one)["warnings"], [])
    beside = stack.get(one)["customer"]
    assert ([seen["order_id"] for seen in beside["orders"]], beside["spend"]) == ([buyer.order_id], EUROS_100)
    assert [ticket["number"] for ticket in buyer.customer.context["open_tickets"]] == [opened["number"]]
    answered = stack.call("POST", f"{one}/replies", {"body": "A new bulb is on its way.", "agent_id": "amir"}, status=201)
    assert answered["status"] == "waiting"
    resolved = stack.call("POST", f"{one}/resolve", {"agent_id": "amir"})
    assert (resolved["status"], [step["kind"] for step in resolved["history"]]) == (
        "resolved",
        ["opened", "replied", "resolved"],
    )
    assert [ticket["number"] for ticket in buyer.customer.context["open_tickets"]] == []
    assert buyer.customer.context["messages"][0]["text"] == "A new bulb is on its way."


def test_a_cart_that_was_left_is_announced_once_and_recovered_by_the_order(
    stack: System, shop: Shop, new_buyer: Callable[[], Buyer]
) -> None:
    buyer, cart = new_buyer(), {"cart_id": f"cart-{secrets.token_hex(4)}", "currency": "EUR"}
    hours_ago = datetime.now(UTC) - timedelta(hours=3)
    shop.track(buyer.visitor, "Product Added", {**RUG, **cart}, timestamp=hours_ago)
    becomes(buyer.customer.audiences, {"cart-abandoners"})
    left = stack.wait_until(lambda: (buyer.customer.context or {}).get("open_cart"), "an agent sees the cart")
    becomes(lambda: buyer.customer.context["open_cart"]["abandoned_at"] is not None, True)
    assert (left["cart_id"], left["amount"]) == (cart["cart_id"], 60_00)
    bought = order(buyer.order_id, 60.0, products=[RUG], cart_id=cart["cart_id"])
    shop.track(buyer.visitor, "Order Completed", bought)
    becomes(buyer.customer.audiences, {"first-time-buyers", "recent-buyers"})
    becomes(lambda: buyer.customer.context["open_cart"], None)
    (fired,) = buyer.customer.timers["fired"]
    assert (fired["kind"], fired["outcome"]) == ("cart_idle", "announced")
    path = f"/api/reengagement/customers/{buyer.customer.identity}/carts"
    assert [each["status"] for each in stack.get(path)["abandoned"]] == ["recovered"]
