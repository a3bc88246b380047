"""The guard rails of identity, as data: which kinds of keys go before others, how many of each a customer may have, what links nobody."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from services.profiles.domain.identity.kinds import OTHER, kind_of, value_of

MOST_OF_A_KIND = 100


@dataclass(frozen=True, slots=True)
class KindRule:
    """A customer has at most `most` keys of a kind that were linked within any span of `within_days`; None: ever."""

    kind: str
    most: int
    within_days: int | None = None

    def has_room(self, times: Sequence[datetime], at: datetime, own: bool = False) -> bool:
        """Whether after keys that were linked at these times, in their order, one more may be at a later time.

        With `own` the key that asks is of the kind itself and takes a place.
        """
        most = self.most - own
        if self.within_days is None or len(times) < most:
            return len(times) < most
        return most > 0 and at - times[-most] >= timedelta(days=self.within_days)

    def allows(self, one: Sequence[datetime], other: Sequence[datetime]) -> bool:
        """Whether keys of the kind that were linked at these times may be those of one customer.

        Spans in which only one of the sides has keys do not matter: what was joined by a person may be more than the limit.
        """
        if self.within_days is None or len(one) + len(other) <= self.most:
            return len(one) + len(other) <= self.most
        span, start = timedelta(days=self.within_days), 0
        linked = sorted([*((at, 0) for at in one), *((at, 1) for at in other)])
        for end, (at, side) in enumerate(linked):
            while at - linked[start][0] >= span:
                start += 1
            if end - start >= self.most and any(linked[place][1] != side for place in range(start, end)):
                return False
        return True


DEFAULT_KINDS = (
    KindRule("user", 1),
    KindRule("loyalty", 3, 365),
    KindRule("email", 5, 365),
    KindRule("phone", 5, 365),
    KindRule("external", 5, 365),
    KindRule("social", 10, 365),
    KindRule(OTHER, 5, 365),
    KindRule("device", 20, 365),
    KindRule("push", 20, 365),
    KindRule("anon", 5, 7),
)
DEFAULT_BLOCKED = (
    "-1",
    "[object object]",
    "anonymous",
    "distinct_id",
    "false",
    "guest",
    "id",
    "nan",
    "nil",
    "none",
    "not_authenticated",
    "null",
    "true",
    "undefined",
    "unknown",
    "*@test.com",
    "test@*",
    "no-reply@*",
    "noreply@*",
)
DEFAULT_FILLERS = "0-_. "


@dataclass(frozen=True)
class IdentityRules:
    """All guard rails.

    `kinds` are in the order of their priority: where a limit is hit, the key that comes last here is dropped. `blocked_values` link
    nobody: a value of any kind or `kind:value`, without regard to case, with a `*` at its beginning or end for anything. So do values
    of nothing but the characters of `fillers`. A customer has at most `keys_per_customer` keys in all.
    """

    kinds: Sequence[KindRule] = DEFAULT_KINDS
    blocked_values: Sequence[str] = DEFAULT_BLOCKED
    fillers: str = DEFAULT_FILLERS
    keys_per_customer: int = 200

    def limit(self, kind: str) -> KindRule:
        """The limit of a kind; that of `other` for a kind that has none of its own."""
        return self._by_kind.get(kind) or self._by_kind[OTHER]

    def priority(self, key: str) -> tuple[int, str]:
        """Sorts keys, the one to keep first."""
        kind = kind_of(key)
        return self._places.get(kind, self._places[OTHER]), key

    def blocks(self, key: str) -> bool:
        """Whether a key stands for nobody in particular, so that being named with it says nothing."""
        if key not in self._blocked:
            self._blocked[key] = self._is_blocked(key)
        return self._blocked[key]

    def _is_blocked(self, key: str) -> bool:
        kind, value = kind_of(key), value_of(key).casefold()
        if not value.strip(self.fillers):
            return True
        return any(text in self._exact for text in (value, f"{kind}:{value}")) or self._fits(kind, value)

    def _fits(self, kind: str, value: str) -> bool:
        texts = (value, f"{kind}:{value}")
        begins, ends = self._wild
        return any(text.startswith(begins) or text.endswith(ends) for text in texts)

    @cached_property
    def _blocked(self) -> dict[str, bool]:
        """Keys that were asked for: rules live as long as a batch, in which the same keys come again and again."""
        return {}

    @cached_property
    def _by_kind(self) -> dict[str, KindRule]:
        return {rule.kind: rule for rule in self.kinds}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {rule.kind: place for place, rule in enumerate(self.kinds)}

    @cached_property
    def _exact(self) -> Collection[str]:
        return {text.casefold() for text in self.blocked_values if not text.startswith("*") and not text.endswith("*")}

    @cached_property
    def _wild(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What blocked values begin with, and what they end with."""
        texts = [text.casefold() for text in self.blocked_values]
        return tuple(t[:-1] for t in texts if t.endswith("*")), tuple(t[1:] for t in texts if t.startswith("*"))
