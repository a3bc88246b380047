"""Who an event is about: identity keys, customer ids, and statements that several keys are one customer.

An identity key is `kind:value` (`user:42`, `anon:5f1c`, `email:jane@example.com`). Every key has an id of its own, and a customer
carries the id of one of its keys, so a customer id resolves for ever, also after merges, without a table of old ids.

Profiles decides who is who and says so in `profile_merged` and `profile_split`: "as of this revision these keys are that
customer". A reader keeps, for each key, the statement of the highest revision: the last word, in whatever order they arrive.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from shared.identifiers import identity_key

PREFIX = "cus_"
_STRENGTH = ("user", "email", "phone", "loyalty", "external", "social")  # an account goes before addresses, these before devices


@lru_cache(maxsize=20_000)
def id_of(key: str) -> str:
    """The id of an identity key: `cus_` and 24 hex digits. It tells nothing about the person."""
    return PREFIX + hashlib.blake2b(key.encode(), digest_size=12).hexdigest()


def lookup_id(identity: str) -> str:
    """The id under which an identity, given as a customer id, an identity key or a bare e-mail address, is stored."""
    if identity.startswith(PREFIX) and ":" not in identity:
        return identity
    kind, _, value = identity.partition(":") if ":" in identity else ("email", ":", identity)
    return id_of(identity_key(kind, value) or identity)


def strongest(keys: Iterable[str]) -> str:
    """The key that names a customer: by kind, then by text, so that any order of events chooses the same."""

    def rank(key: str) -> tuple[int, str]:
        kind = key.partition(":")[0]
        return (_STRENGTH.index(kind) if kind in _STRENGTH else len(_STRENGTH), key)

    return min(keys, key=rank)


@dataclass(frozen=True, slots=True)
class Grouping:
    """A statement of profiles. `revision` grows with every change that any of these keys sees."""

    customer_id: str
    identity_keys: tuple[str, ...]
    revision: int
