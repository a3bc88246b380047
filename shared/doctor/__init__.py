"""`crm doctor`: looks at a deployment and says what is wrong with it and what to do about it.

Each check is a small function that yields findings; a finding without a remedy says that something is as it should be. Nothing is changed.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """`LOOK` is what somebody should know and may have meant so; `WRONG` is what will not work or will not be safe."""

    GOOD = "good"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it. No secret and nothing personal is ever part of it."""

    about: str
    verdict: Verdict
    found: str
    remedy: str = ""


def good(about: str, found: str) -> Finding:
    return Finding(about, Verdict.GOOD, found)


def look(about: str, found: str, remedy: str) -> Finding:
    return Finding(about, Verdict.LOOK, found, remedy)


def wrong(about: str, found: str, remedy: str) -> Finding:
    return Finding(about, Verdict.WRONG, found, remedy)
