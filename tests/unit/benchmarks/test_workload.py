"""The data of the benchmarks are such as the system is given by a shop."""

import json
from datetime import UTC, datetime, timedelta

from bson import BSON, encode
from bson.raw_bson import RawBSONDocument

from benchmarks.effects import EFFECTS, customer_of
from benchmarks.population import Population
from benchmarks.seeding import Template
from benchmarks.shop_segments import definitions
from benchmarks.visitors import Visitors
from benchmarks.workload import Carts, Shop
from services.profiles.catalogue import EVENTS_TO_ASK_FOR
from services.profiles.domain.segments.definitions import compile_all
from shared.events import by_name
from shared.identity import id_of


def test_orders_and_carts_are_as_the_catalogue_has_them() -> None:
    shop = Shop(3)
    orders = [*shop.first_orders(), *shop.orders(5)]
    for event in [*orders, *Carts().left_at([datetime.now(UTC)] * 3)]:
        by_name(event.name).check(event.data())
        assert event.data()["identity_keys"] == [event.subject]
    assert {event.subject for event in orders} == set(shop.keys)
    assert len({event.id for event in orders}) == len(orders)


def test_two_hundred_segments_can_all_be_read() -> None:
    wanted = definitions(200, datetime.now(UTC))
    read = compile_all(wanted, EVENTS_TO_ASK_FOR, "UTC")
    assert len({segment.id for segment in wanted.segments}) == len(read.compiled) == 200


def test_customers_of_a_large_shop_have_a_past_as_the_catalogue_has_it() -> None:
    population = Population(50)
    past = [event for number in range(50) for event in population.past(number, number)]
    for event in past:
        by_name(event.name).check(event.data())
        assert datetime.now(UTC) - event.time > timedelta(days=19)
    assert len({event.id for event in past}) == len(past)
    assert sorted(population.users(seed=1)) == [population.user(number) for number in range(50)]


def test_every_effect_is_an_update_that_counts_its_order() -> None:
    order = Shop(1).first_orders()[0].data()
    for name, effect in EFFECTS.items():
        wanted, change = effect.update(order)
        assert change["$inc"]["orders"] == 1, name
        assert wanted["_id"] == customer_of(order) or name == "analytics"


def test_visitors_send_what_the_published_client_makes() -> None:
    body = json.loads(Visitors("wk_key").batch(40))
    assert body["writeKey"] == "wk_key"
    assert len({message["messageId"] for message in body["batch"]}) == 40
    assert {message["type"] for message in body["batch"]} == {"track", "page", "identify"}
    assert sum(message.get("event") == "Order Completed" for message in body["batch"]) == 4


def test_a_copied_customer_has_the_same_documents_under_other_ids() -> None:
    key, other = "user:abc-0000001", "user:abc-0000002"
    own = {"_id": id_of(key), "key": key, "orders": 1}
    row = {"_id": "0b5c3d0e-0000-4000-8000-000000000000", "customer": id_of(key)}
    template = Template(key, [(encode(own), None), (encode(row), row["_id"].encode())])
    facts, entry = (BSON(copy.raw).decode() for copy in template.copies([other]))
    assert facts == {"_id": id_of(other), "key": other, "orders": 1}
    assert entry["customer"] == id_of(other)
    assert entry["_id"] != row["_id"]
    assert isinstance(next(template.copies([other])), RawBSONDocument)
