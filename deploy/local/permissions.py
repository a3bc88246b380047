"""Who may do what on the broker, as a RabbitMQ definitions file.

Least privilege in RabbitMQ's three words: *configure* creates and deletes, *write* publishes to an exchange, *read*
consumes from a queue. Services get no configure at all: what exists is decided by `shared.topology` alone, which runs as
the user `topology`. Each rule is a regular expression over names that must match from start to end.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.credentials import ADMIN, SHOP, SUBSCRIBER, TOPOLOGY
from deploy.local.settings import SERVICES

VHOST = "sambandh"
NOTHING = "^$"
EVERYTHING = ".*"
_SALT_BYTES = 4


@dataclass(frozen=True)
class Rights:
    """What one user may configure, write and read."""

    configure: str
    write: str
    read: str


def rights_of(user: str) -> Rights:
    """The rights of a user by name; an unknown name is a programming error (`KeyError`)."""
    return _SPECIAL[user] if user in _SPECIAL else _service_rights(user)


def definitions(passwords: Mapping[str, str]) -> str:
    """The file that the broker loads at each start: users, vhost and permissions. It holds hashes, not passwords."""
    return json.dumps(
        {
            "vhosts": [{"name": VHOST}],
            "users": [_user(name, password) for name, password in passwords.items()],
            "permissions": [{"user": name, "vhost": VHOST, **vars(rights_of(name))} for name in passwords],
            "policies": [_UNROUTED_POLICY],
        },
        indent=2,
    )


def _service_rights(service: str) -> Rights:
    if service not in SERVICES:
        raise KeyError(service)
    own = re.escape(service)
    exchanges, queues = rf"{own}\.(events|inbox|dead)", rf"{own}\.(inbox\.\d+|dead)"
    if service == "collector":
        # The shop's facts enter through the collector, so it speaks for the source `shop` and empties the AMQP door.
        exchanges, queues = rf"shop\.events|{exchanges}", rf"{queues}|collector\.intake|unrouted"
    return Rights(NOTHING, f"^({exchanges})$", f"^({queues})$")


def _user(name: str, password: str) -> dict[str, object]:
    return {
        "name": name,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"] if name == ADMIN else [],
    }


def _password_hash(password: str) -> str:
    """RabbitMQ's own form: salt, then SHA-256 over salt and password, in base64."""
    salt = os.urandom(_SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


_SPECIAL: Mapping[str, Rights] = {
    ADMIN: Rights(EVERYTHING, EVERYTHING, EVERYTHING),
    TOPOLOGY: Rights(EVERYTHING, EVERYTHING, EVERYTHING),
    # Shops that speak AMQP put events into one exchange and see nothing.
    SHOP: Rights(NOTHING, r"^shop\.intake$", NOTHING),
    # A stock nameko subscriber: it declares the events exchange as it stands (RabbitMQ asks for `configure` even then),
    # owns `evt-…` queues, binds them, and keeps nameko's RPC queues for itself.
    SUBSCRIBER: Rights(
        r"^([a-z]+\.events|evt-.*|rpc[.-].*|nameko-rpc)$",
        r"^(evt-.*|rpc[.-].*|nameko-rpc)$",
        r"^([a-z]+\.events|evt-.*|rpc[.-].*|nameko-rpc)$",
    ),
}

# A policy and not a declaration argument: nameko declares the events exchanges too, without arguments, and RabbitMQ
# refuses a second declaration whose alternate exchange differs.
_UNROUTED_POLICY = {
    "name": "unrouted",
    "vhost": VHOST,
    "pattern": r"^[a-z]+\.events$",
    "apply-to": "exchanges",
    "definition": {"alternate-exchange": "unrouted"},
    "priority": 0,
}
