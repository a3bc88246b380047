"""HTTP of API keys: admins issue, list, rotate and revoke what machines call all services with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.collector import key_schemas as schemas
from services.collector.issued_keys import IssuedKey, IssuedKeys
from services.collector.key_desk import MANAGING, KeyDesk
from shared.access.caller import Caller
from shared.http import Api, route

_KEYS = "/api/collector/api-keys"


class KeyRoutes(Api):
    """API keys of machines."""

    @route("GET", _KEYS, summary="API keys", scope=MANAGING, query=schemas.KeysQuery(), response=schemas.KeyPage())
    def list_api_keys(self, query: dict[str, Any]) -> dict[str, Any]:
        """All keys, the latest first, also those that are good for nothing any more. Secrets are not shown: only digests are kept."""
        page = IssuedKeys(self.store).page(query["state"], query["cursor"], query["limit"], _now())
        return {**page, "items": [_shown(issued) for issued in page["items"]]}

    @route("GET", f"{_KEYS}/<key_id>", summary="An API key", scope=MANAGING, response=schemas.Key())
    def get_api_key(self, key_id: str) -> dict[str, Any]:
        """What it allows, until when, and on which day a service was last called with it."""
        return _shown(KeyDesk(self.store).known(key_id))

    @route(
        "POST",
        _KEYS,
        summary="Issue an API key",
        scope=MANAGING,
        caller=True,
        body=schemas.Issue(),
        response=schemas.WrittenKey(),
        status=201,
    )
    def issue_api_key(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
        """The key is in this answer and nowhere else. Services know it as soon as they have heard of it: within a second or two."""
        lifetime = timedelta(days=body["expires_in_days"])
        issued, text = KeyDesk(self.store).issue(body["name"], body["scopes"], lifetime, caller)
        return {**_shown(issued), "key": text}

    @route(
        "POST",
        f"{_KEYS}/<key_id>/rotate",
        summary="Give an API key a new secret",
        scope=MANAGING,
        caller=True,
        body=schemas.Rotate(),
        response=schemas.WrittenKey(),
    )
    def rotate_api_key(self, caller: Caller, key_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """The secret before stays good for the overlap, so that its machine can be given the new one meanwhile."""
        overlap, lifetime = timedelta(hours=body["overlap_hours"]), timedelta(days=body["expires_in_days"])
        issued, text = KeyDesk(self.store).rotate(key_id, overlap, lifetime, caller)
        return {**_shown(issued), "key": text}

    @route("DELETE", f"{_KEYS}/<key_id>", summary="Revoke an API key", scope=MANAGING, response=schemas.Key())
    def revoke_api_key(self, key_id: str) -> dict[str, Any]:
        """It is good for nothing from now on, in each service within seconds of its hearing of it. That cannot be taken back."""
        return _shown(KeyDesk(self.store).revoke(key_id))


def _shown(issued: IssuedKey) -> dict[str, Any]:
    key, now = issued.key, _now()
    overlapping = [one.until for one in key.secrets if one.until is not None and one.until > now]
    return {
        "key_id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "state": key.state(now),
        "created_at": issued.created_at,
        "created_by": issued.created_by,
        "expires_at": key.expires_at,
        "former_secret_until": max(overlapping, default=None),
        "revoked_at": key.revoked_at,
        "last_used_on": issued.last_used_on,
    }


def _now() -> datetime:
    return datetime.now(UTC)
