"""Who belongs to an audience, since when and until when: every kind of rule, case by case."""

from datetime import datetime, timedelta

import pytest

from services.campaigns.domain.audiences import Audience, Audiences, Rule, RuleKind
from services.campaigns.domain.reasons import estimate, memberships
from services.campaigns.service import Campaigns
from services.campaigns.storage import CUSTOMERS
from shared.envelope import Event
from tests.order_free import NOW, History
from tests.unit.campaigns.shop import ago, bought, cancelled, left_cart, line, recovered_cart, refunded, updated

JANE = "user:jane"
FIRST = Rule(kind=RuleKind.FIRST_TIME_BUYERS)
REPEAT = Rule(kind=RuleKind.REPEAT_BUYERS, orders=2)
SPENDERS = Rule(kind=RuleKind.HIGH_SPENDERS, amount=500_00, currency="USD")
SPENDERS_IN_30 = Rule(kind=RuleKind.HIGH_SPENDERS, amount=500_00, currency="USD", days=30)
ANYTHING_IN_30 = Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30)
SHIRT_IN_30 = Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30, product_id="shirt")
GAMES_IN_30 = Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30, category="Games")
CARTS_IN_7 = Rule(kind=RuleKind.CART_ABANDONERS, days=7)


def window(rule: Rule, happened: list[Event], now: datetime = NOW) -> tuple[datetime, datetime | None] | None:
    """(since, until) of Jane's membership, or None."""
    customer = History(Campaigns, [CUSTOMERS], Audiences(()), now).apply(*happened).customer(JANE)
    found = memberships(Audiences((Audience("a", "A", rule),)), customer, now)
    return (found[0].since, found[0].until) if found else None


ONE = bought(JANE, "1", ago(40))
TWO = bought(JANE, "2", ago(20))
THREE = bought(JANE, "3", ago(10))
DEAR = bought(JANE, "dear", ago(5), 600_00)
SHIRTS = bought(JANE, "shirts", ago(5), 20_00, products=[line("shirt", 2, price=5_00), line("hat", price=10_00)])
GAME = bought(JANE, "game", ago(5), 20_00, products=[line("monopoly", sku="G-1", category=" GAMES ", price=20_00)])

