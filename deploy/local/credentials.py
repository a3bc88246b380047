"""Secrets of one local installation: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Self

from deploy.local.errors import StackError
from deploy.local.settings import SERVICES
from shared.access.scopes import ROLES
from shared.access.signing import SigningKey

ADMIN = "admin"
TOPOLOGY = "topology"
MONITOR = "monitor"
SHOP = "shop"
SUBSCRIBER = "subscriber"
_TOKEN_LIFETIME = timedelta(days=30)  # new ones are made at every start


@dataclass(frozen=True)
class Credentials:
    """Passwords by user name, and the keys that the outside and the servers themselves use."""

    rabbit: dict[str, str]
    mongo: dict[str, str]
    write_key: str
    signing_key: dict[str, str]
    erlang_cookie: str
    mongo_key: str

    @classmethod
    def generate(cls) -> Self:
        """New secrets for every user that the system knows."""
        return cls(
            rabbit={user: _password() for user in (ADMIN, TOPOLOGY, MONITOR, SHOP, SUBSCRIBER, *SERVICES)},
            mongo={user: _password() for user in (ADMIN, *SERVICES)},
            write_key=f"wk_{_password()}",
            signing_key=SigningKey.generate().jwk,
            erlang_cookie=_password(),
            mongo_key=base64.b64encode(secrets.token_bytes(96)).decode(),
        )

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """The secrets in `path`, or new ones written there. A second start must find the first one's: the servers' data know them.

        What an earlier version did not know yet is added, where no server's data depend on it.
        """
        try:
            known = json.loads(path.read_text()) if path.exists() else asdict(cls.generate())
            wanted = {"signing_key": SigningKey.generate().jwk, **known}
            credentials = cls(**{field.name: wanted[field.name] for field in fields(cls)})
            if not path.exists() or asdict(credentials) != known:
                write_private(path, json.dumps(asdict(credentials), indent=2))
            return credentials
        except (ValueError, TypeError, KeyError) as fault:
            raise StackError(
                f"{path} cannot be read as secrets; remove {path.parent} to start afresh (its data go too)"
            ) from fault

    @property
    def issuer(self) -> SigningKey:
        """Signs the tokens of this installation; the services get the public half."""
        return SigningKey(self.signing_key)

    def tokens(self) -> dict[str, str]:
        """A token for each role, by the name of its variable: of a person who is called like the role."""
        issue = self.issuer.token
        return {
            f"SAMBANDH_{role.upper()}_TOKEN": issue(f"local-{role}", roles=[role], lifetime=_TOKEN_LIFETIME) for role in ROLES
        }

    @property
    def admin_token(self) -> str:
        return self.tokens()["SAMBANDH_ADMIN_TOKEN"]


def write_private(path: Path, text: str) -> None:
    """Write a file that was never readable for others, not even between creation and chmod, and never half written."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


def _password() -> str:
    return secrets.token_urlsafe(24)
