"""The figures that follow from orders, whatever came first, under which key and how often."""

from services.analytics.domain.rows import By
from services.analytics.domain.sales import Rules
from services.analytics.domain.series import Revenue, Slot
from services.analytics.service import Analytics
from services.analytics.storage import CUSTOMERS
from shared import events
from shared.fold import Batch
from shared.handlers import handlers_of
from tests.order_free import History, event
from tests.unit.analytics.purchases import Figures, at, cancelled, grouped, history, line, placed, refunded, updated

MAY_1, MAY_2, MAY_3 = at("2026-05-01T10:20"), at("2026-05-02T11:00"), at("2026-05-03T09:00")


def money(slot: Slot) -> tuple[int, int, int]:
    """(gross, net, refunded) in the one currency."""
    (revenue,) = slot.revenue
    return revenue.gross, revenue.net, revenue.refunded


def people(slots: list[Slot]) -> list[tuple[int, int | None]]:
    return [(slot.new_customers, slot.returning_customers) for slot in slots]


def test_an_order_counts_where_it_was_placed_and_empty_days_are_zeros():
    figures = Figures(history(placed("user:1", "a", 2750, MAY_2, line("p", 1900), line("q", 300, 2))))
    first, second, third = figures.all("2026-05-01", "2026-05-03")
    assert (second.orders, second.units, money(second)) == (1, 3, (2750, 2750, 0))
    assert (first.orders, first.units, money(first), third.orders) == (0, 0, (0, 0, 0), 0)


def test_a_refund_lowers_the_net_of_the_order_s_day_and_shows_on_its_own_day():
    happened = [placed("user:1", "a", 1000, MAY_1), refunded("user:1", "a", "r1", MAY_3, amount=300)]
    first, _, third = Figures(history(*happened)).all("2026-05-01", "2026-05-03")
    assert (money(first), first.refunds) == ((1000, 700, 0), 0)
    assert (money(third), third.refunds) == ((0, 0, 300), 1)


def test_refunds_take_no_more_off_than_the_order_came_to_and_the_last_ones_take_less():
    happened = [
        placed("user:1", "a", 1000, MAY_1),
        refunded("user:1", "a", "r1", MAY_2, amount=800),
        refunded("user:1", "a", "r2", MAY_3, amount=800),
        refunded("user:1", "a", "r3", MAY_3, amount=800),
    ]
    first, second, third = Figures(history(*happened)).all("2026-05-01", "2026-05-03")
    assert [money(slot) for slot in (first, second, third)] == [(1000, 0, 0), (0, 0, 800), (0, 0, 200)]
    assert (second.refunds, third.refunds) == (1, 1)


def test_a_refund_heard_without_its_order_waits_for_it():
    figures = Figures(history(refunded("user:1", "a", "r1", MAY_3, amount=300)))
    assert figures.all("2026-05-01", "2026-05-03")[2].refunds == 0


def test_a_cancelled_order_leaves_orders_revenue_refunds_and_customers():
    happened = [
        placed("user:1", "a", 1000, MAY_1, line("p", 1000)),
        refunded("user:1", "a", "r1", MAY_2, amount=300),
        cancelled("user:1", "a", MAY_3),
    ]
    first, second, _ = Figures(history(*happened)).all("2026-05-01", "2026-05-03")
    assert (first.orders, first.units, first.cancelled, first.new_customers) == (0, 0, 1, 0)
    assert first.revenue == (Revenue("USD", cancelled_amount=1000),)
    assert (second.refunds, money(second)) == (0, (0, 0, 0))


def test_an_update_moves_the_figures_of_the_day_on_which_the_order_was_placed():
    happened = [placed("user:1", "a", 1000, MAY_1, line("p", 1000)), updated("user:1", "a", 700, MAY_3, line("p", 350, 2))]
    first, _, third = Figures(history(*happened)).all("2026-05-01", "2026-05-03")
    assert (money(first), first.units, third.orders) == ((700, 700, 0), 2, 0)


