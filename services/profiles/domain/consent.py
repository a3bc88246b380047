"""Consent: what a customer last said about being contacted on a channel, and since when that holds.

Shops repeat consent with every login. What holds is the latest word; it holds *since* the first word that says the same and is later
than the last word to the contrary. To know that, whatever the order of hearing, a ledger keeps for each status the latest word and the
first word of every month: a few words a year, of which each is a minimum or maximum over a total order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

GRANTED, DENIED = "granted", "denied"


@dataclass(frozen=True, slots=True)
class Word:
    """A statement about one channel, as it came with `identity_key`; `backfill` where it is imported history."""

    status: str
    at: datetime
    event_id: str
    identity_key: str
    backfill: bool = False

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


@dataclass(frozen=True, slots=True)
class Ledger:
    """Words about one channel: `latest` by status, `first` by status and month (`granted/2026-05`)."""

    latest: dict[str, Word] = field(default_factory=dict)
    first: dict[str, Word] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """What holds now."""
        return max(self.latest.values(), key=_stamp).status

    @property
    def since(self) -> Word:
        """The word that brought what holds now; all later ones repeat it."""
        now = max(self.latest.values(), key=_stamp)
        contrary = [word.stamp for word in self.latest.values() if word.status != now.status]
        same = [word for word in [*self.first.values(), now] if word.status == now.status]
        return min((word for word in same if not contrary or word.stamp > max(contrary)), key=_stamp)


Consent = dict[str, Ledger]


def state_consent(consent: Consent, stated: Mapping[str, Word]) -> Consent:
    """Hear words by channel. Returns the same object where the ledgers know all that they need of them."""
    heard = merge_consent(consent, {channel: _ledger(word) for channel, word in stated.items()})
    return consent if heard == consent else heard


def merge_consent(left: Consent, right: Consent) -> Consent:
    """The words of both, by channel. Commutative, associative, idempotent."""
    merged = dict(left)
    for channel, ledger in right.items():
        merged[channel] = _joined(merged[channel], ledger) if channel in merged else ledger
    return merged


def _ledger(word: Word) -> Ledger:
    return Ledger({word.status: word}, {f"{word.status}/{word.at:%Y-%m}": word})


def _joined(left: Ledger, right: Ledger) -> Ledger:
    return Ledger(_chosen(max, left.latest, right.latest), _chosen(min, left.first, right.first))


def _chosen(choose: Callable[..., Word], left: Mapping[str, Word], right: Mapping[str, Word]) -> dict[str, Word]:
    return {**left, **{name: choose(left.get(name, word), word, key=_stamp) for name, word in right.items()}}


def _stamp(word: Word) -> tuple[datetime, str]:
    return word.stamp
