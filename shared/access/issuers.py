"""Whose signatures count: the key set of the identity provider, fetched, kept, and fetched again when it changed.

`JWKS` is an address, a file, or the key set itself as JSON. Nothing in a token ever says where keys are to be looked for (`jku`, `x5u`), or
brings its own (`jwk`, `x5c`); and the key says which algorithm it is for, not the token (RFC 8725, 2.1 and 3.1).
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.request import HTTPRedirectHandler, build_opener

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared import logs
from shared.errors import ConfigurationError, Unavailable

REFRESH_SECONDS: Final = 300.0
THROTTLE_SECONDS: Final = 10.0
_FETCH_SECONDS = 5.0
_LARGEST = 256 * 1024
_SHORTEST_RSA = 2048
_ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
_log = logs.get(__name__)


@dataclass(frozen=True)
class Key:
    """A public key, and the one algorithm that it verifies with."""

    id: str
    algorithm: str
    public: Any


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> None:
        return None


class KeySet:
    """The keys of the issuer by their ids. `generation` grows whenever they changed, so that what was verified with others is forgotten."""

    def __init__(self, source: str, clock: Callable[[], float] = monotonic) -> None:
        self._source, self._clock = source.strip(), clock
        self._keys: Mapping[str, Key] = {}
        self._asked: float | None = None
        self._lock = threading.Lock()
        self.generation = 0

    def refresh(self) -> None:
        """Fetch the keys if the last answer is old. Raises Unavailable where there never was one."""
        if self._asked is None or self._clock() - self._asked >= REFRESH_SECONDS:
            self._fetch_unless_within(REFRESH_SECONDS, wait=not self._keys)
        if not self._keys:
            self._fetch_unless_within(THROTTLE_SECONDS)
            if not self._keys:
                raise Unavailable(
                    "The keys that tokens are checked with are not at hand; try again.", headers=[("Retry-After", "10")]
                )

    def find(self, key_id: str) -> Key | None:
        """The key of that id. An unknown one makes us look again, now and then: it may be new."""
        self.refresh()
        if key_id not in self._keys:
            self._fetch_unless_within(THROTTLE_SECONDS)
        return self._keys.get(key_id)

    def _fetch_unless_within(self, seconds: float, *, wait: bool = True) -> None:
        """One at a time. Whoever waits for another finds that it was done; with keys at hand nobody has to."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            if self._asked is None or self._clock() - self._asked >= seconds:
                self._asked = self._clock()
                self._fetch()
        finally:
            self._lock.release()

    def _fetch(self) -> None:
        try:
            keys = keys_of(read(self._source))
        except (OSError, ValueError, ConfigurationError) as error:
            _log.warning("keys of the issuer not fetched", error=logs.place(error))
            return
        if keys.keys() != self._keys.keys() or any(keys[id].public != self._keys[id].public for id in keys):
            self._keys = keys
            self.generation += 1


def read(source: str) -> bytes:
    """The key set as it is at `source`. Raises OSError; ConfigurationError for one that is too large."""
    if source.startswith("{"):
        return source.encode()
    if source.startswith(("https://", "http://")):
        with build_opener(_NoRedirects).open(source, timeout=_FETCH_SECONDS) as response:
            content: bytes = response.read(_LARGEST + 1)
    else:
        with Path(source).open("rb") as file:
            content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ConfigurationError("JWKS is larger than a key set can be")
    return content


def keys_of(content: bytes) -> dict[str, Key]:
    """The keys of a set that can verify tokens; others (symmetric, for encryption, too short, without id) are left out.

    Raises ConfigurationError for what is no key set.
    """
    try:
        entries = list(json.loads(content)["keys"])
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError('JWKS is not a JSON Web Key Set: {"keys": [...]}') from None
    found = [key for entry in entries if isinstance(entry, dict) and (key := _key(entry))]
    return {key.id: key for key in found}


def _key(entry: Mapping[str, Any]) -> Key | None:
    key_type, key_id = entry.get("kty"), entry.get("kid")
    algorithm = _ALGORITHMS.get((str(key_type), None if key_type == "RSA" else entry.get("crv")))
    if not isinstance(key_id, str) or algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
        return None
    public = {name: value for name, value in entry.items() if name in ("kty", "crv", "x", "y", "n", "e")}
    try:
        key = jwt.PyJWK.from_dict(public, algorithm).key
    except jwt.PyJWTError:
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < _SHORTEST_RSA:
        return None
    return Key(key_id, algorithm, key)
