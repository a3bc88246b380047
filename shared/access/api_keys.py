"""API keys of machines: what one looks like, what is known of it, and what becomes of it. Nothing here is secret: digests alone are kept.

A key is written `sak_<id>_<secret>`. All that is known of one is a statement with a revision: of two statements the higher one holds,
in whatever order they are heard.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

SECRET_BYTES: Final = 32
LONGEST_LIFE: Final = timedelta(days=365)
LONGEST_OVERLAP: Final = timedelta(days=30)
_WRITTEN = re.compile(r"sak_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Secret:
    """The SHA-256 of a secret in hex, and until when it is good; None: as long as its key."""

    digest: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is stated of a key: `scopes` are grants, such as `support:write` and `*:read`."""

    id: str
    revision: int
    name: str
    scopes: frozenset[str]
    secrets: tuple[Secret, ...]
    expires_at: datetime
    revoked_at: datetime | None = None

    def good_until(self, secret: str, now: datetime) -> datetime | None:
        """The end of a secret that is good now, None for one that is not."""
        if self.revoked_at is not None:
            return None
        digest = digest_of(secret)
        ends = [one.until or self.expires_at for one in self.secrets if hmac.compare_digest(one.digest, digest)]
        end = min(max(ends), self.expires_at) if ends else now
        return end if end > now else None

    def state(self, now: datetime) -> str:
        """`revoked`, `expired` or `active`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "active"


def written(key_id: str, secret: str) -> str:
    """The key as its machine sends it."""
    return f"sak_{key_id}_{secret}"


def read(text: str) -> tuple[str, str] | None:
    """Id and secret of a key as it was sent; None for what is none."""
    found = _WRITTEN.fullmatch(text)
    return (found[1], found[2]) if found else None


def digest_of(secret: str) -> str:
    """What is kept of a secret. It has 256 bits of chance: nobody finds it by trying, salted or not."""
    return hashlib.sha256(secret.encode()).hexdigest()


def rotated(key: ApiKey, digest: str, now: datetime, overlap: timedelta, expires_at: datetime) -> ApiKey:
    """The key with a new secret. The one before stays good for the overlap, but not longer than it was; older ones go."""
    former = replace(key.secrets[-1], until=min(now + overlap, key.expires_at))
    kept = (former,) if overlap else ()
    return replace(key, revision=key.revision + 1, secrets=(*kept, Secret(digest)), expires_at=expires_at)


def revoked(key: ApiKey, now: datetime) -> ApiKey:
    """The key without any further use. That cannot be taken back."""
    return replace(key, revision=key.revision + 1, secrets=(), revoked_at=now)


def statement(key: ApiKey) -> dict[str, Any]:
    """All that is known of a key, as events and documents have it."""
    return {
        "key_id": key.id,
        "revision": key.revision,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "secrets": [{"digest": one.digest, "until": _text(one.until)} for one in key.secrets],
        "expires_at": _text(key.expires_at),
        "revoked_at": _text(key.revoked_at),
    }


def stated(data: Mapping[str, Any]) -> ApiKey:
    """The key that a statement is about. Raises KeyError, TypeError, ValueError for what is none."""
    secrets = tuple(Secret(one["digest"], _time(one.get("until"))) for one in data["secrets"])
    expires_at = datetime.fromisoformat(data["expires_at"])
    scopes = frozenset(data["scopes"])
    return ApiKey(data["key_id"], data["revision"], data["name"], scopes, secrets, expires_at, _time(data.get("revoked_at")))


def _text(time: datetime | None) -> str | None:
    return time.isoformat().replace("+00:00", "Z") if time else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
