"""The whole examination: what is looked at, in which order, and what is left out where something is away."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from shared.access.issuers import keys_of, read
from shared.access.signing import LOCAL_ISSUER
from shared.config import load
from shared.doctor import Finding, Verdict, broker, database, good, look, wrong
from shared.errors import ConfigurationError
from shared.mongo import server_time
from shared.registry import service_names

_SKEW = timedelta(seconds=2)


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything that `environment` names. Raises ConfigurationError where a setting makes no sense."""
    partitions = load("doctor", environment).inbox_partitions
    yield from _database(environment.get("MONGO_URI", ""))
    yield from _broker(environment.get("AMQP_URI", ""), environment.get("RABBITMQ_MANAGEMENT_URL", ""), partitions)
    yield from _doors(environment.get("SAMBANDH_URL", ""))
    yield from check_secrets(environment)
    yield from check_issuer(environment)


def _database(uri: str) -> Iterator[Finding]:
    if not uri:
        yield look("database", "not looked at", "set MONGO_URI")
        return
    with database.connected(uri) as client:
        reachable = list(database.check_reachable(client))
        yield from reachable
        if any(finding.verdict is Verdict.WRONG for finding in reachable):
            return
        for check in (
            database.check_version,
            database.check_replica_set,
            database.check_transactions,
            database.check_rights,
            database.check_indexes,
        ):
            yield from check(client)
        began = datetime.now(UTC)
        yield from check_clock("the database", server_time(client.admin), began)
    yield from database.check_access_control(uri)


def _broker(uri: str, management: str, partitions: int) -> Iterator[Finding]:
    if not uri:
        yield look("broker", "not looked at", "set AMQP_URI")
        return
    yield from broker.check_reachable(uri)
    if not management:
        yield look("broker", "its queues, rights and passwords were not looked at", "set RABBITMQ_MANAGEMENT_URL")
        return
    api = broker.Management.of(management, uri)
    findings = list(broker.check_management(api, partitions))
    yield from findings
    if len(findings) > 1:
        began = datetime.now(UTC)
        yield from check_clock("the broker", api.clock(), began)


def check_clock(whose: str, theirs: datetime, began: datetime) -> Iterator[Finding]:
    """`theirs` was asked for at `began`: it lies between that and now, give or take the second that it may be cut to."""
    now = datetime.now(UTC)
    early, late = began - timedelta(seconds=1) - theirs, theirs - now
    skew = max(early, late, timedelta(0))
    if skew > _SKEW:
        remedy = "run a time service on both machines: windows, lateness and the age of events are wrong by as much"
        yield look(f"clock of {whose}", f"differs from ours by {skew.total_seconds():.0f} s", remedy)
    else:
        yield good(f"clock of {whose}", "agrees with ours")


def _doors(url: str) -> Iterator[Finding]:
    """Every API, through the gateway."""
    if not url.startswith(("http://", "https://")):
        yield look("doors", "not looked at", "set SAMBANDH_URL")
        return
    answering = 0
    for service in service_names():
        status = _status(f"{url.rstrip('/')}/api/{service}/openapi.json")
        if status == 200:
            answering += 1
        else:
            remedy = "see the runbooks ServiceStopped and GatewayAway"
            yield wrong(f"API of {service}", f"answers {status}" if status else "does not answer", remedy)
    if answering:
        yield good("doors", f"{answering} of {len(service_names())} APIs answer through the gateway")


def _status(address: str) -> int | None:
    try:
        with urlopen(Request(address), timeout=10) as answer:  # noqa: S310 - http only: see above
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return None


def check_secrets(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Secrets of the environment that everybody tries first, or that are too short to keep."""
    weak = []
    for name in ("AMQP_URI", "MONGO_URI"):
        parts = urlsplit(environment.get(name, ""))
        password = unquote(parts.password) if parts.password is not None else None
        if password is not None and (password in broker.WEAK or password == parts.username):
            weak.append((f"password in {name}", "is one that everybody tries first", "change it"))
    for about, found, remedy in weak:
        yield wrong(about, found, remedy)
    if not weak:
        yield good("secrets of the environment", "none is a common one")


def check_issuer(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whose tokens are good, and whether their keys can be had."""
    settings = load("doctor", environment)
    own = environment.get("SAMBANDH_SIGNING_KEY")
    if own or settings.jwt_issuer == LOCAL_ISSUER:
        remedy = "fine on one machine; elsewhere name an identity provider (JWKS, JWT_ISSUER), which knows who has left"
        yield look("access tokens", "are signed by the system's own key: whoever has it is everybody", remedy)
    if own and os.path.exists(own) and os.stat(own).st_mode & 0o077:
        yield wrong(
            "signing key", "can be read by other users of this machine", "chmod 600 the file that SAMBANDH_SIGNING_KEY names"
        )
    if not settings.jwks:
        yield look("issuer", "its keys were not looked at", "set JWKS and JWT_ISSUER as the services have them")
        return
    if settings.jwks.startswith("http://"):
        yield wrong(
            "issuer", "its keys are fetched without encryption: anybody on the way can be everybody", "use an https address"
        )
    try:
        keys = keys_of(read(settings.jwks))
    except (OSError, ConfigurationError) as error:
        yield wrong("issuer", f"its keys cannot be had ({type(error).__name__})", "look at JWKS, and at the network way to it")
        return
    if keys:
        yield good("issuer", f"{len(keys)} keys that can verify tokens")
    else:
        yield wrong(
            "issuer",
            "has no key that can verify tokens",
            "it must sign with RS256 (2048 bits), ES256 or EdDSA, and name its keys",
        )
