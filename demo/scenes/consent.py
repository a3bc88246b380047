"""Consent: a customer confirms by the mail that asks for it, allows another channel and takes it back, and whoever writes obeys."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from demo.cast import Person
from demo.checks import Check, compare
from demo.reader import identity
from demo.scenes import Played, Stage

_TIMEOUT = 30
_RULES = "profiles/consent-rules"
_PROOF = {"form_id": "demo-checkout", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
_LINK = re.compile(r"https?://\S+/opt-in/\S+")


class Consent:
    """Puts a customer's words on record and does what the customer does. `letters` is where the local system writes mails."""

    title = "Consent: confirmed by mail, on record with its proof, obeyed at once"

    def __init__(self, stage: Stage, letters: Path) -> None:
        self._stage, self._letters = stage, letters

    def play(self, console: Console) -> Played:
        person = self._stage.cast.asked
        if person is None:
            return Played()
        confirmed = self._confirmed(person, console)
        self._grant(person, "sms")
        allowed, seconds = self._obeyed(person, "sms", wanted=True)
        link = self._stage.reader.post(f"{_path(person)}/preference-link", {"days": 1})
        choice: Any = {"purpose": "marketing", "channel": "sms", "allowed": False}
        requests.patch(f"{self._stage.url}{link['api']}", json={"choices": [choice]}, timeout=_TIMEOUT).raise_for_status()
        withdrawn, later = self._obeyed(person, "sms", wanted=False)
        console.print(_ledger(self._stage.customer(person.user_id, "/consent", limit=5)))
        console.print(f"  Campaigns and re-engagement knew after {seconds:.1f} s and {later:.1f} s.", highlight=False)
        checks = [
            *confirmed,
            compare("SMS once allowed, in campaigns and re-engagement", "allowed in both", allowed),
            compare("SMS once withdrawn by the customer's own link", "allowed in neither", withdrawn),
        ]
        user = f"user:{person.user_id}"
        look_at = [f"profiles/customers/{user}/consent", f"campaigns/customers/{user}/opt-ins", "campaigns/opt-in-mail"]
        return Played(checks, look_at)

    def _confirmed(self, person: Person, console: Console) -> list[Check]:
        """A grant by e-mail that counts once it is confirmed: the mail comes, and its link is followed. Once for a customer.

        Whoever is asked again within minutes waits for the mail, so that nobody is flooded; so another run shows what this one did.
        """
        opt_ins = f"campaigns/customers/{identity(person.user_id)}/opt-ins"
        if not self._said(person, "confirmation"):
            with self._confirming():
                if not self._said(person, "storefront", "email"):
                    self._grant(person, "email")
                link = self._stage.until(lambda: self._link_to(person), lambda found: found is not None)
            if link is None:
                console.print(f"  No mail to {person.email} in {self._letters}: this system sends it elsewhere.", highlight=False)
                return []
            requests.post(link, timeout=_TIMEOUT).raise_for_status()
            self._obeyed(person, "email", wanted=True)
        said = self._said(person, "confirmation")
        states = self._stage.until(
            lambda: [one["state"] for one in self._stage.reader.get(opt_ins)["items"]], lambda found: "asked" not in found
        )
        console.print(f"  {person.email} was asked by mail, in {person.language}, and confirmed {said}.", highlight=False)
        return [compare("e-mail that was asked for, as campaigns tells it", ["confirmed"], states, ", ".join)]

    @contextmanager
    def _confirming(self) -> Iterator[None]:
        """While a grant by e-mail has to be confirmed. What the shop set before is set again."""
        rules = self._stage.reader.get(_RULES)
        was = {one["id"]: one["double_opt_in"] for one in rules["channels"]}
        self._switch(rules, on=True)
        try:
            yield
        finally:
            self._switch(self._stage.reader.get(_RULES), on=was.get("email", False))

    def _switch(self, rules: Any, *, on: bool) -> None:
        channels = [{**one, "double_opt_in": on} if one["id"] == "email" else one for one in rules["channels"]]
        if channels != rules["channels"]:
            self._stage.reader.put(_RULES, {**rules, "channels": channels})

    def _grant(self, person: Person, channel: str) -> None:
        word = {"purpose": "marketing", "channel": channel, "status": "granted"}
        self._stage.reader.post(
            f"{_path(person)}/consent", {"words": [word], "source": "storefront", "proof": _PROOF, "text_version": "1"}
        )

    def _said(self, person: Person, source: str, channel: str = "") -> str | None:
        """When a word of that source was put on record last."""
        chosen = {"channel": channel} if channel else {}
        rows = self._stage.customer(person.user_id, "/consent", source=source, limit=1, **chosen)["items"]
        return str(rows[0]["at"])[:16].replace("T", " ") if rows else None

    def _link_to(self, person: Person) -> str | None:
        """The link in the latest mail to somebody."""
        for file in sorted(self._letters.glob("*.eml"), key=lambda one: one.stat().st_mtime, reverse=True):
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            text = mail.get_body(("plain",)) if mail["To"] == person.email else None
            if text is not None:
                return str(_LINK.findall(text.get_content())[0])
        return None

    def _obeyed(self, person: Person, channel: str, *, wanted: bool) -> tuple[str, float]:
        """Where a channel is held to be allowed, once that is as wanted, and after how many seconds."""
        began, who = time.monotonic(), identity(person.user_id)
        doors = (f"campaigns/customers/{who}/audiences", f"reengagement/customers/{who}/timers")

        def where() -> list[bool]:
            return [channel in self._stage.reader.get(door)["contactable"] for door in doors]

        found = self._stage.until(where, lambda told: told == [wanted, wanted])
        said = {(True, True): "allowed in both", (False, False): "allowed in neither"}
        return said.get((found[0], found[1]), "allowed in one of them"), time.monotonic() - began


def _path(person: Person) -> str:
    return f"profiles/customers/{identity(person.user_id)}"


def _ledger(told: Any) -> Table:
    table = Table("the ledger, newest first", "what", "said at", "proof")
    for row in told["items"]:
        proof = ", ".join(str(value) for value in row["proof"].values())
        table.add_row(
            row["at"][:19].replace("T", " "), f"{row['purpose']} by {row['channel']}: {row['status']}", row["source"], proof
        )
    return table
