"""Issuing, rotating and revoking API keys: each change is one transaction with the event that tells every service."""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.collector.issued_keys import IssuedKey, IssuedKeys
from shared.access import key_book
from shared.access.api_keys import SECRET_BYTES, ApiKey, Secret, digest_of, revoked, rotated, statement, written
from shared.access.caller import Caller
from shared.access.scopes import covers
from shared.errors import Conflict, Forbidden, NotFound, Unprocessable
from shared.handlers import Announcement
from shared.mongo import Session
from shared.registry import service_names
from shared.unit_of_work import command

MANAGING = "collector:keys"


class KeyDesk:
    """Changes keys over the database of the collector."""

    def __init__(self, database: Any) -> None:
        self._database, self._keys = database, IssuedKeys(database)

    def known(self, key_id: str) -> IssuedKey:
        """The key of that id. Raises NotFound."""
        found = self._keys.find(key_id)
        if found is None:
            raise NotFound("There is no API key of this id; one that expired is forgotten after 90 days.")
        return found

    def issue(self, name: str, scopes: Collection[str], lifetime: timedelta, caller: Caller) -> tuple[IssuedKey, str]:
        """A new key, and how it is written, which nobody can find out again. Raises Forbidden, Unprocessable."""
        check(scopes, caller)
        now, secret = _now(), secrets.token_urlsafe(SECRET_BYTES)
        key = ApiKey(secrets.token_hex(6), 1, name, frozenset(scopes), (Secret(digest_of(secret)),), now + lifetime)

        def work(session: Session) -> tuple[None, list[Announcement]]:
            self._keys.add(key, caller.subject, now, session)
            return None, [_announced(key, now)]

        command(self._database, work)
        return IssuedKey(key, now, caller.subject, None), written(key.id, secret)

    def rotate(self, key_id: str, overlap: timedelta, lifetime: timedelta, caller: Caller) -> tuple[IssuedKey, str]:
        """The key with a new secret, and how it is written now. Raises NotFound, Conflict, Forbidden."""
        before, now = self.known(key_id), _now()
        if before.key.revoked_at is not None:
            raise Conflict("The key is revoked, which cannot be taken back: issue another.")
        check(before.key.scopes, caller)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        key = rotated(before.key, digest_of(secret), now, overlap, now + lifetime)
        return self._advance(before, key, now), written(key.id, secret)

    def revoke(self, key_id: str) -> IssuedKey:
        """The key, good for nothing from now on; repeating it changes nothing. Raises NotFound, Conflict."""
        before, now = self.known(key_id), _now()
        if before.key.revoked_at is not None:
            return before
        return self._advance(before, revoked(before.key, now), now)

    def _advance(self, before: IssuedKey, key: ApiKey, now: datetime) -> IssuedKey:
        def work(session: Session) -> tuple[None, list[Announcement]]:
            if not self._keys.advance(key, session):
                raise Conflict("The key was changed meanwhile: read it again.")
            return None, [_announced(key, now)]

        command(self._database, work)
        return replace(before, key=key)


def check(scopes: Collection[str], caller: Caller) -> None:
    """What a key may allow: what the caller may, of services that exist. Raises Forbidden, Unprocessable.

    No key may manage keys: one that was stolen could make others, which would outlive it.
    """
    services = {*service_names(), "*"}
    strange = sorted(scope for scope in scopes if scope.split(":")[0] not in services)
    if strange:
        raise Unprocessable(
            "There is no such service: see `fields`.", fields={"scopes": [f"{scope}: no service" for scope in strange]}
        )
    if covers(scopes, MANAGING):
        raise Unprocessable("Keys are managed by people.", fields={"scopes": [f"No key can be given `{MANAGING}`."]})
    beyond = sorted(scope for scope in scopes if not caller.may(scope))
    if beyond:
        raise Forbidden(f"A key can allow no more than you may yourself: {', '.join(beyond)}.")


def _announced(key: ApiKey, now: datetime) -> Announcement:
    return Announcement(key_book.announced(key), key_book.id_of(key), f"key:{key.id}", now, statement(key))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