def test_an_update_into_another_currency_takes_the_order_out_of_the_first():
    happened = [placed("user:1", "a", 1000, MAY_1), updated("user:1", "a", 900, MAY_2, currency="EUR")]
    figures = Figures(history(*happened))
    (day,) = figures.all("2026-05-01", "2026-05-01", currency="USD")
    assert (day.orders, money(day), day.new_customers) == (0, (0, 0, 0), 1)
    (day,) = figures.all("2026-05-01", "2026-05-01", currency="EUR")
    assert (day.orders, money(day)) == (1, (900, 900, 0))


def test_currencies_are_never_added():
    happened = [placed("user:1", "a", 1000, MAY_1), placed("user:1", "b", 500, MAY_1, currency="EUR")]
    (day,) = Figures(history(*happened)).all("2026-05-01", "2026-05-01")
    assert day.revenue == (Revenue("EUR", 500, 500), Revenue("USD", 1000, 1000))
    assert (day.orders, day.new_customers, day.returning_customers) == (2, 1, 0)


def test_one_order_under_two_message_ids_counts_once():
    happened = [placed("user:1", "a", 1000, MAY_1, name="first"), placed("user:1", "a", 1000, MAY_1, name="second")]
    (day,) = Figures(history(*happened)).all("2026-05-01", "2026-05-01")
    assert (day.orders, money(day), day.new_customers) == (1, (1000, 1000, 0), 1)


def test_one_order_under_two_keys_of_a_customer_counts_once():
    happened = [placed("user:1", "a", 1000, MAY_1), placed("anon:x", "a", 1000, MAY_2), grouped(["user:1", "anon:x"], 1)]
    first, second = Figures(history(*happened)).all("2026-05-01", "2026-05-02")
    assert (first.orders, second.orders) == (1, 0)
    assert people([first, second]) == [(1, 0), (0, 0)]


def test_a_customer_is_new_on_the_day_of_the_first_order_and_returns_on_later_ones():
    happened = [
        placed("user:1", "a", 100, MAY_1),
        placed("user:1", "b", 100, at("2026-05-01T22:00")),
        placed("user:1", "c", 100, MAY_3),
        placed("user:1", "d", 100, at("2026-05-03T23:00")),
    ]
    figures = Figures(history(*happened))
    assert people(figures.all("2026-05-01", "2026-05-03")) == [(1, 0), (0, 0), (0, 1)]
    assert people(figures.all("2026-05-01", "2026-05-03", "week")) == [(1, 0)]
    assert people(figures.all("2026-05-01", "2026-05-03", "month")) == [(1, 0)]
    hours = people(figures.all("2026-05-01", "2026-05-01", "hour"))
    assert (hours[10], hours[22], sum(new + (returning or 0) for new, returning in hours)) == ((1, 0), (0, 1), 2)


def test_cancelling_the_first_order_makes_the_customer_new_with_the_second():
    happened = [placed("user:1", "a", 100, MAY_1), placed("user:1", "b", 100, MAY_3), cancelled("user:1", "a", MAY_3)]
    assert people(Figures(history(*happened)).all("2026-05-01", "2026-05-03")) == [(0, 0), (0, 0), (1, 0)]


def test_merging_makes_one_new_customer_out_of_two_and_splitting_two_again():
    apart = [placed("user:1", "a", 100, MAY_1), placed("anon:x", "b", 100, MAY_3)]
    merged = [*apart, grouped(["user:1", "anon:x"], 1)]
    split = [*merged, grouped(["user:1"], 2), grouped(["anon:x"], 2)]
    assert people(Figures(history(*apart)).all("2026-05-01", "2026-05-03")) == [(1, 0), (0, 0), (1, 0)]
    assert people(Figures(history(*merged)).all("2026-05-01", "2026-05-03")) == [(1, 0), (0, 0), (0, 1)]
    assert people(Figures(history(*split)).all("2026-05-01", "2026-05-03")) == [(1, 0), (0, 0), (1, 0)]