CASES = {
    "nobody without an order is a first-time buyer": (FIRST, [], None),
    "one order makes a first-time buyer from its placing": (FIRST, [ONE], (ago(40), None)),
    "the second order ends being a first-time buyer": (FIRST, [ONE, TWO], None),
    "one order under two message ids is one": (FIRST, [ONE, bought(JANE, "1", ago(39), name="again")], (ago(40), None)),
    "cancelling the only order unmakes the buyer": (FIRST, [ONE, cancelled(JANE, "1", ago(1))], None),
    "cancelling the second order makes a first-time buyer anew": (
        FIRST,
        [ONE, TWO, cancelled(JANE, "2", ago(1))],
        (ago(1), None),
    ),
    "a refunded order is still an order": (FIRST, [ONE, refunded(JANE, "1", ago(1))], (ago(40), None)),
    "an update without its order is no order": (FIRST, [updated(JANE, "1", ago(1), 5_00)], None),
    "one order is no repeat": (REPEAT, [ONE], None),
    "the second order makes a repeat buyer": (REPEAT, [ONE, TWO, THREE], (ago(20), None)),
    "cancelling one of three leaves a repeat buyer": (REPEAT, [ONE, TWO, THREE, cancelled(JANE, "2", ago(1))], (ago(20), None)),
    "cancelling one of two ends it": (REPEAT, [ONE, TWO, cancelled(JANE, "1", ago(1))], None),
    "three may be asked for": (Rule(kind=RuleKind.REPEAT_BUYERS, orders=3), [ONE, TWO, THREE], (ago(10), None)),
    "spend reaches the amount with the order that completes it": (
        SPENDERS,
        [bought(JANE, "a", ago(9), 499_99), bought(JANE, "b", ago(3), 1)],
        (ago(3), None),
    ),
    "one cent less is not enough": (SPENDERS, [bought(JANE, "a", ago(9), 499_99)], None),
    "spend in another currency does not count": (SPENDERS, [bought(JANE, "a", ago(9), 900_00, currency="EUR")], None),
    "a refund takes spend away": (SPENDERS, [DEAR, refunded(JANE, "dear", ago(1), 100_01)], None),
    "a refund that leaves enough changes nothing": (SPENDERS, [DEAR, refunded(JANE, "dear", ago(1), 100_00)], (ago(5), None)),
    "a cancellation takes the spend away": (SPENDERS, [DEAR, cancelled(JANE, "dear", ago(1))], None),
    "an update to more makes a high spender at its time": (
        SPENDERS,
        [bought(JANE, "a", ago(9), 100_00), updated(JANE, "a", ago(2), 500_00)],
        (ago(2), None),
    ),
    "an update to less ends it": (SPENDERS, [DEAR, updated(JANE, "dear", ago(1), 499_99)], None),
    "spend within a window ends with the window of the order that is needed": (
        SPENDERS_IN_30,
        [bought(JANE, "a", ago(25), 300_00), bought(JANE, "b", ago(10), 300_00)],
        (ago(10), ago(25) + timedelta(days=30)),
    ),
    "older spend does not count": (SPENDERS_IN_30, [bought(JANE, "a", ago(31), 900_00)], None),
    "a refund after the window changes nothing": (
        SPENDERS_IN_30,
        [bought(JANE, "a", ago(31), 900_00), refunded(JANE, "a", ago(0.5), 1)],
        None,
    ),
    "a refund at the very end of the window changes nothing either": (
        SPENDERS_IN_30,
        [bought(JANE, "a", ago(31), 900_00), refunded(JANE, "a", ago(1), 1)],
        None,
    ),
    "bought lately, until the window ends": (ANYTHING_IN_30, [TWO], (ago(20), ago(20) + timedelta(days=30))),
    "purchases in a row are one membership": (ANYTHING_IN_30, [ONE, TWO, THREE], (ago(40), ago(10) + timedelta(days=30))),
    "a gap makes a new one": (
        ANYTHING_IN_30,
        [bought(JANE, "old", ago(90)), THREE],
        (ago(10), ago(10) + timedelta(days=30)),
    ),
    "exactly at the end it is over": (ANYTHING_IN_30, [bought(JANE, "a", ago(30))], None),
    "a moment before the end it is not": (
        ANYTHING_IN_30,
        [bought(JANE, "a", ago(30, milliseconds=-1))],
        (ago(30, milliseconds=-1), NOW + timedelta(milliseconds=1)),
    ),
    "what was all given back was not bought": (ANYTHING_IN_30, [THREE, refunded(JANE, "3", ago(1))], None),
    "the product is found": (SHIRT_IN_30, [SHIRTS], (ago(5), ago(5) + timedelta(days=30))),
    "another product is not": (SHIRT_IN_30, [GAME], None),
    "a product is found by its SKU": (
        Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30, product_id="G-1"),
        [GAME],
        (ago(5), ago(5) + timedelta(days=30)),
    ),
    "a category is found, capitals and blanks aside": (GAMES_IN_30, [GAME], (ago(5), ago(5) + timedelta(days=30))),
    "nothing of the category": (GAMES_IN_30, [SHIRTS], None),
    "one of two shirts given back leaves one bought": (
        SHIRT_IN_30,
        [SHIRTS, refunded(JANE, "shirts", ago(1), products=[line("shirt")])],
        (ago(5), ago(5) + timedelta(days=30)),
    ),
    "both given back leaves none": (SHIRT_IN_30, [SHIRTS, refunded(JANE, "shirts", ago(1), products=[line("shirt", 2)])], None),
    "giving back the hat changes nothing for shirts": (
        SHIRT_IN_30,
        [SHIRTS, refunded(JANE, "shirts", ago(1), products=[line("hat")])],
        (ago(5), ago(5) + timedelta(days=30)),
    ),
    "an update that takes the shirts out": (
        SHIRT_IN_30,
        [SHIRTS, updated(JANE, "shirts", ago(1), 1_00, products=[line("hat")])],
        None,
    ),
    "a cart that was left, from its report, for a week since it was left": (
        CARTS_IN_7,
        [left_cart(JANE, "c", ago(2))],
        (ago(2, hours=-1), ago(2) + timedelta(days=7)),
    ),
    "a second report of the same cart says nothing new": (
        CARTS_IN_7,
        [left_cart(JANE, "c", ago(2)), left_cart(JANE, "c", ago(2), ago(1))],
        (ago(2, hours=-1), ago(2) + timedelta(days=7)),
    ),
    "an order since ends it": (CARTS_IN_7, [left_cart(JANE, "c", ago(2)), bought(JANE, "x", ago(1))], None),
    "an order before does not": (
        CARTS_IN_7,
        [bought(JANE, "x", ago(3)), left_cart(JANE, "c", ago(2))],
        (ago(2, hours=-1), ago(2) + timedelta(days=7)),
    ),
    "an order between leaving and report means that it never was": (
        CARTS_IN_7,
        [left_cart(JANE, "c", ago(2)), bought(JANE, "x", ago(2, minutes=-30))],
        None,
    ),
    "an order that was cancelled ends it too": (
        CARTS_IN_7,
        [left_cart(JANE, "c", ago(2)), bought(JANE, "x", ago(1)), cancelled(JANE, "x", ago(0.5))],
        None,
    ),
    "a recovery of this cart ends it": (CARTS_IN_7, [left_cart(JANE, "c", ago(2)), recovered_cart(JANE, "c", ago(1))], None),
    "a recovery of another cart does not": (
        CARTS_IN_7,
        [left_cart(JANE, "c", ago(2)), recovered_cart(JANE, "other", ago(1))],
        (ago(2, hours=-1), ago(2) + timedelta(days=7)),
    ),
    "left again after the recovery counts again": (
        CARTS_IN_7,
        [left_cart(JANE, "c", ago(4)), recovered_cart(JANE, "c", ago(3)), left_cart(JANE, "c", ago(1))],
        (ago(1, hours=-1), ago(1) + timedelta(days=7)),
    ),
    "an old cart does not count": (CARTS_IN_7, [left_cart(JANE, "c", ago(8))], None),
    "a report after the window makes nobody a member": (CARTS_IN_7, [left_cart(JANE, "c", ago(8), ago(1))], None),
    "a client's clock a little ahead does not delay anything": (
        FIRST,
        [bought(JANE, "1", NOW + timedelta(minutes=4))],
        (NOW + timedelta(minutes=4), None),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_membership(case: tuple[Rule, list[Event], tuple[datetime, datetime | None] | None]) -> None:
    rule, happened, expected = case
    assert window(rule, happened) == expected
    assert window(rule, happened[::-1]) == expected


def test_spend_that_ends_can_begin_by_time_alone_when_a_negative_order_leaves_the_window() -> None:
    happened = [bought(JANE, "gift", ago(29), -200_00), bought(JANE, "a", ago(1), 600_00)]
    assert window(SPENDERS_IN_30, happened) is None
    history = History(Campaigns, [CUSTOMERS], Audiences((Audience("a", "A", SPENDERS_IN_30),)), NOW).apply(*happened)
    (armed,) = history.timers.values()
    assert armed.due == ago(29) + timedelta(days=30)
    assert window(SPENDERS_IN_30, happened, armed.due) == (armed.due, ago(1) + timedelta(days=30))


def test_reasons_are_the_facts_that_count_now_with_what_they_count() -> None:
    happened = [DEAR, refunded(JANE, "dear", ago(1), 50_00), bought(JANE, "gone", ago(4), 70_00), cancelled(JANE, "gone", ago(3))]
    customer = History(Campaigns, [CUSTOMERS], Audiences(()), NOW).apply(*happened, left_cart(JANE, "c", ago(2))).customer(JANE)
    both = Audiences((Audience("rich", "Rich", SPENDERS), Audience("carts", "Carts", CARTS_IN_7)))
    carts, rich = memberships(both, customer, NOW)
    assert (rich.audience.id, rich.total) == ("rich", 550_00)
    assert [(one.kind, one.id, one.amount, one.currency) for one in rich.reasons] == [("order", "dear", 550_00, "USD")]
    assert (carts.audience.id, carts.total) == ("carts", 1)
    assert [(one.kind, one.id, one.at, one.amount) for one in carts.reasons] == [("cart", "c", ago(2), 19_00)]


def test_an_estimate_counts_a_customer_of_several_keys_once_and_scales_up() -> None:
    buyer = History(Campaigns, [CUSTOMERS], Audiences(()), NOW).apply(ONE).customer(JANE)
    nobody = CUSTOMERS.state()
    sampled = [(buyer, 0.5), (buyer, 0.5), (nobody, 1.0)]
    exact = estimate(FIRST, sampled, 3, NOW)
    assert (exact.members, exact.customers, exact.examined, exact.exact) == (1, 2, 3, True)
    scaled = estimate(FIRST, sampled, 300, NOW)
    assert (scaled.members, scaled.customers, scaled.exact) == (100, 200, False)
    assert estimate(FIRST, [], 0, NOW).exact
