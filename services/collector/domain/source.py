"""Sources: who may write. A source is one storefront, app, till or server, known by a write key that can do nothing but write."""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.collector.domain.refusal import Reason, Refused

PREFIX = "wk_"
KEY_BYTES = 32
GRACE = timedelta(hours=24)


class SourceKind(StrEnum):
    """What sort of thing sends the events."""

    WEB = "web"
    MOBILE = "mobile"
    SERVER = "server"
    POS = "pos"
    MARKETPLACE = "marketplace"
    SOCIAL = "social"


@dataclass(frozen=True, slots=True)
class Source:
    """A source and the hashes of its write keys; a key that was replaced stays valid until `previous_until`."""

    id: str
    name: str
    kind: SourceKind
    enabled: bool
    created_at: datetime
    key_hash: str
    previous_hash: str | None = None
    previous_until: datetime | None = None


def write_key(entropy: bytes) -> str:
    """The write key made from 32 random bytes: `wk_` and 43 characters that are safe in a URL."""
    if len(entropy) != KEY_BYTES:
        raise ValueError(f"a write key needs {KEY_BYTES} random bytes")
    return PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def hash_of(key: str) -> str:
    """What is stored of a write key: SHA-256 in hex. The key is random, so it needs no salt."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def rotated(source: Source, key_hash: str, now: datetime, grace: timedelta = GRACE) -> Source:
    """`source` with a new write key; the old one stays valid for `grace`, so that clients can be changed one by one."""
    return replace(source, key_hash=key_hash, previous_hash=source.key_hash, previous_until=now + grace)


def check_key(source: Source, key_hash: str, now: datetime) -> None:
    """Raise Refused unless this key of `source` may write now."""
    if not source.enabled:
        raise Refused(Reason.SOURCE_DISABLED, "the source of this write key is disabled: enable it, or use another source")
    if key_hash != source.key_hash and (source.previous_until is None or source.previous_until <= now):
        raise Refused(Reason.EXPIRED_WRITE_KEY, "this write key was replaced and its grace period is over: use the new one")
