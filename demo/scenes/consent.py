"""Consent: a customer allows e-mail and takes it back by a link, and whoever writes to customers obeys."""

import time
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from demo.checks import compare
from demo.reader import identity
from demo.scenes import Played, Stage

_TIMEOUT = 30
_CHANNEL = "email"


class Consent:
    """Puts a customer's word on record, and withdraws it as the customer would."""

    title = "Consent: on record with its proof, and obeyed at once"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def play(self, console: Console) -> Played:
        person = self._stage.cast.asked
        if person is None:
            return Played()
        path = f"profiles/customers/{identity(person.user_id)}"
        word = {"purpose": "marketing", "channel": _CHANNEL, "status": "granted"}
        proof = {"form_id": "demo-checkout", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        self._stage.reader.post(
            f"{path}/consent", {"words": [word], "source": "storefront", "proof": proof, "text_version": "1", "confirmed": True}
        )
        allowed, seconds = self._obeyed(person.user_id, [_CHANNEL])
        link = self._stage.reader.post(f"{path}/preference-link", {"days": 1})
        requests.post(f"{self._stage.url}{link['page']}", data={"do": "withdraw"}, timeout=_TIMEOUT).raise_for_status()
        taken_back, later = self._obeyed(person.user_id, [])
        console.print(_ledger(self._stage.customer(person.user_id, "/consent", limit=4)))
        console.print(f"  Campaigns and re-engagement knew after {seconds:.1f} s and {later:.1f} s.", highlight=False)
        checks = [
            compare("channels on which they may be written to, once allowed", [_CHANNEL], allowed, str),
            compare("the same, once withdrawn by the customer's own link", [], taken_back, str),
        ]
        return Played(checks, [f"profiles/customers/user:{person.user_id}/consent", "profiles/consent-rules"])

    def _obeyed(self, user_id: str, channels: list[str]) -> tuple[list[str], float]:
        """What those who contact customers hold to be allowed, once both hold what they should, and after how many seconds."""
        began, who = time.monotonic(), identity(user_id)

        def allowed() -> list[list[str]]:
            doors = (f"campaigns/customers/{who}/audiences", f"reengagement/customers/{who}/timers")
            return [self._stage.reader.get(door)["contactable"] for door in doors]

        found = self._stage.until(allowed, lambda told: told == [channels, channels])
        return max(found, key=lambda told: told != channels), time.monotonic() - began


def _ledger(told: Any) -> Table:
    table = Table("the ledger, newest first", "what", "said at", "proof")
    for row in told["items"]:
        proof = ", ".join(str(value) for value in row["proof"].values())
        table.add_row(
            row["at"][:19].replace("T", " "), f"{row['purpose']} by {row['channel']}: {row['status']}", row["source"], proof
        )
    return table
