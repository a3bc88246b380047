"""Links in mails: what a token stands for, sealed so that it can neither be forged nor read.

A token is the sealed text of what it allows: one kind of thing, for one identity key, until one time. It is the same whenever it is made
of the same, can be used again while it lasts, and says nothing about a person. Sealing is SIV (RFC 5297's construction, with HMAC-SHA256
as the function that both authenticates and makes the key stream): the authentication tag is the nonce, so none has to be drawn.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from services.profiles.domain.consent.words import Scope, scope_of

_TAG = 16
_BETWEEN = "\x1f"


class LinkKind(StrEnum):
    """What a link is for. A token of one kind opens nothing of another."""

    OPT_IN = "opt_in"
    PREFERENCES = "preferences"


@dataclass(frozen=True, slots=True)
class Link:
    """`member` is the id of the identity key. `scope`, and when it was asked for, are those of the grant to be confirmed."""

    kind: LinkKind
    member: str
    expires_at: datetime
    scope: Scope | None = None
    asked_at: datetime | None = None


def seal(link: Link, secret: str) -> str:
    """The token of a link, in letters that need no quoting in a URL. Times are kept to the millisecond."""
    about = link.scope.line if link.scope else ""
    parts = (link.kind.value, link.member, _digits(link.expires_at), _digits(link.asked_at), about)
    plain = _BETWEEN.join(parts).encode()
    tag = _tag(plain, secret)
    return base64.urlsafe_b64encode(tag + _masked(plain, tag, secret)).decode().rstrip("=")


def unseal(token: str, kind: LinkKind, secret: str) -> Link | None:
    """The link of a token, whether it has expired or not; None for one that is not ours or of another kind."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    plain = _masked(raw[_TAG:], raw[:_TAG], secret)
    if not secret or not hmac.compare_digest(_tag(plain, secret), raw[:_TAG]):
        return None
    named, member, expires, asked, line = plain.decode().split(_BETWEEN, 4)
    if named != kind.value:
        return None
    return Link(kind, member, _moment(expires), scope_of(line) if line else None, _moment(asked) if asked else None)


def _tag(plain: bytes, secret: str) -> bytes:
    return hmac.digest(f"tag {secret}".encode(), plain, "sha256")[:_TAG]


def _masked(text: bytes, tag: bytes, secret: str) -> bytes:
    blocks = range(-(-len(text) // hashlib.sha256().digest_size))
    key = f"stream {secret}".encode()
    stream = b"".join(hmac.digest(key, tag + number.to_bytes(4, "big"), "sha256") for number in blocks)
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _digits(at: datetime | None) -> str:
    return str(round(at.timestamp() * 1000)) if at else ""


def _moment(digits: str) -> datetime:
    return datetime.fromtimestamp(int(digits) / 1000, UTC)
