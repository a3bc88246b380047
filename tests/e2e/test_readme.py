"""What the README does with curl, typed as it stands there: a purchase is followed, a person is told everything and forgotten."""

import os
import re
import subprocess
from pathlib import Path

from tests.e2e.conftest import System

README = Path(__file__).parents[2] / "README.md"


def blocks(title: str) -> list[str]:
    """The commands of a section, without the line that reads the keys of a system under `.run/`."""
    section = README.read_text().split(f"## {title}")[1].split("\n## ")[0]
    script = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert script, f"the README has lost the commands of {title!r}"
    return [part for part in script[1].split("\n\n") if ".run/env" not in part]


def run(script: str, stack: System) -> str:
    keys = {"SAMBANDH_URL": stack.url, "SAMBANDH_WRITE_KEY": stack.write_key, "SAMBANDH_ADMIN_TOKEN": stack.admin_token}
    done = subprocess.run(["bash", "-euc", script], env={**os.environ, **keys}, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_stranger_can_follow_one_purchase_with_curl(stack: System) -> None:
    cart, reminder, purchase, outcome = blocks("Follow one purchase")
    assert run(cart, stack).count('"accepted":1') == 2
    stack.wait_until(lambda: "cart_idle" in run(reminder, stack), "the reminder of the cart")
    assert '"accepted":1' in run(purchase, stack)
    stack.wait_until(lambda: run(outcome, stack).count("2550") >= 4, "the purchase in every service")
    seen = run(outcome, stack)
    assert '"kind": "lapse"' in seen
    assert "first-time-buyers" in seen
    assert '"open_cart": null' in seen


def test_a_stranger_can_ask_what_is_kept_and_be_forgotten(stack: System) -> None:
    cart, export, erasure = (_another(part) for part in (blocks("Follow one purchase")[0], *blocks("What people may ask")))
    run(cart, stack)
    stack.wait_until(lambda: stack.find("/api/profiles/customers/user:4711"), "the customer")
    asking, following = export.splitlines()[:2]
    assert '"request_id"' in run(asking, stack)
    stack.wait_until(lambda: '"state": "completed"' in run(following, stack), "every service to have told what it keeps")
    assert '"request_id"' in run(erasure, stack)
    stack.wait_until(lambda: stack.find("/api/profiles/customers/user:4711") is None, "the customer to be forgotten")


def _another(script: str) -> str:
    """The same of another customer: nobody is to forget the one whose purchase is followed."""
    names = {'"42"': '"4711"', "user:42": "user:4711", "visitor-1": "visitor-2", "jane@": "joan@", "janeroe": "joanroe"}
    for one, other in names.items():
        script = script.replace(one, other)
    return script
