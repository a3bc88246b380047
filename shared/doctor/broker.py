"""The broker, by its management API: reachable, new enough, able to hash, as declared, and with the rights that were meant."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from shared import broker
from shared.definitions import definitions, unrouted_policy
from shared.doctor import Finding, good, look, wrong
from shared.errors import BrokerAway
from shared.registry import service_names
from shared.rights import service_rights
from shared.topology import INTAKE_QUEUE, UNROUTED, whole

OLDEST = (3, 10)
# A huge weight of a hash binding exhausts the memory of these lines below these versions (CVE-2026-67219).
_MENDED = {(3, 13): 15, (4, 0): 20, (4, 1): 11, (4, 2): 6}
WEAK = ("", "guest", "admin", "password", "rabbitmq", "sambandh", "changeme", "secret", "123456")
_DECLARE = "run `python -m shared.topology` as a user who may configure"


@dataclass(frozen=True)
class Management:
    """The management API as the user of AMQP_URI, in the vhost of AMQP_URI."""

    url: str
    user: str
    password: str
    vhost: str

    @classmethod
    def of(cls, url: str, amqp_uri: str) -> "Management":
        parts = urlsplit(amqp_uri)
        vhost = unquote(parts.path[1:]) or "/"
        return cls(url.rstrip("/"), unquote(parts.username or "guest"), unquote(parts.password or "guest"), vhost)

    def get(self, path: str) -> Any:
        """The JSON of a page. Raises OSError."""
        return self._read(path)[0]

    def clock(self) -> datetime:
        """The time of the node that answers, in whole seconds."""
        return parsedate_to_datetime(self._read("/api/overview")[1]["Date"])

    def in_vhost(self, page: str) -> Any:
        return self.get(f"/api/{page}/{quote(self.vhost, safe='')}")

    def _read(self, path: str) -> tuple[Any, Mapping[str, str]]:
        if not self.url.startswith(("http://", "https://")):
            raise OSError("not an http address")
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = Request(self.url + path, headers={"Authorization": f"Basic {token}"})  # noqa: S310 - checked above
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer), answer.headers


def check_reachable(amqp_uri: str) -> Iterator[Finding]:
    try:
        broker.close(broker.connect(amqp_uri, "sambandh-doctor"))
        yield good("broker", "answers at AMQP_URI")
    except BrokerAway as error:
        yield wrong(
            "broker", f"does not let us in at AMQP_URI ({error})", "start it, or correct address, user, password and vhost"
        )


def check_management(api: Management, partitions: int) -> Iterator[Finding]:
    """Everything that the management API knows."""
    try:
        overview = api.get("/api/overview")
    except HTTPError as error:
        yield look(
            "broker", f"the management API refuses us ({error.code})", "give AMQP_URI of a user with the tag administrator"
        )
        return
    except OSError as error:
        yield look("broker", f"the management API does not answer ({type(error).__name__})", "correct RABBITMQ_MANAGEMENT_URL")
        return
    yield from check_version(overview)
    yield from check_plugin(overview)
    yield from check_nodes(api.get("/api/nodes"))
    yield from check_topology(api.in_vhost("definitions"), partitions, api.vhost)
    yield from check_policy(api.in_vhost("policies"), api.vhost)
    yield from check_rights(api.get("/api/permissions"), api.vhost)
    yield from check_passwords(api.get("/api/users"))


def check_version(overview: Mapping[str, Any]) -> Iterator[Finding]:
    text = overview["rabbitmq_version"]
    major, minor, patch = (int(number) for number in re.findall(r"\d+", text)[:3])
    if (major, minor) < OLDEST:
        yield wrong("broker version", text, "RabbitMQ 3.10 is the oldest whose queues keep what we rely on: upgrade")
    elif (major, minor) < (4, 3) and patch < _MENDED.get((major, minor), 1_000):
        remedy = "upgrade to 3.13.15, 4.0.20, 4.1.11, 4.2.6, 4.3 or later; let nobody but the topology job bind"
        yield look("broker version", f"{text}: whoever may bind can exhaust its memory (CVE-2026-67219)", remedy)
    else:
        yield good("broker version", text)


def check_plugin(overview: Mapping[str, Any]) -> Iterator[Finding]:
    if "x-consistent-hash" in {kind["name"] for kind in overview["exchange_types"]}:
        yield good("hash plugin", "is enabled")
    else:
        remedy = "run `rabbitmq-plugins enable rabbitmq_consistent_hash_exchange` on every node"
        yield wrong("hash plugin", "rabbitmq_consistent_hash_exchange is not enabled", remedy)


def check_nodes(nodes: list[Mapping[str, Any]]) -> Iterator[Finding]:
    for node in nodes:
        if not node["running"]:
            yield wrong(f"node {node['name']}", "does not run", "bring it back: quorum queues need a majority")
            continue
        for alarm, short in (("mem_alarm", "memory"), ("disk_free_alarm", "disk")):
            if node[alarm]:
                yield wrong(
                    f"node {node['name']}", f"is short of {short} and holds back publishers", "see the runbook PublishingBlocked"
                )
    yield good("broker nodes", f"{sum(bool(node['running']) for node in nodes)} of {len(nodes)} run")


def check_topology(found: Mapping[str, Any], partitions: int, vhost: str) -> Iterator[Finding]:
    """Everything declared exists and is as declared; nothing is left over in our inboxes."""
    declared = definitions(whole(partitions), vhost)
    drift = [*_differences("exchanges", declared, found), *_differences("queues", declared, found)]
    drift += [*_bindings(declared, found), *_left_over(declared, found)]
    yield from drift
    if not drift:
        yield good("topology", f"{len(declared['queues'])} queues, {len(declared['bindings'])} bindings, all as declared")


def _differences(kind: str, declared: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    there = {one["name"]: one for one in found[kind]}
    for wanted in declared[kind]:
        name = f"{kind.removesuffix('s')} {wanted['name']}"
        actual = there.get(wanted["name"])
        if actual is None:
            yield wrong(name, "is missing", _DECLARE)
            continue
        differing = [key for key in ("type", "durable", "auto_delete") if wanted.get(key) != actual.get(key)]
        differing += [key for key, value in wanted["arguments"].items() if actual["arguments"].get(key) != value]
        differing += [key for key in actual["arguments"] if key not in wanted["arguments"]]
        if differing:
            yield wrong(name, f"differs in {', '.join(differing)}", f"delete it when it is empty, then {_DECLARE}")


def _bindings(declared: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    missing = _ends(declared) - _ends(found)
    for source, destination, key in sorted(missing):
        yield wrong(f"binding {source} → {destination}", f"is missing for {key or 'everything'}", _DECLARE)


def _left_over(declared: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    inboxes = {f"{service}.inbox" for service in service_names()}
    for source, destination, key in sorted(_ends(found) - _ends(declared)):
        if destination in inboxes:
            yield look(
                f"binding {source} → {destination}", f"is left over for {key}", "unbind it: its events are parked or in vain"
            )
    names = {queue["name"] for queue in declared["queues"]}
    ours = re.compile(rf"({'|'.join(service_names())})\.(inbox\.\d+|dead)|{re.escape(INTAKE_QUEUE)}|{UNROUTED}")
    for queue in found["queues"]:
        if queue["name"] not in names and ours.fullmatch(queue["name"]):
            remedy = "set INBOX_PARTITIONS to what the services have, or drain this queue and delete it"
            yield wrong(f"queue {queue['name']}", "is one of ours and not declared: nobody may be reading it", remedy)


def _ends(definition: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["source"], one["destination"], one["routing_key"]) for one in definition["bindings"]}


def check_policy(policies: list[Mapping[str, Any]], vhost: str) -> Iterator[Finding]:
    wanted = unrouted_policy(vhost)
    caught = [policy for policy in policies if policy["definition"].get("alternate-exchange") == UNROUTED]
    if any(re.search(policy["pattern"], "shop.events") for policy in caught):
        yield good("last net", "events that nobody is bound to go to `unrouted`")
    else:
        command = f"rabbitmqctl set_policy --vhost {vhost} --apply-to exchanges {UNROUTED} '{wanted['pattern']}'"
        definition = json.dumps(wanted["definition"])
        yield wrong("last net", "events that nobody is bound to vanish", f"run `{command} '{definition}'`")


def check_rights(permissions: list[Mapping[str, Any]], vhost: str) -> Iterator[Finding]:
    """Each service may do what it must and nothing else; a service without a user of its own shares another's."""
    given = {entry["user"]: entry for entry in permissions if entry["vhost"] == vhost}
    as_meant = 0
    for service in service_names():
        entry, meant = given.get(service), vars(service_rights(service))
        if entry is None:
            yield look(f"rights of {service}", "it has no user of its own here", f"make one with {_words(meant)}")
        elif {right: entry[right] for right in meant} != meant:
            yield wrong(
                f"rights of {service}", "are not those that it needs", f"run `rabbitmqctl set_permissions` with {_words(meant)}"
            )
        else:
            as_meant += 1
    if as_meant:
        yield good("rights at the broker", f"{as_meant} services have their own and no more")


def _words(rights: Mapping[str, str]) -> str:
    return ", ".join(f"{right} '{names}'" for right, names in rights.items())


def check_passwords(users: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """Users whose password is one that everybody tries first."""
    weak = [user["name"] for user in users if any(_is_password(user, word) for word in (*WEAK, user["name"]))]
    for name in weak:
        yield wrong(
            f"password of {name}",
            "is one that everybody tries first",
            f"run `rabbitmqctl change_password {name}`, or delete the user",
        )
    if not weak:
        yield good("passwords at the broker", f"none of {len(users)} users has a common one")


def _is_password(user: Mapping[str, Any], password: str) -> bool:
    """By the stored hash: salt of four bytes, then a digest over salt and password."""
    algorithm = {"rabbit_password_hashing_sha256": hashlib.sha256, "rabbit_password_hashing_sha512": hashlib.sha512}
    digest = algorithm.get(user.get("hashing_algorithm", ""))
    stored = base64.b64decode(user.get("password_hash") or "")
    return digest is not None and stored[4:] == digest(stored[:4] + password.encode()).digest()
