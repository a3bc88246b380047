"""Who is who, decided by one service: which keys have to be weighed together when what one of them knows of others has changed.

Keys are *connected* where each counts the other among its neighbours. All that are connected are judged anew from all that they know, so
that the outcome is a function of the set of facts. What no neighbour looks back at bounds this: a device at a till knows a few of its
thousands of customers, and connects no more of them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

S = TypeVar("S")
MOST_CONNECTED = 1_000  # keys that are judged together; beyond it everyone stays as they are, and nothing new is joined


@dataclass(frozen=True, slots=True)
class Belonging(Generic[S]):
    """The key that a key's customer is named after, and the key's facts with what was found out in judging."""

    name: str
    state: S


class Resolver(Protocol[S]):
    """How a service decides who is who, out of the facts of keys and its rules."""

    def evidence(self, state: S) -> object:
        """What of the facts the decision rests on; equal where they say the same."""

    def neighbours(self, key: str, state: S, rules: Any) -> Collection[str]:
        """The keys that may be one customer with `key`, as far as its own facts tell."""

    def partners(self, state: S) -> Collection[str]:
        """All keys that the facts of a key mention, whatever rules make of them."""

    def without(self, state: S, keys: Collection[str]) -> S:
        """The facts without all that they say of some other keys, whose person is to be forgotten."""

    def resolve(self, states: Mapping[str, S], rules: Any) -> Mapping[str, Belonging[S]]:
        """Judge keys. What is said of a key counts if everything that it is connected with is among them."""


def connected(
    seeds: Iterable[str], look_up: Callable[[Iterable[str]], Mapping[str, Collection[str]]], group: Callable[[str], Iterable[str]]
) -> tuple[set[str], set[str]]:
    """All that is connected with the seeds, and what lies beside it and has to be known to tell that it is not.

    `look_up` tells the neighbours of keys, leaving out keys that nobody heard of; `group` the keys of a key's customer as it is now.
    """
    near: dict[str, Collection[str]] = {}
    inside: set[str] = set()
    ahead = set(seeds)
    while ahead and len(inside) <= MOST_CONNECTED:
        near |= look_up(ahead - near.keys())
        found = {key for key in ahead if key in near}
        inside |= found
        asked = {other for key in found for other in near[key]}
        near |= look_up(asked - near.keys())
        mutual = {other for key in found for other in near[key] if key in near.get(other, ())}
        ahead = (mutual | {other for key in found for other in group(key)}) - inside
    return inside, near.keys() - inside
