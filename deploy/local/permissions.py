"""Who may do what on the broker, as a RabbitMQ definitions file.

What services may do is `shared.rights`; here are the others: administrator, topology job, monitoring, shops and subscribers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping

from deploy.local.credentials import ADMIN, MONITOR, SHOP, SUBSCRIBER, TOPOLOGY
from deploy.local.settings import SERVICES
from shared.definitions import VHOST, unrouted_policy
from shared.rights import NOTHING, Rights, service_rights

EVERYTHING = ".*"
_SALT_BYTES = 4
_TAGS = {ADMIN: ["administrator"], MONITOR: ["monitoring"]}


def rights_of(user: str) -> Rights:
    """The rights of a user by name; an unknown name is a programming error (`KeyError`)."""
    if user in _SPECIAL:
        return _SPECIAL[user]
    if user not in SERVICES:
        raise KeyError(user)
    return service_rights(user)


def definitions(passwords: Mapping[str, str]) -> str:
    """The file that the broker loads at each start: users, vhost and permissions. It holds hashes, not passwords."""
    return json.dumps(
        {
            "vhosts": [{"name": VHOST}],
            "users": [_user(name, password) for name, password in passwords.items()],
            "permissions": [{"user": name, "vhost": VHOST, **vars(rights_of(name))} for name in passwords],
            "policies": [unrouted_policy()],
        },
        indent=2,
    )


def _user(name: str, password: str) -> dict[str, object]:
    return {
        "name": name,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": _TAGS.get(name, []),
    }


def _password_hash(password: str) -> str:
    """RabbitMQ's own form: salt, then SHA-256 over salt and password, in base64."""
    salt = os.urandom(_SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


_SPECIAL: Mapping[str, Rights] = {
    ADMIN: Rights(EVERYTHING, EVERYTHING, EVERYTHING),
    TOPOLOGY: Rights(EVERYTHING, EVERYTHING, EVERYTHING),
    # Reads queue lengths through the management API and touches no message.
    MONITOR: Rights(NOTHING, NOTHING, NOTHING),
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
