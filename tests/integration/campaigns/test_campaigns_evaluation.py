"""The real clock and a real database: a changed rule reaches a thousand customers, and windows end at their instant."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from time import monotonic
from typing import Any

import eventlet
import pytest
from nameko.containers import ServiceContainer

from shared.identity import id_of
from shared.mongo import server_time
from shared.timers import Timers
from tests.serving import Served, serving
from tests.unit.campaigns.shop import bought

AUDIENCES = "/api/campaigns/audiences"
CUSTOMERS = 1000


class Clock:
    """The timers of campaigns alone: no broker is needed for time to pass."""

    name = "campaigns"
    timers = Timers()


@pytest.fixture
def campaigns(mongo_server) -> Iterator[Served]:
    with serving("campaigns", mongo_server, "test_campaigns_evaluation") as served:
        yield served


@pytest.fixture
def clock(campaigns: Served) -> Iterator[ServiceContainer]:
    """Campaigns' timers, to be started by the test."""
    container = ServiceContainer(Clock, dict(campaigns.settings))
    yield container
    if container.started:
        container.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not so after {seconds} s"
        eventlet.sleep(0.05)


def audience(campaigns: Served, audience_id: str) -> Any:
    return campaigns.get(f"{AUDIENCES}/{audience_id}")


def announced(campaigns: Served) -> list[tuple[str, str]]:
    return sorted((event.name, event.data()["audience_id"]) for event in campaigns.announced())


def test_a_changed_rule_reaches_a_thousand_customers_and_its_progress_is_shown(campaigns: Served, clock) -> None:
    now = server_time(campaigns.database)
    orders = [
        bought(f"user:{number}", f"{number}/{one}", now - timedelta(days=50 + one))
        for number in range(CUSTOMERS)
        for one in range(number % 4)
    ]
    for start in range(0, len(orders), 300):
        campaigns.work.apply(orders[start : start + 300])
    assert audience(campaigns, "repeat-buyers")["members"] == CUSTOMERS // 2
    before = announced(campaigns)
    changed = campaigns.call("PATCH", f"{AUDIENCES}/repeat-buyers", {"version": 1, "rule": {"orders": 3}})
    assert changed["evaluation"] == {"done": 0, "total": CUSTOMERS * 3 // 4}
    clock.start()
    wait_until(lambda: audience(campaigns, "repeat-buyers")["evaluation"] is None)
    assert audience(campaigns, "repeat-buyers")["members"] == CUSTOMERS // 4
    rows = campaigns.database["members"].find({"audience_id": "repeat-buyers"})
    assert {row["customer_id"] for row in rows} == {id_of(f"user:{number}") for number in range(3, CUSTOMERS, 4)}
    assert len(announced(campaigns)) - len(before) == announced(campaigns).count(("audience_left", "repeat-buyers"))
    assert announced(campaigns).count(("audience_left", "repeat-buyers")) == CUSTOMERS // 4
    campaigns.call("PATCH", f"{AUDIENCES}/repeat-buyers", {"version": 2, "rule": {"orders": 2}})
    wait_until(lambda: audience(campaigns, "repeat-buyers")["evaluation"] is None)
    assert audience(campaigns, "repeat-buyers")["members"] == CUSTOMERS // 2
    assert announced(campaigns).count(("audience_entered", "repeat-buyers")) == before.count(
        ("audience_entered", "repeat-buyers")
    )


def test_a_window_ends_at_its_instant_by_the_clock_alone_and_once(campaigns: Served, clock) -> None:
    now = server_time(campaigns.database)
    ends = now + timedelta(seconds=3)
    campaigns.work.apply([bought("user:jane", "jane/1", ends - timedelta(days=30), amount=1)])
    member = {"_id": f"recent-buyers:{id_of('user:jane')}"}
    armed = campaigns.database["timers"].find_one({"subject": "user:jane"})
    assert (armed["kind"], armed["due"], armed["state"]) == ("look_again", ends, "pending")
    clock.start()
    left_at = None
    while left_at is None:
        moment = server_time(campaigns.database)
        assert moment < ends + timedelta(seconds=15)
        if campaigns.database["members"].find_one(member) is None:
            left_at = moment
        else:
            eventlet.sleep(0.02)
    assert left_at >= ends
    assert audience(campaigns, "recent-buyers")["members"] == 0
    assert announced(campaigns).count(("audience_left", "recent-buyers")) == 1
    assert campaigns.database["timers"].find_one({"subject": "user:jane", "state": "pending"}) is None