def test_days_are_those_of_the_shop_s_time_zone():
    happened = [placed("user:1", "a", 100, at("2026-05-01T21:00")), placed("user:1", "b", 100, at("2026-05-01T22:30"))]
    berlin = Figures(history(*happened, timezone="Europe/Berlin"), "Europe/Berlin")
    assert people(berlin.all("2026-05-01", "2026-05-02")) == [(1, 0), (0, 1)]
    assert people(berlin.all("2026-05-01", "2026-05-02", timezone="Europe/Paris")) == [(1, 0), (0, 1)]
    assert people(berlin.all("2026-05-01", "2026-05-02", timezone="UTC")) == [(1, None), (0, None)]


def test_sources_share_orders_and_count_each_customer_where_they_bought():
    happened = [
        placed("user:1", "a", 100, MAY_1, shop_source="Web shop"),
        placed("user:1", "b", 200, MAY_1.replace(hour=11), shop_source="Till|#1"),
    ]
    figures = Figures(history(*happened))
    by_source = figures.read("2026-05-01", "2026-05-01", by=By.SOURCE)
    assert {key: (day.orders, money(day)[0]) for key, (day,) in by_source.items()} == {
        "Web shop": (1, 100),
        "Till|#1": (1, 200),
    }
    assert {key: people(days) for key, days in by_source.items()} == {"Web shop": [(1, 0)], "Till|#1": [(0, 1)]}
    assert people(figures.all("2026-05-01", "2026-05-01")) == [(1, 0)]


def test_products_and_categories_sum_lines_and_take_refunds_of_their_lines():
    happened = [
        placed("user:1", "a", 2750, MAY_1, line("p", 1900, category="Games"), line("q", 300, 2, "Games"), line("r", None)),
        refunded("user:1", "a", "r1", MAY_2, line("p"), line("q")),
        refunded("user:1", "a", "r2", MAY_2, line("q"), line("q")),
        refunded("user:1", "a", "r3", MAY_2, amount=50),
    ]
    figures = Figures(history(*happened))
    products = figures.read("2026-05-01", "2026-05-02", by=By.PRODUCT)
    assert {key: (days[0].units, money(days[0])[:2], money(days[1])[2]) for key, days in products.items()} == {
        "p": (1, (1900, 0), 1900),
        "q": (2, (600, 0), 600),
        "r": (1, (0, 0), 0),
    }
    categories = figures.read("2026-05-01", "2026-05-02", by=By.CATEGORY)
    first, second = categories["Games"]
    assert (first.orders, first.units, money(first), second.refunds, money(second)[2]) == (1, 3, (2500, 0, 0), 2, 2500)
    assert categories[""][0].units == 1


def test_a_whole_refund_gives_back_every_product():
    happened = [
        placed("user:1", "a", 1000, MAY_1, line("p", 700), line("q", 200)),
        refunded("user:1", "a", "r1", MAY_2, line("p"), amount=None),
        refunded("user:1", "a", "r2", MAY_3),
    ]
    products = Figures(history(*happened)).read("2026-05-01", "2026-05-03", by=By.PRODUCT)
    assert {key: [money(day)[1:] for day in days] for key, days in products.items()} == {
        "p": [(0, 0), (0, 700), (0, 0)],
        "q": [(0, 0), (0, 0), (0, 200)],
    }


def test_imported_history_counts():
    happened = [placed("user:1", "a", 1000, at("1997-01-01T00:00"), backfill=True)]
    (day,) = Figures(history(*happened)).all("1997-01-01", "1997-01-01")
    assert (day.orders, money(day), day.new_customers) == (1, (1000, 1000, 0), 1)


def test_a_product_is_known_by_the_names_that_orders_gave_it():
    happened = [
        placed("user:1", "a", 1, MAY_1, line("p|1", 1, name="Uno")),
        placed("user:2", "b", 1, MAY_2, line("p|1", 1, name="Uno #2")),
        placed("user:2", "c", 1, MAY_3, line("p|1", 1, name="Uno #2")),
    ]
    assert Figures(history(*happened)).titles == {"p%7C1|Uno": {"orders": 1}, "p%7C1|Uno%20%232": {"orders": 2}}


