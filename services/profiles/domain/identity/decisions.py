"""What people decided about two identity keys: that they are one customer, or never are, or that the evidence is to speak again.

Of a pair the latest decision by time counts. A decision says nothing about when it holds: it goes for all that was ever heard.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Decision(StrEnum):
    MERGE = "merge"  # one customer, whatever limits say
    UNMERGE = "unmerge"  # takes back a merge
    KEEP_APART = "keep_apart"  # never one customer, whatever the evidence says
    LET_MERGE = "let_merge"  # takes back keeping apart


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision about two keys: who took it, when and why."""

    identity_keys: tuple[str, str]
    decision: Decision
    at: datetime
    event_id: str
    decided_by: str
    reason: str

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id

    def other(self, key: str) -> str:
        """The key that it is about beside `key`."""
        left, right = self.identity_keys
        return right if key == left else left


Verdicts = dict[str, Verdict]  # by pair


def pair_of(left: str, right: str) -> tuple[str, str]:
    """Two keys in the order in which a verdict names them."""
    return (left, right) if left < right else (right, left)


def pair_name(pair: tuple[str, str]) -> str:
    """How verdicts about a pair are filed: values may hold any character, so the length of the first tells where it ends."""
    return f"{len(pair[0])}:{pair[0]}{pair[1]}"


def decide(verdicts: Verdicts, heard: Iterable[Verdict]) -> Verdicts:
    """Hear a decision about some pairs. Returns the same object where later ones are known of all of them."""
    return merge_verdicts(verdicts, {pair_name(verdict.identity_keys): verdict for verdict in heard})


def without_verdicts(verdicts: Verdicts, keys: Collection[str]) -> Verdicts:
    """What is left when some keys are forgotten."""
    return {pair: verdict for pair, verdict in verdicts.items() if not any(key in keys for key in verdict.identity_keys)}


def merge_verdicts(left: Verdicts, right: Verdicts) -> Verdicts:
    """The latest of each pair. Commutative, associative, idempotent."""
    new = {pair: verdict for pair, verdict in right.items() if pair not in left or left[pair].stamp < verdict.stamp}
    return {**left, **new} if new else left
