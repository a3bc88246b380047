"""Secrets of one local installation: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from deploy.local.errors import StackError
from deploy.local.settings import SERVICES

ADMIN = "admin"
TOPOLOGY = "topology"
MONITOR = "monitor"
SHOP = "shop"
SUBSCRIBER = "subscriber"


@dataclass(frozen=True)
class Credentials:
    """Passwords by user name, and the keys that the outside and the servers themselves use."""

    rabbit: dict[str, str]
    mongo: dict[str, str]
    write_key: str
    api_token: str
    erlang_cookie: str
    mongo_key: str

    @classmethod
    def generate(cls) -> Self:
        """New secrets for every user that the system knows."""
        return cls(
            rabbit={user: _password() for user in (ADMIN, TOPOLOGY, MONITOR, SHOP, SUBSCRIBER, *SERVICES)},
            mongo={user: _password() for user in (ADMIN, *SERVICES)},
            write_key=f"wk_{_password()}",
            api_token=f"st_{_password()}",
            erlang_cookie=_password(),
            mongo_key=base64.b64encode(secrets.token_bytes(96)).decode(),
        )

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """The secrets in `path`, or new ones written there. A second start must find the first one's: the servers' data know them."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            created = cls.generate()
            write_private(path, json.dumps(asdict(created), indent=2))
            return created
        except (ValueError, TypeError) as fault:
            raise StackError(
                f"{path} cannot be read as secrets; remove {path.parent} to start afresh (its data go too)"
            ) from fault

    @property
    def api_token_sha256(self) -> str:
        """What the services get of the API token: enough to check one, not enough to use one."""
        return hashlib.sha256(self.api_token.encode()).hexdigest()


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
