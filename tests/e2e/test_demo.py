"""`make demo`, with a small log in CDNOW's format: it replays, checks, counts nothing twice, and does not overlook a difference."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from demo.cast import cast
from demo.download import from_file
from demo.purchases import read
from deploy.local.settings import REPOSITORY
from tests.e2e.conftest import System

_SECONDS = 110
pytestmark = pytest.mark.timeout(300)


def write_log(path: Path, seed: int) -> Path:
    """120 orders of 30 customers over three months, several on one day and one of nothing among them."""
    random = Random(seed)
    lines = [
        f" {random.randint(1, 30):05} 1997{random.randint(1, 3):02}{random.randint(1, 28):02} {random.randint(1, 9):2} "
        f"{random.randint(1, 90_000) / 100:8.2f}\r\n"
        for _ in range(117)
    ]
    same_day = [f" 00007 19970214  1   {dollars}\r\n" for dollars in ("11.77", "0.00", "11.77")]
    path.write_text("".join([" customer_id  date number_of_cds  dollar_value\r\n", *lines, *same_day]), newline="")
    return path


def demo(system: System, log: Path, *options: str, orders: int | None = None) -> tuple[int, str]:
    """Exit code and words of the command."""
    chosen = {} if orders is None else {"DEMO_ORDERS": str(orders)}
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--file", str(log), *options],
        env={**os.environ, "SAMBANDH_RUN_DIR": str(system.run_dir), **chosen},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def track(system: System, user_id: str, event: str, message_id: str, **properties: object) -> None:
    """A message by the shop's own source, not the demo's, on a day of the log."""
    system.call(
        "POST",
        "/v1/track",
        {
            "writeKey": system.write_key,
            "userId": user_id,
            "event": event,
            "messageId": message_id,
            "timestamp": "1997-02-14T10:00:00Z",
            "properties": properties,
        },
    )


def test_every_total_is_right_also_among_other_orders_of_the_same_days(stack: System, tmp_path: Path) -> None:
    track(stack, "stranger", "Order Completed", "m-1", order_id="not-the-demos", total=99.99, currency="USD")
    stack.wait_until(lambda: stack.find("/api/profiles/customers/user:stranger"), "the other order counts")
    code, said = demo(stack, write_log(tmp_path / "log", 1))
    assert code == 0, said
    assert "Every total is what the file says." in said
    assert "✗" not in said
    assert "120 orders were new; 0 were duplicates" in said
    for service in ("profiles", "analytics", "campaigns", "reengagement", "support", "social"):
        assert f"{service} " in said.partition("services had everything after: ")[2]
    for shown in (
        "segments with every member as the log says: all 12",
        "stages of those who are known by name, with their dates: all 8",
        "purchases at the till on their customers, by e-mail, loyalty card and customer number: all 3",
        "the two as one in each service: all 2",
        "figures after taking it back, as before: all 13",
        "e-mail that was asked for, as campaigns tells it: confirmed",
        "SMS once allowed, in campaigns and re-engagement: allowed in both",
        "SMS once withdrawn by the customer's own link: allowed in neither",
    ):
        assert f"✓ {shown}" in said, shown
    assert "✓ customers found by 'gurpreet': Gurpreet Gill, " in said
    flows = "✓ customers who came into each stage, and went on: all"
    assert flows in said or "Many others bought in that time as well" in said, "whichever tests went before"
    _all_of_it_can_be_played_again_also_over_what_an_interrupted_run_left(stack, tmp_path / "log")


def _all_of_it_can_be_played_again_also_over_what_an_interrupted_run_left(stack: System, log: Path) -> None:
    known = from_file(log)
    left, right = (person.user_id for person in cast(read(known.text, known.namespace), known.namespace).twins or ())
    customers = [f"/api/profiles/customers/user:{user_id}" for user_id in (left, right)]
    body = {"other": f"user:{right}", "reason": "`make demo`: to be taken back in a moment"}
    stack.call("POST", f"{customers[0]}/merge", body)
    assert len({stack.get(customer)["customer_id"] for customer in customers}) == 1
    code, said = demo(stack, log)
    assert code == 0, said
    assert "✗" not in said
    assert len({stack.get(customer)["customer_id"] for customer in customers}) == 2


def test_a_second_run_counts_nothing_twice(stack: System, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", 2)
    assert demo(stack, log, "--no-scenes", orders=50)[0] == 0
    code, said = demo(stack, log, "--no-scenes")
    assert code == 0, said
    assert "70 orders were new; 50 were duplicates" in said
    code, said = demo(stack, log, "--no-scenes", orders=50)
    assert code == 0, said
    assert "An earlier run brought more than the first 50 orders: the first 120 are replayed" in said
    assert "0 orders were new; 120 were duplicates" in said


def test_a_difference_is_found_and_told(stack: System, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", 3)
    assert demo(stack, log, "--no-scenes")[0] == 0
    user_id, order_id = _last_order(log)
    track(stack, user_id, "Order Cancelled", f"cancel-{order_id}", order_id=order_id)
    customer = f"/api/profiles/customers/user:{user_id}"
    stack.wait_until(lambda: stack.get(customer)["cancelled_orders"] == 1, "the order is cancelled")
    stack.wait_until(lambda: _cancelled(stack) >= 1, "analytics knows")
    code, said = demo(
        stack, log, "--no-scenes", "--patience", "8"
    )  # it would wait long for the order that does not count any more
    assert code == 1, said
    assert "Not every total is what the file says" in said
    assert "✗ orders: 119" in said
    assert "the file says 120, the service says 119" in said


def _last_order(log: Path) -> tuple[str, str]:
    """The customer and the id of the last order of all."""
    known = from_file(log)
    last = read(known.text, known.namespace)[-1]
    return last.user_id, last.order_id


def _cancelled(system: System) -> int:
    answer = system.get("/api/analytics/revenue?from=1997-01-01&to=1997-03-31&bucket=month")
    return sum(int(bucket["cancelled"]) for series in answer["series"] for bucket in series["buckets"])
