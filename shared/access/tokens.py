"""Access tokens of people: JSON Web Tokens (RFC 7519, 9068) of one issuer, for one audience.

What was verified is remembered by the token's digest until it expires: a signature is checked once, not with each request.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any, Final

import jwt

from shared.access.caller import LONGEST_SUBJECT, MACHINE, Caller, Kind
from shared.access.issuers import Key, KeySet
from shared.access.scopes import grants_of, is_grant

LONGEST_TOKEN: Final = 8 * 1024
REMEMBERED: Final = 10_000
_REQUIRED = ["exp", "iss", "aud"]
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


class Refused(Exception):
    """A credential that is not good. `reason` is for our figures alone, out of a closed set; the client is told nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Claims:
    """What a token has to say: `issuer` and `audience` exactly, and in which claims it names the person and the roles."""

    issuer: str
    audience: str
    subject: str = "sub"
    roles: str = "roles"
    leeway_seconds: int = 60


class Tokens:
    """Verifies tokens, and remembers those that were good."""

    def __init__(self, keys: KeySet, claims: Claims, clock: Callable[[], float] = time) -> None:
        self._keys, self._claims, self._clock = keys, claims, clock
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._generation = 0
        self._lock = threading.Lock()

    def caller(self, token: str) -> Caller:
        """Who bears the token. Raises Refused; Unavailable where the issuer's keys cannot be had."""
        self._keys.refresh()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._recall(digest)
        if known is not None:
            return known
        until, caller = self._verified(token)
        with self._lock:
            self._known[digest] = until, caller
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def _recall(self, digest: bytes) -> Caller | None:
        with self._lock:
            if self._generation != self._keys.generation:
                self._known.clear()
                self._generation = self._keys.generation
            until, caller = self._known.get(digest, (0.0, None))
            if caller is not None and until <= self._clock():
                del self._known[digest]
                return None
            return caller

    def _verified(self, token: str) -> tuple[float, Caller]:
        key = self._key(token)
        try:
            claims = jwt.decode(
                token,
                key=key.public,
                algorithms=[key.algorithm],
                issuer=self._claims.issuer,
                audience=self._claims.audience,
                leeway=self._claims.leeway_seconds,
                options={"require": _REQUIRED},
            )
            until = float(claims["exp"]) + self._claims.leeway_seconds
        except jwt.ExpiredSignatureError:
            raise Refused("expired") from None
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise Refused("for_others") from None
        except jwt.InvalidSignatureError:
            raise Refused("signature") from None
        except _UNREADABLE:
            raise Refused("malformed") from None
        return until, self._caller(claims)

    def _key(self, token: str) -> Key:
        """The key that the token names, if the token is for its algorithm. Nothing else in the header is looked at."""
        if len(token) > LONGEST_TOKEN:
            raise Refused("malformed")
        try:
            header = jwt.get_unverified_header(token)
        except _UNREADABLE:
            raise Refused("malformed") from None
        key_id = header.get("kid")
        if not isinstance(key_id, str) or "crit" in header:
            raise Refused("malformed")
        key = self._keys.find(key_id)
        if key is None:
            raise Refused("unknown_key")
        if header.get("alg") != key.algorithm:
            raise Refused("algorithm")
        return key

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        subject = claims.get(self._claims.subject)
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise Refused("malformed")
        if subject.startswith(MACHINE):  # nobody is on record as a machine who is none
            raise Refused("malformed")
        return Caller(subject, Kind.PERSON, _grants(claims.get(self._claims.roles), claims.get("scope")))


def _grants(roles: Any, scope: Any) -> tuple[frozenset[str], ...]:
    """What roles allow, narrowed by the scopes of ours that the token names: an application acts for a person, within its own bounds.

    Scopes of others, such as `openid`, say nothing.
    """
    scopes = frozenset(filter(is_grant, scope.split())) if isinstance(scope, str) else frozenset()
    named = _texts(roles)
    return tuple(grants for grants in (grants_of(named) if named else None, scopes or None) if grants is not None)


def _texts(value: Any) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]
