"""The purchase that the README follows with curl, typed as it stands there."""

import os
import re
import subprocess
from pathlib import Path

from tests.e2e.conftest import System

README = Path(__file__).parents[2] / "README.md"


def blocks() -> list[str]:
    """The commands of the walk, without the line that reads the keys of a system under `.run/`."""
    section = README.read_text().split("## Follow one purchase")[1].split("\n## ")[0]
    script = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert script, "the README has lost its walk"
    return [part for part in script[1].split("\n\n") if ".run/env" not in part]


def run(script: str, stack: System) -> str:
    keys = {"SAMBANDH_URL": stack.url, "SAMBANDH_WRITE_KEY": stack.write_key, "SAMBANDH_ADMIN_TOKEN": stack.admin_token}
    done = subprocess.run(["bash", "-euc", script], env={**os.environ, **keys}, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_stranger_can_follow_one_purchase_with_curl(stack: System) -> None:
    cart, reminder, purchase, outcome = blocks()
    assert run(cart, stack).count('"accepted":1') == 2
    stack.wait_until(lambda: "cart_idle" in run(reminder, stack), "the reminder of the cart")
    assert '"accepted":1' in run(purchase, stack)
    stack.wait_until(lambda: run(outcome, stack).count("2550") >= 4, "the purchase in every service")
    seen = run(outcome, stack)
    assert '"kind": "lapse"' in seen
    assert "first-time-buyers" in seen
    assert '"open_cart": null' in seen