def test_facts_keep_only_what_figures_are_made_of():
    bought = line("p", 100, category="Games", name="Uno", sku="G-32", brand="Mattel", url="https://shop.example/p")
    told = history(placed("user:1", "a", 100, MAY_1, bought, checkout_id="c", coupon="MAY", shipping=5))
    content = told.customer("user:1").orders["a"].content
    assert (content.coupon, content.checkout_id, content.shipping) == (None, None, None)
    (kept,) = content.products
    assert (kept.product_id, kept.category, kept.name, kept.sku, kept.brand, kept.url) == (
        "p",
        "Games",
        "Uno",
        None,
        None,
        None,
    )


def test_every_event_moves_the_volume_of_its_name_once():
    viewed = [event(events.PAGE_VIEWED, "anon:x", {}, MAY_1, name=str(number)) for number in range(3)]
    created = event(events.PROFILE_CREATED, "anon:x", {"customer_id": "cus_1", "identity_keys": ["anon:x"]}, MAY_1)
    told = history(*viewed, created)
    volumes = {key: values["events"] for key, values in told.figures.items() if "|quarter|" in key}
    assert volumes == {
        "figures/event|quarter|2026-05-01T10:15||shop.page_viewed": 3,
        "figures/event|quarter|2026-05-01T10:15||profiles.profile_created": 1,
    }


def test_an_event_that_is_only_counted_keeps_no_facts():
    batch = Batch(CUSTOMERS)
    viewed = event(events.PAGE_VIEWED, "anon:x", {}, MAY_1)
    for handler in (one for one in handlers_of(Analytics) if one.event == "page_viewed"):
        batch.apply(Analytics(), handler, viewed, ["anon:x"])
    changes = batch.settle(Analytics().follow_up, Rules(), MAY_1)
    assert (changes.members, changes.views) == ([], [])
    assert [figure.values for figure in changes.figures] == [{"events": 1}] * 4


def test_every_event_that_one_service_alone_publishes_is_heard():
    heard = {(handler.source, handler.event) for handler in handlers_of(Analytics)}
    assert heard == {(kind.source, kind.name) for kind in events.CATALOGUE.values() if not kind.by_every_service}


def test_a_new_time_zone_of_the_shop_counts_customers_anew():
    happened = [placed("user:1", "a", 100, at("2026-05-01T21:00")), placed("user:1", "b", 100, at("2026-05-01T22:30"))]
    told = History(Analytics, [CUSTOMERS], Rules("UTC")).apply(*happened)
    told.rules = Rules("Europe/Berlin")
    batch = told.batches["customers"]
    batch.look_again([told.customer_id("user:1")])
    told._settle("customers", batch)
    straight = history(*happened, timezone="Europe/Berlin")
    assert told.state()["figures"] == straight.state()["figures"]


def test_channels_have_figures_of_their_own_whatever_the_source_and_together_those_of_all():
    happened = [
        placed("user:1", "a", 1000, MAY_1, channel="app"),
        placed("user:1", "b", 500, MAY_2, channel="app", shop_source="Old app"),
        placed("user:2", "c", 300, MAY_2, channel="store", shop_source="Till"),
        placed("user:3", "d", 200, MAY_2),
        refunded("user:1", "a", "r", MAY_3, amount=100),
    ]
    figures = Figures(history(*happened))
    found = figures.read("2026-05-01", "2026-05-31", "month", by=By.CHANNEL)
    assert {channel: (slot.orders, money(slot)) for channel, (slot,) in found.items()} == {
        "app": (2, (1500, 1400, 100)),
        "store": (1, (300, 300, 0)),
        "": (1, (200, 200, 0)),
    }
    assert people(found["app"]) == [(1, 0)]
    (every,) = figures.all("2026-05-01", "2026-05-31", "month")
    assert sum(slot.orders for (slot,) in found.values()) == every.orders == 4
