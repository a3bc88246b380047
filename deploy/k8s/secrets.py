"""The secrets of a development cluster: generated once into files that the overlay `dev` makes Secrets of.

Production has the same names and keys, kept by whatever keeps its secrets; docs/kubernetes.md lists them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.local.credentials import ADMIN, MONITOR, TOPOLOGY, Credentials, write_private
from deploy.local.permissions import definitions
from deploy.local.settings import REPOSITORY, SERVICES
from shared.access.signing import LOCAL_ISSUER
from shared.definitions import VHOST

DIRECTORY = REPOSITORY / "deploy" / "k8s" / "overlays" / "dev" / "secrets"
BROKER, DATABASE = "broker", "database"  # the names of their Services in the namespace
REPLICA_SET = "sambandh"
_USERS_JS = "{users}.forEach(user => db.getSiblingDB('admin').createUser(user))\n"


def write(directory: Path = DIRECTORY) -> bool:
    """Write every file that `kustomization.yaml` in `directory` names. False, and nothing is changed, if they are there already."""
    if (directory / "person.env").exists():
        return False
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files(Credentials.generate()).items():
        write_private(directory / name, text)
    return True


def files(credentials: Credentials) -> dict[str, str]:
    """Content by file name."""
    made = {f"{service}-database.env": _line("MONGO_URI", _mongo_uri(credentials, service)) for service in SERVICES}
    made |= {f"{user}-broker.env": _line("AMQP_URI", _amqp_uri(credentials, user)) for user in (*SERVICES, TOPOLOGY)}
    monitor = f"http://{MONITOR}:{quote(credentials.rabbit[MONITOR])}@{BROKER}.sambandh.svc:15672/{VHOST}"
    kept = (*SERVICES, TOPOLOGY, MONITOR)
    return made | {
        "monitor-broker.env": _line("MANAGEMENT_URI", monitor),
        "users.json": definitions({user: credentials.rabbit[user] for user in kept}),
        "database.env": _line("MONGO_INITDB_ROOT_PASSWORD", credentials.mongo[ADMIN]),
        "users.js": _USERS_JS.replace("{users}", json.dumps([_mongo_user(credentials.mongo, name) for name in SERVICES])),
        "key": credentials.mongo_key,
        "issuer.env": _line("issuer", LOCAL_ISSUER) + _line("jwks", credentials.issuer.key_set),
        "write-key.env": _line("SAMBANDH_WRITE_KEY", credentials.write_key),
        "signing-key.json": credentials.issuer.text,
        "person.env": "".join(
            _line(*one) for one in [("SAMBANDH_WRITE_KEY", credentials.write_key), *credentials.tokens().items()]
        ),
    }


def _line(name: str, value: str) -> str:
    return f"{name}={value}\n"


def _mongo_uri(credentials: Credentials, service: str) -> str:
    host = f"{DATABASE}-0.{DATABASE}:27017"
    return f"mongodb://{service}:{quote(credentials.mongo[service])}@{host}/?replicaSet={REPLICA_SET}&authSource=admin"


def _amqp_uri(credentials: Credentials, user: str) -> str:
    return f"amqp://{user}:{quote(credentials.rabbit[user])}@{BROKER}:5672/{VHOST}"


def _mongo_user(passwords: Mapping[str, str], service: str) -> dict[str, object]:
    """A user with rights on one database."""
    return {"user": service, "pwd": passwords[service], "roles": [{"role": "readWrite", "db": f"sambandh_{service}"}]}
